"""A job whose files are damaged, or whose topic lost messages, goes on by itself or by `tradestream repair`."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import TopicPartition
from pyspark.sql import SparkSession

from integration.analytics.inside import Inside
from integration.analytics.job import Job, message
from integration.analytics.two_pairs import NEVER, PowerCutError, identities, stored, trades
from integration.broker import Broker
from integration.programs import wait_for
from tradestream.analytics.local_directory import LocalDirectory
from tradestream.analytics.position import held
from tradestream.cli import main
from tradestream.errors import RepairNeededError

pytestmark = pytest.mark.timeout(400)


def candles(job: Job) -> list[dict[str, Any]]:
    return sorted(job.stored_candles(), key=lambda row: (row["symbol"], row["interval"], row["open_time"]))


def repair(job: Job, *options: str) -> int:
    return main(["repair", "--config", str(job.config), *options])


class Stage(NamedTuple):
    """A job in the tests' own process, with the topics that all copies of it share."""

    job: Job
    spark: SparkSession
    kafka: Broker

    def copy(self, folder: Path) -> Stage:
        """It with files of its own, to be spoilt."""
        job = Job(folder, self.kafka, self.job.topic, flush_seconds=NEVER, max_offsets_per_trigger=100)
        shutil.copytree(self.job.storage, job.storage)
        shutil.copytree(self.job.checkpoint, job.checkpoint)
        return self._replace(job=job)

    def read(self) -> Inside:
        """Start it and wait until it has read the topic."""
        started = Inside(self.spark, self.job)
        end = self.kafka.count(self.job.topic)
        started.until("all is read", lambda: started.count("stream_position_offset") == end)
        return started


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, kafka: Broker, spark: SparkSession) -> Stage:
    """A job that stopped with trades and candles in Parquet, more in landing directories, and more in the topic."""
    job = Job(tmp_path_factory.mktemp("stopped"), kafka, "damaged", flush_seconds=NEVER, max_offsets_per_trigger=100)
    kafka.create_topics(job.topics)
    stage = Stage(job, spark, kafka)
    job.produce(map(message, trades(0, 125)))
    stage.read().job.stop()
    job.produce(map(message, trades(125, 200)))
    second = stage.read()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tradestream.analytics.pipeline.Pipeline.flush", lambda _pipeline: None)
        second.job.stop()
    job.produce(map(message, trades(200, 250)))
    return stage


@pytest.fixture(scope="module")
def unharmed(tmp_path_factory: pytest.TempPathFactory, stopped: Stage) -> list[dict[str, Any]]:
    """The candles that the job has in the end when nothing happens to it."""
    copy = stopped.copy(tmp_path_factory.mktemp("unharmed"))
    copy.read().job.stop()
    return candles(copy.job)


@pytest.fixture
def copy(tmp_path: Path, stopped: Stage) -> Stage:
    return stopped.copy(tmp_path)


def closed_once(job: Job) -> bool:
    """Whether each candle that was closed was closed with the same content, however often."""
    closed: dict[tuple[str, ...], dict[str, Any]] = {}
    return all(
        closed.setdefault((each["symbol"], each["interval"], each["open_time"]), each) == each
        for each in job.published()
        if each["is_closed"]
    )


def record(job: Job) -> Path:
    return max((job.checkpoint / "state").glob("*.state"))


FILES: dict[str, Callable[[Job], Path]] = {
    "record": record,
    "closed": lambda job: min((job.checkpoint / "state").glob("*.closed")),
    "landed": lambda job: min((job.storage / "_landing").glob("*/*.parquet")),
}
DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "empty": lambda _: b"",
    "zeros": lambda content: bytes(len(content)),
    "half": lambda content: content[: len(content) // 2],
    "deleted": lambda _: None,
}
# A record that never was is as good as one that was not written yet.
HEALS = {("record", "deleted")}


def damage(path: Path, how: str) -> None:
    content = DAMAGE[how](path.read_bytes())
    path.unlink()
    if content is not None:
        path.write_bytes(content)


