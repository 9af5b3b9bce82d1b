"""Binance spot.

A combined stream, `/stream?streams=btcusdt@trade/...&timeUnit=MICROSECOND`, sends one trade a frame:

    {"stream":"bnbbtc@trade","data":{"e":"trade","E":1672515782136000,"s":"BNBBTC","t":12345,"p":"0.001",
     "q":"100","T":1672515782136000,"m":true,"M":true}}

`t` counts up by one for each symbol, `m` true means that the taker sold, `p` and `q` are decimal strings,
`T` is in microseconds where `timeUnit` asked for them and the server knows it, else in milliseconds. The best bid
and ask, whenever one changes, come from `bnbusdt@bookTicker`; a side without orders has zeros:

    {"stream":"bnbusdt@bookTicker","data":{"u":400900217,"s":"BNBUSDT","b":"25.35190000","B":"31.21000000",
     "a":"25.36520000","A":"40.66000000"}}

A connection carries at most 1024 streams and lives 24 hours. Before a restart comes
`{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}`, and a request is answered
`{"result":null,"id":1}`. Source: binance-spot-api-docs, web-socket-streams.md.

Missing trades are asked for by id, `GET /api/v3/historicalTrades?symbol=BNBBTC&fromId=28457&limit=1`, which answers
that id and those after it, by rising id, at most 1000 and none where the id is yet to come:

    [{"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.000012","time":1499865549590,
      "isBuyerMaker":true,"isBestMatch":true}]

A request weighs 25 of the 6,000 that an address may use a minute. Times are in milliseconds: over REST microseconds
are had by a header (X-MBX-TIME-UNIT) only, none of the address's parameters asks for them. Source: rest-api.md. The
host for market data alone, data-stream.binance.vision, and its REST host have no historicalTrades: with them, gaps
are seen but not repaired.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import quote

import msgspec

from tradestream.errors import RejectedError, ServerShutdownError
from tradestream.exchange.common import (
    UNREADABLE,
    bad_numbers,
    halves,
    new_trade,
    page,
    read,
    read_object,
    rejected,
    rest_base,
)
from tradestream.exchange.repair import Limits
from tradestream.quote import Quote
from tradestream.trade import Id, Trade, event_id, iso_utc, numbers_fit, split_time

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradestream.exchange.repair import Gap, Page

_MOST_STREAMS = 1024
_MOST_ROWS = 1000
_INVALID_SYMBOL = -1121
_QUOTES = b'@bookTicker"'

_Time = Annotated[int, msgspec.Meta(gt=0, lt=10**17)]
_Decimal = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,20}(\.[0-9]{1,18})?\Z")]


class _TradeData(msgspec.Struct, gc=False):
    event: Literal["trade"] = msgspec.field(name="e")
    symbol: str = msgspec.field(name="s")
    trade_id: Id = msgspec.field(name="t")
    price: str = msgspec.field(name="p")
    quantity: str = msgspec.field(name="q")
    trade_time: _Time = msgspec.field(name="T")
    buyer_is_maker: bool = msgspec.field(name="m")


class _Frame(msgspec.Struct, gc=False):
    data: _TradeData


class _QuoteData(msgspec.Struct, gc=False):
    update_id: Id = msgspec.field(name="u")
    symbol: str = msgspec.field(name="s")
    bid_price: _Decimal = msgspec.field(name="b")
    bid_quantity: _Decimal = msgspec.field(name="B")
    ask_price: _Decimal = msgspec.field(name="a")
    ask_quantity: _Decimal = msgspec.field(name="A")


class _QuoteFrame(msgspec.Struct, gc=False):
    data: _QuoteData


class _Row(msgspec.Struct, rename="camel", gc=False):
    trade_id: Id = msgspec.field(name="id")
    price: str
    quantity: str = msgspec.field(name="qty")
    time: _Time
    is_buyer_maker: bool


class _Refusal(msgspec.Struct):
    code: int


_decode = msgspec.json.Decoder(_Frame).decode
_decode_quote = msgspec.json.Decoder(_QuoteFrame).decode
_decode_rows = msgspec.json.Decoder(list[_Row]).decode
_decode_refusal = msgspec.json.Decoder(_Refusal).decode

_REST = {
    "stream.binance.com": "api.binance.com",
    "data-stream.binance.vision": "data-api.binance.vision",
}


class Binance:
    """The adapter for Binance spot, and for whatever speaks the same."""

    name = "binance"
    url = "wss://stream.binance.com:9443"
    limits = Limits(per_second=2.0, burst=20)
    lifetime_seconds: float | None = 24 * 3600.0

    def normalize(self, symbol: str) -> str:
        """Returns BTCUSDT for BTCUSDT, BTC-USDT and BTC/USDT; see `Exchange.normalize`."""
        pair = "".join(halves(symbol) or (symbol,))
        if not re.fullmatch("[A-Z0-9]{2,24}", pair):
            raise ValueError(f"{symbol} is no pair of Binance: they look like BTCUSDT, or BTC-USDT")
        return pair

    def stream_url(self, base: str, symbols: Sequence[str], *, quotes: bool) -> str:
        """Returns the combined stream of the trades of `symbols`, and of their best bid and ask if wanted.

        Raises:
            ValueError: these are more than 1024 streams.
        """
        kinds = ("trade", "bookTicker") if quotes else ("trade",)
        streams = [f"{symbol.lower()}@{kind}" for symbol in symbols for kind in kinds]
        if len(streams) > _MOST_STREAMS:
            raise ValueError(f"{len(streams)} streams: Binance sends at most {_MOST_STREAMS} over a connection")
        return f"{base.rstrip('/')}/stream?streams={'/'.join(streams)}&timeUnit=MICROSECOND"

    def subscription(self, symbols: Sequence[str]) -> str | None:  # noqa: ARG002 - others need the symbols
        """Returns None: the address names the streams."""
        return None

    def symbols_url(self, base: str, symbols: Sequence[str]) -> str:
        """Returns exchangeInfo for `symbols`, on the REST host that belongs to the WebSocket's."""
        names = quote(json.dumps(list(symbols), separators=(",", ":")))
        return f"{rest_base(base, _REST)}/api/v3/exchangeInfo?symbols={names}"

    def unknown_symbols(self, status: int, body: bytes, symbols: Sequence[str]) -> Sequence[str]:
        """Reads exchangeInfo's answer: 400 with `{"code":-1121,"msg":"Invalid symbol."}` where any is unknown."""
        if status == 200:  # noqa: PLR2004 - HTTP: OK
            return ()
        refusal = read(_decode_refusal, body)
        if refusal.code != _INVALID_SYMBOL:
            raise RejectedError("unexpected_message", f"exchangeInfo answered {status}, code {refusal.code}")
        return symbols

    def parse(self, frame: bytes, received_ns: int) -> Sequence[Trade | Quote]:
        """Reads one frame of a combined stream; see `Exchange.parse`."""
        try:
            data = _decode(frame).data
        except UNREADABLE as error:
            return _not_a_trade(frame, error, received_ns)
        if not numbers_fit(data.price, data.quantity):
            raise bad_numbers(data.price, data.quantity)
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

    def repair_url(self, base: str, gap: Gap) -> str:
        """Returns historicalTrades from the gap's first id, no more rows than it has ids."""
        query = f"symbol={gap.symbol}&fromId={gap.first_id}&limit={min(gap.count, _MOST_ROWS)}"
        return f"{rest_base(base, _REST)}/api/v3/historicalTrades?{query}"

    def parse_repair(self, body: bytes, gap: Gap, received_ns: int) -> Page:
        """Reads historicalTrades' answer: the ids above its highest are yet to be asked about."""
        return page(gap, [_of_row(row, gap.symbol, received_ns) for row in read(_decode_rows, body)])


