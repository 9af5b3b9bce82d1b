"""Plain Python that does what the Spark job does, trade by trade and with nothing clever, for tests to compare with."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from tradestream.analytics.candles import EXACT, MINUTE_MS, Candle, CandleBook, Cut, Key, Partial, Update


class Tick(NamedTuple):
    """A trade on its way through a topic; its place in a list is its Kafka offset."""

    key: Key
    trade_id: int
    price: Decimal
    quantity: Decimal
    trade_time: int
    buyer_is_maker: bool = False


def candle(ticks: list[Tick], open_time: int) -> Candle:
    """The candle of all of ``ticks``, by its definition."""
    ordered = sorted(ticks, key=lambda tick: tick.trade_id)
    prices = [tick.price for tick in ticks]
    return Candle(
        open_time=open_time,
        open=ordered[0].price,
        high=max(prices),
        low=min(prices),
        close=ordered[-1].price,
        volume=total(tick.quantity for tick in ticks),
        quote_volume=total(EXACT.multiply(tick.price, tick.quantity) for tick in ticks),
        buy_volume=total(tick.quantity for tick in ticks if not tick.buyer_is_maker),
        trade_count=len(ticks),
        first_trade_id=ordered[0].trade_id,
        last_trade_id=ordered[-1].trade_id,
    )


def total(values: Iterable[Decimal]) -> Decimal:
    """Sum without rounding."""
    return functools.reduce(EXACT.add, values, Decimal(0))


class Expected(NamedTuple):
    """What a topic must lead to.

    Attributes:
        closed: Closed candles by series, interval and open time.
        open: Open ones.
        late: How many trades were late.
        duplicates: How many came before.
    """

    closed: dict[tuple[Key, int, int], Candle]
    open: dict[tuple[Key, int, int], Candle]
    late: int
    duplicates: int


def expected(topic: Iterable[Tick], intervals: list[int], lateness: int) -> Expected:
    """Trade by trade: known ids out, trades of closed minutes out, the rest into the candle of each interval."""
    seen: set[tuple[Key, int]] = set()
    newest: dict[Key, int] = defaultdict(int)
    members: dict[tuple[Key, int, int], list[Tick]] = defaultdict(list)
    late = duplicates = 0
    for tick in topic:
        if (tick.key, tick.trade_id) in seen:
            duplicates += 1
            continue
        seen.add((tick.key, tick.trade_id))
        minute = tick.trade_time // MINUTE_MS * MINUTE_MS
        if minute + MINUTE_MS <= newest[tick.key] // MINUTE_MS * MINUTE_MS - lateness:
            late += 1
            continue
        newest[tick.key] = max(newest[tick.key], tick.trade_time)
        for interval in intervals:
            members[tick.key, interval, tick.trade_time // interval * interval].append(tick)
    candles = {at: candle(ticks, at[2]) for at, ticks in members.items()}
    closed = {
        (key, interval, start): found
        for (key, interval, start), found in candles.items()
        if start + interval <= newest[key] // MINUTE_MS * MINUTE_MS - lateness
    }
    return Expected(closed, {at: found for at, found in candles.items() if at not in closed}, late, duplicates)


class Outcome:
    """A candle book fed with batches as the job feeds it, in plain Python."""

    def __init__(self, intervals: list[int], lateness: int) -> None:
        self.book = CandleBook(intervals, lateness)
        self.closed: list[Update] = []
        self.updates: list[Update] = []
        self.late = self.duplicates = 0

    def batch(self, first_offset: int, ticks: list[Tick]) -> None:
        """Take one batch whose first message has offset ``first_offset``."""
        rows: dict[tuple[Key, int], tuple[int, Tick]] = {}
        for offset, tick in enumerate(ticks, first_offset):
            rows.setdefault((tick.key, tick.trade_id), (offset, tick))
        ids = {key: intervals({number for own, number in rows if own == key}) for key, _ in rows}
        known = self.book.seen_among(ids)
        fresh = [
            row
            for (key, number), row in rows.items()
            if not any(start <= number <= end for start, end in known.get(key, []))
        ]
        self.duplicates += len(ticks) - len(fresh)
        cuts = self.book.late(partials(fresh))
        on_time = [row for row in fresh if not _cut(row, cuts)]
        self.late += len(fresh) - len(on_time)
        self.book.remember({key: intervals({tick.trade_id for _, tick in fresh if tick.key == key}) for key in ids})
        updates = self.book.apply(partials(on_time))
        self.updates += updates
        self.closed += [update for update in updates if update.is_closed]


def partials(rows: list[tuple[int, Tick]]) -> list[Partial]:
    """Rows, each an offset and its trade, as the job's partial aggregates."""
    minutes: dict[tuple[Key, int], list[tuple[int, Tick]]] = defaultdict(list)
    for offset, tick in rows:
        minutes[tick.key, tick.trade_time // MINUTE_MS * MINUTE_MS].append((offset, tick))
    return [
        Partial(
            key=key,
            candle=candle([tick for _, tick in own], minute),
            min_offset=min(offset for offset, _ in own),
            max_offset=max(offset for offset, _ in own),
            max_time=max(tick.trade_time for _, tick in own),
        )
        for (key, minute), own in minutes.items()
    ]


def intervals(numbers: set[int]) -> list[tuple[int, int]]:
    """Numbers as closed intervals."""
    starts = sorted(number for number in numbers if number - 1 not in numbers)
    ends = sorted(number for number in numbers if number + 1 not in numbers)
    return list(zip(starts, ends, strict=True))


def _cut(row: tuple[int, Tick], cuts: list[Cut]) -> bool:
    offset, tick = row
    minute = tick.trade_time // MINUTE_MS * MINUTE_MS
    return any(cut.key == tick.key and cut.open_time == minute and offset > cut.offset for cut in cuts)
