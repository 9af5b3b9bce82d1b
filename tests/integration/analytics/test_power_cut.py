"""After a power cut, or with a file that is broken for whatever reason."""

from __future__ import annotations

import contextlib
import shutil
import threading
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from integration.analytics.inside import Disk, Inside
from integration.analytics.job import Job, message
from integration.analytics.two_pairs import MINUTE, NEVER, START, PowerCutError, identities, stored, trades
from integration.broker import Broker
from tradestream.analytics.state import StateError
from tradestream.analytics.storage import Storage, StorageError

pytestmark = pytest.mark.timeout(400)


def program(folder: Path, kafka: Broker, name: str) -> Job:
    job = Job(folder, kafka, name, flush_seconds=NEVER, max_offsets_per_trigger=100)
    kafka.create_topics(job.topics)
    return job


def forget_to_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradestream.analytics.pipeline.Pipeline.flush", lambda _pipeline: None)


def cut_before_move(monkeypatch: pytest.MonkeyPatch) -> None:
    def move(_storage: Storage, _name: str) -> None:
        raise PowerCutError

    monkeypatch.setattr(Storage, "move", move)


def cut_after_flush(_monkeypatch: pytest.MonkeyPatch) -> None:
    """`Job.stop` does it."""


MOMENTS = {"landed": forget_to_flush, "staged": cut_before_move, "moved": cut_after_flush}


@pytest.mark.parametrize("names_survive", [True, False], ids=["empty", "lost"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_nothing_is_lost_or_doubled(
    tmp_path: Path, kafka: Broker, spark: SparkSession, moment: str, *, names_survive: bool
) -> None:
    job = program(tmp_path, kafka, f"power-{moment}-{names_survive}")
    with pytest.MonkeyPatch.context() as patched:
        disk = Disk(tmp_path, patched)
        job.produce(map(message, trades(0, 125)))
        first = Inside(spark, job)
        first.until_taken(250)
        MOMENTS[moment](patched)
        with contextlib.suppress(PowerCutError):
            first.job.stop()
        disk.cut_power(names_survive=names_survive)
    job.produce(map(message, trades(125, 200)))
    second = Inside(spark, job)
    second.until_taken(150)
    second.job.stop()
    assert second.count("events_processed_total") == 150, "what was taken before is not taken again"
    assert stored(job) == identities(0, 200)
    closed = [(row["symbol"], row["open_time"]) for row in job.stored_candles() if row["interval"] == "1m"]
    # The newest trade is in minute 19: those before are whole, and the first of all is behind the watermark.
    wanted = [(symbol, START + minute * MINUTE) for symbol in ("BTCUSDT", "ETHUSDT") for minute in range(19)]
    assert sorted(closed) == wanted


def broken(path: Path, how: str) -> None:
    """Spoil a file and leave the checksum that Hadoop keeps beside it."""
    size = path.stat().st_size
    path.write_bytes({"empty": b"", "zeros": bytes(size), "half": path.read_bytes()[: size // 2]}[how])


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory, kafka: Broker, spark: SparkSession) -> Job:
    """A job that stopped with trades in landing directories and in Parquet."""
    job = program(tmp_path_factory.mktemp("landed"), kafka, "broken")
    job.produce(map(message, trades(0, 125)))
    first = Inside(spark, job)
    first.until_taken(250)
    first.job.stop()
    job.produce(map(message, trades(125, 200)))
    second = Inside(spark, job)
    second.until_taken(150)
    with pytest.MonkeyPatch.context() as patched:
        forget_to_flush(patched)
        second.job.stop()
    return job


@pytest.fixture
def copy(tmp_path: Path, landed: Job, kafka: Broker) -> Job:
    """That job, to be spoilt; it has the topics in common."""
    job = Job(tmp_path, kafka, landed.topic, flush_seconds=NEVER, max_offsets_per_trigger=100)
    shutil.copytree(landed.storage, job.storage)
    shutil.copytree(landed.checkpoint, job.checkpoint)
    return job


@pytest.mark.parametrize("how", ["empty", "zeros", "half"])
def test_a_broken_landed_file_is_named_and_taken_from_kafka_again(spark: SparkSession, copy: Job, how: str) -> None:
    file = min((copy.storage / "_landing").glob("*/*.parquet"))
    broken(file, how)
    with pytest.raises(StorageError, match=rf"{file.name}.*`tradestream repair`"):
        Inside(spark, copy)
    shutil.rmtree(copy.checkpoint)
    again = Inside(spark, copy)
    again.until_taken(150)
    again.job.stop()
    assert stored(copy) == identities(0, 200)


def test_a_landed_file_that_breaks_while_the_job_runs_ends_it_by_that_name(
    spark: SparkSession, tmp_path: Path, kafka: Broker
) -> None:
    own = program(tmp_path, kafka, "breaks")
    own.produce(map(message, trades(0, 125)))
    running = Inside(spark, own)
    running.until_taken(250)
    job, pipeline = running.job, running.job._pipeline  # noqa: SLF001 - no tick of the clock shall see it first
    file = min((own.storage / "_landing").glob("*/*.parquet"))
    content = file.read_bytes()
    file.write_bytes(content[:4] + bytes(len(content) - 8) + content[-4:])
    pipeline._flushed = float("-inf")  # noqa: SLF001 - it is time to move what landed
    own.produce(map(message, trades(125, 126)))
    running.until("the failure", lambda: not (job._query and job._query.isActive))  # noqa: SLF001
    with pytest.raises(StorageError, match=rf"{file.parent.name}.*`tradestream repair`"):
        job.watch(threading.Event())
    job._fast_path.stop()  # noqa: SLF001
    job._end.close()  # noqa: SLF001


@pytest.mark.parametrize("how", ["empty", "zeros", "half"])
def test_a_broken_record_is_named(spark: SparkSession, copy: Job, how: str) -> None:
    file = max((copy.checkpoint / "state").glob("*.state"))
    broken(file, how)
    with pytest.raises(StateError, match=rf"{file.name}: is damaged.*`tradestream repair`"):
        Inside(spark, copy)


@pytest.mark.parametrize("how", ["empty", "zeros", "half"])
def test_a_broken_file_that_readers_see_is_named_by_a_rebuild_and_made_again(
    spark: SparkSession, copy: Job, how: str
) -> None:
    shutil.rmtree(copy.checkpoint)
    file = min((copy.storage / "trades").glob("*/*/*/*.parquet"))
    broken(file, how)
    with pytest.raises(StorageError, match=rf"{file.name}.*move that file and the job's checkpoint away"):
        Inside(spark, copy)
    file.unlink()
    again = Inside(spark, copy)
    again.until("all trades", lambda: again.count("events_processed_total") >= 275)
    again.job.stop()
    assert stored(copy) == identities(0, 200)
