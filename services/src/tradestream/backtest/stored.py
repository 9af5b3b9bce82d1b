"""The trades that the job has stored, in the order in which Kafka had them.

Kafka's offsets order the trades of a series. They are read in steps: a step begins, for each series, at the first
offset that reached the step's time. So a step is what arrived one after the other, as a batch of the job is, and all
series are at about the same time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from duckdb import DuckDBPyConnection

from tradestream.analytics.candles import MINUTE_MS
from tradestream.analytics.table_batch import TableBatch
from tradestream.ask import database
from tradestream.ask.storage import Series, Storage
from tradestream.ask.when import day
from tradestream.backtest.source import Part, Window
from tradestream.errors import NothingFoundError

_STEP_TRADES = 500_000
_STEP_MINUTES = 1_440
_MOST_OFFSET = 2**63 - 1


class Stored:
    """All stored trades of some series as batches.

    Attributes:
        total: How many trades there are.

    Args:
        connection: Where tables are made.
        storage: Where the trades are.
        series: Whose.
        window: Which trades.

    Raises:
        NothingFoundError: There are none.
        StoredDataError: A file is of another program.
    """

    def __init__(
        self, connection: DuckDBPyConnection, storage: Storage, series: Sequence[Series], window: Window
    ) -> None:
        self._connection = connection
        self._storage = storage
        self._time = f"trade_time >= {window.since} AND trade_time < {window.until}"
        first = day(window.since)
        files = [
            file for one in series for file in storage.files("trades", first, exchange=one.exchange, symbol=one.symbol)
        ]
        if not files:
            raise NothingFoundError(f"{storage.root}: there are no trades of that time")
        self._arrivals(files)
        self._steps = self._bounds()
        self.total = self._one("SELECT coalesce(sum(trades), 0) FROM arrivals")

    def __iter__(self) -> Iterator[Part]:
        """Yields batches; see `Part`."""
        done = 0
        for step in range(self._steps):
            files = self._connection.execute(
                f"""SELECT DISTINCT file FROM arrivals JOIN bounds USING (exchange, symbol)
                    WHERE step = {step} AND highest >= first AND lowest < last ORDER BY ALL"""
            ).fetchall()
            if files:
                with database.explained(self._storage):
                    self._read([file for (file,) in files], step)
                done += self._one("SELECT count(*) FROM step_trades")
                yield Part(TableBatch(self._connection, "step_trades"), done)

    def _arrivals(self, files: list[str]) -> None:
        """What each file holds of each minute: how many trades, and between which offsets."""
        self._connection.execute(
            f"""CREATE TEMP TABLE arrivals AS SELECT filename AS file, exchange, symbol,
                trade_time // {MINUTE_MS} AS minute, count(*) AS trades, min(kafka_offset) AS lowest,
                max(kafka_offset) AS highest FROM {database.checked(self._connection, files, "trades")}
                WHERE {self._time} GROUP BY ALL"""
        )

    def _bounds(self) -> int:
        """Makes the table of which offsets of each series are in which step; returns how many steps there are."""
        minutes = self._connection.execute("SELECT minute, sum(trades) FROM arrivals GROUP BY ALL ORDER BY ALL")
        begins: list[int] = []
        count = 0
        for minute, trades in minutes.fetchall():
            if not begins or count + trades > _STEP_TRADES or minute - begins[-1] >= _STEP_MINUTES:
                begins.append(minute)
                count = 0
            count += int(trades)
        listed = ", ".join(f"({step}, {minute})" for step, minute in enumerate(begins)) or "(0, 0)"
        # A series may have no trade of its own in a step, so its step begins where a later one does.
        self._connection.execute(
            f"""CREATE TEMP TABLE bounds AS WITH steps AS (FROM (VALUES {listed}) AS steps(step, minute)),
                own AS (SELECT exchange, symbol, step, min(lowest) AS lowest
                    FROM arrivals ASOF JOIN steps ON arrivals.minute >= steps.minute GROUP BY ALL),
                begun AS (SELECT exchange, symbol, step, coalesce(min(lowest) OVER later, {_MOST_OFFSET}) AS first
                    FROM (SELECT DISTINCT exchange, symbol FROM arrivals) CROSS JOIN (SELECT step FROM steps)
                    LEFT JOIN own USING (exchange, symbol, step)
                    WINDOW later AS (PARTITION BY exchange, symbol ORDER BY step
                        ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING))
                SELECT *, lead(first, 1, {_MOST_OFFSET}) OVER (PARTITION BY exchange, symbol ORDER BY step) AS last
                FROM begun"""
        )
        return len(begins)

    def _read(self, files: list[str], step: int) -> None:
        self._connection.execute(
            f"""CREATE OR REPLACE TEMP TABLE step_trades AS SELECT exchange, symbol, trade_id, price, quantity,
                trade_time, buyer_is_maker, kafka_offset AS arrival, NULL::BIGINT AS received
                FROM {database.parquet(files, "trades")}
                JOIN (FROM bounds WHERE step = {step}) USING (exchange, symbol)
                WHERE {self._time} AND kafka_offset >= first AND kafka_offset < last"""
        )

    def _one(self, sql: str) -> int:
        (value,) = self._connection.execute(sql).fetchone() or (0,)
        return int(value)
