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


class Columns(NamedTuple):
    """The newest bars, a figure at a time."""

    open_time: tuple[int, ...]
    close: tuple[float, ...]
    volume: tuple[float, ...]
    quote_volume: tuple[float, ...]
    buy_volume: tuple[float, ...]


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
        self._averages = sorted({*averages})
        windows = [config.sma, config.bollinger, config.vwap, config.volatility + 1, config.zscore, config.pressure]
        self._widest = max([*windows, *(period for kind, period in self._averages if kind == "sma")])
        self.window = max(self._widest, least_window)

    def add(self, state: SeriesState, candle: Candle) -> None:
        """Bring ``state`` from one closed candle to the next."""
        previous = state.bars[-1].close if state.bars else None
        state.bars = [*state.bars[1 - self.window :], _bar(candle)]
        columns = Columns(*zip(*state.bars[-self._widest :], strict=True))
        # What the configuration no longer asks for is forgotten; what it asks for anew begins now.
        averages: dict[str, Average] = {}
        found = {
            **self._moving(state, averages, columns.close),
            **self._strength(state, averages, columns.close[-1], previous),
            **self._windows(columns),
        }
        state.averages = averages
        state.close_before, state.close = state.close, candle.close
        state.before = state.figures
        state.figures = {name: value for name, value in found.items() if value is not None}

    def _moving(self, state: SeriesState, kept: dict[str, Average], closes: Sequence[float]) -> dict[str, float | None]:
        config = self._config
        wanted: list[tuple[str, Kind, int]] = [("sma", "sma", config.sma), ("ema", "ema", config.ema)]
        wanted += [(average(kind, period), kind, period) for kind, period in self._averages]
        known: dict[int, float | None] = {}
        found: dict[str, float | None] = {}
        for name, kind, period in wanted:
            if kind == "sma":
                found[name] = _mean(_newest(closes, period))
                continue
            if period not in known:
                of = kept[f"ema:{period}"] = state.averages.get(f"ema:{period}") or Average()
                known[period] = of.add(closes[-1], period, 2 / (period + 1))
            found[name] = known[period]
        return found

    def _strength(
        self, state: SeriesState, kept: dict[str, Average], close: float, previous: float | None
    ) -> dict[str, float | None]:
        period = self._config.rsi
        gains = kept[f"gain:{period}"] = state.averages.get(f"gain:{period}") or Average()
        losses = kept[f"loss:{period}"] = state.averages.get(f"loss:{period}") or Average()
        if previous is None:
            return {}
        gain = gains.add(max(close - previous, 0.0), period, 1 / period)
        loss = losses.add(max(previous - close, 0.0), period, 1 / period)
        if gain is None or loss is None or gain + loss == 0:
            return {}
        return {"rsi": 100 * gain / (gain + loss)}

    def _windows(self, columns: Columns) -> dict[str, float | None]:
        config, close, volume = self._config, columns.close, columns.volume
        # Of each period once: most often both have the same.
        of_closes = {period: _moments(_newest(close, period)) for period in {config.bollinger, config.zscore}}
        of_volumes = _moments(_newest(volume, config.zscore))
        return {
            **_bands(of_closes[config.bollinger], config.bollinger_width),
            "rolling_vwap": _vwap(_newest(columns.quote_volume, config.vwap), _newest(volume, config.vwap)),
            "realised_volatility": _volatility(_newest(close, config.volatility + 1)),
            "price_zscore": _zscore(close[-1], of_closes[config.zscore]),
            "volume_zscore": _zscore(volume[-1], of_volumes),
            "pressure": _pressure(_newest(columns.buy_volume, config.pressure), _newest(volume, config.pressure)),
        }


def average(kind: Kind, period: int) -> str:
    """What the figure of a moving average that a rule asks for is called."""
    return f"{kind}:{period}"


def mean(values: Sequence[float]) -> float:
    """Their mean, rounded but for the last bit as if it were exact."""
    return math.fsum(values) / len(values)


def _bar(candle: Candle) -> Bar:
    amounts = (candle.close, candle.volume, candle.quote_volume, candle.buy_volume)
    return Bar(candle.open_time, *map(float, amounts))


def _newest(values: Sequence[float], period: int) -> Sequence[float]:
    """The newest ``period`` of them; none while there are not so many."""
    return values[-period:] if len(values) >= period else ()


def _mean(values: Sequence[float]) -> float | None:
    return mean(values) if values else None


def _moments(values: Sequence[float]) -> Moments | None:
    if not values:
        return None
    middle = mean(values)
    if min(values) == max(values):
        return Moments(middle, 0.0)
    return Moments(middle, math.dist(values, [middle] * len(values)) / math.sqrt(len(values)))


def _bands(of_closes: Moments | None, width: float) -> dict[str, float | None]:
    if of_closes is None:
        return {}
    middle, reach = of_closes.mean, width * of_closes.deviation
    return {"bollinger_upper": middle + reach, "bollinger_middle": middle, "bollinger_lower": middle - reach}


def _vwap(quote_volumes: Sequence[float], volumes: Sequence[float]) -> float | None:
    return math.fsum(quote_volumes) / math.fsum(volumes) if volumes else None


def _volatility(closes: Sequence[float]) -> float | None:
    return math.hypot(*map(math.log, map(operator.truediv, closes[1:], closes))) if closes else None


def _zscore(newest: float, of_values: Moments | None) -> float | None:
    return (newest - of_values.mean) / of_values.deviation if of_values and of_values.deviation else None


def _pressure(buy_volumes: Sequence[float], volumes: Sequence[float]) -> float | None:
    if not volumes:
        return None
    volume = math.fsum(volumes)
    return (2 * math.fsum(buy_volumes) - volume) / volume
