"""What the ids of a series' stored trades tell: how many there are, which come twice, which are missing."""

from __future__ import annotations

from itertools import islice
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from tradestream import trade
from tradestream.ask.database import literal
from tradestream.ask.output import fetched
from tradestream.ask.storage import Series

MOST_RANGES = 20
"""So many missing ranges are listed; all are counted."""


class Ids(NamedTuple):
    """The ids of a series.

    Attributes:
        trades: rows.
        distinct: ids among them.
        first: the lowest; None where there is none.
        last: the highest; None where there is none.
        missing: ids between these two that no row has.
        ranges: the missing ones as closed intervals, the first `MOST_RANGES` of them.
        range_count: how many intervals there are.
    """

    trades: int
    distinct: int
    first: int | None
    last: int | None
    missing: int
    ranges: list[tuple[int, int]]
    range_count: int


class Places(NamedTuple):
    """Rows that lie where they do not belong.

    Attributes:
        date: in the partition of another day than that of their time.
        identity: whose event_id is not that of the partition's exchange and symbol and of their id.
    """

    date: int
    identity: int


# One sort, which DuckDB does on disk where memory does not suffice. An id equal to the one before it is a duplicate.
_NEIGHBOURS = "(SELECT trade_id, lag(trade_id) OVER (ORDER BY trade_id) AS previous FROM {rows})"


def ids(connection: DuckDBPyConnection, rows: str) -> Ids | None:
    """Returns what there is of a table's ``trade_id``; None where it is empty."""
    neighbours = _NEIGHBOURS.format(rows=rows)
    counted = connection.execute(
        f"""SELECT count(*), min(trade_id), max(trade_id), count(*) FILTER (previous = trade_id),
            coalesce(sum(trade_id - previous - 1) FILTER (previous < trade_id - 1), 0),
            count(*) FILTER (previous < trade_id - 1) FROM {neighbours}"""
    ).fetchone()
    count, first, last, repeated, missing, ranges = counted or (0, 0, 0, 0, 0, 0)
    if not count:
        return None
    listed = _ranges(connection, neighbours) if ranges else []
    return Ids(count, count - repeated, first, last, int(missing), listed, ranges)


def _ranges(connection: DuckDBPyConnection, neighbours: str) -> list[tuple[int, int]]:
    result = connection.execute(
        f"""SELECT previous + 1, trade_id - 1 FROM {neighbours}
            WHERE previous < trade_id - 1 ORDER BY 1 LIMIT {MOST_RANGES}"""
    )
    return [(row[0], row[1]) for row in islice(fetched(result), MOST_RANGES)]


def places(connection: DuckDBPyConnection, rows: str, series: Series) -> Places:
    """Counts the rows of a table that are in the wrong partition.

    Files do not name their exchange and symbol, only directories do; that a row belongs there its event_id proves.
    """
    names = (literal(series.exchange), literal(series.symbol))
    parts = ", ".join(trade.event_id_parts("sha256({})", *names, "trade_id"))
    counted = connection.execute(
        f"""SELECT count(*) FILTER ("date" <> epoch_ms(trade_time)::DATE),
            count(*) FILTER (event_id IS DISTINCT FROM {trade.EVENT_ID_SQL})
            FROM (SELECT *, {parts} FROM {rows})"""
    ).fetchone()
    return Places(*(counted or (0, 0)))
