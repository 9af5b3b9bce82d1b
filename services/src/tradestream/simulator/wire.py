"""Trades as Binance writes them; prices and quantities go through unchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tradestream.trade import split_time

if TYPE_CHECKING:
    from tradestream.dump import Row

_FLAG = {True: "true", False: "false"}


def trade_event(symbol: str, row: Row, *, microseconds: bool) -> str:
    """Returns the trade stream's payload."""
    time = in_unit(row.time, microseconds=microseconds)
    return (
        f'{{"e":"trade","E":{time},"s":"{symbol}","t":{row.trade_id},"p":"{row.price}","q":"{row.quantity}",'
        f'"T":{time},"m":{_FLAG[row.buyer_is_maker]},"M":{_FLAG[row.best_match]}}}'
    )


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


def in_unit(time: int, *, microseconds: bool) -> int:
    """Returns a time of either unit in the one that the client asked for."""
    milliseconds, exact = split_time(time)
    if not microseconds:
        return milliseconds
    return exact if isinstance(exact, int) else milliseconds * 1000
