"""What Prometheus sees of series, their candles and indicators: made when it asks, so that a batch pays for little."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tradestream.analytics.candles import BookState, Candle, Key, Update
from tradestream.analytics.indicators import NAMES, Figures
from tradestream.analytics.intervals import interval_name

SERIES = ("exchange", "symbol")
"""Labels of what is shown of a series."""

CANDLE = (*SERIES, "interval")
"""Labels of what is shown of candles."""

_VALUES = {
    "open": "Price of the first trade",
    "high": "Highest price",
    "low": "Lowest price",
    "close": "Price of the last trade",
    "volume": "Quantity traded",
    "vwap": "Volume-weighted average price",
    "buy_volume": "Quantity whose taker bought",
    "sell_volume": "Quantity whose taker sold",
    "trade_count": "Number of trades",
    "price_change_percent": "Close less open, in percent of open",
}


class _Remembered(NamedTuple):
    """Of a series: how many intervals of ids, and in ms its newest trade and its watermark, None before any trade."""

    key: Key
    intervals: int
    newest: int | None
    watermark: int | None


_REMEMBERED = {
    "trade_id_intervals": "Intervals of trade ids seen; more than one means gaps",
    "stream_newest_trade_timestamp_seconds": "Newest trade by event time",
    "stream_watermark_timestamp_seconds": "Event time from which on trades are still counted",
}


class Shown(Collector):
    """What the book remembers, each series' newest candle of an interval, and the indicators after the closed ones.

    All are floats, for graphs; the exact values are in topic ``candles`` and in Parquet. Prometheus asks on a thread of
    its own: it is given a copy of what there is.

    Args:
        registry: Where it is shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._remembered: list[_Remembered] = []
        self._candles: dict[tuple[Key, int], Candle] = {}
        self._figures: dict[tuple[Key, int], Figures] = {}
        registry.register(self)

    def book(self, state: BookState, lateness: int) -> None:
        """Show what a book remembers, whose watermarks are ``lateness`` ms behind."""
        self._remembered = [
            _Remembered(
                each.key,
                len(each.seen.starts),
                each.newest or None,
                each.newest + state.clock - each.arrived - lateness if each.newest else None,
            )
            for each in state.series
        ]

    def candles(self, updates: Iterable[Update]) -> None:
        """Show the newest of ``updates`` per series and interval."""
        newest: dict[tuple[Key, int], Candle] = {}
        for update in updates:
            series = (update.key, update.interval)
            if series not in newest or update.candle.open_time > newest[series].open_time:
                newest[series] = update.candle
        self._candles.update(newest)

    def indicators(self, key: Key, interval: int, figures: Figures) -> None:
        """Show the indicators of a series and interval, and no other ones of it."""
        self._figures[key, interval] = figures

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Make the gauges."""
        yield from self._of_series()
        yield from self._of_candles()

    def _of_series(self) -> Iterator[GaugeMetricFamily]:
        gauges = [GaugeMetricFamily(name, text, labels=SERIES) for name, text in _REMEMBERED.items()]
        for key, intervals, *times in self._remembered:
            seconds = (time / 1000 if time is not None else None for time in times)
            for gauge, value in zip(gauges, (intervals, *seconds), strict=True):
                if value is not None:
                    gauge.add_metric(key, value)
        yield from gauges

    def _of_candles(self) -> Iterator[GaugeMetricFamily]:
        candles = [((*key, interval_name(length)), candle) for (key, length), candle in self._candles.copy().items()]
        for name, text in _VALUES.items():
            gauge = GaugeMetricFamily(f"candle_{name}", f"{text} of the newest candle", labels=CANDLE)
            for labels, candle in candles:
                gauge.add_metric(labels, float(getattr(candle, name)))
            yield gauge
        shown = [((*key, interval_name(length)), figures) for (key, length), figures in self._figures.copy().items()]
        for name, text in NAMES.items():
            gauge = GaugeMetricFamily(f"candle_{name}", f"{text}, of the newest closed candle", labels=CANDLE)
            for labels, figures in shown:
                if name in figures:
                    gauge.add_metric(labels, figures[name])
            yield gauge
