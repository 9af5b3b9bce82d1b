"""Coinbase Exchange.

After `{"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches"]}`, due within 5 seconds, come an answer of
type `subscriptions`, for each product its newest trade as `last_match`, and from then on each trade as `match`:

    {"type":"match","trade_id":82047307,"maker_order_id":"...","taker_order_id":"...","side":"sell",
     "size":"0.00513192","price":"9314.78","product_id":"BTC-USD","sequence":12038915443,
     "time":"2020-01-31T20:03:41.158814Z"}

`trade_id` counts up by one for each product, `side` is the *maker's*: "sell" means that the taker bought. `last_match`
is a trade as any other. It is from before the subscription, so after a reconnect it tells at once what was missed.
A subscription that is not served is answered as below, and then no channel comes at all; other errors, such as
`ErrSlowConsume`, come before the connection is closed. Message types may be added at any time, and those that a client
does not know are to be ignored.

    {"type":"error","message":"Failed to subscribe","reason":"BTC-FOO is not a valid product"}

Missing trades are asked for by id, `GET /products/BTC-USD/trades?after=75&limit=1`, which answers the highest ids
*below* `after`, the highest first, at most 1000; `side` is the maker's here too:

    [{"trade_id":74,"side":"sell","size":"0.01000000","price":"10.00000000","time":"2014-11-07T22:19:28.578544Z"}]

An address may ask 10 times a second. Source: docs.cdp.coinbase.com/exchange, websocket-feed and rest-api.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import msgspec

from tradestream.errors import ExchangeRefusedError, RejectedError
from tradestream.exchange.common import (
    UNREADABLE,
    UtcTime,
    at,
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
from tradestream.trade import Id, Trade

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradestream.exchange.repair import Gap, Page

_MOST_ROWS = 1000


class _Row(msgspec.Struct, gc=False):
    trade_id: Id
    side: Literal["buy", "sell"]
    size: str
    price: str
    time: UtcTime


class _Match(_Row, gc=False):
    type: Literal["match", "last_match"]
    product_id: str


class _Product(msgspec.Struct):
    id: str
    status: str


_decode = msgspec.json.Decoder(_Match).decode
_decode_rows = msgspec.json.Decoder(list[_Row]).decode
_decode_products = msgspec.json.Decoder(list[_Product]).decode

_REST = {
    "ws-feed.exchange.coinbase.com": "api.exchange.coinbase.com",
    "ws-feed-public.sandbox.exchange.coinbase.com": "api-public.sandbox.exchange.coinbase.com",
}


class Coinbase:
    """The adapter for Coinbase Exchange's public feed. It reads no quotes."""

    name = "coinbase"
    url = "wss://ws-feed.exchange.coinbase.com"
    limits = Limits(per_second=5.0, burst=10)
    lifetime_seconds: float | None = None

    def normalize(self, symbol: str) -> str:
        """Returns BTC-USD for BTC-USD and BTC/USD; see `Exchange.normalize`."""
        pair = halves(symbol)
        if pair is None:
            raise ValueError(f"{symbol} is no pair of Coinbase: they look like BTC-USD")
        return "-".join(pair)

    def stream_url(self, base: str, symbols: Sequence[str], *, quotes: bool) -> str:  # noqa: ARG002 - Exchange's
        """Returns `base`: what to send is asked for by `subscription`."""
        return base

    def subscription(self, symbols: Sequence[str]) -> str | None:
        """Returns the message that subscribes to the matches of `symbols`, and to a heartbeat a second.

        Without it a quiet pair could not be told from a dead connection.
        """
        message = {"type": "subscribe", "product_ids": symbols, "channels": ["matches", "heartbeat"]}
        return msgspec.json.encode(message).decode()

    def symbols_url(self, base: str, symbols: Sequence[str]) -> str:  # noqa: ARG002 - one answer lists all
        """Returns the list of all products."""
        return f"{rest_base(base, _REST)}/products"

    def unknown_symbols(self, status: int, body: bytes, symbols: Sequence[str]) -> Sequence[str]:
        """Reads the list of all products: `[{"id":"BTC-USD","status":"online",...},...]`, delisted ones too."""
        if status != 200:  # noqa: PLR2004 - HTTP: OK
            raise RejectedError("unexpected_message", f"products answered {status}")
        traded = {product.id for product in read(_decode_products, body) if product.status != "delisted"}
        return [symbol for symbol in symbols if symbol not in traded]

    def parse(self, frame: bytes, received_ns: int) -> Sequence[Trade]:
        """Reads one frame of the feed; see `Exchange.parse`."""
        try:
            match = _decode(frame)
        except UNREADABLE as error:
            return _not_a_trade(frame, error)
        return (_trade(match, match.product_id, received_ns),)

    def repair_url(self, base: str, gap: Gap) -> str:
        """Returns the trades from the one before the gap to the one above it.

        The id above the gap is that of the trade which showed it, so it was issued. Where it is among the rows, the
        answer knows the whole gap; where it is not, REST is behind the feed and what is above the rows' highest id is
        not known yet. A gap of more than 998 ids is asked about in parts, where the ids above the highest row go to
        the next part.
        """
        after = min(gap.first_id + _MOST_ROWS - 1, gap.last_id + 2)
        query = f"after={after}&limit={after - gap.first_id + 1}"
        return f"{rest_base(base, _REST)}/products/{gap.symbol}/trades?{query}"

    def parse_repair(self, body: bytes, gap: Gap, received_ns: int) -> Page:
        """Reads the rows: one more than the ids they were asked for, so that they reach back to before the gap.

        Rows that are all below the gap say that its ids are not known yet. So would a thousand ids in a row that were
        never issued, which a product that counts by one does not have; they would be asked for in vain, not made up.
        """
        trades = [_trade(row, gap.symbol, received_ns) for row in read(_decode_rows, body)]
        check_beginning(gap, trades)
        return page(gap, trades)


def _trade(row: _Row, symbol: str, received_ns: int) -> Trade:
    return new_trade(
        "coinbase",
        symbol,
        row.trade_id,
        price=row.price,
        quantity=row.size,
        times=at(row.time),
        buyer_is_maker=row.side == "buy",
        received_ns=received_ns,
    )


def _not_a_trade(frame: bytes, error: Exception) -> Sequence[Trade]:
    """Tells the messages of other types, which give nothing, from what cannot be read."""
    message = read_object(frame, error)
    kind = message.get("type")
    if kind == "error":
        text = f"{message.get('message')}: {message.get('reason')}"
        if message.get("message") == "Failed to subscribe":
            raise ExchangeRefusedError(f"coinbase: {text}")
        raise RejectedError("unexpected_message", text)
    if kind in ("match", "last_match"):
        raise rejected(error) from error
    if not isinstance(kind, str):
        raise RejectedError("unexpected_message", "the message has no type") from error
    return ()
