"""What was seen of the market lately: a bounded memory of prices, candles and signals."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from heapq import nsmallest
from itertools import chain

from tradestream.analytics.candles import Key
from tradestream.trade import Trade
from tradestream.watch.messages import Candle, Event, Signal

KEPT_CANDLES = 30
"""So many candles of a series are kept."""

KEPT_SIGNALS = 20
"""So many signals are kept."""

MOST_SERIES = 2_000
"""Of more series than these nothing is kept."""


@dataclass
class Series:
    """One exchange and symbol.

    Attributes:
        trade: its newest trade; None where only candles came.
        candles: its newest candles by the time when they open, ms.
    """

    trade: Trade | None = None
    candles: dict[int, Candle] = field(default_factory=dict)

    @property
    def trend(self) -> list[float]:
        """The closes of its candles, and the newest price instead of the last of them."""
        closes = [float(candle.close) for _, candle in sorted(self.candles.items())]
        return [*closes[:-1], float(self.trade.price)] if self.trade else closes

    @property
    def since(self) -> Candle | None:
        """The candle at whose opening the trend begins."""
        return self.candles[min(self.candles)] if self.candles else None

    @property
    def change_percent(self) -> float | None:
        """By how much the newest price differs from that at which the trend begins."""
        if self.since is None or self.trade is None or not float(self.since.open):
            return None
        return (float(self.trade.price) / float(self.since.open) - 1) * 100


class Market:
    """What the events so far add up to.

    Attributes:
        series: by exchange and symbol.
        signals: the newest last.

    Args:
        interval: which candles are kept.
    """

    def __init__(self, interval: str) -> None:
        self._interval = interval
        self.series: dict[Key, Series] = {}
        self.signals: deque[Signal] = deque(maxlen=KEPT_SIGNALS)

    def take(self, events: Iterable[Event]) -> None:
        """Adds what has come."""
        for event in events:
            match event:
                case Trade():
                    self._take_trade(event)
                case Candle() if event.interval == self._interval:
                    self._take_candle(event)
                case Signal():
                    self.signals.append(event)

    @property
    def candles(self) -> Iterator[Candle]:
        """All candles that are kept."""
        return chain.from_iterable(series.candles.values() for series in self.series.values())

    def newest_candles(self, most: int) -> list[Candle]:
        """Returns the newest candles, the newest first."""
        return nsmallest(most, self.candles, key=lambda each: (-each.open_time, each.exchange, each.symbol))

    @property
    def newest_ms(self) -> int:
        """When the newest trade was matched; 0 where there is none."""
        return max((series.trade.trade_time for series in self.series.values() if series.trade), default=0)

    def _at(self, key: Key) -> Series:
        if len(self.series) >= MOST_SERIES:
            return self.series.get(key) or Series()
        return self.series.setdefault(key, Series())

    def _take_trade(self, trade: Trade) -> None:
        series = self._at(Key(trade.exchange, trade.symbol))
        # What was missing and is repaired comes after newer trades.
        if series.trade is None or trade.trade_time >= series.trade.trade_time:
            series.trade = trade

    def _take_candle(self, candle: Candle) -> None:
        candles = self._at(Key(candle.exchange, candle.symbol)).candles
        before = candles.get(candle.open_time)
        if before is None or candle.is_closed or not before.is_closed:
            candles[candle.open_time] = candle
        if len(candles) > KEPT_CANDLES:
            del candles[min(candles)]
