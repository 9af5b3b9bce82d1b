"""Binance spot.

A combined stream, `/stream?streams=btcusdt@trade/...&timeUnit=MICROSECOND`, sends one trade a frame:

    {"stream":"bnbbtc@trade","data":{"e":"trade","E":1672515782136000,"s":"BNBBTC","t":12345,"p":"0.001",
     "q":"100","T":1672515782136000,"m":true,"M":true}}

`t` counts up by one for each symbol, `m` true means that the taker sold, `p` and `q` are decimal strings,
`T` is in microseconds where `timeUnit` asked for them and the server knows it, else in milliseconds.

Before a restart comes `{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}`, and a
request is answered `{"result":null,"id":1}`. Source: binance-spot-api-docs, web-socket-streams.md.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote, urlsplit

import msgspec

from tradestream.errors import RejectedError, ServerShutdownError
from tradestream.trade import MOST_AMOUNT, Id, Price, Quantity, Trade, amount_fits, event_id, iso_utc, split_time

if TYPE_CHECKING:
    from collections.abc import Sequence


class _TradeData(msgspec.Struct, gc=False):
    event: Literal["trade"] = msgspec.field(name="e")
    symbol: str = msgspec.field(name="s")
    trade_id: Id = msgspec.field(name="t")
    price: Price = msgspec.field(name="p")
    quantity: Quantity = msgspec.field(name="q")
    trade_time: Annotated[int, msgspec.Meta(gt=0, lt=10**17)] = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")


class _Frame(msgspec.Struct, gc=False):
    data: _TradeData


_decode = msgspec.json.Decoder(_Frame).decode

_PUBLIC_REST = {
    "stream.binance.com": "api.binance.com",
    "data-stream.binance.vision": "data-api.binance.vision",
}


class Binance:
    """The adapter for Binance spot, and for whatever speaks the same."""

    name = "binance"

    def stream_url(self, base: str, symbols: Sequence[str]) -> str:
        """Returns the combined stream of the trades of `symbols`."""
        streams = "/".join(f"{symbol.lower()}@trade" for symbol in symbols)
        return f"{base.rstrip('/')}/stream?streams={streams}&timeUnit=MICROSECOND"

    def symbols_url(self, base: str, symbols: Sequence[str]) -> str:
        """Returns exchangeInfo for `symbols`, on the REST host that belongs to the WebSocket's."""
        parts = urlsplit(base)
        scheme = "https" if parts.scheme == "wss" else "http"
        host = _PUBLIC_REST.get(parts.hostname or "", parts.netloc)
        names = quote(json.dumps(list(symbols), separators=(",", ":")))
        return f"{scheme}://{host}/api/v3/exchangeInfo?symbols={names}"

    def parse(self, frame: bytes, received_ns: int) -> Sequence[Trade]:
        """Reads one frame of a combined stream; see `Exchange.parse`."""
        try:
            data = _decode(frame).data
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            return _not_a_trade(frame, error)
        if not amount_fits(data.price, data.quantity):
            raise RejectedError("invalid_value", f"price times the quantity rounded up is above {MOST_AMOUNT}")
        trade_time, trade_time_us = split_time(data.trade_time)
        return (
            Trade(
                event_id("binance", data.symbol, data.trade_id),
                "trade",
                "binance",
                data.symbol,
                data.price,
                data.quantity,
                trade_time,
                iso_utc(received_ns),
                data.buyer_is_maker,
                data.trade_id,
                trade_time_us,
            ),
        )


def _not_a_trade(frame: bytes, error: Exception) -> Sequence[Trade]:
    """Tells the few other messages that Binance sends from what cannot be read."""
    try:
        message = msgspec.json.decode(frame)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as broken:
        raise RejectedError("malformed_json", str(broken)) from broken
    if not isinstance(message, dict):
        raise RejectedError("wrong_type", "the message is not an object") from error
    if "id" in message and message.get("result", 0) is None:
        return ()
    data: Any = message.get("data")
    kind = data.get("e") if isinstance(data, dict) else None
    if kind == "serverShutdown":
        raise ServerShutdownError("the exchange announced serverShutdown")
    if kind != "trade" and not (kind is None and str(message.get("stream")).endswith("@trade")):
        raise RejectedError("unexpected_message", f"neither a trade nor an answer: {error}") from error
    raise RejectedError(_reason(str(error)), str(error)) from error


def _reason(message: str) -> str:
    """Shortens msgspec's message to a word for the metric."""
    if "missing required field" in message:
        return "missing_field"
    return "wrong_type" if ", got " in message else "invalid_value"
