"""Kraken, WebSocket version 2.

After `{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"],"snapshot":false}}` come messages of one
or more trades:

    {"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"sell","price":0.5117,"qty":40.0,
     "ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"}]}

`price` and `qty` are JSON numbers, whose digits are kept as they are written; `trade_id` counts up for each pair,
`side` is the *taker's*. A subscription is answered for each pair, `{"channel":"heartbeat"}` comes about every second
while there is nothing else, and `{"channel":"status",...}` once connected and when the system's state changes:

    {"method":"subscribe","result":{"channel":"trade","snapshot":false,"symbol":"BTC/USD"},"success":true,
     "time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z"}
    {"error":"Currency pair not supported XBT/USDC","method":"subscribe","success":false,"symbol":"XBT/USDC",
     "time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z"}

Missing trades are asked for by time, `GET /0/public/Trades?pair=XBTUSD&since=1688669597000000000&count=1000` with
`since` in nanoseconds. The oldest rows after it come first; `last` is the time of the newest of them, in nanoseconds:

    {"error":[],"result":{"XXBTZUSD":[["30243.40000","0.34507674",1688669597.8277369,"b","m","",61044952]],
     "last":"1688671969993150842"}}

A row is price, volume, seconds, the taker's side (b or s), order type, text and trade id. Where there is anything in
`error`, the status is 200 all the same. REST writes pairs without a slash, Bitcoin XBT and Dogecoin XDG. An address
may ask about once a second. Source: docs.kraken.com, spot-websocket-v2 and get-recent-trades.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Literal

import msgspec

from tradestream.errors import ExchangeRefusedError, RejectedError, TransientError
from tradestream.exchange.common import (
    UNREADABLE,
    Times,
    UtcTime,
    at,
    at_us,
    check_beginning,
    halves,
    new_trade,
    page,
    read,
    read_object,
    rejected,
    rest_base,
)
from tradestream.exchange.repair import Limits
from tradestream.trade import ABOVE_ZERO, PRICE_DIGITS, QUANTITY_DIGITS, Digits, Id, Trade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradestream.exchange.repair import Gap, Page

_MOST_ROWS = 1000
_EARLIER_US = 1000
"""How long before the trade that precedes a gap the answer shall begin, so that this trade is in it."""

_SECOND_DIGITS = Digits(20, 18)
_PLAIN = {
    digits: re.compile(rf"{ABOVE_ZERO}{digits.pattern}\Z".encode())
    for digits in (PRICE_DIGITS, QUANTITY_DIGITS, _SECOND_DIGITS)
}
_WITH_EXPONENT = re.compile(rb"[0-9.]{1,40}[eE][+-]?[0-9]{1,3}")
_LATER = ("EAPI:Rate limit exceeded", "EGeneral:Too many requests", "EGeneral:Internal error", "EService:")


class _TradeData(msgspec.Struct, gc=False):
    symbol: str
    side: Literal["buy", "sell"]
    price: msgspec.Raw
    qty: msgspec.Raw
    trade_id: Id
    timestamp: UtcTime


class _Message(msgspec.Struct, gc=False):
    channel: Literal["trade"]
    data: list[_TradeData]


class _Row(msgspec.Struct, array_like=True, gc=False):
    price: str
    volume: str
    seconds: msgspec.Raw
    side: Literal["b", "s"]
    order_type: str
    text: str
    trade_id: Id


_Nanoseconds = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,19}\Z")]


class _Trades(msgspec.Struct):
    error: list[str]
    result: dict[str, list[_Row] | _Nanoseconds] = {}


class _Pair(msgspec.Struct):
    wsname: str = ""


class _Pairs(msgspec.Struct):
    error: list[str]
    result: dict[str, _Pair] = {}


_decode = msgspec.json.Decoder(_Message).decode
_decode_trades = msgspec.json.Decoder(_Trades).decode
_decode_pairs = msgspec.json.Decoder(_Pairs).decode

_REST = {"ws.kraken.com": "api.kraken.com"}
_REST_ASSETS = {"BTC": "XBT", "DOGE": "XDG"}


class Kraken:
    """The adapter for Kraken's spot markets. It reads no quotes."""

    name = "kraken"
    url = "wss://ws.kraken.com"
    limits = Limits(per_second=0.5, burst=1)
    lifetime_seconds: float | None = None

    def normalize(self, symbol: str) -> str:
        """Returns BTC/USD for BTC/USD and BTC-USD; see `Exchange.normalize`."""
        pair = halves(symbol)
        if pair is None:
            raise ValueError(f"{symbol} is no pair of Kraken: they look like BTC/USD, or BTC-USD")
        return "/".join(pair)

    def stream_url(self, base: str, symbols: Sequence[str], *, quotes: bool) -> str:  # noqa: ARG002 - Exchange's
        """Returns version 2 of the feed: what to send is asked for by `subscription`."""
        return f"{base.rstrip('/')}/v2"

    def subscription(self, symbols: Sequence[str]) -> str | None:
        """Returns the message that subscribes to the trades of `symbols`, without those from before."""
        message = {"method": "subscribe", "params": {"channel": "trade", "symbol": symbols, "snapshot": False}}
        return msgspec.json.encode(message).decode()

    def symbols_url(self, base: str, symbols: Sequence[str]) -> str:  # noqa: ARG002 - one answer lists all
        """Returns the list of all pairs."""
        return f"{rest_base(base, _REST)}/0/public/AssetPairs"

    def unknown_symbols(self, status: int, body: bytes, symbols: Sequence[str]) -> Sequence[str]:
        """Reads the list of all pairs: `{"error":[],"result":{"XXBTZUSD":{"wsname":"XBT/USD",...},...}}`.

        Raises:
            RejectedError: the answer is nothing that Kraken documents.
            TransientError: Kraken will answer later.
        """
        if status != 200:  # noqa: PLR2004 - HTTP: OK
            raise RejectedError("unexpected_message", f"AssetPairs answered {status}")
        answer = read(_decode_pairs, body)
        _raise_error(answer.error)
        traded = {pair.wsname for pair in answer.result.values()}
        return [symbol for symbol in symbols if _rest_pair(symbol, "/") not in traded]

    def parse(self, frame: bytes, received_ns: int) -> Sequence[Trade]:
        """Reads one message of the feed; see `Exchange.parse`."""
        try:
            rows = _decode(frame).data
        except UNREADABLE as error:
            return _not_a_trade(frame, error)
        return [
            _trade(
                row.symbol,
                row.trade_id,
                _text(row.price, PRICE_DIGITS),
                _text(row.qty, QUANTITY_DIGITS),
                at(row.timestamp),
                row.side,
                received_ns,
            )
            for row in rows
        ]

    def repair_url(self, base: str, gap: Gap) -> str:
        """Returns the trades from a little before the trade that precedes the gap."""
        since_ns = max(gap.since_us - _EARLIER_US, 0) * 1000
        query = f"pair={_rest_pair(gap.symbol, '')}&since={since_ns}&count={_MOST_ROWS}"
        return f"{rest_base(base, _REST)}/0/public/Trades?{query}"

    def parse_repair(self, body: bytes, gap: Gap, received_ns: int) -> Page:
        """Reads the rows; see `Exchange.parse_repair`.

        After a full answer the rest's `since_us` is such that the next begins 1 us before `last`, with its last trade.
        """
        answer = read(_decode_trades, body)
        _raise_error(answer.error)
        trades = [
            _trade(gap.symbol, row.trade_id, row.price, row.volume, _times(row.seconds), row.side, received_ns)
            for rows in answer.result.values()
            if isinstance(rows, list)
            for row in rows
        ]
        check_beginning(gap, trades)
        if len(trades) < _MOST_ROWS:
            return page(gap, trades)
        return page(gap, trades, _last_us(answer) + _EARLIER_US - 1)


