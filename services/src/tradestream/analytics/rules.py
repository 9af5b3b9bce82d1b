"""Rules that make signals: a declarative list, each of a type with parameters of its own.

    rules:
      - {type: price_move, percent: 2}
      - {type: rsi, name: rsi-5m, interval: 5m, above: 75, below: 25}

What a type does is in `evidence`; docs/signals.md has all of them with examples.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec

from tradestream.analytics.indicators import IndicatorConfig, Kind, Period
from tradestream.config import PositiveFloat, Section
from tradestream.trade import MOST_AMOUNT, Name

RuleName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}\Z")]
Percent = Annotated[float, msgspec.Meta(ge=0, le=1000)]
Move = Annotated[float, msgspec.Meta(gt=0, le=1000)]
Amount = Annotated[float, msgspec.Meta(gt=0, le=MOST_AMOUNT)]
Strength = Annotated[float, msgspec.Meta(gt=0, lt=100)]
BaseQuote = Annotated[str, msgspec.Meta(pattern=r"^[A-Z0-9]{1,12}/[A-Z0-9]{1,12}\Z")]


class Rule(Section, frozen=True, kw_only=True, tag_field="type"):
    """What all rules have.

    Attributes:
        name: What its signals call it; the type where it has none. No two rules have the same.
        exchanges: Only these; all where it names none.
        symbols: Only these, as their exchange writes them; all where it names none.
    """

    name: RuleName | None = None
    exchanges: tuple[Name, ...] = ()
    symbols: tuple[Name, ...] = ()

    @property
    def type(self) -> str:
        """Its type."""
        return str(self.__struct_config__.tag)

    @property
    def called(self) -> str:
        """Its name, or its type."""
        return self.name or self.type

    def covers(self, exchange: str, symbol: str) -> bool:
        """Whether it is for this series."""
        return (not self.exchanges or exchange in self.exchanges) and (not self.symbols or symbol in self.symbols)


class CandleRule(Rule, frozen=True, kw_only=True):
    """A rule that looks at closed candles.

    Attributes:
        interval: Of this length.
    """

    interval: str = "1m"


class PriceMove(CandleRule, frozen=True, kw_only=True, tag="price_move"):
    """The price went further within one candle.

    Attributes:
        percent: Than this.
    """

    percent: Move = 2.0


class RsiCrossing(CandleRule, frozen=True, kw_only=True, tag="rsi"):
    """The RSI rose above one mark or fell below another.

    Attributes:
        above: Overbought.
        below: Oversold.
    """

    above: Strength = 70.0
    below: Strength = 30.0

    def __post_init__(self) -> None:
        if self.below >= self.above:
            raise ValueError(f"below is {self.below:g} and above {self.above:g}; below must be less than above")


class BandCrossing(CandleRule, frozen=True, kw_only=True, tag="bollinger"):
    """The close left the Bollinger bands."""


class AverageCrossing(CandleRule, frozen=True, kw_only=True, tag="moving_average_cross"):
    """The fast moving average crossed the slow one.

    Attributes:
        average: Simple or exponential.
        fast: Candles of the one.
        slow: Candles of the other.
    """

    average: Kind = "ema"
    fast: Period = 12
    slow: Period = 26

    def __post_init__(self) -> None:
        if self.fast >= self.slow:
            raise ValueError(f"fast is {self.fast} and slow {self.slow}; fast must be less than slow")


class VolumeAnomaly(CandleRule, frozen=True, kw_only=True, tag="volume_anomaly"):
    """The z-score of the volume rose above a mark.

    Attributes:
        zscore: The mark.
    """

    zscore: PositiveFloat = 3.0


class Spread(CandleRule, frozen=True, kw_only=True, tag="cross_exchange_spread"):
    """The closes of one pair on two exchanges are further apart than what a trade on both costs.

    Attributes:
        percent: By more than this beyond the fees.
        fees: Taker's fee by exchange, in percent.
        other_fee: That of any other exchange.
        pairs: BASE/QUOTE of symbols that `pairs.pair` cannot read, or reads otherwise.
    """

    percent: Percent = 0.2
    fees: dict[Name, Percent] = msgspec.field(default_factory=lambda: {"binance": 0.1, "coinbase": 0.6, "kraken": 0.4})
    other_fee: Percent = 0.6
    pairs: dict[Name, BaseQuote] = msgspec.field(default_factory=dict)

    def fee(self, exchange: str) -> float:
        """What a taker pays there, in percent."""
        return self.fees.get(exchange, self.other_fee)


class LargeTrade(Rule, frozen=True, kw_only=True, tag="large_trade"):
    """One trade of at least so much.

    Attributes:
        amount: Price times quantity, in the pair's quote currency.
    """

    amount: Amount = 500_000.0


AnyRule = PriceMove | RsiCrossing | BandCrossing | AverageCrossing | VolumeAnomaly | Spread | LargeTrade


def least_amount(rules: Iterable[AnyRule]) -> float | None:
    """The least amount of a single trade that any of the rules wants; None where none does."""
    return min((rule.amount for rule in rules if isinstance(rule, LargeTrade)), default=None)


def in_doubles(amount: float) -> float:
    """What price times quantity has to reach as doubles, where the product is at least an amount.

    Doubles are cheap, and this is a little less, lest rounding hide a trade: the rules compare exactly afterwards.
    """
    return amount * (1 - 1e-12)


def check(rules: Sequence[AnyRule], indicators: IndicatorConfig, intervals: Sequence[str]) -> None:
    """Hold rules against one another and against the rest of the configuration.

    Args:
        rules: All of them.
        indicators: What they are computed over.
        intervals: Lengths of candles that there are.

    Raises:
        ValueError: It names the rule, the key and what is allowed.
    """
    names = Counter(rule.called for rule in rules)
    for number, rule in enumerate(rules):
        where = f"rules[{number}] ({rule.called})"
        if names[rule.called] > 1:
            raise ValueError(f"{where}: name: {names[rule.called]} rules are called so; give each a name of its own")
        _check_candles(rule, where, intervals)
        if isinstance(rule, VolumeAnomaly):
            _check_reach(f"{where}: zscore", rule.zscore, "zscore", indicators.zscore)
        if isinstance(rule, BandCrossing):
            _check_reach(
                f"{where}: indicators.bollinger_width", indicators.bollinger_width, "bollinger", indicators.bollinger
            )


def _check_reach(where: str, deviations: float, period_name: str, period: int) -> None:
    """No value of a window is further from the window's mean than this, whatever the others are."""
    most = math.sqrt(period - 1)
    if deviations >= most:
        raise ValueError(
            f"{where}: {deviations:g} can never be passed with {period} candles (indicators.{period_name}); "
            f"allowed is less than {most:.3f}, the root of one candle less"
        )


def _check_candles(rule: Any, where: str, intervals: Sequence[str]) -> None:  # noqa: ANN401
    if isinstance(rule, CandleRule) and rule.interval not in intervals:
        allowed = ", ".join(intervals)
        raise ValueError(f"{where}: interval: there are no candles of {rule.interval!r}; allowed here: {allowed}")
