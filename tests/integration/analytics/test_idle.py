"""Candles of idle symbols after a restart: closed by the clock, once, and not before the topic is read to its end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from integration.analytics.inside import Inside, Watched
from integration.analytics.job import Job, message, trade
from integration.broker import Broker
from tradestream.analytics.pipeline import Pipeline
from tradestream.trade import Trade

pytestmark = pytest.mark.timeout(400)

START = 1_610_064_000_000
MINUTE = 60_000
HURRY = 10_000


class Clock:
    """`time`, in a hurry: what takes minutes of an idle feed takes seconds of a test."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    def monotonic(self) -> float:
        """Seconds."""
        return self._start + (time.monotonic() - self._start) * HURRY


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradestream.analytics.job.time", Clock())
    monkeypatch.setattr("tradestream.analytics.job._TICK_SECONDS", 0.05)
    # One tick at a wrong time is enough to close everything.
    monkeypatch.setattr("tradestream.analytics.job._LONGEST_TICK", 600)


class Idle:
    """How far the candles' clock went with each tick."""

    def __init__(self) -> None:
        self.ticks: list[float] = []

    @property
    def seconds(self) -> float:
        """How long it has gone."""
        return sum(self.ticks)


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> Idle:
    idle, tick = Idle(), Pipeline.tick

    def counted(pipeline: Pipeline, elapsed: float) -> None:
        tick(pipeline, elapsed)
        idle.ticks.append(elapsed)

    monkeypatch.setattr(Pipeline, "tick", counted)
    return idle


def minute(first: int, last: int) -> list[Trade]:
    """Trades of one and the same minute."""
    return [trade(number, START + number) for number in range(first, last)]


def closed(job: Job) -> list[tuple[str, int]]:
    return sorted((each["interval"], each["trade_count"]) for each in job.published() if each["is_closed"])


@pytest.mark.parametrize("waiting", [0, 200])
def test_they_close_once_with_all_that_was_waiting_in_the_topic(
    tmp_path: Path, kafka: Broker, spark: SparkSession, idle: Idle, waiting: int
) -> None:
    """The clock is far ahead of the watermark before the first batch ends: what waits must not become late."""
    job = Job(tmp_path, kafka, f"idle-{waiting}", watermark_minutes=1, max_offsets_per_trigger=20, flush_seconds=3600)
    kafka.create_topics(job.topics)
    job.produce(map(message, minute(0, 10)))
    before = Inside(spark, job)
    before.until_taken(10)
    before.job.stop()
    assert closed(job) == []
    job.produce(map(message, minute(10, 10 + waiting)))
    with Watched(spark, job) as after:
        after.until("both candles closed", lambda: after.count("candles_closed_total") == 2)
    assert after.count("events_late_total") == 0
    assert closed(job) == [("1m", 10 + waiting), ("5m", 10 + waiting)]
    with Watched(spark, job) as again:
        idle.ticks.clear()
        again.until("an idle quarter of an hour", lambda: idle.seconds > 900)
    assert closed(job) == [("1m", 10 + waiting), ("5m", 10 + waiting)]


def test_the_clock_stands_while_kafka_is_away(tmp_path: Path, kafka: Broker, spark: SparkSession, idle: Idle) -> None:
    """What comes to Kafka meanwhile is not late for that."""
    job = Job(tmp_path, kafka, "away", watermark_minutes=1, flush_seconds=3600)
    kafka.create_topics(job.topics)
    with Watched(spark, job) as watched:
        watched.until("the clock goes", lambda: idle.ticks[-1:] > [0])
        kafka.stop()
        try:
            watched.until("it has stood for two seconds", lambda: idle.ticks[-40:] == [0] * 40)
        finally:
            kafka.start()
        idle.ticks.clear()
        watched.until("it goes again", lambda: idle.seconds > 0)
