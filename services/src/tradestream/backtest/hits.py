"""What became of signals: whether the price went on in their direction, and how far.

The price at a signal is that of its trade, else the last one by its time. The price N minutes after is the last one by
then, as the shortest candles have it; where the trades end before, the signal is not judged. It has hit when the price
has moved in the direction that its evidence names: up, above, bought; down, below, sold. That says nothing of which way
one would have traded: a signal that tells of a turn is right where it does not hit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from duckdb import DuckDBPyConnection

from tradestream.ask.database import literal
from tradestream.backtest.output import CANDLES, SIGNALS

_MINUTE_MS = 60_000
_CANDLE = """{exchange: 'VARCHAR', symbol: 'VARCHAR', interval: 'VARCHAR', open_time: 'BIGINT', close_time: 'BIGINT',
    open: 'DECIMAL(22,12)', high: 'DECIMAL(22,12)', low: 'DECIMAL(22,12)', close: 'DECIMAL(22,12)'}"""
_SIGNAL = """{rule: 'VARCHAR', exchange: 'VARCHAR', symbol: 'VARCHAR', open_time: 'BIGINT', time: 'BIGINT',
    evidence: 'JSON'}"""


@dataclass(frozen=True)
class Hits:
    """What became of a rule's signals after some minutes.

    Attributes:
        minutes: After how many.
        judged: How many signals have a direction, and a price then.
        hits: After how many of these the price had moved in their direction.
        mean_move_percent: How far it had moved in their direction, on average; None where none is judged.
    """

    minutes: int
    judged: int
    hits: int
    mean_move_percent: float | None

    @property
    def rate(self) -> float | None:
        """Hits in parts of what is judged."""
        return self.hits / self.judged if self.judged else None


@dataclass(frozen=True)
class Fired:
    """A rule's signals.

    Attributes:
        rule: What the rule is called.
        signals: How many.
        after: What became of them.
    """

    rule: str
    signals: int
    after: list[Hits] = field(default_factory=list)


def read(connection: DuckDBPyConnection, directory: Path, shortest: str) -> dict[str, int]:
    """Makes the tables ``candles``, of the shortest interval, and ``signals`` of the two files.

    Returns:
        How many candles there are, by interval.
    """
    files = literal(str(directory / CANDLES)), literal(str(directory / SIGNALS))
    every = f"read_json({files[0]}, format = 'newline_delimited', columns = {_CANDLE})"
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE candles AS SELECT *, close_time + 1 AS ended FROM {every}
            WHERE interval = {literal(shortest)}"""
    )
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE signals AS SELECT * EXCLUDE evidence, CASE
                WHEN coalesce(evidence->>'direction', evidence->>'taker') IN ('up', 'above', 'buy') THEN 1
                WHEN coalesce(evidence->>'direction', evidence->>'taker') IN ('down', 'below', 'sell') THEN -1
            END AS direction, TRY_CAST(evidence->>'price' AS DECIMAL(22,12)) AS price
            FROM read_json({files[1]}, format = 'newline_delimited', columns = {_SIGNAL})"""
    )
    return dict(connection.execute(f"SELECT interval, count(*) FROM {every} GROUP BY ALL").fetchall())


def hits(connection: DuckDBPyConnection, rules: Sequence[str], after: Sequence[int]) -> list[Fired]:
    """Returns what became of the signals in the tables of `read`, for each rule and number of minutes."""
    counts = dict(connection.execute("SELECT rule, count(*) FROM signals GROUP BY ALL").fetchall())
    found = {(rule, minutes): hit for minutes in after for rule, hit in _after(connection, minutes).items()}
    none = (0, 0, None)
    return [
        Fired(rule, counts.get(rule, 0), [Hits(minutes, *found.get((rule, minutes), none)) for minutes in after])
        for rule in rules
    ]


def _after(connection: DuckDBPyConnection, minutes: int) -> dict[str, tuple[int, int, float | None]]:
    same = "s.exchange = c.exchange AND s.symbol = c.symbol"
    rows = connection.execute(
        f"""WITH begun AS (SELECT s.*, coalesce(s.price, c.close)::DOUBLE AS was, s.time + {minutes * _MINUTE_MS} AS due
                FROM signals s ASOF LEFT JOIN candles c ON {same} AND s.time >= c.ended),
            ends AS (SELECT exchange, symbol, max(ended) AS ended FROM candles GROUP BY ALL),
            moved AS (SELECT rule, direction * 100 * (c.close::DOUBLE / was - 1) AS move
                FROM begun s ASOF JOIN candles c ON {same} AND s.due >= c.ended
                JOIN ends e ON e.exchange = s.exchange AND e.symbol = s.symbol
                WHERE direction IS NOT NULL AND was IS NOT NULL AND s.due <= e.ended)
            SELECT rule, count(*), count(*) FILTER (move > 0), fsum(move) / count(*) FROM moved GROUP BY ALL"""
    ).fetchall()
    return {rule: (judged, hit, move) for rule, judged, hit, move in rows}
