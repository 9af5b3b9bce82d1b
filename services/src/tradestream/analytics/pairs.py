"""Which symbols of two exchanges mean the same pair.

Binance writes BTCUSDT, Coinbase BTC-USDT, Kraken BTC/USDT. Without a separator the quote is the longest of `QUOTES`
that the symbol ends with; a symbol that ends with none of them is of no known pair. Only equal pairs are the same:
BTC/USD is not BTC/USDT, since a stablecoin has a price of its own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

QUOTES = (
    *("USDT", "USDC", "FDUSD", "TUSD", "BUSD", "USDE", "USD1", "DAI"),
    *("USD", "EUR", "GBP", "AUD", "BRL", "CAD", "CHF", "JPY", "TRY"),
    *("BTC", "ETH", "BNB"),
)
# Two names of one coin; Kraken's older interfaces have these.
ALIASES = {"XBT": "BTC", "XDG": "DOGE"}

_SEPARATED = re.compile(r"([A-Z0-9]{1,12})[-/]([A-Z0-9]{1,12})")
_JOINED = re.compile(rf"([A-Z0-9]+?)({'|'.join(sorted(QUOTES, key=len, reverse=True))})")


def pair(symbol: str, known: Mapping[str, str] | None = None) -> str | None:
    """``BTC-USDT``, ``BTC/USDT`` and ``BTCUSDT`` as ``BTC/USDT``; None where the symbol does not tell.

    Args:
        symbol: As its exchange writes it.
        known: Pairs of symbols that are not to be read so.
    """
    if known and symbol in known:
        return known[symbol]
    match = _SEPARATED.fullmatch(symbol) or _JOINED.fullmatch(symbol)
    return "/".join(ALIASES.get(part, part) for part in match.groups()) if match else None
