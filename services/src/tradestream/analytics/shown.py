"""Candles and indicators as Prometheus sees them: made when it asks, so that a batch pays for none of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from tradestream.analytics.candles import Candle, Key, Update
from tradestream.analytics.indicators import NAMES, Figures
from tradestream.analytics.intervals import interval_name

CANDLE = ("exchange", "symbol", "interval")
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


class Shown(Collector):
    """The newest candle of each series and interval, and the indicators after the newest closed one.

    All are floats, for graphs; the exact values are in topic ``candles`` and in Parquet. Prometheus asks on a thread of
    its own: it is given a copy of what there is.

    Args:
        registry: Where it is shown.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._candles: dict[tuple[Key, int], Candle] = {}
        self._figures: dict[tuple[Key, int], Figures] = {}
        registry.register(self)

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
