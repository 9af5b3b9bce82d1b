"""Trades as Coinbase Exchange writes them; prices and sizes go through unchanged, and `side` is the maker's.

    {"type":"match","trade_id":82047307,"maker_order_id":"22b63a1e-...","taker_order_id":"a4d5d4c1-...",
     "side":"sell","size":"0.00513192","price":"9314.78","product_id":"BTC-USD","sequence":12038915443,
     "time":"2020-01-31T20:03:41.158814Z"}
    {"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28.464459Z"}

Source: docs.cdp.coinbase.com, exchange/websocket-feed/channels.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tradestream.dump import Row
from tradestream.simulator.symbols import exchange_of
from tradestream.simulator.times import iso

_SIDE = {True: "buy", False: "sell"}


@dataclass(frozen=True)
class CoinbaseWriter:
    """How all clients of Coinbase are written to."""

    def streams(self, symbol: str) -> Sequence[str]:
        """Returns the one stream that a product's trades move."""
        return (matches(symbol),) if exchange_of(symbol) == "coinbase" else ()

    def write(self, _stream: str, symbol: str, rows: Sequence[Row]) -> Iterable[str]:
        """Returns a message a trade."""
        return [match(symbol, row) for row in rows]

    def shutdown_notice(self) -> None:
        """Coinbase ends connections without a notice."""


def matches(product: str) -> str:
    """Returns the name of a product's stream of trades."""
    return f"matches:{product}"


def match(product: str, row: Row, kind: str = "match") -> str:
    """Returns a trade as a message, of kind `match` or `last_match`."""
    trade_id, price, size, _, at, maker, _ = row
    return (
        f'{{"type":"{kind}","trade_id":{trade_id},"maker_order_id":"00000000-0000-4000-8000-{trade_id:012x}",'
        f'"taker_order_id":"00000000-0000-4000-9000-{trade_id:012x}","side":"{_SIDE[maker]}","size":"{size}",'
        f'"price":"{price}","product_id":"{product}","sequence":{trade_id},"time":"{iso(at)}"}}'
    )


def heartbeat(product: str, last: Row | None, now_us: int) -> str:
    """Returns a heartbeat."""
    trade_id = last.trade_id if last else 0
    return (
        f'{{"type":"heartbeat","sequence":{trade_id},"last_trade_id":{trade_id},"product_id":"{product}",'
        f'"time":"{iso(now_us)}"}}'
    )


def rest_trade(row: Row) -> dict[str, object]:
    """Returns a row of GET /products/BTC-USD/trades."""
    return {
        "time": iso(row.time),
        "trade_id": row.trade_id,
        "price": row.price,
        "size": row.quantity,
        "side": _SIDE[row.buyer_is_maker],
    }
