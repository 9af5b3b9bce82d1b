"""The job and the merge of its files, at the same time and one after the other."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from integration.analytics.inside import Disk, Inside
from integration.analytics.job import Job, message, trade
from integration.broker import Broker
from tradestream.analytics.candles import Key
from tradestream.analytics.storage import Storage
from tradestream.ask.check import look
from tradestream.ask.storage import Storage as Stored
from tradestream.compact import service
from tradestream.compact.config import CompactConfig
from tradestream.trade import Trade
from unit.ask.stored import T, write_trades
from unit.compact.conftest import compacting, seen

pytestmark = pytest.mark.timeout(400)

START = 1_610_064_000_000
MINUTE = 60_000


def trades(first: int, last: int) -> list[Trade]:
    """Trades of two symbols, ten a minute, by their ids; the 100th is the first of a day."""
    return [
        trade(number, START + (number - 100) * MINUTE // 10, "10.000000000001", symbol=symbol)
        for number in range(first, last)
        for symbol in ("BTCUSDT", "ETHUSDT")
    ]


def stored(job: Job) -> list[tuple[str, int]]:
    return sorted((row["symbol"], row["trade_id"]) for row in job.trades())


def files(directory: Path) -> list[Path]:
    return [path for path in directory.rglob("*") if path.is_file()]


def compact(job: Job) -> int:
    return service.run(CompactConfig(storage=job.storage.as_uri()), time.time())


def test_the_job_goes_on_from_merged_files_and_spark_reads_them_as_its_own(
    tmp_path: Path, kafka: Broker, spark: SparkSession
) -> None:
    job = Job(tmp_path, kafka, "merged", flush_seconds=3600, max_offsets_per_trigger=1000)
    kafka.create_topics(job.topics)
    for taken in (100, 200):
        job.produce(map(message, trades(taken - 100, taken)))
        one = Inside(spark, job)
        one.until_taken(200)
        one.job.stop()
    readers_see = {path.suffix for table in ("trades", "candles") for path in files(job.storage / table)}
    assert readers_see == {".parquet"}, "and no checksums, which Polars stumbles over"
    own = spark.read.parquet(job.storage.as_uri() + "/trades")
    schema, rows = own.schema, sorted(own.collect())
    assert compact(job) == 0
    assert {len(list(path.glob("*.parquet"))) for path in (job.storage / "trades").glob("*/*/*")} == {1}
    merged = spark.read.parquet(job.storage.as_uri() + "/trades")
    assert merged.schema == schema
    assert sorted(merged.collect()) == rows
    # What is stored, and what Kafka holds anew.
    shutil.rmtree(job.checkpoint)
    job.produce(map(message, trades(200, 250)))
    again = Inside(spark, job)
    again.until_taken(100)
    again.job.stop()
    assert again.count("events_duplicate_total") == 400
    assert stored(job) == sorted((each.symbol, each.trade_id) for each in trades(0, 250))
    assert all(report.whole for report in look(Stored(job.storage), job.storage, Stored(job.storage).series(), 0))


def test_late_trades_and_merges_at_the_same_time(tmp_path: Path, kafka: Broker, spark: SparkSession) -> None:
    job = Job(tmp_path, kafka, "at-once", flush_seconds=0.2, max_offsets_per_trigger=50)
    kafka.create_topics(job.topics)
    job.produce(map(message, trades(0, 500)))
    one = Inside(spark, job)
    merges = 0
    while one.count("events_processed_total") < 1000:
        with compacting(job.storage) as process:
            assert process.wait(60) == 0
        merges += 1
    one.job.stop()
    assert merges > 3
    assert stored(job) == sorted((each.symbol, each.trade_id) for each in trades(0, 500))
    assert any((job.storage / "trades").rglob("merged-*"))


def test_nothing_is_merged_while_the_job_reads_all(tmp_path: Path, kafka: Broker, spark: SparkSession) -> None:
    job = Job(tmp_path, kafka, "rebuild", flush_seconds=0.2, max_offsets_per_trigger=50)
    kafka.create_topics(job.topics)
    job.produce(map(message, trades(0, 100)))
    one = Inside(spark, job)
    one.until_taken(200)
    one.job.stop()
    storage = Storage(spark, job.storage.as_uri())
    with ExitStack() as reading:
        reading.enter_context(storage.reading())
        listed = storage.trades()
        assert listed is not None
        with compacting(job.storage) as process:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(3)
            assert listed.count() == 200
            reading.close()
            assert process.wait(60) == 0
    assert any((job.storage / "trades").rglob("merged-*"))
    assert stored(job) == sorted((each.symbol, each.trade_id) for each in trades(0, 100))


@pytest.mark.parametrize("names_survive", [True, False], ids=["empty", "lost"])
def test_a_power_cut_after_the_merge_takes_nothing_with_it(tmp_path: Path, *, names_survive: bool) -> None:
    for part in range(3):
        write_trades(tmp_path, Key("binance", "BTCUSDT"), [(n, T(n, n)) for n in range(part, 90, 3)], f"e-{part}")
    before = seen(tmp_path)
    with pytest.MonkeyPatch.context() as patched:
        disk = Disk(tmp_path, patched)
        disk.sync()
        assert service.run(CompactConfig(storage=tmp_path.as_uri()), time.time()) == 0
        disk.cut_power(names_survive=names_survive)
    assert len(list((tmp_path / "trades").rglob("*.parquet"))) == 1
    assert seen(tmp_path) == before
