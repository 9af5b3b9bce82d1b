"""What Spark and the job tell Prometheus while a query runs, and when it has nothing to do."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from integration.analytics.inside import Watched
from integration.analytics.job import Job, message, trade
from integration.broker import Broker

pytestmark = pytest.mark.timeout(400)

START = 1_610_064_000_000


def test_a_batch_is_seen_as_it_ends_and_no_longer_when_nothing_comes(
    tmp_path: Path, kafka: Broker, spark: SparkSession
) -> None:
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
