"""How Kraken's REST names the pairs that its WebSocket calls BTC/USD.

A pair has a short name, XBTUSD, and the key that answers have: the same for most, XXBTZUSD for the oldest, whose
assets are marked X for coins and Z for money. Bitcoin is XBT and dogecoin XDG there; BTCUSD is understood as well.

Source: docs.kraken.com, rest-api/get-tradable-asset-pairs.
"""

from __future__ import annotations

_RENAMED = {"BTC": "XBT", "DOGE": "XDG"}
_OLD_COINS = {"XBT", "ETH", "LTC", "XRP", "XLM", "ETC", "MLN", "REP", "XMR", "ZEC"}
_MONEY = {"USD", "EUR", "GBP", "CAD", "JPY"}


def short(symbol: str) -> str:
    """Returns the short name, as in XBTUSD."""
    return "".join(_assets(symbol))


def key(symbol: str) -> str:
    """Returns the key of answers, as in XXBTZUSD."""
    base, quote = _assets(symbol)
    return f"X{base}Z{quote}" if base in _OLD_COINS and quote in _MONEY else base + quote


def slashed(symbol: str) -> str:
    """Returns the pair as the first WebSocket wrote it, XBT/USD."""
    return "/".join(_assets(symbol))


def understood(symbol: str) -> set[str]:
    """Returns all names by which a request may mean the pair."""
    return {short(symbol), key(symbol), slashed(symbol), symbol, symbol.replace("/", "")}


def _assets(symbol: str) -> tuple[str, str]:
    base, quote = symbol.split("/")
    return _RENAMED.get(base, base), _RENAMED.get(quote, quote)
