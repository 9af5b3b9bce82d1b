"""Trades as Binance writes them; prices and quantities go through unchanged.

    {"e":"trade","E":1672515782136,"s":"BNBBTC","t":12345,"p":"0.001","q":"100","T":1672515782136,"m":true,"M":true}
    {"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000","a":"25.36520000","A":"40.66000000"}

Source: binance-spot-api-docs, web-socket-streams.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from tradestream.dump import Row
from tradestream.simulator.symbols import exchange_of
from tradestream.simulator.times import microseconds as to_microseconds
from tradestream.simulator.times import milliseconds

_FLAG = {True: "true", False: "false"}
_SPREAD = 100_000
"""A quote lies this part of the price away from it, on either side."""


@dataclass(frozen=True)
class BinanceWriter:
    """How a client is written to.

    Attributes:
        combined: whether messages are wrapped as `/stream` does.
        microseconds: whether times are in microseconds.
    """

    combined: bool
    microseconds: bool

    def streams(self, symbol: str) -> Sequence[str]:
        """Returns a symbol's streams, that of the trades first."""
        return _streams(symbol)

    def write(self, stream: str, symbol: str, rows: Sequence[Row]) -> Iterable[str]:
        """Returns a message a trade, or one with the best bid and ask after the last of them."""
        if stream.endswith("@trade"):
            payloads = [trade_event(symbol, row, microseconds=self.microseconds) for row in rows]
        else:
            payloads = [book_ticker(symbol, rows[-1])]
        return [combined(stream, payload) for payload in payloads] if self.combined else payloads

    def shutdown_notice(self) -> str:
        """Returns `{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}`."""
        payload = f'{{"e":"serverShutdown","E":{time.time_ns() // 1_000_000}}}'
        return combined("!serverShutdown", payload) if self.combined else payload


@lru_cache(maxsize=1024)
def _streams(symbol: str) -> Sequence[str]:
    if exchange_of(symbol) != "binance":
        return ()
    return (f"{symbol.lower()}@trade", f"{symbol.lower()}@bookTicker")


def trade_event(symbol: str, row: Row, *, microseconds: bool) -> str:
    """Returns the trade stream's payload."""
    trade_id, price, quantity, _, at, maker, best = row
    at = in_unit(at, microseconds=microseconds)
    return (
        f'{{"e":"trade","E":{at},"s":"{symbol}","t":{trade_id},"p":"{price}","q":"{quantity}",'
        f'"T":{at},"m":{_FLAG[maker]},"M":{_FLAG[best]}}}'
    )


def book_ticker(symbol: str, row: Row) -> str:
    """Returns the payload of the best bid and ask around a trade."""
    whole, _, rest = row.price.partition(".")
    units = int(whole + rest)
    half = max(1, units // _SPREAD)
    bid, ask = (_decimal(price, len(rest)) for price in (max(1, units - half), units + half))
    sizes = f'"B":"{row.quantity}","a":"{ask}","A":"{row.quantity}"'
    return f'{{"u":{row.trade_id},"s":"{symbol}","b":"{bid}",{sizes}}}'


def combined(stream: str, payload: str) -> str:
    """Wraps a payload as a combined stream does."""
    return f'{{"stream":"{stream}","data":{payload}}}'


def historical_trade(row: Row, *, microseconds: bool) -> dict[str, object]:
    """Returns a row of GET /api/v3/historicalTrades."""
    return {
        "id": row.trade_id,
        "price": row.price,
        "qty": row.quantity,
        "quoteQty": row.quote_quantity,
        "time": in_unit(row.time, microseconds=microseconds),
        "isBuyerMaker": row.buyer_is_maker,
        "isBestMatch": row.best_match,
    }


def in_unit(at: int, *, microseconds: bool) -> int:
    """Returns a time of either unit in the one that the client asked for."""
    return to_microseconds(at) if microseconds else milliseconds(at)


def _decimal(units: int, digits: int) -> str:
    if not digits:
        return str(units)
    text = f"{units:0{digits + 1}d}"
    return f"{text[:-digits]}.{text[-digits:]}"
