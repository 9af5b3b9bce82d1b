"""What the producer tells Prometheus.

A trade touches several figures, and at tens of thousands of trades a second the client library's locked
counters would cost more than reading the trade. So the figures are plain attributes, moved by one thread, and
turned into metrics when Prometheus asks.
"""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from tradestream import process

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

RECONNECT_REASONS = ("closed", "connect_failed", "planned", "refused", "server_shutdown", "silent")
REJECT_REASONS = (
    "invalid_value",
    "malformed_json",
    "missing_field",
    "unexpected_message",
    "unexpected_symbol",
    "wrong_type",
)
NO_SYMBOL = "unknown"
"""The label of a frame whose symbol could not be read."""

_BOUNDS = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.015,
    0.025,
    0.06,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
)
_LABELS = ("exchange", "symbol")


class Histogram:
    """Counts of seconds by bucket."""

    __slots__ = ("_counts", "_sum")

    def __init__(self) -> None:
        self._counts = [0] * (len(_BOUNDS) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Adds one observation."""
        self._counts[bisect_left(_BOUNDS, seconds)] += 1
        self._sum += seconds

    @property
    def count(self) -> int:
        """How many observations there are."""
        return sum(self._counts)

    def add_to(self, family: HistogramMetricFamily, labels: Sequence[str]) -> None:
        """Writes the buckets, summed up as Prometheus wants them, to `family`."""
        names = (*map(str, _BOUNDS), "+Inf")
        buckets = list(zip(names, accumulate(self._counts), strict=True))
        family.add_metric(labels, buckets=buckets, sum_value=self._sum)


class SymbolStats:
    """The figures of one symbol.

    Attributes:
        failed: trades that Kafka refused, by its error's name.
        latency: seconds from a trade's hand-over to Kafka's client until the broker confirmed it; no other trades
            have one, so these are the trades produced.
        lag: seconds from the exchange's trade time until it was received.
        missing: ids that did not come and could not be fetched.
        backfilled: trades fetched to fill a gap.
        duplicates: trades that had come before, or that Kafka had.
        last_price: the price as the exchange wrote it.
    """

    __slots__ = ("backfilled", "duplicates", "failed", "lag", "last_price", "latency", "missing")

    def __init__(self) -> None:
        self.failed: dict[str, int] = {}
        self.latency = Histogram()
        self.lag = Histogram()
        self.missing = 0
        self.backfilled = 0
        self.duplicates = 0
        self.last_price: str | None = None


class FeedStats:
    """The figures of a feed and of the symbols it carries.

    Attributes:
        exchange: the exchange's name.
        symbols: the figures of each symbol.
        connections: how many are open: two for a moment where one replaces the other.
        reconnects: connections that had to be replaced, by reason.
        rejected: frames that could not be read, by reason.
    """

    def __init__(self, exchange: str, symbols: Iterable[str]) -> None:
        self.exchange = exchange
        self.symbols = {symbol: SymbolStats() for symbol in symbols}
        self.connections = 0
        self.reconnects = dict.fromkeys(RECONNECT_REASONS, 0)
        self.rejected = dict.fromkeys(REJECT_REASONS, 0)


class _Families(Collector):
    def __init__(self, feeds: Sequence[FeedStats]) -> None:
        self._feeds = feeds

    def collect(self) -> Iterable[Metric]:
        produced = CounterMetricFamily("events_produced", "Trades confirmed by Kafka", labels=_LABELS)
        failed = CounterMetricFamily(
            "events_failed", "Frames not readable and trades refused by Kafka", labels=(*_LABELS, "reason")
        )
        latency = HistogramMetricFamily(
            "event_production_latency_seconds", "From hand-over to Kafka's confirmation", labels=_LABELS
        )
        lag = HistogramMetricFamily(
            "trade_exchange_lag_seconds", "From the exchange's trade time to its receipt", labels=_LABELS
        )
        missing = CounterMetricFamily(
            "trades_missing", "Trades that did not come and could not be fetched", labels=_LABELS
        )
        backfilled = CounterMetricFamily("trades_backfilled", "Trades fetched to fill a gap", labels=_LABELS)
        duplicates = CounterMetricFamily("trades_duplicate", "Trades that had come before", labels=_LABELS)
        price = GaugeMetricFamily("trade_last_price", "Price of the last trade", labels=_LABELS)
        connected = GaugeMetricFamily("feed_connected", "1 while the feed is connected", labels=_LABELS)
        reconnects = CounterMetricFamily(
            "feed_reconnects", "Connections that had to be replaced", labels=(*_LABELS, "reason")
        )
        for feed in self._feeds:
            for symbol, stats in feed.symbols.items():
                labels = (feed.exchange, symbol)
                produced.add_metric(labels, stats.latency.count)
                for reason, count in list(stats.failed.items()):
                    failed.add_metric((*labels, reason), count)
                stats.latency.add_to(latency, labels)
                stats.lag.add_to(lag, labels)
                missing.add_metric(labels, stats.missing)
                backfilled.add_metric(labels, stats.backfilled)
                duplicates.add_metric(labels, stats.duplicates)
                if stats.last_price is not None:
                    price.add_metric(labels, float(stats.last_price))
                connected.add_metric(labels, float(feed.connections > 0))
                for reason, count in feed.reconnects.items():
                    reconnects.add_metric((*labels, reason), count)
            for reason, count in feed.rejected.items():
                failed.add_metric((feed.exchange, NO_SYMBOL, reason), count)
        return (produced, failed, latency, lag, missing, backfilled, duplicates, price, connected, reconnects)


def registry(feeds: Sequence[FeedStats]) -> CollectorRegistry:
    """Returns the registry that serves all feeds and the process's own figures."""
    registry = process.registry()
    registry.register(_Families(feeds))
    return registry
