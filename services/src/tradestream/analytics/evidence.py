"""What each rule looks for in a closed candle or a trade, and the figures that it fires with.

A crossing fires with the candle that crosses and not again before the figure was back: it needs the figure of the
candle before. So the first candle that has an RSI, bands or averages fires nothing. A move and a large trade are events
of their own, each time anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from tradestream.analytics.candles import EXACT, PERCENT_STEP, Candle, Key
from tradestream.analytics.indicators import Bar, Figures, IndicatorConfig, SeriesState, average, mean
from tradestream.analytics.publish import plain
from tradestream.analytics.rules import (
    AnyRule,
    AverageCrossing,
    BandCrossing,
    LargeTrade,
    PriceMove,
    RsiCrossing,
    Spread,
    VolumeAnomaly,
)

Evidence = dict[str, Any]


class BigTrade(NamedTuple):
    """A trade that a rule about single trades may want; when the producer received it, in microseconds since 1970."""

    key: Key
    trade_id: int
    price: Decimal
    quantity: Decimal
    trade_time: int
    buyer_is_maker: bool
    received: int


class Moment(NamedTuple):
    """A closed candle in its series.

    Attributes:
        interval: Its length in ms.
        candle: The candle.
        series: Its series with the candle as the newest bar.
        config: What the figures are computed over.
    """

    interval: int
    candle: Candle
    series: SeriesState
    config: IndicatorConfig


def of_candle(rule: AnyRule, moment: Moment) -> Evidence | None:
    """The evidence if a rule that looks at one series fires with this candle."""
    match rule:
        case PriceMove():
            return _move(rule, moment)
        case RsiCrossing():
            return _rsi(rule, moment)
        case BandCrossing():
            return _bands(moment)
        case AverageCrossing():
            return _averages(rule, moment.series)
        case VolumeAnomaly():
            return _volume(rule, moment)
    return None


def of_trade(rule: LargeTrade, trade: BigTrade) -> Evidence | None:
    """The evidence if the trade is as large as the rule says."""
    amount = EXACT.multiply(trade.price, trade.quantity)
    if amount < _exact(rule.amount):
        return None
    return {
        "trade_id": trade.trade_id,
        "taker": "sell" if trade.buyer_is_maker else "buy",
        "price": plain(trade.price),
        "quantity": plain(trade.quantity),
        "amount": plain(amount),
        "threshold_amount": rule.amount,
    }


class Side(NamedTuple):
    """One exchange's candles of a pair, up to the moment that is looked at."""

    key: Key
    bars: Sequence[Bar]


def of_spread(rule: Spread, here: Side, there: Side) -> tuple[Key, Key, Evidence] | None:
    """Where to buy and to sell with which evidence, if the newest bar of ``here`` is far from that of ``there``.

    Both have a bar of that minute, or nothing fires. It fires once for as long as the same way pays.
    """
    now = here.bars[-1].open_time
    common = {bar.open_time: bar.close for bar in there.bars if bar.open_time <= now}
    if now not in common:
        return None
    pays = _pays(rule, here, there, common[now])
    if pays is None:
        return None
    earlier = next((bar for bar in reversed(here.bars[:-1]) if bar.open_time in common), None)
    if earlier is not None:
        past = _pays(rule, Side(here.key, [earlier]), there, common[earlier.open_time])
        if past is not None and past[0] == pays[0]:
            return None
    return pays


def _pays(rule: Spread, here: Side, there: Side, close: float) -> tuple[Key, Key, Evidence] | None:
    own = here.bars[-1].close
    (low, buy), (high, sell) = sorted([(own, here.key), (close, there.key)])
    buy_fee, sell_fee = rule.fee(buy.exchange), rule.fee(sell.exchange)
    net = 100 * (high * (1 - sell_fee / 100) / (low * (1 + buy_fee / 100)) - 1)
    if net <= rule.percent:
        return None
    evidence = {
        "buy_exchange": buy.exchange,
        "buy_symbol": buy.symbol,
        "buy_close": low,
        "buy_fee_percent": buy_fee,
        "sell_exchange": sell.exchange,
        "sell_symbol": sell.symbol,
        "sell_close": high,
        "sell_fee_percent": sell_fee,
        "spread_percent": 100 * (high / low - 1),
        "net_percent": net,
        "threshold_percent": rule.percent,
    }
    return buy, sell, evidence


