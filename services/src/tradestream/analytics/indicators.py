"""Indicators over the closed candles of one series and interval, one candle at a time.

A window counts candles, as technical analysis and TA-Lib count bars: a minute without a trade has no candle and takes
no place in a window, and nothing is carried forward into it. The numbers are floats, as in the libraries that they are
tested against; the candles they are made from stay exact. Before there are enough candles a figure is absent, and so is
one that has no value: an RSI without any change of price, a z-score where nothing varies.

Every figure of a window is summed anew from its candles, so that no error builds up. Only EMA and RSI are recursive;
both begin, as in TA-Lib, with the simple mean of their first values.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from typing import Annotated, Literal, NamedTuple

import msgspec

from tradestream.analytics.candles import Candle
from tradestream.config import PositiveFloat, Section

# The longest window bounds what each record of the state has to hold.
Period = Annotated[int, msgspec.Meta(ge=2, le=1000)]
Kind = Literal["sma", "ema"]
Figures = dict[str, float]

NAMES = {
    "sma": "Simple moving average of the closes",
    "ema": "Exponential moving average of the closes",
    "rsi": "Relative strength index by Wilder",
    "bollinger_upper": "Upper Bollinger band",
    "bollinger_middle": "Middle Bollinger band",
    "bollinger_lower": "Lower Bollinger band",
    "rolling_vwap": "Volume-weighted average price of a window",
    "realised_volatility": "Root of the sum of squared logarithmic returns",
    "price_zscore": "Standard deviations of the close from the mean close",
    "volume_zscore": "Standard deviations of the volume from the mean volume",
    "pressure": "Bought less sold quantity of a window in parts of its volume",
}


class IndicatorConfig(Section, frozen=True, kw_only=True):
    """How many candles each indicator looks at.

    Attributes:
        sma: Simple moving average.
        ema: Exponential moving average.
        rsi: Relative strength index.
        bollinger: Bollinger bands.
        bollinger_width: Their distance from the middle, in standard deviations.
        vwap: Volume-weighted average price.
        volatility: Returns in the realised volatility.
        zscore: z-scores of price and of volume.
        pressure: Buy and sell pressure.
    """

    sma: Period = 20
    ema: Period = 20
    rsi: Period = 14
    bollinger: Period = 20
    bollinger_width: PositiveFloat = 2.0
    vwap: Period = 20
    volatility: Period = 20
    zscore: Period = 20
    pressure: Period = 5


class Bar(NamedTuple):
    """What the windows need of a closed candle."""

    open_time: int
    close: float
    volume: float
    quote_volume: float
    buy_volume: float


class Moments(NamedTuple):
    """Of a window's values.

    Attributes:
        mean: Their mean.
        deviation: Their standard deviation as a whole population; exactly 0 where they are all the same.
    """

    mean: float
    deviation: float


class Average(msgspec.Struct, array_like=True):
    """A recursive average that begins as the simple mean of its first values.

    Attributes:
        seen: How many values it was given.
        value: What it is after them.
    """

    seen: int = 0
    value: float = 0.0

    def add(self, number: float, period: int, weight: float) -> float | None:
        """Take one value more; the average, once there were ``period``."""
        self.seen += 1
        self.value += (number - self.value) * (weight if self.seen > period else 1 / self.seen)
        return self.value if self.seen >= period else None


class SeriesState(msgspec.Struct):
    """What is remembered of the closed candles of one exchange, symbol and interval.

    Attributes:
        bars: The newest, oldest first.
        averages: Recursive averages by name and period.
        figures: Indicators after the newest candle.
        before: Indicators after the candle before it.
        close: Close of the newest candle, exact.
        close_before: Close of the candle before it, exact.
    """

    bars: list[Bar] = []
    averages: dict[str, Average] = {}
    figures: Figures = {}
    before: Figures = {}
    close: Decimal | None = None
    close_before: Decimal | None = None


class Indicators:
    """The indicators that a configuration asks for.

    Args:
        config: Their periods.
        averages: Moving averages besides those, each a kind and a period; their figures are called as `average` says.
        least_window: How many candles to remember at the least.
    """

    def __init__(
        self, config: IndicatorConfig, averages: Iterable[tuple[Kind, int]] = (), least_window: int = 2
    ) -> None:
        self._config = config
        asked = {*averages}
        # By what a figure is called, its period.
        self._simple = {"sma": config.sma, **{average(*each): each[1] for each in asked if each[0] == "sma"}}
        self._recursive = {"ema": config.ema, **{average(*each): each[1] for each in asked if each[0] == "ema"}}
        windows = [config.bollinger, config.vwap, config.volatility + 1, config.zscore, config.pressure]
        self._widest = max([*windows, *self._simple.values()])
        self.window = max(self._widest, least_window)

    def add(self, state: SeriesState, candle: Candle) -> None:
        """Bring ``state`` from one closed candle to the next."""
        previous = state.bars[-1].close if state.bars else None
        state.bars = [*state.bars[1 - self.window :], _bar(candle)]
        # What the configuration no longer asks for is forgotten; what it asks for anew begins now.
        averages: dict[str, Average] = {}
        found: Figures = {}
        _, close, volume, quote_volume, buy_volume = zip(*state.bars[-self._widest :], strict=True)
        self._prices(close, found)
        self._volumes(volume, quote_volume, buy_volume, found)
        self._moving(state, averages, found)
        if previous is not None:
            self._strength(state, averages, state.bars[-1].close - previous, found)
        state.averages = averages
        state.close_before, state.close = state.close, candle.close
        state.before, state.figures = state.figures, found

    def _moving(self, state: SeriesState, kept: dict[str, Average], found: Figures) -> None:
        close = state.bars[-1].close
        known: dict[int, float | None] = {}
        for name, period in self._recursive.items():
            if period not in known:
                of = _kept("ema", period, state, kept)
                known[period] = of.add(close, period, 2 / (period + 1))
            if (value := known[period]) is not None:
                found[name] = value

    def _strength(self, state: SeriesState, kept: dict[str, Average], change: float, found: Figures) -> None:
        period = self._config.rsi
        gain = _kept("gain", period, state, kept).add(max(change, 0.0), period, 1 / period)
        loss = _kept("loss", period, state, kept).add(max(-change, 0.0), period, 1 / period)
        if gain is not None and loss is not None and gain + loss:
            found["rsi"] = 100 * gain / (gain + loss)

    def _prices(self, close: Sequence[float], found: Figures) -> None:
        config, count = self._config, len(close)
        # Of each period once: most often several have the same.
        moments = {each: _moments(close[-each:]) for each in {config.bollinger, config.zscore} if count >= each}
        for name, period in self._simple.items():
            if count >= period:
                found[name] = moments[period].mean if period in moments else mean(close[-period:])
        if count >= config.bollinger:
            middle, deviation = moments[config.bollinger]
            reach = config.bollinger_width * deviation
            found["bollinger_upper"], found["bollinger_lower"] = middle + reach, middle - reach
            found["bollinger_middle"] = middle
        if count > config.volatility:
            found["realised_volatility"] = _volatility(close[-config.volatility - 1 :])
        if count >= config.zscore and (of := moments[config.zscore]).deviation:
            found["price_zscore"] = (close[-1] - of.mean) / of.deviation

    def _volumes(
        self,
        volume: Sequence[float],
        quote_volume: Sequence[float],
        buy_volume: Sequence[float],
        found: Figures,
    ) -> None:
        config, count = self._config, len(volume)
        if count >= config.vwap:
            found["rolling_vwap"] = math.fsum(quote_volume[-config.vwap :]) / math.fsum(volume[-config.vwap :])
        if count >= config.zscore and (of := _moments(volume[-config.zscore :])).deviation:
            found["volume_zscore"] = (volume[-1] - of.mean) / of.deviation
        if count >= config.pressure:
            whole = math.fsum(volume[-config.pressure :])
            found["pressure"] = (2 * math.fsum(buy_volume[-config.pressure :]) - whole) / whole


@cache
def average(kind: str, period: int) -> str:
    """What a recursive average, or the figure of a moving average that a rule asks for, is called."""
    return f"{kind}:{period}"


def mean(values: Sequence[float]) -> float:
    """Their mean, rounded but for the last bit as if it were exact."""
    return math.fsum(values) / len(values)


def _bar(candle: Candle) -> Bar:
    amounts = (candle.close, candle.volume, candle.quote_volume, candle.buy_volume)
    return Bar(candle.open_time, *map(float, amounts))


def _kept(name: str, period: int, state: SeriesState, kept: dict[str, Average]) -> Average:
    """A recursive average as ``state`` has it, or one that begins, which is to be ``kept``."""
    key = average(name, period)
    found = kept[key] = state.averages.get(key) or Average()
    return found


def _moments(values: Sequence[float]) -> Moments:
    middle = mean(values)
    if min(values) == max(values):
        return Moments(middle, 0.0)
    return Moments(middle, math.dist(values, [middle] * len(values)) / math.sqrt(len(values)))


def _volatility(closes: Sequence[float]) -> float:
    return math.hypot(*map(math.log, map(operator.truediv, closes[1:], closes)))
