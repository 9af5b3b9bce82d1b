"""What trades answer: candles and signals, by one way for whoever has the rows.

The live job has them in files, a backtest in a table. Each sums them its own way (`Batch`); which are duplicates,
which are late, what closes and what that signals is decided here, so that both say the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Generic, NamedTuple, Protocol, Self, TypeVar

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
        oldest: Per series, when its first trade of the batch was received, seconds since 1970; nothing of trades of
            the past.
        big: The trades of at least the amount that was asked for; some may be a trifle below.
    """

    partials: list[Partial]
    ids: dict[Key, list[tuple[int, int]]]
    repeated: Counter[Key]
    oldest: dict[Key, float]
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


BatchT = TypeVar("BatchT", bound=Batch)


class Answer(NamedTuple, Generic[BatchT]):
    """What a batch has changed.

    Attributes:
        batch: Its trades without those that came before.
        summary: Their sums.
        duplicates: Per series, how many came before.
        late: Per series, how many of the others came after their minute closed.
        updates: Candles as they stand now.
        large: What single trades signal.
        closing: What closed candles signal.
    """

    batch: BatchT
    summary: Summary
    duplicates: Counter[Key]
    late: Counter[Key]
    updates: list[Update]
    large: list[Signal]
    closing: list[Signal]


class Answers:
    """A candle book and an engine, moved on by one batch at a time.

    Attributes:
        book: The candles that are open.
        engine: The rules and the indicators that they look at.

    Args:
        book: The book.
        engine: The engine.
        turn: What ids are remembered in, where others look for them meanwhile.
    """

    def __init__(
        self, book: CandleBook, engine: Engine, turn: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self.book = book
        self.engine = engine
        self._turn = turn

    def take(self, batch: BatchT) -> Answer[BatchT]:
        """Add what arrived next."""
        batch, summary, duplicates = self._distinct(batch)
        left, on_time = self._on_time(batch, summary)
        had_come = {
            (each.key, each.end): left.without_late(each.cuts).summarise(None).ids[each.key]
            for each in self.book.outrun(on_time.partials)
        }
        with self._turn():
            self.book.remember(summary.ids)
        updates = self.book.apply(on_time.partials, on_time.ids, had_come)
        large = self.engine.traded(summary.big)
        closing = self.engine.closed(updates, self.book.first_open)
        return Answer(batch, summary, duplicates, summary.trades - on_time.trades, updates, large, closing)

    def advance(self, elapsed: int) -> tuple[list[Update], list[Signal]]:
        """Let ``elapsed`` ms pass in which nothing came; the candles that this closed, and what they signal."""
        updates = self.book.advance(elapsed)
        return updates, self.engine.closed(updates, self.book.first_open)

    def _distinct(self, batch: BatchT) -> tuple[BatchT, Summary, Counter[Key]]:
        """What is left without the trades that came before, and how many these were."""
        summary = batch.summarise(self.engine.least_amount)
        seen = self.book.seen_among(summary.ids)
        if not seen and not summary.repeated.total():
            return batch, summary, Counter()
        batch = batch.without_seen(seen)
        distinct = batch.summarise(self.engine.least_amount)
        return batch, distinct, summary.trades - distinct.trades

    def _on_time(self, batch: Batch, summary: Summary) -> tuple[Batch, Summary]:
        """What is left without late trades."""
        cuts = self.book.late(summary.partials)
        if not cuts:
            return batch, summary
        batch = batch.without_late(cuts)
        return batch, batch.summarise(None)
