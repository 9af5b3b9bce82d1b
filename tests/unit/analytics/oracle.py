"""Plain Python that does what the Spark job does, trade by trade and with nothing clever, for tests to compare with."""

from __future__ import annotations

import functools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple, Self

from tradestream.analytics.answers import Answers, Summary
from tradestream.analytics.candles import EXACT, MINUTE_MS, Candle, CandleBook, Cut, Key, Partial, Update
from tradestream.analytics.indicators import IndicatorConfig
from tradestream.analytics.signals import Engine


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


class At(NamedTuple):
    """A window of a series."""

    key: Key
    interval: int
    start: int

    @property
    def end(self) -> int:
        """First millisecond after it."""
        return self.start + self.interval


class Expected:
    """What the batches of a topic must lead to, trade by trade.

    Attributes:
        closed: Closed candles, each with the ids that were missing when it closed.
        late: How many trades were late.
        duplicates: How many came before.
    """

    def __init__(self, intervals: list[int], lateness: int) -> None:
        self._intervals, self._lateness = intervals, lateness
        self._seen: set[tuple[Key, int]] = set()
        self._newest: dict[Key, int] = defaultdict(int)
        self._members: dict[At, list[Tick]] = defaultdict(list)  # of open windows
        self._ends: dict[At, tuple[int, int]] = {}  # their first and last ids
        self._counted: dict[Key, set[int]] = defaultdict(set)
        self._passed: dict[At, int] = {}
        self.closed: dict[At, tuple[Candle, int]] = {}
        self.late = self.duplicates = 0

    @property
    def open(self) -> dict[At, Candle]:
        """Open candles."""
        return {at: candle(ticks, at.start) for at, ticks in self._members.items()}

    def batch(self, ticks: Iterable[Tick]) -> Self:
        """Known ids out, trades of closed windows out, the rest into the candle of each interval."""
        for tick in ticks:
            windows = [At(tick.key, length, tick.trade_time // length * length) for length in self._intervals]
            if (tick.key, tick.trade_id) in self._seen:
                self.duplicates += 1
            elif any(at in self.closed for at in windows) or windows[0].end <= self._watermark(tick.key):
                self.late += 1
            else:
                self._newest[tick.key] = max(self._newest[tick.key], tick.trade_time)
                self._counted[tick.key].add(tick.trade_id)
                for at in windows:
                    self._members[at].append(tick)
                    first, last = self._ends.get(at, (tick.trade_id, tick.trade_id))
                    self._ends[at] = min(first, tick.trade_id), max(last, tick.trade_id)
                self._pass(tick.key)
            self._seen.add((tick.key, tick.trade_id))
        for at in list(self._members):
            if at in self._passed or self._is_whole(at):
                self.closed[at] = candle(self._members.pop(at), at.start), self._passed.get(at, 0)
        return self

    def _pass(self, key: Key) -> None:
        """Note of windows that the watermark passes what they miss."""
        for at in self._members:
            if at.key == key and at not in self._passed and at.end <= self._watermark(key):
                self._passed[at] = self._missing(at)

    def _watermark(self, key: Key) -> int:
        return self._newest[key] // MINUTE_MS * MINUTE_MS - self._lateness

    def _is_whole(self, at: At) -> bool:
        first, last = self._ends[at]
        return len(self._members[at]) == last - first + 1 and {first - 1, last + 1} <= self._counted[at.key]

    def _missing(self, at: At) -> int:
        (first, last), counted = self._ends[at], self._counted[at.key]
        before = max((number for number in counted if number < first), default=first)
        after = min((number for number in counted if number > last), default=last)
        return len({*range(before, after)} - counted)


class Outcome:
    """A candle book fed with batches as the job feeds it, in plain Python."""

    def __init__(self, intervals: list[int], lateness: int) -> None:
        self.book = CandleBook(intervals, lateness)
        self.closed: list[Update] = []
        self.updates: list[Update] = []
        self.late = self.duplicates = 0

    def batch(self, first_offset: int, ticks: list[Tick]) -> None:
        """Take one batch whose first message has offset ``first_offset``."""
        answers = Answers(self.book, Engine([], IndicatorConfig()))
        answer = answers.take(Rows(list(enumerate(ticks, first_offset))))
        self.duplicates += answer.duplicates.total()
        self.late += answer.late.total()
        self.updates += answer.updates
        self.closed += [update for update in answer.updates if update.is_closed]


class Rows:
    """A batch in plain Python: trades, each with its offset."""

    def __init__(self, rows: list[tuple[int, Tick]]) -> None:
        self._rows = rows

    def summarise(self, _least_amount: float | None) -> Summary:
        """Sums them."""
        ids = _ids(self._rows)
        distinct = Counter({key: sum(end - start + 1 for start, end in own) for key, own in ids.items()})
        return Summary(partials(self._rows), ids, Counter(tick.key for _, tick in self._rows) - distinct, {}, [])

    def without_seen(self, seen: Mapping[Key, list[tuple[int, int]]]) -> Rows:
        """Each of them once, and none whose id is in ``seen``."""
        rows: dict[tuple[Key, int], tuple[int, Tick]] = {}
        for offset, tick in self._rows:
            if not any(start <= tick.trade_id <= end for start, end in seen.get(tick.key, [])):
                rows.setdefault((tick.key, tick.trade_id), (offset, tick))
        return Rows(list(rows.values()))

    def without_late(self, cuts: Sequence[Cut]) -> Rows:
        """Those that came before their minute closed."""
        return Rows([row for row in self._rows if not _cut(row, cuts)])


def partials(rows: list[tuple[int, Tick]]) -> list[Partial]:
    """Rows, each an offset and its trade, as the job's partial aggregates."""
    minutes: dict[tuple[Key, int], list[tuple[int, Tick]]] = defaultdict(list)
    for offset, tick in rows:
        minutes[tick.key, tick.trade_time // MINUTE_MS * MINUTE_MS].append((offset, tick))
    return [
        Partial(
            key=key,
            candle=candle([tick for _, tick in own], minute),
            first_offset=min(own, key=lambda row: row[1].trade_id)[0],
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


def _ids(rows: list[tuple[int, Tick]]) -> dict[Key, list[tuple[int, int]]]:
    keys = {tick.key for _, tick in rows}
    return {key: intervals({tick.trade_id for _, tick in rows if tick.key == key}) for key in keys}


def _cut(row: tuple[int, Tick], cuts: Sequence[Cut]) -> bool:
    offset, tick = row
    minute = tick.trade_time // MINUTE_MS * MINUTE_MS
    return any(cut.key == tick.key and cut.open_time == minute and offset >= cut.offset for cut in cuts)
