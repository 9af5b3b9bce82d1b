"""Candles of a pair on the terminal, with its signals below them."""

from __future__ import annotations

import shutil
from typing import TextIO

from duckdb import DuckDBPyConnection

from tradestream.analytics.candles import MINUTE_MS, Key
from tradestream.analytics.intervals import interval_name
from tradestream.ask import chart

_MARGIN = 20
_LENGTHS = [minutes * MINUTE_MS for minutes in (1, 2, 3, 5, 10, 15, 30, 60, 120, 240, 480, 720, 1440)]
_LEGEND = "below: ^ signals that say up, v down, x both, o neither"


def pairs(connection: DuckDBPyConnection) -> list[Key]:
    """Returns of which pairs there are candles."""
    found = connection.execute("SELECT DISTINCT exchange, symbol FROM candles ORDER BY ALL").fetchall()
    return [Key(*row) for row in found]


def write(out: TextIO, connection: DuckDBPyConnection, key: Key) -> None:
    """Draws a pair, of the tables that `hits.read` makes; its candles are merged until they fit."""
    room = max(10, shutil.get_terminal_size((100, 24)).columns - _MARGIN)
    first, last = connection.execute(
        "SELECT min(open_time), max(ended) FROM candles WHERE exchange = $exchange AND symbol = $symbol", key._asdict()
    ).fetchone() or (0, 0)
    length = next((each for each in _LENGTHS if (last - first) // each < room), _LENGTHS[-1])
    rows = connection.execute(
        f"""WITH marks AS (SELECT (time - 1) // {length} * {length} AS open_time,
                list_sort(list(DISTINCT coalesce(direction, 0))) AS directions
                FROM signals WHERE exchange = $exchange AND symbol = $symbol GROUP BY ALL)
            SELECT c.*, CASE WHEN directions IS NULL THEN ' ' WHEN list_contains(directions, 1)
                    AND list_contains(directions, -1) THEN 'x' WHEN list_contains(directions, 1) THEN '^'
                    WHEN list_contains(directions, -1) THEN 'v' ELSE 'o' END
            FROM (SELECT open_time // {length} * {length} AS open_time, arg_min(open, open_time), max(high), min(low),
                    arg_max(close, open_time) FROM candles WHERE exchange = $exchange AND symbol = $symbol GROUP BY 1) c
            LEFT JOIN marks USING (open_time) ORDER BY open_time""",
        key._asdict(),
    ).fetchall()
    title = f"{key.symbol} on {key.exchange}, candles of {interval_name(length)}; {_LEGEND}"
    chart.write(out, title, [row[:5] for row in rows], "".join(row[5] for row in rows))
