"""Trades as the producer writes them, made up: in a topic before anything is measured, or live."""

from __future__ import annotations

import itertools
import threading
import time
from decimal import ROUND_UP, Decimal
from typing import TYPE_CHECKING, Self

from confluent_kafka import Producer

from tradestream.config import DEFAULT_SYMBOLS
from tradestream.simulator.market import Walk
from tradestream.trade import Trade, encode, event_id, iso_utc, split_time

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

EXCHANGE = "binance"
RATE = 1000
"""Trades a second, of all symbols together."""
_SEED = 1
_PATIENCE_SECONDS = 60


def symbols(count: int) -> Sequence[str]:
    """Returns so many symbols: the usual ones, and as many others as are needed."""
    return [*DEFAULT_SYMBOLS, *(f"S{number:04d}USDT" for number in range(count - len(DEFAULT_SYMBOLS)))][:count]


class Market:
    """The trades of some symbols in turn, each symbol's numbered without a gap, in one topic.

    Args:
        names: the symbols.
        bootstrap: the broker.
        topic: the topic.
        rate: how many of those that wait came a second, of all symbols together, by their own time.
    """

    def __init__(self, names: Sequence[str], bootstrap: str, topic: str, rate: int = RATE) -> None:
        self._turns = itertools.cycle([Walk(name, _SEED, None) for name in names])
        self._names = itertools.cycle(names)
        self.topic = topic
        self._rate = rate
        self._producer = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "acks": "all",
                "compression.type": "lz4",
                "linger.ms": 5,
                "log_level": 2,
            }
        )

    def fill(self, count: int) -> None:
        """Sends so many trades, of which the last is made now and those before it came at the rate."""
        begin = time.time_ns() // 1000 - count * 1_000_000 // self._rate
        for number in range(count):
            self._send(self._next(begin + number * 1_000_000 // self._rate))
        self.flush()

    def send(self, amount: int = 0) -> Trade:
        """Sends one trade of this moment, of at least so much, and returns it."""
        trade = self._next(time.time_ns() // 1000, amount)
        self._send(trade)
        return trade

    def flush(self) -> None:
        """Waits until the broker has all of them."""
        left = self._producer.flush(_PATIENCE_SECONDS)
        assert left == 0, f"{left} trades were not taken by the broker within {_PATIENCE_SECONDS} s"

    def _send(self, trade: Trade) -> None:
        value = encode(trade)
        while True:
            try:
                self._producer.produce(self.topic, value, trade.symbol)
            except BufferError:  # the local queue is full: let it drain
                self._producer.poll(1)
            else:
                self._producer.poll(0)
                return

    def _next(self, now_us: int, amount: int = 0) -> Trade:
        symbol, row = next(self._names), next(self._turns).next(now_us)
        milliseconds, microseconds = split_time(row.time)
        least = (amount / Decimal(row.price)).quantize(Decimal(row.quantity), ROUND_UP)
        return Trade(
            event_id=event_id(EXCHANGE, symbol, row.trade_id),
            event_type="trade",
            exchange=EXCHANGE,
            symbol=symbol,
            price=row.price,
            quantity=f"{least}" if amount else row.quantity,
            trade_time=milliseconds,
            timestamp=iso_utc(row.time * 1000),
            buyer_is_maker=row.buyer_is_maker,
            trade_id=row.trade_id,
            trade_time_us=microseconds,
        )


class Live:
    """A market that goes on at `RATE` while one is inside; what was sent when is known afterwards.

    Args:
        market: the market.
        large_every: each so manieth trade is a large one.
        amount: how large.

    Attributes:
        sent: nanoseconds since 1970 at which each trade was sent, by symbol and id.
        large: those of these that are large.
    """

    def __init__(self, market: Market, large_every: int, amount: int) -> None:
        self.sent: dict[tuple[str, int], int] = {}
        self.large: list[tuple[str, int]] = []
        self._market, self._large_every, self._amount = market, large_every, amount
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
        self._market.flush()

    def _run(self) -> None:
        begin, count = time.monotonic(), 0
        while not self._end.wait(max(0.0, begin + count / RATE - time.monotonic())):
            count += 1
            large = count % self._large_every == 0
            trade = self._market.send(self._amount if large else 0)
            at = (trade.symbol, trade.trade_id)
            self.sent[at] = time.time_ns()
            if large:
                self.large.append(at)
