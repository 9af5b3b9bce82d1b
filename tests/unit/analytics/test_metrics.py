from __future__ import annotations

from typing import Any

import pytest

from tradestream.analytics.candles import BookState, Key, Series
from tradestream.analytics.metrics import Metrics
from tradestream.ids import IdIntervals

BTC = {"exchange": "binance", "symbol": "BTCUSDT"}
PROGRESS = {
    "inputRowsPerSecond": 500.0,
    "processedRowsPerSecond": 2500.5,
    "durationMs": {"addBatch": 1500, "triggerExecution": 1750},
    "sources": [{"metrics": {"maxOffsetsBehindLatest": "42"}}],
}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_what_spark_says_of_a_batch_is_shown(metrics: Metrics) -> None:
    metrics.progress(PROGRESS)
    assert value(metrics, "stream_input_rows_per_second") == 500
    assert value(metrics, "stream_processed_rows_per_second") == 2500.5
    assert value(metrics, "stream_batch_duration_seconds", stage="addBatch") == 1.5
    assert value(metrics, "stream_offsets_behind_latest") == 42


@pytest.mark.parametrize("source", [{"metrics": None}, {"metrics": {}}])
def test_what_spark_leaves_out_is_zero(metrics: Metrics, source: dict[str, Any]) -> None:
    metrics.progress({**PROGRESS, "inputRowsPerSecond": None, "sources": [source]})
    assert value(metrics, "stream_input_rows_per_second") == 0
    assert value(metrics, "stream_offsets_behind_latest") == 0


def test_rates_of_a_batch_long_ago_are_not_shown_for_ever(metrics: Metrics) -> None:
    metrics.progress(PROGRESS)
    metrics.idle()
    assert value(metrics, "stream_input_rows_per_second") == 0
    assert value(metrics, "stream_processed_rows_per_second") == 0
    assert value(metrics, "stream_offsets_behind_latest") == 0


def test_the_position_is_shown_by_partition(metrics: Metrics) -> None:
    metrics.position("trades", {0: 17, 5: 4})
    assert value(metrics, "stream_position_offset", topic="trades", partition="0") == 17
    assert value(metrics, "stream_position_offset", topic="trades", partition="5") == 4


def test_what_the_book_remembers_is_shown_by_series(metrics: Metrics) -> None:
    series = Series(
        Key("binance", "BTCUSDT"),
        seen=IdIntervals([1, 5], [3, 9]),
        newest=1_610_064_090_000,
        arrived=5_000,
        candles={60_000: {1: None, 2: None}, 300_000: {1: None}},  # type: ignore[dict-item]
    )
    metrics.book(BookState(clock=25_000, series=[series, Series(Key("kraken", "BTC/USD"))]), lateness=300_000)
    assert value(metrics, "state_open_candles") == 3
    assert value(metrics, "trade_id_intervals", **BTC) == 2
    assert value(metrics, "stream_newest_trade_timestamp_seconds", **BTC) == 1_610_064_090
    # For 20 seconds nothing came, in which the watermark went on with the clock.
    assert value(metrics, "stream_watermark_timestamp_seconds", **BTC) == 1_610_064_090 + 20 - 300
    assert value(metrics, "stream_watermark_timestamp_seconds", exchange="kraken", symbol="BTC/USD") is None