@pytest.mark.parametrize("how", DAMAGE)
@pytest.mark.parametrize("what", FILES)
def test_a_damaged_file_loses_and_doubles_nothing(
    copy: Stage, unharmed: list[dict[str, Any]], capsys: pytest.CaptureFixture[str], what: str, how: str
) -> None:
    job = copy.job
    assert [path.name for path in job.checkpoint.iterdir()] == ["state"], "there is nothing else to be damaged"
    harmed = FILES[what](job)
    damage(harmed, how)
    if (what, how) not in HEALS:
        told = "_landing.*" if what == "landed" else rf"{harmed.name}: is damaged.*"
        with pytest.raises(RepairNeededError, match=rf"{told}`tradestream repair`"):
            copy.read().job.stop()
        assert repair(job, "--yes") == 0
        assert "makes its state anew from what is stored" in capsys.readouterr().out
    assert repair(job) == 0
    assert "nothing to repair" in capsys.readouterr().out
    copy.read().job.stop()
    assert stored(job) == identities(0, 250)
    assert candles(job) == unharmed
    assert closed_once(job)


def test_without_any_record_the_topic_is_read_from_its_beginning(
    copy: Stage, unharmed: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (copy.job.checkpoint / "state").glob("*.state"):
        path.write_bytes(b"")
    assert repair(copy.job, "--yes") == 0
    assert "from its earliest message" in capsys.readouterr().out
    copy.read().job.stop()
    assert stored(copy.job) == identities(0, 250)
    assert candles(copy.job) == unharmed


def test_a_move_into_parquet_that_was_cut_off_with_its_record_doubles_no_candle(
    copy: Stage, unharmed: list[dict[str, Any]]
) -> None:
    """Candles are moved first: now they are there and their trades are not."""
    move = LocalDirectory.move

    def cut(directory: LocalDirectory, source: str, target: str) -> None:
        if target.startswith("trades/"):
            raise PowerCutError
        move(directory, source, target)

    first = copy.read()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LocalDirectory, "move", cut)
        with pytest.raises(PowerCutError):
            first.job.stop()
    record(copy.job).write_bytes(b"")
    assert repair(copy.job, "--yes") == 0
    copy.read().job.stop()
    assert stored(copy.job) == identities(0, 250)
    assert candles(copy.job) == unharmed


def forget(kafka: Broker, topic: str, left: int) -> None:
    """Delete, as retention does, all but so many messages of each partition."""
    ends = held({"bootstrap.servers": kafka.bootstrap}, topic).end
    admin = kafka.admin()
    starts = [TopicPartition(topic, partition, max(0, end - left)) for partition, end in ends.items()]
    for future in admin.delete_records(starts).values():
        future.result(timeout=30)


def made_anew(kafka: Broker, job: Job) -> None:
    """Delete the topic, and make another one of that name."""
    admin = kafka.admin()
    admin.delete_topics([job.topic])[job.topic].result(timeout=30)
    wait_for("the end of the topic", lambda: job.topic not in kafka.admin().list_topics(timeout=10).topics)
    kafka.create_topics([job.topic])


def test_what_kafka_lost_ends_the_program_with_status_3_until_that_is_accepted(
    tmp_path: Path, kafka: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job(tmp_path, kafka, "lost")
    kafka.create_topics(job.topics)
    job.produce(map(message, trades(0, 50)))
    with job:
        job.until("100 trades in Parquet", lambda: len(job.trades()) == 100)
        assert repair(job, "--yes") == 1
        assert "systemctl stop trade-analytics" in capsys.readouterr().err
        assert job.terminate() == 0
        job.produce(map(message, trades(50, 100)))
        forget(kafka, job.topic, left=10)
        job.start()
        assert job.wait() == 3
        assert re.search(
            r"event=repair_needed .*topic lost: partition \d was read up to .*repair --accept-loss", job.log()
        )
        assert repair(job, "--yes") == 1
        (gone,) = {sum(map(int, re.findall(r"(\d+) messages were removed", capsys.readouterr().err)))}
        assert gone >= 80, "of the 100 that were not read, 10 a partition are left"
        assert repair(job, "--yes", "--accept-loss") == 0
        job.start()
        job.until("what is left", lambda: len(job.trades()) == 200 - gone)
        assert job.terminate() == 0
        left = set(stored(job))
        made_anew(kafka, job)
        job.produce(map(message, trades(90, 110)))
        job.start()
        assert job.wait() == 3
        assert re.search(r"event=repair_needed .*deleted and made anew.*repair --accept-loss", job.log())
        assert repair(job, "--yes", "--accept-loss") == 0
        job.start()
        job.until("the new topic", lambda: set(stored(job)) >= set(identities(90, 110)))
        assert job.terminate() == 0
    assert stored(job) == sorted(left.union(identities(90, 110))), "what both topics had is there once"
