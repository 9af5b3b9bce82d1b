"""A batch of trades as it landed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache

import duckdb
from duckdb import DuckDBPyConnection
from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

from tradestream.analytics import rows
from tradestream.analytics.answers import Summary
from tradestream.analytics.candles import Cut, Key
from tradestream.analytics.landed import landed_rows
from tradestream.analytics.storage import Storage
from tradestream.analytics.table_batch import TableBatch

_LANDED = """CREATE OR REPLACE TEMP TABLE landed AS
    SELECT exchange, symbol, trade_id, price, quantity, trade_time, buyer_is_maker,
        kafka_offset AS arrival, epoch_us("timestamp") AS received FROM {rows}"""


class LandedBatch:
    """Trades that are in a landing directory, or some of them.

    Attributes:
        name: The landing directory.

    Args:
        storage: Where that is.
        name: The landing directory.
        trades: Reads those of its rows that they are.
        count: How many these are, by those who wrote them; None where nobody counted.
        database: Where these are all trades of a directory that this host sees: it has their sums before Spark has
            planned them.
    """

    def __init__(
        self,
        storage: Storage,
        name: str,
        trades: Callable[[], DataFrame],
        count: int | None,
        database: DuckDBPyConnection | None,
    ) -> None:
        self.name = name
        self._storage = storage
        self._trades = cache(trades)
        self._count = count
        self._database = database

    def summarise(self, least_amount: float | None) -> Summary:
        """Sums them; trades of at least this price times quantity are wanted one by one.

        Raises:
            UnseenError: There are not as many as were written.
        """
        summary = self._sums(least_amount)
        if self._count is not None:
            self._storage.require_seen(self.name, summary.trades.total(), self._count)
        return summary

    def without_seen(self, seen: Mapping[Key, list[tuple[int, int]]]) -> LandedBatch:
        """Each of them once and none whose id is in ``seen``, in a landing directory that takes the place of this."""
        name, written = f"{self.name}-distinct", Observation()
        distinct = rows.without_seen(self._trades(), seen).observe(written, F.count("*").alias("trades"))
        landed = self._storage.land(distinct, name)
        self._storage.forget([self.name])
        return LandedBatch(self._storage, name, lambda: landed, written.get["trades"], self._database)

    def without_late(self, cuts: Sequence[Cut]) -> LandedBatch:
        """Those that came before their minute closed."""
        return LandedBatch(self._storage, self.name, lambda: rows.without_late(self._trades(), cuts), None, None)

    def _sums(self, least_amount: float | None) -> Summary:
        if self._database is None:
            return rows.summarise(self._trades(), least_amount)
        self._database.execute(_LANDED.format(rows=landed_rows([self._storage.landing(self.name)])))
        try:
            return TableBatch(self._database, "landed").summarise(least_amount)
        finally:
            with suppress(duckdb.Error):  # what went wrong before says more
                self._database.execute("DROP TABLE landed")
