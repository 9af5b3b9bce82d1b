"""Trades as Kraken writes them: numbers with the digits of their decimals, `side` the taker's.

    {"channel":"trade","type":"update","data":[{"symbol":"MATIC/USD","side":"sell","price":0.5117,"qty":40.0,
     "ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"}]}

REST has a row `["30243.40000","0.34507674",1688669597.827736901,"b","m","",61044952]` a trade: price, volume,
seconds, buy or sell, market or limit, nothing, id. Its times are in nanoseconds, in which no two trades are the
same; a log has microseconds, so here up to 1,000 trades of the same microsecond are one nanosecond apart.

Source: docs.kraken.com, websocket-v2/trade and rest-api/get-recent-trades.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import msgspec

from tradestream.dump import Row
from tradestream.simulator.symbols import exchange_of
from tradestream.simulator.times import iso, microseconds

_SIDE = {True: "sell", False: "buy"}
_TRADES_A_MESSAGE = 50


@dataclass(frozen=True)
class KrakenWriter:
    """How all clients of Kraken are written to."""

    def streams(self, symbol: str) -> Sequence[str]:
        """Returns the one stream that a pair's trades move."""
        return (trades(symbol),) if exchange_of(symbol) == "kraken" else ()

    def write(self, _stream: str, symbol: str, rows: Sequence[Row]) -> Iterable[str]:
        """Returns messages of up to 50 trades."""
        for begin in range(0, len(rows), _TRADES_A_MESSAGE):
            yield trade_message("update", symbol, rows[begin : begin + _TRADES_A_MESSAGE])

    def shutdown_notice(self) -> None:
        """Kraken ends connections without a notice."""


def trades(symbol: str) -> str:
    """Returns the name of a pair's stream of trades."""
    return f"trade:{symbol}"


def trade_message(kind: str, symbol: str, rows: Iterable[Row]) -> str:
    """Returns trades as one message, of kind `update` or `snapshot`."""
    data = ",".join(
        f'{{"symbol":"{symbol}","side":"{_SIDE[maker]}","price":{price},"qty":{quantity},"ord_type":"market",'
        f'"trade_id":{trade_id},"timestamp":"{iso(at)}"}}'
        for trade_id, price, quantity, _, at, maker, _ in rows
    )
    return f'{{"channel":"trade","type":"{kind}","data":[{data}]}}'


def stamped(rows: Iterable[Row]) -> Iterator[tuple[int, Row]]:
    """Yields trades with their times in nanoseconds since 1970; the first must be the first of its microsecond."""
    before, same = 0, 0
    for row in rows:
        at = microseconds(row.time)
        same = same + 1 if at == before else 0
        before = at
        yield at * 1000 + same, row


def rest_row(nanoseconds: int, row: Row) -> list[object]:
    """Returns a row of GET /0/public/Trades."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    at = msgspec.Raw(f"{seconds}.{rest:09d}".encode())
    return [row.price, row.quantity, at, _SIDE[row.buyer_is_maker][0], "m", "", row.trade_id]
