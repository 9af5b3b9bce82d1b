"""How long a large trade takes to its signal by the job's fast path, and by a query in Spark's real-time mode.

It needs Kafka's jars in KAFKA_LIBS and Spark in SPARK_HOME, as the integration tests do.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from confluent_kafka import Consumer, TopicPartition

from benchmarks.analytics.market import RATE, Live, Market, symbols
from benchmarks.processes import descendants, together
from benchmarks.run import BenchmarkError
from integration.analytics.job import Job
from integration.broker import Broker, libraries
from integration.programs import wait_for
from tradestream import topic
from tradestream.analytics.large_trades import LargeTrades
from tradestream.analytics.rules import LargeTrade

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LARGE_EVERY = RATE // 20
_LARGE_AMOUNT = 1_000_000
_WARM_UP_SECONDS = 20
_SECONDS = 30
_CALM_SECONDS = 5
_IDLE_SECONDS = 30
_PATIENCE_SECONDS = 20.0
_LOOKED_AT = 500_000


@dataclass(frozen=True)
class Way:
    """A way from a trade to its signal.

    Attributes:
        label: as the table calls it.
        program: what Python runs.
        slots: those of executors that it holds for ever; a query in real-time mode one for each partition.
        settings: of the job's configuration.
    """

    label: str
    program: Sequence[str] = Job.program
    slots: int = 0
    settings: Mapping[str, Any] = field(default_factory=dict)


WAYS = (
    Way("fast path, a batch beside it each second"),
    Way("fast path, no batch beside it", settings={"trigger_seconds": 1e8}),
    Way("real-time mode, no batch beside it", ("-m", "benchmarks.analytics.real_time"), slots=3),
)


def latencies(bootstrap: str, trades: str, signals: str, seconds: int) -> Sequence[float]:
    """Returns the milliseconds from when each large trade was sent to its signal.

    Args:
        bootstrap: the broker.
        trades: the topic that trades are sent to, for so many seconds after a warm-up.
        signals: the topic of what is made of the large ones.
        seconds: for how long.

    Raises:
        BenchmarkError: a signal does not come.
    """
    client = {"bootstrap.servers": bootstrap}
    came: dict[tuple[str, int], int] = {}
    arrivals = topic.read(client, signals, from_beginning=True, timeout=_WARM_UP_SECONDS + _PATIENCE_SECONDS)
    begin = time.time_ns() + _WARM_UP_SECONDS * 1_000_000_000
    end = begin + seconds * 1_000_000_000
    measured: list[tuple[str, int]] = []
    with closing(arrivals), Live(Market(symbols(10), bootstrap, trades), _LARGE_EVERY, _LARGE_AMOUNT) as live:
        for value in arrivals:
            now, values = time.time_ns(), msgspec.json.decode(value)
            came.setdefault((values["symbol"], values["evidence"]["trade_id"]), now)
            measured = [at for at in live.large if begin <= live.sent[at] < end]
            if now >= end and (came.keys() >= set(measured) or now >= end + _PATIENCE_SECONDS * 1_000_000_000):
                break
    if not measured or not came.keys() >= set(measured):
        raise BenchmarkError(f"{trades}: not each of {len(measured)} large trades was signalled")
    return [(came[at] - live.sent[at]) / 1e6 for at in measured]


def main() -> None:
    """Measures one way after the other, and prints the table."""
    print("|  | p50 ms | p99 ms | idle, % of a CPU | slots held |")
    print("| --- | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        kafka = Broker(libraries(), Path(folder))
        try:
            kafka.start()
            for number, way in enumerate(WAYS):
                print(_row(way, kafka, Path(folder), f"trades-{number}"), flush=True)
            print(f"\nThe fast path looks at a message in {_look_us(kafka):.1f} us.")
        finally:
            kafka.stop()


def _row(way: Way, kafka: Broker, folder: Path, name: str) -> str:
    (folder / name).mkdir()
    job = Job(folder / name, kafka, name, rules=[{"type": "large_trade"}], **way.settings)
    kafka.create_topics(job.topics)
    job.program = way.program
    job.environment["PYTHONPATH"] += f":{Path(__file__).parents[2]}"
    if way.slots:
        cores = f"local[{way.slots + 1}]"
        job.environment["PYSPARK_SUBMIT_ARGS"] = job.environment["PYSPARK_SUBMIT_ARGS"].replace("local[2]", cores)
    with job:
        offsets = job.checkpoint / "spark" / "offsets"  # of the query alone; the job says that it has started
        job.until("the query", lambda: "event=started" in job.log() or offsets.exists())
        percentiles = statistics.quantiles(latencies(kafka.bootstrap, job.topic, job.signals, _SECONDS), n=100)
        idle = _idle(job.pid)
    return f"| {way.label} | {percentiles[49]:.1f} | {percentiles[98]:.1f} | {idle:.1f} | {way.slots} |"


def _idle(pid: int) -> float:
    """Returns the percent of a CPU that Python and its JVM take while no trade comes."""
    time.sleep(_CALM_SECONDS)
    processes = [pid, *descendants(pid)]
    before, at = together(processes), time.monotonic()
    time.sleep(_IDLE_SECONDS)
    return 100 * (together(processes).cpu - before.cpu) / (time.monotonic() - at)


def _look_us(kafka: Broker) -> float:
    """Returns the microseconds of a CPU for which a message keeps the thread busy, from Kafka's client on."""
    kafka.create_topics(["look"], partitions=1)
    Market(symbols(10), kafka.bootstrap, "look").fill(_LOOKED_AT)
    large_trades = LargeTrades([LargeTrade()], 0)
    with closing(Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "look"})) as consumer:
        consumer.assign([TopicPartition("look", 0, 0)])
        wait_for("the first messages", lambda: consumer.poll(0))
        began, left = time.thread_time(), _LOOKED_AT - 1
        while left > 0:
            messages = consumer.consume(1000, 1)
            for message in messages:
                large_trades.find(message.value() or b"", message.timestamp()[1])
            left -= len(messages)
        return (time.thread_time() - began) / _LOOKED_AT * 1e6


if __name__ == "__main__":
    main()
