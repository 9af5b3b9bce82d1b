"""Trades that go on while the job is killed: some late, some twice, some large."""

from __future__ import annotations

import heapq
import itertools
import random
import threading
import time
from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, Self

from confluent_kafka import KafkaError, Message, Producer

from integration.analytics.job import message, trade
from tradestream.analytics.candles import MINUTE_MS, Key
from tradestream.trade import decode
from unit.analytics.oracle import Tick

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

KEYS = [
    Key("binance", "BTCUSDT"),
    Key("binance", "ETHUSDT"),
    Key("coinbase", "BTC-USD"),
    Key("kraken", "BTC/USD"),
]
LARGE = 6000
RATE = 300
_STEP_MS = 120
"""By their own time, trades come 36 times as quickly: candles close every other second."""
_BEHIND_MS = 3 * 24 * 60 * MINUTE_MS
_TWICE = 0.03
_RECENT = 300


class Flow:
    """Trades into a topic while one is inside.

    Args:
        bootstrap: The broker.
        topic: The topic.
        seed: What the trades are made of.

    Attributes:
        failed: Why a trade was not taken by the broker.
    """

    def __init__(self, bootstrap: str, topic: str, seed: int) -> None:
        self.failed: str | None = None
        self._topic = topic
        self._ticks = ticks(random.Random(seed), int(time.time() * 1000) - _BEHIND_MS)  # noqa: S311 - test data
        self._sent: list[Tick] = []
        self._producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True, "log_level": 0})
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> list[Tick]:
        """Sends a last trade of each series, which closes all candles before it; returns all that was ever sent."""
        if not self._end.is_set():
            self._end.set()
            self._thread.join()
            newest = max(tick.trade_time for tick in self._sent)
            numbers = {tick.key: tick.trade_id for tick in sorted(self._sent, key=lambda tick: tick.trade_id)}
            for key, number in numbers.items():
                self._send(Tick(key, number + 1, Decimal(100), Decimal(1), newest + 20 * MINUTE_MS))
            assert self._producer.flush(60) == 0
        assert self.failed is None
        return self._sent

    def _run(self) -> None:
        begin = time.monotonic()
        for number, tick in enumerate(self._ticks):
            if self._end.wait(max(0.0, begin + number / RATE - time.monotonic())):
                return
            self._send(tick)

    def _send(self, tick: Tick) -> None:
        self._sent.append(tick)
        made = trade(
            tick.trade_id,
            tick.trade_time,
            f"{tick.price:f}",
            f"{tick.quantity:f}",
            exchange=tick.key.exchange,
            symbol=tick.key.symbol,
            buyer_is_maker=tick.buyer_is_maker,
        )
        key, value = message(made)
        self._producer.produce(self._topic, value, key.encode(), on_delivery=self._delivered)
        self._producer.poll(0)

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self.failed = error.str()


def ticks(chance: random.Random, start: int) -> Iterator[Tick]:
    """Yields trades of all series in turn without an end, numbered as time goes, in the order of their arrival.

    None is between two and nine minutes on its way: for these it would depend on how long the feed was idle meanwhile
    whether they are late.
    """
    recent: deque[Tick] = deque(maxlen=_RECENT)
    on_their_way: list[tuple[int, Tick]] = []
    for number in itertools.count():
        late = chance.choices([0, 1, 9], [96, 3, 1])[0] * MINUTE_MS
        tick = Tick(
            KEYS[number % len(KEYS)],
            number // len(KEYS),
            Decimal(chance.randrange(9_900_000, 10_100_000)) / 100_000,
            Decimal(100 if chance.random() < 0.003 else 1) * chance.randrange(1, 10**8) / 10**8 + Decimal("0.00000001"),
            start + number * _STEP_MS,
            chance.random() < 0.5,
        )
        heapq.heappush(on_their_way, (number + (late and late + chance.randrange(MINUTE_MS)) // _STEP_MS, tick))
        while on_their_way and on_their_way[0][0] <= number:
            _, arrived = heapq.heappop(on_their_way)
            recent.append(arrived)
            yield arrived
        if recent and chance.random() < _TWICE:
            yield chance.choice(recent)


def tick(value: bytes) -> Tick:
    """What a message of the topic says."""
    trade = decode(value)
    return Tick(
        Key(trade.exchange, trade.symbol),
        trade.trade_id,
        Decimal(trade.price),
        Decimal(trade.quantity),
        trade.trade_time,
        trade.buyer_is_maker,
    )
