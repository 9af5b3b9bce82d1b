from __future__ import annotations

import pytest

from tradestream.analytics.candles import Key
from tradestream.watch import market
from tradestream.watch.market import KEPT_CANDLES, KEPT_SIGNALS, Market, Series
from tradestream.watch.messages import Event
from unit.watch.events import NOW_MS, candle, signal, trade

BTC = Key("binance", "BTCUSDT")


def seen(*events: Event) -> Series:
    """The one series after these events."""
    known = Market("1m")
    known.take(events)
    return known.series[BTC]


def test_a_repaired_trade_does_not_bring_an_old_price_back() -> None:
    newest = trade("2", trade_id=2)
    assert seen(newest, trade("1", trade_id=1, trade_time=NOW_MS - 1)).trade == newest


def test_the_change_is_since_the_first_candle_of_the_trend() -> None:
    series = seen(candle(2, open="100", close="90"), candle(1, close="95"), candle(0, close="96"), trade("110"))
    assert series.change_percent == pytest.approx(10)
    assert series.trend == [90, 95, 110]
    assert series.since == candle(2, open="100", close="90")


def test_without_candles_or_without_a_trade_there_is_no_change() -> None:
    assert seen(trade()).change_percent is None
    assert seen(candle()).change_percent is None
    assert seen(candle(open="0"), trade()).change_percent is None


def test_a_closed_candle_stays_when_an_older_state_of_it_comes() -> None:
    series = seen(candle(close="2"), candle(close="1", is_closed=False))
    assert series.candles == {NOW_MS: candle(close="2")}


def test_candles_of_other_intervals_are_no_part_of_it() -> None:
    known = Market("5m")
    known.take([candle()])
    assert not known.series


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market, "MOST_SERIES", 3)
    known = Market("1m")
    known.take(candle(minute) for minute in range(2 * KEPT_CANDLES))
    known.take(signal() for _ in range(2 * KEPT_SIGNALS))
    known.take(trade(symbol=f"S{number}") for number in range(10))
    newest = [NOW_MS - minute * 60_000 for minute in range(KEPT_CANDLES)]
    assert [each.open_time for each in known.newest_candles(100)] == newest
    assert [each.open_time for each in known.newest_candles(2)] == newest[:2]
    assert len(known.signals) == KEPT_SIGNALS
    assert len(known.series) == 3


def test_of_the_kept_series_prices_go_on_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(market, "MOST_SERIES", 1)
    assert seen(trade("1"), trade("5", symbol="ETHUSDT"), trade("2")).trade == trade("2")
