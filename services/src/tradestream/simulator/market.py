"""Made-up trades: for each symbol a random walk from a seed, at a set rate."""

from __future__ import annotations

import random
import re
from typing import NamedTuple

from tradestream.dump import Row
from tradestream.simulator.symbols import exchange_of

_SCALE = 8
"""Digits after the point, as Binance writes all numbers and the others write quantities."""


class _Pair(NamedTuple):
    """Where a symbol's walk begins, and the digits of its price and quantity."""

    price: str
    price_digits: int
    quantity_digits: int


_PAIRS = {
    "BTCUSDT": _Pair("97000", 2, 5),
    "ETHUSDT": _Pair("3300", 2, 4),
    "BNBUSDT": _Pair("650", 2, 3),
    "SOLUSDT": _Pair("190", 2, 3),
    "XRPUSDT": _Pair("2.2", 4, 1),
    "ADAUSDT": _Pair("0.9", 4, 1),
    "DOGEUSDT": _Pair("0.33", 5, 0),
    "DOTUSDT": _Pair("7.1", 3, 2),
    "AVAXUSDT": _Pair("38", 2, 2),
    "POLUSDT": _Pair("0.48", 4, 1),
}
_OTHER = _Pair("100", 2, 3)
_TYPICAL_TRADE = 500.0  # in the quote asset
_STEP = 0.0001  # a trade moves the price by about so much of it


class Walk:
    """The trades of one symbol, one after the other.

    Prices move in whole ticks and stay between a tenth and ten times where they began.
    """

    def __init__(self, symbol: str, seed: int, last: Row | None) -> None:
        """Begins at the symbol's usual price, or goes on after `last`."""
        pair = _pair(symbol)
        # On Kraken no two trades of a pair have the same time, which is what its REST pages by.
        self._apart_us = 1 if exchange_of(symbol) == "kraken" else 0
        self._scale = _SCALE if exchange_of(symbol) == "binance" else pair.price_digits
        self._price_digits, self._quantity_digits = pair.price_digits, pair.quantity_digits
        start = round(float(pair.price) * 10**pair.price_digits)
        self._low, self._high = max(1, start // 10), start * 10
        self._ticks = _units(last.price, pair.price_digits) if last else start
        self._last_id = last.trade_id if last else 0
        self._last_time = last.time if last else 0
        self._random = random.Random(f"{seed}:{symbol}:{self._last_id}")  # noqa: S311 - a market, not a secret

    def skip(self, ids: int) -> None:
        """Leaves out the next ids: no trade will ever have them."""
        self._last_id += ids

    def next(self, now_us: int) -> Row:
        """Makes the next trade, at `now_us` or, if the clock went back, at the time of the one before."""
        gauss = self._random.gauss
        self._ticks = min(self._high, max(self._low, self._ticks + round(gauss(0.0, 1.0) * self._ticks * _STEP)))
        price = self._ticks / 10**self._price_digits
        typical = _TYPICAL_TRADE / price * 10**self._quantity_digits
        lots = max(1, round(typical * self._random.expovariate(1.0)))
        self._last_id += 1
        self._last_time = max(self._last_time + self._apart_us, now_us)
        return Row(
            self._last_id,
            _text(self._ticks, self._price_digits, self._scale),
            _text(lots, self._quantity_digits),
            _text(self._ticks * lots, self._price_digits + self._quantity_digits),
            self._last_time,
            self._random.random() < 0.5,  # noqa: PLR2004 - as many sell as buy
        )


def _pair(symbol: str) -> _Pair:
    """Looks a symbol up, or the pair of Binance's that has its base asset."""
    base = re.split("[-/]", symbol)[0]
    return _PAIRS.get(symbol) or _PAIRS.get(f"{base}USDT") or _OTHER


def _text(units: int, digits: int, scale: int = _SCALE) -> str:
    text = f"{units * 10 ** (scale - digits):0{scale + 1}d}"
    return f"{text[:-scale]}.{text[-scale:]}"


def _units(text: str, digits: int) -> int:
    whole, _, rest = text.partition(".")
    return int(whole + rest.ljust(digits, "0")[:digits])
