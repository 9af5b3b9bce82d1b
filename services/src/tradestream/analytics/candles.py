"""Candles from partial aggregates: pure functions of what arrived, exact and independent of how it was batched.

Spark hands over one `Partial` per exchange, symbol and minute that a batch touched. `CandleBook` merges them into the
candles of every interval, decides which trades are late and which candles are closed.

Each exchange and symbol (a *series*) is on its own: an idle symbol holds up nobody, and an old dump can be replayed
beside a live feed. Its candles close in one of two ways.

Whole. Exchanges number the trades of a symbol without gaps and in the order of their times. So a candle to which no
trade can come any more proves it: its trades are as many as its ids, and the id before its first and the one after its
last are of other candles. It closes at once. One that is not whole holds up no other: it closes after them.

Watermark. At the latest minute M closes when a trade arrives that is at least `lateness` past the end of M; arrival is
the order of Kafka offsets, not of batches, so the same topic gives the same candles whatever the batches were. While a
series is idle its watermark goes on with the clock, which the caller advances only while the feed is known to be read
to its end (`CandleBook.advance`).

What a candle misses is what had not come when it closed, though the same batch may bring it later.

A trade of a closed candle is late for every interval: a longer candle is always the sum of its minutes.
"""

from __future__ import annotations

import decimal
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal
from itertools import accumulate
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from tradestream.ids import IdIntervals

MINUTE_MS = 60_000
# Sums of products of prices and quantities (22 digits each) stay exact, which Python's default of 28 digits would not
# grant; only divisions round.
EXACT = decimal.Context(prec=80, rounding=decimal.ROUND_HALF_EVEN)
_VWAP_STEP = Decimal(1).scaleb(-18)
PERCENT_STEP = Decimal(1).scaleb(-8)


class Key(NamedTuple):
    """What a series of trades is known by."""

    exchange: str
    symbol: str


Intervals = Mapping[Key, Iterable[tuple[int, int]]]
"""Ids by series, as closed intervals."""


