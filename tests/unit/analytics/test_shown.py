from __future__ import annotations

from decimal import Decimal

import pytest

from tradestream.analytics.candles import MINUTE_MS, Candle, Key, Update
from tradestream.analytics.metrics import Metrics

KEY = Key("binance", "BTCUSDT")
MINUTE = {**KEY._asdict(), "interval": "1m"}


def update(minute: int, close: str, *, is_closed: bool, length: int = MINUTE_MS) -> Update:
    price = Decimal(close)
    candle = Candle(minute * MINUTE_MS, Decimal(8), price, price, price, Decimal(2), 2 * price, Decimal(1), 3, 7, 9)
    return Update(KEY, length, candle, 0, is_closed)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def value(metrics: Metrics, name: str, labels: dict[str, str]) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_the_newest_candle_of_a_batch_is_shown_in_whatever_order_it_comes(metrics: Metrics) -> None:
    metrics.candles([update(2, "10", is_closed=False), update(1, "9", is_closed=True)])
    assert value(metrics, "candle_close", MINUTE) == 10
    assert value(metrics, "candle_price_change_percent", MINUTE) == 25
    assert value(metrics, "candle_sell_volume", MINUTE) == 1
    metrics.candles([update(2, "11.5", is_closed=False), update(0, "20", is_closed=False, length=5 * MINUTE_MS)])
    assert value(metrics, "candle_close", MINUTE) == 11.5
    assert value(metrics, "candle_close", {**MINUTE, "interval": "5m"}) == 20


def test_closed_candles_are_counted(metrics: Metrics) -> None:
    metrics.candles([update(minute, "9", is_closed=minute < 2) for minute in range(3)])
    metrics.candles([update(2, "9", is_closed=True)])
    assert value(metrics, "candles_closed_total", MINUTE) == 3


def test_an_indicator_that_is_absent_now_is_taken_away(metrics: Metrics) -> None:
    metrics.indicators(KEY, MINUTE_MS, {"rsi": 50.0, "sma": 10.0})
    assert value(metrics, "candle_rsi", MINUTE) == 50
    metrics.indicators(KEY, MINUTE_MS, {"sma": 11.0})
    assert value(metrics, "candle_rsi", MINUTE) is None
    assert value(metrics, "candle_sma", MINUTE) == 11


def test_what_has_no_candle_yet_is_named_all_the_same(metrics: Metrics) -> None:
    assert {"candle_open", "candle_rsi"} <= {family.name for family in metrics.registry.collect()}
