"""A batch of trades in Spark, as it landed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame

from tradestream.analytics import rows
from tradestream.analytics.answers import Summary
from tradestream.analytics.candles import Cut, Key
from tradestream.analytics.storage import Storage


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

    def without_seen(self, seen: Mapping[Key, list[tuple[int, int]]]) -> LandedBatch:
        """Each of them once and none whose id is in ``seen``, in a landing directory that takes the place of this."""
        name = f"{self.name}-distinct"
        landed = self._storage.land(rows.without_seen(self._trades, seen), name)
        self._storage.forget([self.name])
        return LandedBatch(self._storage, name, landed)

    def without_late(self, cuts: Sequence[Cut]) -> LandedBatch:
        """Those that came before their minute closed."""
        return LandedBatch(self._storage, self.name, rows.without_late(self._trades, cuts))
