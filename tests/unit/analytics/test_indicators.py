"""Indicators against TA-Lib, and against numpy where TA-Lib has none, over random series of candles."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from tradestream.analytics.candles import MINUTE_MS, Candle
from tradestream.analytics.indicators import NAMES, Figures, IndicatorConfig, Indicators, SeriesState

CONFIG = IndicatorConfig(
    sma=7, ema=9, rsi=5, bollinger=8, bollinger_width=2.5, vwap=6, volatility=4, zscore=10, pressure=3
)
START = 1_700_000_100_000
TOLERANCE = 1e-9


def candle(number: int, close: Decimal, volume: Decimal = Decimal(1), bought: Decimal = Decimal(0)) -> Candle:
    return Candle(
        open_time=START + number * MINUTE_MS,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=volume,
        quote_volume=close * volume * Decimal("1.01"),
        buy_volume=bought,
        trade_count=1,
        first_trade_id=number,
        last_trade_id=number,
    )


@st.composite
def series(draw: st.DrawFn, least: str = "0.001") -> list[Candle]:
    """Prices that move by up to a tenth from candle to candle, and sometimes rest; the first is at least ``least``."""
    price = draw(st.decimals(least, "99999", places=6))
    steps = draw(st.lists(st.one_of(st.just(0), st.integers(-1000, 1000)), min_size=1, max_size=80))
    candles = []
    for number, step in enumerate(steps):
        price = max(Decimal("0.000001"), (price * (1 + Decimal(step) / 10_000)).quantize(Decimal("1e-12")))
        volume = draw(st.decimals("0.00000001", "99999", places=8))
        share = Decimal(draw(st.integers(0, 100))) / 100
        candles.append(candle(number, price, volume, volume * share))
    return candles


def ran(candles: list[Candle], state: SeriesState | None = None) -> list[Figures]:
    indicators, state = Indicators(CONFIG, [("ema", 4), ("sma", 12)]), state or SeriesState()
    found = []
    for each in candles:
        indicators.add(state, each)
        found.append(state.figures)
    return found


def column(found: list[Figures], name: str) -> np.ndarray[Any, Any]:
    return np.array([figures.get(name, np.nan) for figures in found])


def numbers(candles: list[Candle], name: str) -> np.ndarray[Any, Any]:
    return np.array([float(getattr(each, name)) for each in candles])


def rolling(values: np.ndarray[Any, Any], period: int, function: Any) -> np.ndarray[Any, Any]:  # noqa: ANN401
    """A function of each window, absent before the first."""
    if len(values) < period:
        return np.full(len(values), np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(values, period)
    return np.concatenate([np.full(period - 1, np.nan), [function(window) for window in windows]])


SIDES = (("upper", 1), ("middle", 0), ("lower", -1))


def moments(candles: list[Candle]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Mean and deviation of the closes in the bands' window."""
    closes = numbers(candles, "close")
    return rolling(closes, CONFIG.bollinger, np.mean), rolling(closes, CONFIG.bollinger, np.std)


def zscore(window: np.ndarray[Any, Any]) -> Any:  # noqa: ANN401
    # numpy's deviation of a window that does not vary is not always 0.
    return np.nan if np.ptp(window) == 0 else (window[-1] - np.mean(window)) / np.std(window)


@given(series())
def test_moving_averages_are_those_of_ta_lib(candles: list[Candle]) -> None:
    closes, found = numbers(candles, "close"), ran(candles)
    for name, expected in {
        "sma": talib.SMA(closes, CONFIG.sma),
        "sma:12": talib.SMA(closes, 12),
        "ema": talib.EMA(closes, CONFIG.ema),
        "ema:4": talib.EMA(closes, 4),
    }.items():
        np.testing.assert_allclose(column(found, name), expected, rtol=TOLERANCE, err_msg=name)


# TA-Lib takes what is below 1e-14, averages of changes and variances, for nothing: with such prices none gets so small.
COARSE = "100"


@given(series(COARSE))
def test_the_rsi_is_that_of_ta_lib(candles: list[Candle]) -> None:
    found = column(ran(candles), "rsi")
    expected = talib.RSI(numbers(candles, "close"), CONFIG.rsi)
    # Without any change there is none here; TA-Lib says 0, which would be the strongest signal there is.
    expected[np.isnan(found) & (expected == 0)] = np.nan
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


@given(series())
def test_the_bands_are_those_of_numpy(candles: list[Candle]) -> None:
    middle, deviation = moments(candles)
    for name, side in SIDES:
        expected = middle + side * CONFIG.bollinger_width * deviation
        np.testing.assert_allclose(column(ran(candles), f"bollinger_{name}"), expected, rtol=TOLERANCE, err_msg=name)


