"""A batch of trades as it landed."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from pyspark.sql import DataFrame

from tradestream.analytics import rows
from tradestream.analytics.answers import Summary
from tradestream.analytics.candles import Cut, Key
from tradestream.analytics.local_directory import local_path
from tradestream.analytics.storage import Storage
from tradestream.analytics.table_batch import TableBatch
from tradestream.ask.database import literal, opened

_LANDED = """CREATE TEMP TABLE landed AS SELECT exchange, symbol, trade_id, price, quantity, trade_time, buyer_is_maker,
    kafka_offset AS arrival, epoch_us("timestamp") AS received FROM read_parquet({files}) WHERE valid"""


class LandedBatch:
    """Trades that are in a landing directory, or some of them.

    Attributes:
        name: The landing directory.

    Args:
        storage: Where that is.
        name: The landing directory.
        trades: Which of its rows.
    """

    def __init__(self, storage: Storage, name: str, trades: DataFrame) -> None:
        self.name = name
        self._storage = storage
        self._trades = trades

    def summarise(self, least_amount: float | None) -> Summary:
        """Sums them; trades of at least this price times quantity are wanted one by one."""
        return rows.summarise(self._trades, least_amount)

    def without_seen(self, seen: Mapping[Key, list[tuple[int, int]]]) -> Self:
        """Each of them once and none whose id is in ``seen``, in a landing directory that takes the place of this."""
        name = f"{self.name}-distinct"
        landed = self._storage.land(rows.without_seen(self._trades, seen), name)
        self._storage.forget([self.name])
        return type(self)(self._storage, name, landed)

    def without_late(self, cuts: Sequence[Cut]) -> LandedBatch:
        """Those that came before their minute closed."""
        return LandedBatch(self._storage, self.name, rows.without_late(self._trades, cuts))


class LocalBatch(LandedBatch):
    """All trades of a landing directory that this host sees: DuckDB has their sums before Spark has planned them."""

    def summarise(self, least_amount: float | None) -> Summary:
        """Sums them; trades of at least this price times quantity are wanted one by one."""
        files = local_path(self._storage.landing(f"{self.name}/*.parquet"))
        with opened(Path(tempfile.gettempdir(), self.name)) as connection:
            connection.execute(_LANDED.format(files=literal(str(files))))
            return TableBatch(connection, "landed").summarise(least_amount)


def landed_batch(storage: Storage, name: str, trades: DataFrame) -> LandedBatch:
    """All trades of a landing directory."""
    kind = LandedBatch if local_path(storage.root.uri) is None else LocalBatch
    return kind(storage, name, trades)
