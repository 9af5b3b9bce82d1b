from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from tradestream.producer.metrics import FeedStats, registry

PAIR = {"exchange": "binance", "symbol": "BTCUSDT"}


@pytest.fixture
def stats() -> FeedStats:
    """The figures of one pair."""
    return FeedStats("binance", ["BTCUSDT"])


@pytest.fixture
def served(stats: FeedStats) -> CollectorRegistry:
    """What Prometheus would get."""
    return registry([stats])


CONTRACT = {
    "events_produced_total",
    "events_failed_total",
    "event_production_latency_seconds_count",
    "trades_missing_total",
    "trades_backfilled_total",
    "trades_duplicate_total",
    "trade_last_price",
    "feed_connected",
    "feed_reconnects_total",
    "trade_exchange_lag_seconds_count",
}


def test_every_metric_of_the_contract_is_served_with_its_labels(stats: FeedStats, served: CollectorRegistry) -> None:
    stats.symbols["BTCUSDT"].last_price = "1.0"
    families = text_string_to_metric_families(generate_latest(served).decode())
    labels = {sample.name: set(sample.labels) for family in families for sample in family.samples}
    assert labels.keys() >= CONTRACT
    assert all(labels[name] >= {"exchange", "symbol"} for name in CONTRACT)
    assert "reason" in labels["events_failed_total"]
    assert "reason" in labels["feed_reconnects_total"]


def test_counters_begin_at_zero_so_that_the_first_step_is_seen(served: CollectorRegistry) -> None:
    assert served.get_sample_value("events_produced_total", PAIR) == 0
    assert served.get_sample_value("feed_reconnects_total", {**PAIR, "reason": "silent"}) == 0
    lost = {"exchange": "binance", "symbol": "unknown", "reason": "malformed_json"}
    assert served.get_sample_value("events_failed_total", lost) == 0
    assert served.get_sample_value("trade_last_price", PAIR) is None


def test_figures_are_shown_as_they_stand(stats: FeedStats, served: CollectorRegistry) -> None:
    one = stats.symbols["BTCUSDT"]
    one.missing, one.duplicates = 2, 1
    for _ in range(3):
        one.latency.observe(0.005)
    one.last_price = "39432.48000000"
    one.failed["_MSG_TIMED_OUT"] = 4
    stats.connections = 2
    assert served.get_sample_value("events_produced_total", PAIR) == 3
    assert served.get_sample_value("trades_missing_total", PAIR) == 2
    assert served.get_sample_value("trades_duplicate_total", PAIR) == 1
    assert served.get_sample_value("trade_last_price", PAIR) == 39432.48
    assert served.get_sample_value("feed_connected", PAIR) == 1
    assert served.get_sample_value("events_failed_total", {**PAIR, "reason": "_MSG_TIMED_OUT"}) == 4


def test_a_histogram_counts_what_is_at_most_its_bound(stats: FeedStats, served: CollectorRegistry) -> None:
    for seconds in (0.001, 0.0011, 1000.0, -0.5):
        stats.symbols["BTCUSDT"].latency.observe(seconds)
    name = "event_production_latency_seconds"
    assert served.get_sample_value(f"{name}_bucket", {**PAIR, "le": "0.001"}) == 2
    assert served.get_sample_value(f"{name}_bucket", {**PAIR, "le": "0.0025"}) == 3
    assert served.get_sample_value(f"{name}_bucket", {**PAIR, "le": "300.0"}) == 3
    assert served.get_sample_value(f"{name}_bucket", {**PAIR, "le": "+Inf"}) == 4
    assert served.get_sample_value(f"{name}_count", PAIR) == 4
    assert served.get_sample_value(f"{name}_sum", PAIR) == pytest.approx(999.5021)