@given(series(COARSE))
def test_the_bands_are_those_of_ta_lib(candles: list[Candle]) -> None:
    middle, deviation = moments(candles)
    width = CONFIG.bollinger_width
    bands = talib.BBANDS(numbers(candles, "close"), CONFIG.bollinger, width, width)
    # TA-Lib takes the deviation from sums of squares, half of whose digits cancel where a window hardly varies.
    varies = deviation > middle * 1e-5
    for (name, _), expected in zip(SIDES, bands, strict=True):
        found = column(ran(candles), f"bollinger_{name}")
        np.testing.assert_allclose(found[varies], expected[varies], rtol=TOLERANCE, err_msg=name)


@given(series())
def test_what_ta_lib_has_not_is_as_defined_in_numpy(candles: list[Candle]) -> None:
    found = ran(candles)
    closes, volumes = numbers(candles, "close"), numbers(candles, "volume")
    quotes, bought = numbers(candles, "quote_volume"), numbers(candles, "buy_volume")

    def total(values: np.ndarray[Any, Any], period: int) -> np.ndarray[Any, Any]:
        return rolling(values, period, np.sum)

    returns = np.concatenate([[np.nan], np.diff(np.log(closes))])
    for name, expected in {
        "rolling_vwap": total(quotes, CONFIG.vwap) / total(volumes, CONFIG.vwap),
        "realised_volatility": np.sqrt(total(returns**2, CONFIG.volatility)),
        "price_zscore": rolling(closes, CONFIG.zscore, zscore),
        "volume_zscore": rolling(volumes, CONFIG.zscore, zscore),
        "pressure": total(2 * bought - volumes, CONFIG.pressure) / total(volumes, CONFIG.pressure),
    }.items():
        np.testing.assert_allclose(column(found, name), expected, rtol=TOLERANCE, atol=TOLERANCE, err_msg=name)


@given(series(), st.integers(0, 80))
def test_a_restart_changes_no_bit(candles: list[Candle], at: int) -> None:
    indicators, state = Indicators(CONFIG), SeriesState()
    for number, each in enumerate(candles):
        if number == at:
            state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=SeriesState)
        indicators.add(state, each)
    whole = SeriesState()
    for each in candles:
        indicators.add(whole, each)
    assert state == whole


def test_nothing_is_there_before_there_are_enough_candles() -> None:
    found = ran([candle(number, Decimal(100 + number % 3), Decimal(1 + number % 2)) for number in range(20)])
    first = {name: next(at for at, figures in enumerate(found, 1) if name in figures) for name in NAMES}
    assert first == {
        "sma": CONFIG.sma,
        "ema": CONFIG.ema,
        "rsi": CONFIG.rsi + 1,
        "bollinger_upper": CONFIG.bollinger,
        "bollinger_middle": CONFIG.bollinger,
        "bollinger_lower": CONFIG.bollinger,
        "rolling_vwap": CONFIG.vwap,
        "realised_volatility": CONFIG.volatility + 1,
        "price_zscore": CONFIG.zscore,
        "volume_zscore": CONFIG.zscore,
        "pressure": CONFIG.pressure,
    }


def test_a_price_that_rests_has_no_rsi_and_no_zscore() -> None:
    figures = ran([candle(number, Decimal("0.1")) for number in range(40)])[-1]
    assert {"rsi", "price_zscore", "volume_zscore"} & set(figures) == set()
    assert figures["bollinger_upper"] == figures["bollinger_lower"] == pytest.approx(0.1, abs=1e-15)
    assert figures["realised_volatility"] == 0


def test_the_state_is_bounded() -> None:
    indicators, state = Indicators(CONFIG), SeriesState()
    sizes = []
    for number in range(500):
        indicators.add(state, candle(number, Decimal(100 + number % 7)))
        sizes.append(len(state.bars))
    assert max(sizes) == sizes[-1] == indicators.window == 10


def test_another_period_begins_anew_and_leaves_nothing_behind() -> None:
    state = SeriesState()
    for number in range(30):
        Indicators(CONFIG).add(state, candle(number, Decimal(100 + number % 7)))
    changed = Indicators(msgspec.structs.replace(CONFIG, ema=3, rsi=4))
    for number in range(30, 33):
        changed.add(state, candle(number, Decimal(90)))
    assert state.figures["ema"] == 90
    assert "rsi" not in state.figures
    assert set(state.averages) == {"ema:3", "gain:4", "loss:4"}
