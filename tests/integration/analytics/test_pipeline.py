"""One batch and one tick at a time: what may follow one that failed half-way, and when the topic is read to its end."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyspark.sql import DataFrame, SparkSession

from integration.analytics.job import trade
from tradestream.analytics import batch
from tradestream.analytics.config import AnalyticsConfig
from tradestream.analytics.hadoop_directory import directory
from tradestream.analytics.landed import landed_rows
from tradestream.analytics.metrics import Metrics
from tradestream.analytics.pipeline import Outputs, Pipeline
from tradestream.analytics.position import Held
from tradestream.analytics.publish import Outgoing, Topics
from tradestream.analytics.sent import Sent
from tradestream.analytics.state import StateStore
from tradestream.analytics.storage import Storage, UnseenError
from tradestream.errors import DeliveryError
from tradestream.trade import encode

pytestmark = pytest.mark.timeout(300)

START = 1_610_064_000_000
HELD = Held("trades", "id", {0: 0}, {0: 3})


class Broker(Topics):
    """Topics that take messages only while there is a broker."""

    def __init__(self) -> None:
        self.is_there = True
        self.published: list[bytes] = []

    def publish(self, messages: Iterable[Outgoing]) -> None:
        """Take them."""
        if not self.is_there:
            raise DeliveryError("no broker")
        self.published += [each.value for each in messages]


@pytest.fixture
def topics() -> Broker:
    return Broker()


def pipeline(spark: SparkSession, folder: Path, topics: Broker, **settings: Any) -> Pipeline:  # noqa: ANN401
    """One that was started."""
    uri = f"file://{folder}"
    config = AnalyticsConfig(kafka_client_config=folder, storage=f"{uri}/storage", checkpoint=uri, **settings)
    state, storage = directory(spark, f"{uri}/state"), Storage(spark, config.storage)
    for each in (state, storage.root):
        each.require_writable()
    started = Pipeline(config, Outputs(StateStore(state), storage, topics, Sent(), {}, Metrics()))
    started.start(HELD)
    return started


def messages(spark: SparkSession, number: int) -> DataFrame:
    """One message, as Kafka has it at that offset."""
    value = bytearray(encode(trade(number, START + number * 1000)))
    rows = spark.createDataFrame([(value, 0, number)], "value binary, partition int, offset bigint")
    return rows.selectExpr("value", "current_timestamp() as timestamp", "partition", "offset")


def test_nothing_goes_on_over_a_batch_that_was_recorded_and_not_shown(
    spark: SparkSession, tmp_path: Path, topics: Broker
) -> None:
    first = pipeline(spark, tmp_path, topics)
    topics.is_there = False
    with pytest.raises(DeliveryError):
        first.process(messages(spark, 0), {0: 1})
    topics.is_there = True
    with pytest.raises(DeliveryError):
        first.process(messages(spark, 1), {0: 2})
    first.tick(3600)
    first.flush()
    assert topics.published == []
    assert not (tmp_path / "storage" / "trades").exists()

    second = pipeline(spark, tmp_path, topics)
    assert [b'"trade_count":1,' in value for value in topics.published] == [True, True], "one minute, five minutes"
    second.process(messages(spark, 1), {0: 2})
    assert [b'"trade_count":2,' in value for value in topics.published[2:]] == [True, True]


def test_a_batch_of_duplicates_leaves_nothing_behind(spark: SparkSession, tmp_path: Path, topics: Broker) -> None:
    first = pipeline(spark, tmp_path, topics)
    first.process(messages(spark, 0), {0: 1})
    waiting = list((tmp_path / "storage" / "_landing").iterdir())
    first.process(messages(spark, 0), {0: 2})
    assert list((tmp_path / "storage" / "_landing").iterdir()) == waiting
    first.flush()
    assert not any((tmp_path / "storage" / "_landing").iterdir())


def test_nothing_goes_on_over_a_tick_that_was_recorded_and_not_shown(
    spark: SparkSession, tmp_path: Path, topics: Broker
) -> None:
    first = pipeline(spark, tmp_path, topics)
    first.process(messages(spark, 0), {0: 1})
    topics.is_there = False
    with pytest.raises(DeliveryError):
        first.tick(3600)
    topics.is_there = True
    with pytest.raises(DeliveryError):
        first.process(messages(spark, 1), {0: 2})
    first.flush()
    assert len(topics.published) == 2

    pipeline(spark, tmp_path, topics)
    assert [b'"is_closed":true' in value for value in topics.published] == [False, False, True, True]


def test_a_batch_that_is_full_but_for_what_spark_rounds_off_is_not_the_topics_end(
    spark: SparkSession, tmp_path: Path, topics: Broker
) -> None:
    started = pipeline(spark, tmp_path, topics, max_offsets_per_trigger=3)
    started.process(messages(spark, 0), {0: 1, 1: 0})
    assert started.caught_up
    # Of three messages at most each partition's share is one and a half, and one is read of each.
    started.process(messages(spark, 1), {0: 2, 1: 1})
    assert not started.caught_up


def test_nothing_is_shown_of_a_batch_that_is_not_all_seen(
    spark: SparkSession, tmp_path: Path, topics: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def see(where: str) -> None:
        monkeypatch.setattr(batch, "landed_rows", lambda directories: where.format(landed_rows(directories)))

    first = pipeline(spark, tmp_path, topics)
    see("read_parquet('/gone/*.parquet')")
    with pytest.raises(duckdb.IOException, match="No files"):
        first.process(messages(spark, 0), {0: 1})
    second = pipeline(spark, tmp_path, topics)
    see("(FROM {} WHERE trade_id > 0)")
    with pytest.raises(UnseenError, match="0 of 1 rows are seen"):
        second.process(messages(spark, 0), {0: 1})
    assert topics.published == []
    monkeypatch.undo()
    pipeline(spark, tmp_path, topics).process(messages(spark, 0), {0: 1})
    assert len(topics.published) == 2
