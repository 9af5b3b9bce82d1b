"""What Spark and the job tell Prometheus while a query runs, and when it has nothing to do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, cast

import pytest
from pyspark.sql import SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from integration.analytics.inside import Watched
from integration.analytics.job import Job, message, trade
from integration.broker import Broker
from tradestream.analytics.metrics import Metrics
from tradestream.analytics.progress import Progress

pytestmark = pytest.mark.timeout(400)

START = 1_610_064_000_000


def test_a_batch_is_seen_as_it_ends_and_no_longer_when_nothing_comes(
    tmp_path: Path, kafka: Broker, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The clock of idle symbols stands, and with it the watermark.
    monkeypatch.setattr("tradestream.analytics.job._LONGEST_TICK", 0.0)
    job = Job(tmp_path, kafka, "seen")
    kafka.create_topics(job.topics)
    job.produce(message(trade(number, START + number)) for number in range(1, 101))
    job.produce([("BTCUSDT", b"{}")])
    with Watched(spark, job) as started:
        started.until("a batch", lambda: started.count("stream_batch_duration_seconds") > 0)
        assert started.count("stream_input_rows_per_second") >= 0
        assert started.count("stream_processed_rows_per_second") > 0
        assert started.count("stream_position_offset") == 101
        assert started.count("events_rejected_total") == 1
        assert started.count("state_record_bytes") > 100
        assert started.count("state_open_candles") == 2
        assert started.count("trade_id_intervals") == 1
        assert started.count("stream_newest_trade_timestamp_seconds") == (START + 100) / 1000
        assert started.count("stream_watermark_timestamp_seconds") == (START + 100) / 1000 - 300
        began = time.monotonic()
        started.until("an idle query", lambda: started.count("stream_processed_rows_per_second") == 0)
        assert time.monotonic() - began < 60
        job.produce([message(trade(101, START + 101))])
        started.until("the batch after it", lambda: started.count("stream_processed_rows_per_second") > 0)


class Query:
    """One that tells what it is told to."""

    lastProgress: dict[str, Any] | None = None  # noqa: N815 - Spark's name

    def tell(self, number: int, rate: float, *stages: str) -> None:
        """As Spark tells of a trigger."""
        self.lastProgress = {
            "batchId": number,
            "durationMs": dict.fromkeys(stages, 1000),
            "inputRowsPerSecond": rate,
            "processedRowsPerSecond": rate,
            "sources": [{"metrics": {"maxOffsetsBehindLatest": "7"}}],
        }


def test_a_trigger_that_found_nothing_is_no_batch() -> None:
    """Its number is that of the next, which is shown all the same."""
    metrics, query = Metrics(), Query()
    progress = Progress(metrics)

    def shown() -> tuple[bool, float | None, float | None]:
        found_nothing = progress.look(cast(StreamingQuery, query))
        value = metrics.registry.get_sample_value
        return found_nothing, value("stream_input_rows_per_second"), value("stream_offsets_behind_latest")

    assert shown() == (False, 0, 0)
    query.tell(0, 0.0, "triggerExecution")
    assert shown() == (True, 0, 0)
    query.tell(0, 5.0, "triggerExecution", "addBatch")
    assert shown() == (False, 5, 7)
    stages = {"stage": "triggerExecution"}
    query.tell(1, 0.0, "triggerExecution", "latestOffset")
    assert shown() == (True, 0, 0)
    query.tell(1, 3.0, "triggerExecution", "addBatch")
    assert shown() == (False, 3, 7)
    assert metrics.registry.get_sample_value("stream_batch_duration_seconds", stages) == 1
