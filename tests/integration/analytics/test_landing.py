"""Whoever reads the messages of a batch, the same lands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from integration.analytics.job import trade
from integration.analytics.test_schema import AHEAD, ARRIVED, kafka
from tradestream.analytics import landing
from tradestream.analytics.landing import Landed, Landing, LocalLanding
from tradestream.analytics.layout import LANDED
from tradestream.analytics.produced import LONGEST
from tradestream.analytics.storage import Storage
from tradestream.trade import encode
from unit.analytics.messages import produced

pytestmark = pytest.mark.timeout(300)

TRADES = [encode(trade(number, 1_610_064_000_000 + number)) for number in range(50)]
ODD = {
    "no trade": b"{}",
    "no value": None,
    "a trade written in another way": produced().replace(",", ", ").encode(),
    "a message that is too long": b'"' + b"x" * LONGEST + b'"',
}


def rows(landed: Landed) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in landed.rows.where("valid").select(*LANDED).collect())


def spark_reads_nothing(*_: object) -> None:
    pytest.fail("Spark was to read the messages")


def test_what_the_producer_wrote_lands_without_spark_reading_it(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    messages = kafka(spark, TRADES)
    storage = Storage(spark, f"file://{tmp_path}/exchange=x/it's")
    by_spark = Landing(storage, AHEAD).land(messages, "a")
    monkeypatch.setattr(landing, "read_trades", spark_reads_nothing)
    here = landing.landing(storage, AHEAD).land(messages, "b")
    assert here[1:] == by_spark[1:] == (50, 0, ARRIVED)
    assert rows(here) == rows(by_spark)
    assert len(rows(here)) == 50
    assert storage.root.names("_landing") == ["a", "b"]


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_batch_with_anything_odd_is_read_by_spark(spark: SparkSession, tmp_path: Path, odd: bytes | None) -> None:
    messages = kafka(spark, [*TRADES, odd])
    storage = Storage(spark, tmp_path.as_uri())
    by_spark, here = (kind.land(messages, name) for name, kind in _both(storage).items())
    assert here[1:] == by_spark[1:]
    assert here.rows.exceptAll(by_spark.rows).count() == by_spark.rows.exceptAll(here.rows).count() == 0
    assert here.messages == 51
    assert here.rejected == (0 if odd and b"binance" in odd else 1)
    assert storage.root.names("_landing") == ["a", "b"]


@pytest.mark.parametrize("values", [[], TRADES[:1]], ids=["nothing", "a trade"])
def test_an_earlier_attempt_is_replaced(spark: SparkSession, tmp_path: Path, values: list[bytes | None]) -> None:
    storage = Storage(spark, tmp_path.as_uri())
    local = LocalLanding(storage, tmp_path, AHEAD)
    for earlier in ([*TRADES, b"{}"], TRADES):
        local.land(kafka(spark, earlier), "b")
        landed = local.land(kafka(spark, values), "b")
        assert len(rows(landed)) == landed.messages == len(values)


def _both(storage: Storage) -> dict[str, Landing]:
    return {"a": Landing(storage, AHEAD), "b": landing.landing(storage, AHEAD)}