def _trade(  # noqa: PLR0913, PLR0917 - what both interfaces have of a trade
    symbol: str, trade_id: int, price: str, quantity: str, times: Times, side: str, received_ns: int
) -> Trade:
    return new_trade(
        "kraken",
        symbol,
        trade_id,
        price=price,
        quantity=quantity,
        times=times,
        buyer_is_maker=side[0] == "s",
        received_ns=received_ns,
    )


def _text(number: msgspec.Raw, digits: Digits) -> str:
    """Returns a JSON number as decimal text with every digit, without an exponent.

    Raises:
        RejectedError: it is not a number above zero of at most so many digits.
    """
    written = bytes(number)
    if _WITH_EXPONENT.fullmatch(written):
        written = format(Decimal(written.decode()), "f").encode()
    if not _PLAIN[digits].match(written):
        reason = "invalid_value" if written[:1] in b"-0123456789" else "wrong_type"
        raise RejectedError(reason, f"{written[:60]!r} is not a decimal above zero")
    return written.decode()


def _times(seconds: msgspec.Raw) -> Times:
    """Returns seconds since 1970, with up to 18 decimals of which six are kept, as a trade's time."""
    whole, _, fraction = _text(seconds, _SECOND_DIGITS).partition(".")
    return at_us(int(whole + fraction[:6].ljust(6, "0")))


def _last_us(answer: _Trades) -> int:
    last = answer.result.get("last")
    if not isinstance(last, str):
        raise RejectedError("missing_field", "the answer has no `last`")
    return int(last) // 1000


def _rest_pair(symbol: str, separator: str) -> str:
    """Returns BTC/USD as REST writes it."""
    return separator.join(_REST_ASSETS.get(asset, asset) for asset in symbol.split("/"))


def _raise_error(errors: Sequence[str]) -> None:
    """Tells errors that pass, `["EAPI:Rate limit exceeded"]`, from others, `["EQuery:Unknown asset pair"]`."""
    text = ", ".join(errors)
    if any(error.startswith(_LATER) for error in errors):
        raise TransientError(f"kraken: {text}")
    if errors:
        raise RejectedError("unexpected_message", text)


def _not_a_trade(frame: bytes, error: Exception) -> Sequence[Trade]:
    """Tells the few other messages that Kraken sends from what cannot be read."""
    message = read_object(frame, error)
    channel, method = message.get("channel"), message.get("method")
    if channel == "trade":
        raise rejected(error) from error
    if method == "subscribe" and message.get("success") is not True:
        raise ExchangeRefusedError(f"kraken: {message.get('error')}")
    if channel in ("heartbeat", "status") or method in ("subscribe", "pong"):
        return ()
    raise RejectedError("unexpected_message", f"neither a trade nor an answer: {error}") from error
