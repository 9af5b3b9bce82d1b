"""What trades answer: candles and signals, by one way for whoever has the rows.

The live job has them in Spark, a backtest in DuckDB. Each sums them its own way (`Batch`); which are duplicates, which
are late, what closes and what that signals is decided here, so that both say the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol, Self

from tradestream.analytics.candles import CandleBook, Cut, Key, Partial, Update
from tradestream.analytics.evidence import BigTrade
from tradestream.analytics.signals import Engine, Signal


class Summary(NamedTuple):
    """What a batch holds.

    Attributes:
        partials: One per series and minute.
        ids: Per series, the trade ids as closed intervals.
        repeated: Per series, trades whose id an earlier trade of the batch has. While there are any, the partials
            count them too.
        big: The trades of at least the amount that was asked for; some may be a trifle below.
    """

    partials: list[Partial]
    ids: dict[Key, list[tuple[int, int]]]
    repeated: Counter[Key]
    big: list[BigTrade]

    @property
    def trades(self) -> Counter[Key]:
        """Per series, how many trades the partials count."""
        counts: Counter[Key] = Counter()
        for partial in self.partials:
            counts[partial.key] += partial.candle.trade_count
        return counts


class Batch(Protocol):
    """Trades that arrived one after the other, wherever their rows are."""

    def summarise(self, least_amount: float | None) -> Summary:
        """Sums them; trades of at least this price times quantity are wanted one by one."""

    def without_seen(self, seen: Mapping[Key, list[tuple[int, int]]]) -> Self:
        """Each of them once, the one that arrived first, and none whose id is in ``seen``."""

    def without_late(self, cuts: Sequence[Cut]) -> Self:
        """Those that came before their minute closed."""


class Answer(NamedTuple):
    """What a batch has changed.

    Attributes:
        summary: Its trades without those that came before.
        duplicates: Per series, how many came before.
        late: Per series, how many of the others came after their minute closed.
        updates: Candles as they stand now.
        large: What single trades signal.
        closing: What closed candles signal.
    """

    summary: Summary
    duplicates: Counter[Key]
    late: Counter[Key]
    updates: list[Update]
    large: list[Signal]
    closing: list[Signal]


class Answers:
    """A candle book and an engine, moved on by one batch at a time.

    Args:
        book: The candles that are open.
        engine: The rules and the indicators that they look at.
    """

    def __init__(self, book: CandleBook, engine: Engine) -> None:
        self._book = book
        self._engine = engine

    def take(self, batch: Batch) -> Answer:
        """Add what arrived next."""
        batch, summary, duplicates = self._distinct(batch)
        on_time = self._on_time(batch, summary)
        self._book.remember(summary.ids)
        updates = self._book.apply(on_time.partials, on_time.ids)
        large = self._engine.traded(summary.big)
        closing = self._engine.closed(updates, self._book.first_open)
        return Answer(summary, duplicates, summary.trades - on_time.trades, updates, large, closing)

    def advance(self, elapsed: int) -> tuple[list[Update], list[Signal]]:
        """Let ``elapsed`` ms pass in which nothing came; the candles that this closed, and what they signal."""
        updates = self._book.advance(elapsed)
        return updates, self._engine.closed(updates, self._book.first_open)

    def _distinct(self, batch: Batch) -> tuple[Batch, Summary, Counter[Key]]:
        """What is left without the trades that came before, and how many these were."""
        summary = batch.summarise(self._engine.least_amount)
        seen = self._book.seen_among(summary.ids)
        if not seen and not summary.repeated.total():
            return batch, summary, Counter()
        batch = batch.without_seen(seen)
        distinct = batch.summarise(self._engine.least_amount)
        return batch, distinct, summary.trades - distinct.trades

    def _on_time(self, batch: Batch, summary: Summary) -> Summary:
        """Sums and ids without late trades."""
        cuts = self._book.late(summary.partials)
        return batch.without_late(cuts).summarise(None) if cuts else summary
