"""How soon a trade shows, at a rate far from any limit, and what the job costs while none come.

One consumer waits at the end of the topics `candles` and `signals` and looks at the clock when it gets a message. A
trade shows with the first one-minute candle of its symbol that reaches to its id.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import msgspec
from confluent_kafka import Consumer, TopicPartition

from benchmarks.analytics.market import RATE, Live
from benchmarks.run import BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from benchmarks.analytics.market import Market
    from benchmarks.analytics.rows import Program

WARM_UP_SECONDS = 20
IDLE_SECONDS = 30
_LARGE_EVERY = RATE // 2
_LARGE_AMOUNT = 1_000_000
_PATIENCE_SECONDS = 60.0
_CALM_SECONDS = 5

At = tuple[str, int]
"""A trade, by symbol and id."""


@dataclass(frozen=True)
class Lively:
    """What came of it.

    Attributes:
        candles: milliseconds from when each trade was received to the candle that has it.
        signals: milliseconds from when each large trade was sent to its signal.
        busy: CPUs that driver and executors used meanwhile.
        idle: The same while no trade came.
    """

    candles: Sequence[float] = field(repr=False)
    signals: Sequence[float] = field(repr=False)
    busy: float
    idle: float


class Arrivals:
    """What comes on the two topics while one is inside, and when.

    Attributes:
        reached: of each symbol, in order of time, the highest id that a one-minute candle had, and when, in nanoseconds
            since 1970.
        signalled: nanoseconds since 1970 at which each large trade's signal came.
    """

    def __init__(self, program: Program) -> None:
        self.reached: dict[str, list[tuple[int, int]]] = {}
        self.signalled: dict[At, int] = {}
        self._consumer = _at_end(program.bootstrap, [program.candles, program.signals])
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()
        self._consumer.close()

    def newest(self, symbol: str) -> int:
        """Returns the highest id of a symbol that showed."""
        reached = self.reached.get(symbol)
        return reached[-1][0] if reached else -1

    def _run(self) -> None:
        while not self._end.is_set():
            message = self._consumer.poll(0.1)
            if message is not None and message.error() is None:
                self._take(msgspec.json.decode(message.value() or b""), time.time_ns())

    def _take(self, values: Mapping[str, Any], at: int) -> None:
        if values.get("rule") == "large_trade":
            self.signalled.setdefault((values["symbol"], values["evidence"]["trade_id"]), at)
        elif "last_trade_id" in values and values["interval"] == "1m":
            symbol, number = values["symbol"], values["last_trade_id"]
            if number > self.newest(symbol):
                self.reached.setdefault(symbol, []).append((number, at))


def lively(program: Program, market: Market, seconds: int) -> tuple[Lively, int]:
    """Lets trades come one by one for so many seconds after a warm-up, and then none.

    Returns:
        What came of it, and how many trades that were.

    Raises:
        BenchmarkError: a trade does not show.
    """
    with Arrivals(program) as arrivals:
        with Live(market, _LARGE_EVERY, _LARGE_AMOUNT) as live:
            time.sleep(WARM_UP_SECONDS)
            since = time.time_ns()
            busy = _used(program, seconds)
        _await(live, arrivals)
    time.sleep(_CALM_SECONDS)
    idle = _used(program, IDLE_SECONDS)
    measured = {at: sent for at, sent in live.sent.items() if sent >= since}
    signals = [(arrivals.signalled[at] - measured[at]) / 1e6 for at in live.large if at in measured]
    return Lively(shown_after(measured, arrivals.reached), signals, busy, idle), len(live.sent)


def shown_after(sent: Mapping[At, int], reached: Mapping[str, Sequence[tuple[int, int]]]) -> list[float]:
    """Returns the milliseconds from each trade, by when it was sent, to the first candle that reached its id."""
    return [
        (reached[symbol][bisect_left(reached[symbol], (number, 0))][1] - at) / 1e6
        for (symbol, number), at in sent.items()
    ]


def _await(live: Live, arrivals: Arrivals) -> None:
    last = dict(iter(live.sent))
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while unseen := [symbol for symbol, number in last.items() if arrivals.newest(symbol) < number]:
        if time.monotonic() > deadline:
            raise BenchmarkError(f"no candle has the last trades of {', '.join(unseen)} after {_PATIENCE_SECONDS:g} s")
        time.sleep(0.1)
    if missing := [at for at in live.large if at not in arrivals.signalled]:
        raise BenchmarkError(f"no signal of {len(missing)} of {len(live.large)} large trades, such as {missing[0]}")


def _used(program: Program, seconds: int) -> float:
    """Waits, and returns the CPUs that driver and executors used meanwhile."""
    before, at = program.driver() + program.executors(), time.monotonic()
    time.sleep(seconds)
    used = program.driver() + program.executors()
    return (used.cpu - before.cpu) / (time.monotonic() - at)


def _at_end(bootstrap: str, topics: Sequence[str]) -> Consumer:
    client = {"bootstrap.servers": bootstrap, "group.id": "live", "enable.auto.commit": False, "log_level": 2}
    consumer, ends = Consumer(client), []
    for topic in topics:
        for number in consumer.list_topics(topic, timeout=10).topics[topic].partitions:
            _, end = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=10)
            ends.append(TopicPartition(topic, number, end))
    consumer.assign(ends)
    return consumer