def _of_row(row: _Row, symbol: str, received_ns: int) -> Trade:
    return new_trade(
        "binance",
        symbol,
        row.trade_id,
        price=row.price,
        quantity=row.quantity,
        times=split_time(row.time),
        buyer_is_maker=row.is_buyer_maker,
        received_ns=received_ns,
    )


def _not_a_trade(frame: bytes, error: Exception, received_ns: int) -> Sequence[Quote]:
    """Tells the few other messages that Binance sends from what cannot be read."""
    if _QUOTES in frame:
        return _quote(read(_decode_quote, frame).data, received_ns)
    message = read_object(frame, error)
    if "id" in message and message.get("result", 0) is None:
        return ()
    data = message.get("data")
    kind = data.get("e") if isinstance(data, dict) else None
    if kind == "serverShutdown":
        raise ServerShutdownError("the exchange announced serverShutdown")
    if kind != "trade" and not (kind is None and str(message.get("stream")).endswith("@trade")):
        raise RejectedError("unexpected_message", f"neither a trade nor an answer: {error}") from error
    raise rejected(error) from error


def _quote(data: _QuoteData, received_ns: int) -> Sequence[Quote]:
    """Returns the quote; none where a side of the book is empty."""
    sides = (data.bid_price, data.bid_quantity, data.ask_price, data.ask_quantity)
    if not all(number.strip("0.") for number in sides):
        return ()
    return (Quote("binance", data.symbol, data.update_id, *sides, iso_utc(received_ns)),)
