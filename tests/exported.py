"""The series that the services export, for tests of what asks for them."""

from __future__ import annotations

from tradestream.analytics.metrics import Metrics
from tradestream.producer.metrics import FeedStats, registry


def exported() -> set[str]:
    """Names of all series of the producer and of the analytics job."""
    stats = FeedStats("binance", ["BTCUSDT"])
    stats.symbols["BTCUSDT"].last_price = "1"
    return {sample.name for metric in registry([stats]).collect() for sample in metric.samples} | _analytics()


def _analytics() -> set[str]:
    suffixes = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_sum", "_count")}
    return {metric.name + suffix for metric in Metrics().registry.collect() for suffix in suffixes.get(metric.type, ())}