class Candle(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The trades of one window of time, summed. ``open`` and ``close`` are those of the lowest and highest trade id.

    Attributes:
        open_time: First millisecond of the window.
        open: Price of the trade with the lowest id.
        high: Highest price.
        low: Lowest price.
        close: Price of the trade with the highest id.
        volume: Sum of quantities.
        quote_volume: Sum of price times quantity, exact.
        buy_volume: Sum of the quantities whose taker bought.
        trade_count: How many trades.
        first_trade_id: Lowest id.
        last_trade_id: Highest id.
    """

    open_time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    quote_volume: Decimal
    buy_volume: Decimal
    trade_count: int
    first_trade_id: int
    last_trade_id: int

    def merge(self, other: Candle) -> Candle:
        """This candle with the trades of ``other``, which must be others than its own."""
        first, last = self, self
        if other.first_trade_id < self.first_trade_id:
            first = other
        if other.last_trade_id > self.last_trade_id:
            last = other
        return Candle(
            open_time=self.open_time,
            open=first.open,
            high=max(self.high, other.high),
            low=min(self.low, other.low),
            close=last.close,
            volume=EXACT.add(self.volume, other.volume),
            quote_volume=EXACT.add(self.quote_volume, other.quote_volume),
            buy_volume=EXACT.add(self.buy_volume, other.buy_volume),
            trade_count=self.trade_count + other.trade_count,
            first_trade_id=first.first_trade_id,
            last_trade_id=last.last_trade_id,
        )

    @property
    def vwap(self) -> Decimal:
        """Volume-weighted average price, rounded half-even to 18 fractional digits."""
        return EXACT.divide(self.quote_volume, self.volume).quantize(_VWAP_STEP, context=EXACT)

    @property
    def price_change(self) -> Decimal:
        """Close less open."""
        return EXACT.subtract(self.close, self.open)

    @property
    def price_change_percent(self) -> Decimal:
        """Price change in percent of open, rounded half-even to 8 fractional digits."""
        return EXACT.divide(self.price_change * 100, self.open).quantize(PERCENT_STEP, context=EXACT)

    @property
    def sell_volume(self) -> Decimal:
        """Sum of the quantities whose taker sold."""
        return EXACT.subtract(self.volume, self.buy_volume)


class Partial(msgspec.Struct, frozen=True, gc=False):
    """One batch's trades of one exchange, symbol and minute.

    Attributes:
        key: The series.
        candle: Their sum; its window is the minute.
        first_offset: Kafka offset of the one with the lowest id.
        min_offset: Lowest Kafka offset among them.
        max_offset: Highest Kafka offset among them.
        max_time: Newest trade time, ms.
    """

    key: Key
    candle: Candle
    first_offset: int
    min_offset: int
    max_offset: int
    max_time: int


class Update(msgspec.Struct, frozen=True, gc=False):
    """A candle as it stands after a batch.

    Attributes:
        key: The series.
        interval: Length of the candle in ms.
        candle: Its sums.
        missing_trades: How many ids no trade has that may be of this candle: between its first and its last id, and
            between it and the trades known next before and after it, which may be of the neighbour too.
        is_closed: Whether it will never change again.
    """

    key: Key
    interval: int
    candle: Candle
    missing_trades: int
    is_closed: bool


class Series(msgspec.Struct):
    """What is remembered of one exchange and symbol.

    Attributes:
        key: Exchange and symbol.
        seen: Ids that were counted, or were late.
        counted: Ids of trades that are in candles.
        newest: Newest trade time, ms.
        arrived: The book's clock when ``newest`` last rose, ms.
        closed_before: The watermark: what ends at or before this (ms) is closed.
        whole: By interval (ms), when those candles began that closed ahead of the watermark.
        candles: Open candles by interval (ms), then by open time.
        added: By interval (ms) that was configured only later, what was the newest trade time then: no candle opens
            that began by then, as it would lack its first trades.
    """

    key: Key
    seen: IdIntervals = msgspec.field(default_factory=IdIntervals)
    counted: IdIntervals = msgspec.field(default_factory=IdIntervals)
    newest: int = 0
    arrived: int = 0
    closed_before: int = 0
    whole: dict[int, list[int]] = {}
    candles: dict[int, dict[int, Candle]] = {}
    added: dict[int, int] = {}

    def has_closed(self, minute: int) -> bool:
        """Whether a trade of the minute that begins then (ms) is late."""
        return minute + MINUTE_MS <= self.closed_before or any(
            minute // interval * interval in starts for interval, starts in self.whole.items()
        )


class Cut(NamedTuple):
    """A minute of which a batch holds trades on time and, from Kafka offset ``offset`` on, late ones."""

    key: Key
    open_time: int
    offset: int


class Outrun(NamedTuple):
    """An end of candles that the watermark passes before the trades come which are next to them.

    Attributes:
        key: The series.
        end: The first millisecond after these candles.
        cuts: What of the minutes that begin then or later came after they had closed.
    """

    key: Key
    end: int
    cuts: list[Cut]


class BookState(msgspec.Struct):
    """What a `CandleBook` needs to go on after a restart: its clock (ms) and its series."""

    clock: int = 0
    series: list[Series] = []


def watermark(reached: int, lateness: int) -> int:
    """What ends at or before this (ms) is closed, in a series whose event time has ``reached`` that."""
    return reached // MINUTE_MS * MINUTE_MS - lateness


class CandleBook:
    """Open candles of every series and interval.

    Args:
        intervals: Lengths of candles in ms, each a multiple of a minute.
        lateness: How far the watermark is behind the newest trade, ms, a multiple of a minute.
        state: Where an earlier book stood.
    """

    def __init__(self, intervals: Iterable[int], lateness: int, state: BookState | None = None) -> None:
        self._intervals = sorted(intervals)
        self._lateness = lateness
        state = state or BookState()
        self._clock = state.clock
        self._series = {series.key: series for series in state.series}
        for series in state.series:
            self._configure(series)

    @property
    def state(self) -> BookState:
        """What to store. It shares its parts with the book: encode it before the book changes."""
        return BookState(self._clock, list(self._series.values()))

    def seen_among(self, ids: Intervals) -> dict[Key, list[tuple[int, int]]]:
        """Those of the ids, given as intervals per series, that were seen before, as intervals that hold them."""
        found = {
            key: [hit for start, end in intervals for hit in self._series[key].seen.within(start, end)]
            for key, intervals in ids.items()
            if key in self._series
        }
        return {key: intervals for key, intervals in found.items() if intervals}

    def has_seen(self, key: Key, trade_id: int) -> bool:
        """Whether a trade was seen before."""
        return key in self._series and trade_id in self._series[key].seen

    def late(self, partials: Iterable[Partial]) -> list[Cut]:
        """The minutes of ``partials`` that hold late trades, each with the offset at which its minute closed."""
        cuts = []
        for key, own in _by_key(partials).items():
            series, minutes = self._series.get(key) or Series(key), _Minutes(own, self._lateness)
            for partial in minutes.partials:
                minute = partial.candle.open_time
                offset = -1 if series.has_closed(minute) else minutes.closing(minute + MINUTE_MS)
                if offset is not None and partial.max_offset > offset:
                    cuts.append(Cut(key, minute, offset))
        return cuts

    def outrun(self, partials: Iterable[Partial]) -> list[Outrun]:
        """Which candles close before their next trade comes, though ``partials``, none of them late, have both."""
        found = []
        for key, own in _by_key(partials).items():
            series, minutes = self._series.get(key) or Series(key), _Minutes(own, self._lateness)
            for end in sorted(self._ends(series, own)):
                offset, later = minutes.closing(end), minutes.since(end)
                # Of a minute's trades the one with the lowest id is next to what ended before.
                if offset is not None and later[0].first_offset > offset and not self._has_next(series, end, later[0]):
                    cuts = [Cut(key, each.candle.open_time, offset + 1) for each in later]
                    found.append(Outrun(key, end, cuts))
        return found

    def remember(self, ids: Intervals) -> None:
        """Mark ids as seen, those of late trades too.

        Args:
            ids: Closed intervals by series.
        """
        for key, intervals in ids.items():
            self._at(key).seen.update(intervals)

    def apply(
        self,
        partials: Iterable[Partial],
        ids: Intervals,
        had_come: Mapping[tuple[Key, int], Iterable[tuple[int, int]]] = MappingProxyType({}),
    ) -> list[Update]:
        """Add trades that are neither duplicate nor late.

        Args:
            partials: Their sums.
            ids: Their ids, as closed intervals by series.
            had_come: By series and end of what is `outrun`, those ids that had come when it closed.

        Returns:
            Every candle they touched, in order of key, interval and time, and every candle they closed.
        """
        updates = []
        for key, own in sorted(_by_key(partials).items()):
            series = self._at(key)
            counted = {end: series.counted.joined(own_ids) for (of, end), own_ids in had_come.items() if of == key}
            series.counted.update(ids[key])
            touched = self._merge(series, own)
            newest = max(partial.max_time for partial in own)
            if newest > series.newest:
                series.newest, series.arrived = newest, self._clock
            closed = self._close(series, series.newest, counted)
            done = {(update.interval, update.candle.open_time) for update in closed}
            updates += [
                _update(series, interval, series.candles[interval][start], series.counted, is_closed=False)
                for interval, start in sorted(touched - done)
            ]
            updates += closed
        return updates

    def advance(self, elapsed: int) -> list[Update]:
        """Move the clock on by ``elapsed`` ms in which the feed was read to its end.

        Returns:
            The candles of idle series that this closed.
        """
        self._clock += elapsed
        return [
            update
            for _, series in sorted(self._series.items())
            for update in self._close(series, series.newest + self._clock - series.arrived)
        ]

    def first_open(self, key: Key, interval: int) -> int | None:
        """When (ms) the oldest candle began that is still open, of one series and interval."""
        series = self._series.get(key)
        return min(series.candles.get(interval, ()), default=None) if series else None

    def restore(self, partials: Iterable[Partial], stored: Mapping[tuple[Key, int], Collection[int]]) -> None:
        """Begin from stored trades, when the state was lost; their ids are remembered already.

        Args:
            partials: Every stored minute that a candle still open needs.
            stored: Per series and interval of which any candle is stored as closed, when those began that end after
                the watermark.
        """
        for key, own in _by_key(partials).items():
            series = self._at(key)
            series.counted.update(zip(series.seen.starts, series.seen.ends, strict=True))
            series.newest = max(partial.max_time for partial in own)
            series.closed_before = watermark(series.newest, self._lateness)
            self._merge(series, own)
            for interval in self._intervals:
                starts = stored.get((key, interval))
                if starts is not None:
                    series.whole[interval] = sorted(starts)
                    is_open = series.candles[interval]
                    series.candles[interval] = {
                        start: candle
                        for start, candle in is_open.items()
                        if start + interval > series.closed_before and start not in starts
                    }

    def _configure(self, series: Series) -> None:
        """Forget the intervals that are no longer asked for, and begin those that are asked for anew."""
        series.added |= {interval: series.newest for interval in self._intervals if interval not in series.candles}
        series.candles = {interval: series.candles.get(interval, {}) for interval in self._intervals}
        series.whole = {interval: starts for interval, starts in series.whole.items() if interval in self._intervals}

    def _at(self, key: Key) -> Series:
        if key not in self._series:
            self._series[key] = Series(key, candles={interval: {} for interval in self._intervals})
        return self._series[key]

    def _merge(self, series: Series, own: list[Partial]) -> set[tuple[int, int]]:
        touched = set()
        for interval in self._intervals:
            candles = series.candles[interval]
            for partial in own:
                start = partial.candle.open_time // interval * interval
                if start <= series.added.get(interval, -1):
                    continue
                fresh = partial.candle
                if start != fresh.open_time:
                    fresh = msgspec.structs.replace(fresh, open_time=start)
                candles[start] = candles[start].merge(fresh) if start in candles else fresh
                touched.add((interval, start))
        return touched

    def _ends(self, series: Series, own: Iterable[Partial]) -> set[int]:
        """When candles end that are open, or will be with what came."""
        ends = {start + interval for interval, candles in series.candles.items() for start in candles}
        times = [partial.candle.open_time for partial in own]
        return ends.union(time // interval * interval + interval for time in times for interval in self._intervals)

    def _has_next(self, series: Series, end: int, later: Partial) -> bool:
        """Whether a trade that came earlier is nearer to what ends then than those of a later minute."""
        candles = series.candles.get(self._intervals[0], {}).items()
        return any(start >= end and candle.first_trade_id < later.candle.first_trade_id for start, candle in candles)

    def _close(
        self, series: Series, reached: int, counted: Mapping[int, IdIntervals] = MappingProxyType({})
    ) -> list[Update]:
        """Close what is whole, and what the watermark of a series has passed whose event time has ``reached`` that.

        What was counted when candles closed that end then, ``counted`` says, where that was less than now.
        """
        series.closed_before = max(series.closed_before, watermark(reached, self._lateness))
        closed = []
        for interval, candles in sorted(series.candles.items()):
            whole = {start for start, candle in candles.items() if _is_whole(series, candle)}
            done = [start for start in sorted(candles) if start in whole or start + interval <= series.closed_before]
            closed += [
                _update(
                    series, interval, candles.pop(start), counted.get(start + interval, series.counted), is_closed=True
                )
                for start in done
            ]
            ahead = whole.union(series.whole.get(interval, ()))
            series.whole[interval] = sorted(start for start in ahead if start + interval > series.closed_before)
        return closed


def _is_whole(series: Series, candle: Candle) -> bool:
    first, last = candle.first_trade_id, candle.last_trade_id
    joined = series.counted.end_of(first - 1)
    return candle.trade_count == last - first + 1 and joined is not None and joined > last


class _Minutes:
    """The partials of a series in the order of time, and when the watermark passes them."""

    def __init__(self, partials: Iterable[Partial], lateness: int) -> None:
        self.partials = sorted(partials, key=_open_time)
        self._lateness = lateness
        # Of each minute and all after it, the first offset.
        self._firsts = list(accumulate((each.min_offset for each in reversed(self.partials)), min))[::-1]

    def closing(self, end: int) -> int | None:
        """The Kafka offset at which the watermark passes what ends then; None where it does not."""
        at = bisect_left(self.partials, end + self._lateness, key=_open_time)
        return self._firsts[at] if at < len(self.partials) else None

    def since(self, time: int) -> list[Partial]:
        """Those that begin then or later."""
        return self.partials[bisect_left(self.partials, time, key=_open_time) :]


def _update(series: Series, interval: int, candle: Candle, counted: IdIntervals, *, is_closed: bool) -> Update:
    missing = counted.missing_around(candle.first_trade_id, candle.last_trade_id)
    return Update(series.key, interval, candle, missing, is_closed)


def _open_time(partial: Partial) -> int:
    return partial.candle.open_time


def _by_key(partials: Iterable[Partial]) -> dict[Key, list[Partial]]:
    grouped: dict[Key, list[Partial]] = {}
    for partial in partials:
        grouped.setdefault(partial.key, []).append(partial)
    return grouped
