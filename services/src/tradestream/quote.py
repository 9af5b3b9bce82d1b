"""The best bid and ask of a symbol.

On the wire, in topic `quotes`, keyed by symbol:

    {"exchange":"binance","symbol":"BNBUSDT","update_id":400900217,"bid_price":"25.35190000",
     "bid_quantity":"31.21000000","ask_price":"25.36520000","ask_quantity":"40.66000000",
     "timestamp":"2026-01-08T00:00:00.301877Z"}
"""

from __future__ import annotations

import msgspec

from tradestream.trade import Id, Price, Quantity


class Quote(msgspec.Struct, frozen=True, gc=False):
    """The top of an order book at one moment.

    Attributes:
        exchange: the exchange's name in lower case.
        symbol: the pair as the exchange writes it.
        update_id: the exchange's number of this state of the book; a higher one is newer.
        bid_price: the highest price that somebody offers to pay, in the quote asset.
        bid_quantity: how much of the base asset they want.
        ask_price: the lowest price at which somebody offers to sell.
        ask_quantity: how much they offer.
        timestamp: when it was received, ISO 8601 in UTC.
    """

    exchange: str
    symbol: str
    update_id: Id
    bid_price: Price
    bid_quantity: Quantity
    ask_price: Price
    ask_quantity: Quantity
    timestamp: str


_encoder = msgspec.json.Encoder()


def encode(quote: Quote) -> bytes:
    """Returns the quote as JSON."""
    return _encoder.encode(quote)
