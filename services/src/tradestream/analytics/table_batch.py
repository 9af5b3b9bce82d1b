"""A batch of trades in a table of DuckDB: what the job has just landed, or what a backtest reads.

The sums are those by which `check` proves the job's candles; a test holds them against `analytics.rows`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from duckdb import DuckDBPyConnection

from tradestream.analytics.answers import Summary
from tradestream.analytics.candles import EXACT, MINUTE_MS, Candle, Cut, Key, Partial
from tradestream.analytics.evidence import BigTrade
from tradestream.ask.agree import SUMS
from tradestream.ask.database import literal
from tradestream.ids import intervals

COLUMNS = {
    "exchange": "VARCHAR",
    "symbol": "VARCHAR",
    "trade_id": "BIGINT",
    "price": "DECIMAL(22,12)",
    "quantity": "DECIMAL(22,8)",
    "trade_time": "BIGINT",
    "buyer_is_maker": "BOOLEAN",
    "arrival": "BIGINT",
    "received": "BIGINT",
}
"""Of a table of trades.

``arrival`` orders those of a series, as Kafka's offsets do; ``received`` is when the producer had it, in microseconds
since 1970, NULL of trades of the past.
"""

_MINUTE = f"trade_time // {MINUTE_MS} * {MINUTE_MS}"
_CANDLE = ", ".join(Candle.__struct_fields__[1:])
_AMOUNT = Decimal(1).scaleb(-20)
_DISTINCT = "distinct_trades"


class TableBatch:
    """Trades of any series.

    Args:
        connection: Where the table is.
        table: Its name, or a query in brackets; it has `COLUMNS`.
    """

    def __init__(self, connection: DuckDBPyConnection, table: str) -> None:
        self._connection = connection
        self._table = table

    def summarise(self, least_amount: float | None) -> Summary:
        """Sums them; trades of at least this price times quantity are wanted one by one."""
        partials, oldest = self._minutes()
        big = [] if least_amount is None else self._big(least_amount)
        summary = Summary(partials, self._ids(), Counter(), oldest, big)
        for key, count in summary.trades.items():
            summary.repeated[key] = count - sum(end - start + 1 for start, end in summary.ids[key])
        return summary

    def without_seen(self, seen: Mapping[Key, list[tuple[int, int]]]) -> TableBatch:
        """Each of them once, the one that arrived first, and none whose id is in ``seen``."""
        known = _values((*key, *interval) for key, intervals in seen.items() for interval in intervals)
        never = (
            f"""NOT EXISTS (FROM {known} known(exchange, symbol, first, last) WHERE known.exchange = t.exchange
            AND known.symbol = t.symbol AND t.trade_id BETWEEN first AND last)"""
            if seen
            else "true"
        )
        self._connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE {_DISTINCT} AS SELECT * FROM (
                SELECT * FROM {self._table} t WHERE {never}
            ) QUALIFY row_number() OVER (PARTITION BY exchange, symbol, trade_id ORDER BY arrival) = 1"""
        )
        return TableBatch(self._connection, _DISTINCT)

    def without_late(self, cuts: Sequence[Cut]) -> TableBatch:
        """Those that came before their minute closed."""
        known = _values((*cut.key, cut.open_time, cut.offset) for cut in cuts)
        rows = f"""(SELECT t.* FROM {self._table} t LEFT JOIN {known} cuts(exchange, symbol, open_time, closing)
            ON cuts.exchange = t.exchange AND cuts.symbol = t.symbol AND cuts.open_time = {_MINUTE}
            WHERE coalesce(arrival < closing, true))"""
        return TableBatch(self._connection, rows)

    def _minutes(self) -> tuple[list[Partial], dict[Key, float]]:
        """The sums, and per series when its first trade was received."""
        found = self._connection.execute(
            f"""SELECT exchange, symbol, first, least, most, newest, oldest, open_time, {_CANDLE} FROM (
                SELECT exchange, symbol, {_MINUTE} AS open_time, {SUMS}, arg_min(arrival, trade_id) AS first,
                    min(arrival) AS least, max(arrival) AS most, max(trade_time) AS newest, min(received) AS oldest
                FROM {self._table} GROUP BY ALL)"""
        )
        partials = []
        received: dict[Key, float] = {}
        for exchange, symbol, first, least, most, newest, oldest, *candle in found.fetchall():
            key = Key(exchange, symbol)
            partials.append(Partial(key, Candle(*candle), first, least, most, newest))
            if oldest is not None:
                received[key] = min(oldest / 1e6, received.get(key, float("inf")))
        return partials, received

    def _ids(self) -> dict[Key, list[tuple[int, int]]]:
        """The ids as intervals. 64 of them are one row here, as bits: nothing sorts the trades."""
        found = self._connection.execute(
            f"""SELECT exchange, symbol, trade_id >> 6 AS word, bit_or(1::UBIGINT << (trade_id & 63)::UBIGINT)
                FROM {self._table} GROUP BY ALL ORDER BY ALL"""
        )
        words: dict[Key, list[tuple[int, int]]] = {}
        for exchange, symbol, word, bits in found.fetchall():
            words.setdefault(Key(exchange, symbol), []).append((word, bits))
        return {key: intervals(own) for key, own in words.items()}

    def _big(self, least_amount: float) -> list[BigTrade]:
        # As many digits as the product has: a trifle less than asked for, if it is not that.
        least = Decimal(repr(least_amount)).quantize(_AMOUNT, ROUND_FLOOR, EXACT)
        found = self._connection.execute(
            f"""SELECT exchange, symbol, trade_id, price, quantity, trade_time, buyer_is_maker,
                    coalesce(received, 0) FROM {self._table}
                WHERE price * quantity >= {least:f}"""
        )
        return [BigTrade(Key(*row[:2]), *row[2:]) for row in found.fetchall()]


def _values(rows: Iterable[Sequence[Any]]) -> str:
    """Rows of texts and numbers as SQL writes them."""
    listed = (", ".join(literal(value) if isinstance(value, str) else str(value) for value in row) for row in rows)
    return f"(VALUES {', '.join(f'({row})' for row in listed)})"
