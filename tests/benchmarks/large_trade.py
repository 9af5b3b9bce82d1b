"""How long a large trade takes from a producer to its signal, by the job's fast path and by Spark's real-time mode.

It needs Kafka's jars in KAFKA_LIBS and Spark in SPARK_HOME, as the integration tests do. Trades come at a rate far from
any limit, and a consumer that waits at the end of the signals looks at the clock.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.run import BenchmarkError
from integration.analytics.job import Job, spark_environment
from integration.broker import Broker, libraries
from tradestream import topic
from tradestream.analytics.large_trades import LargeTrades
from tradestream.analytics.rules import LargeTrade
from tradestream.config import DEFAULT_SYMBOLS
from tradestream.trade import Trade, encode, event_id, iso_utc

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

RATE = 1000
SECONDS = 30
_LARGE_EVERY = 50
_WARM_UP_SECONDS = 20
_START_SECONDS = 120.0
_PATIENCE_SECONDS = 20.0
_IDLE_SECONDS = 30
_LOOKED_AT = 500_000
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Way:
    """A program that signals large trades.

    Attributes:
        label: as the table calls it.
        program: what Python runs.
        slots: slots of executors that it holds for ever.
        cores: how many of them Spark is told to have, here threads.
        settings: of the job.
    """

    label: str
    program: Sequence[str]
    slots: int
    cores: int = 2
    settings: Mapping[str, Any] = field(default_factory=dict)


_JOB = ("-m", "tradestream.analytics")
WAYS = (
    Way("fast path, a batch beside it each second", _JOB, slots=0),
    Way("fast path, no batch beside it", _JOB, slots=0, settings={"trigger_seconds": 1e8}),
    # One slot for each partition of the topic; the query does not start with fewer.
    Way("real-time mode, no batch beside it", (str(Path(__file__).with_name("real_time.py")),), slots=3, cores=4),
)


def latencies(bootstrap: str, trades: str, signals: str, seconds: int = SECONDS) -> Sequence[float]:
    """Returns the milliseconds from when each large trade was sent to when its signal came, of so many seconds.

    Args:
        bootstrap: the broker.
        trades: the topic that trades are sent to, after those of a warm-up.
        signals: the topic of what is made of the large ones.
        seconds: for how long.

    Raises:
        BenchmarkError: a signal does not come.
    """
    client = {"bootstrap.servers": bootstrap}
    sent: dict[int, int] = {}
    count = RATE * (_WARM_UP_SECONDS + seconds)
    sender = threading.Thread(target=_send, args=(client, trades, count, sent), daemon=True)
    took: dict[int, float] = {}
    wanted = RATE * seconds // _LARGE_EVERY
    with closing(
        topic.read(client, signals, from_beginning=True, timeout=_WARM_UP_SECONDS + _PATIENCE_SECONDS)
    ) as arrivals:
        sender.start()
        for value in arrivals:
            now = time.time_ns()
            number = msgspec.json.decode(value)["evidence"]["trade_id"]
            if number >= RATE * _WARM_UP_SECONDS:
                took.setdefault(number, (now - sent[number]) / 1e6)
            if len(took) == wanted:
                break
    sender.join()
    if len(took) < wanted:
        raise BenchmarkError(f"{wanted - len(took)} of {wanted} large trades were not signalled")
    return [took[number] for number in sorted(took)]


def _look_us(kafka: Broker) -> float:
    """Returns the microseconds of a CPU for which a message keeps the thread busy, from Kafka's client on."""
    kafka.create_topics(["look"], partitions=1)
    client = {"bootstrap.servers": kafka.bootstrap}
    producer = Producer({**client, "queue.buffering.max.messages": _LOOKED_AT})
    for number in range(_LOOKED_AT):
        producer.produce("look", encode(_trade(number, large=False)))
    producer.flush()
    consumer = Consumer({**client, "group.id": "look"})
    large_trades = LargeTrades([LargeTrade()], 0)
    with closing(consumer):
        consumer.assign([TopicPartition("look", 0, 0)])
        began, left = time.thread_time(), _LOOKED_AT
        while left > 0:
            messages = [message for message in [consumer.poll(1)] if message] + consumer.consume(1000, 0)
            for message in messages:
                assert message.error() is None
                large_trades.find(message.value() or b"", message.timestamp()[1])
            left -= len(messages)
        return (time.thread_time() - began) / _LOOKED_AT * 1e6


def _send(client: dict[str, str], name: str, count: int, sent: dict[int, int]) -> None:
    producer = Producer({**client, "acks": "all", "enable.idempotence": True, "linger.ms": 0})
    begin = time.monotonic()
    for number in range(count):
        time.sleep(max(0.0, begin + number / RATE - time.monotonic()))
        large = number % _LARGE_EVERY == 0
        trade = _trade(number, large=large)
        if large:
            sent[number] = time.time_ns()
        producer.produce(name, encode(trade), trade.symbol)
        producer.poll(0)
    producer.flush()


def _trade(number: int, *, large: bool) -> Trade:
    symbol, now = DEFAULT_SYMBOLS[number % len(DEFAULT_SYMBOLS)], time.time_ns()
    return Trade(
        event_id=event_id("binance", symbol, number),
        event_type="trade",
        exchange="binance",
        symbol=symbol,
        price="39432.48000000",
        quantity="100.00000000" if large else "0.00026300",
        trade_time=now // 1_000_000,
        timestamp=iso_utc(now),
        buyer_is_maker=True,
        trade_id=number,
    )


def main() -> None:
    """Measures each way on its own, and prints the table."""
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
    here = folder / name
    here.mkdir()
    job = Job(here, kafka, name, rules=[{"type": "large_trade"}], **way.settings)
    kafka.create_topics(job.topics)
    with _running(way, job, here / "log") as pid:
        percentiles = statistics.quantiles(latencies(kafka.bootstrap, job.topic, job.signals), n=100)
        idle = _idle(pid)
    return f"| {way.label} | {percentiles[49]:.1f} | {percentiles[98]:.1f} | {idle:.1f} | {way.slots} |"


@contextmanager
def _running(way: Way, job: Job, log: Path) -> Iterator[int]:
    environment = spark_environment()
    environment["PYSPARK_SUBMIT_ARGS"] = environment["PYSPARK_SUBMIT_ARGS"].replace("local[2]", f"local[{way.cores}]")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *way.program, "--config", str(job.config)],
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not (job.checkpoint / "spark" / "offsets").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise BenchmarkError(f"{way.label} does not run:\n{log.read_text()[-4000:]}")
            time.sleep(0.1)
        yield process.pid
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _idle(group: int) -> float:
    """Returns the percent of a CPU that Python and its JVM take while no trade comes."""
    time.sleep(5)
    before, at = _cpu(group), time.monotonic()
    time.sleep(_IDLE_SECONDS)
    return 100 * (_cpu(group) - before) / (time.monotonic() - at)


def _cpu(group: int) -> float:
    """Returns the seconds of a CPU that the processes of a group have used."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(FileNotFoundError, ProcessLookupError):
            # The name of the program, in parentheses, may hold blanks.
            fields = path.read_text().rpartition(")")[2].split()
            ticks += (int(fields[11]) + int(fields[12])) * (int(fields[2]) == group)
    return ticks / _TICKS


if __name__ == "__main__":
    main()