def _move(rule: PriceMove, moment: Moment) -> Evidence | None:
    """From the price in force when the candle began to its high or its low, whichever is further.

    That price is the close of the candle before; where a minute without a trade lies between, it is the open.
    """
    candle, series = moment.candle, moment.series
    follows = len(series.bars) > 1 and series.bars[-2].open_time + moment.interval == candle.open_time
    before = series.close_before if follows else None
    start = candle.open if before is None else before
    up, down = EXACT.subtract(candle.high, start), EXACT.subtract(start, candle.low)
    move = EXACT.multiply(max(up, down), 100)
    if move <= EXACT.multiply(start, _exact(rule.percent)):
        return None
    return {
        "direction": "up" if up >= down else "down",
        "percent": plain(EXACT.divide(move, start).quantize(PERCENT_STEP, context=EXACT)),
        "threshold_percent": rule.percent,
        "from": plain(start),
        "from_is": "open" if before is None else "previous close",
        "to": plain(candle.high if up >= down else candle.low),
        "close": plain(candle.close),
        "trade_count": candle.trade_count,
    }


def _rsi(rule: RsiCrossing, moment: Moment) -> Evidence | None:
    now, before = _both(moment.series, "rsi")
    if now is None or before is None:
        return None
    if before <= rule.above < now:
        direction, mark = "above", rule.above
    elif before >= rule.below > now:
        direction, mark = "below", rule.below
    else:
        return None
    return {
        "direction": direction,
        "rsi": now,
        "rsi_before": before,
        "threshold": mark,
        "period": moment.config.rsi,
        "close": plain(moment.candle.close),
    }


def _bands(moment: Moment) -> Evidence | None:
    figures, before, bars = moment.series.figures, moment.series.before, moment.series.bars
    if "bollinger_upper" not in before or "bollinger_upper" not in figures:
        return None
    close, earlier = bars[-1].close, bars[-2].close
    if close > figures["bollinger_upper"] and earlier <= before["bollinger_upper"]:
        direction, band = "above", "upper"
    elif close < figures["bollinger_lower"] and earlier >= before["bollinger_lower"]:
        direction, band = "below", "lower"
    else:
        return None
    return {
        "direction": direction,
        "close": plain(moment.candle.close),
        "close_before": earlier,
        "band": figures[f"bollinger_{band}"],
        "band_before": before[f"bollinger_{band}"],
        "middle": figures["bollinger_middle"],
        "period": moment.config.bollinger,
        "width": moment.config.bollinger_width,
    }


def _averages(rule: AverageCrossing, series: SeriesState) -> Evidence | None:
    fast, slow = (_both(series, average(rule.average, period)) for period in (rule.fast, rule.slow))
    if None in (*fast, *slow):
        return None
    now, before = _difference(series.figures, rule), _difference(series.before, rule)
    if not (before <= 0 < now or before >= 0 > now):
        return None
    return {
        "direction": "above" if now > 0 else "below",
        "average": rule.average,
        "fast_period": rule.fast,
        "slow_period": rule.slow,
        "fast": fast[0],
        "slow": slow[0],
        "fast_before": fast[1],
        "slow_before": slow[1],
    }


def _difference(figures: Figures, rule: AverageCrossing) -> float:
    return figures[average(rule.average, rule.fast)] - figures[average(rule.average, rule.slow)]


def _volume(rule: VolumeAnomaly, moment: Moment) -> Evidence | None:
    now, before = _both(moment.series, "volume_zscore")
    if now is None or now <= rule.zscore or (before is not None and before > rule.zscore):
        return None
    period = moment.config.zscore
    return {
        "zscore": now,
        "zscore_before": before,
        "threshold": rule.zscore,
        "volume": plain(moment.candle.volume),
        "mean_volume": mean([bar.volume for bar in moment.series.bars[-period:]]),
        "period": period,
    }


@cache
def _exact(number: float) -> Decimal:
    """A number of a rule as it is written there."""
    return Decimal(repr(number))


def _both(series: SeriesState, name: str) -> tuple[float | None, float | None]:
    """A figure after this candle and after the one before."""
    return series.figures.get(name), series.before.get(name)
