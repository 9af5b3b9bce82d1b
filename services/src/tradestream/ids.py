"""Sets of trade ids as intervals.

An exchange numbers the trades of a symbol without gaps, so the ids seen so far are a handful of intervals however many
trades they stand for. That makes an exact, unbounded memory of duplicates affordable.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable

import msgspec

FAR = 10_000_000
"""An id so far from those known is of another numbering: a simulator began anew, or a message is broken."""


class IdIntervals(msgspec.Struct):
    """A set of integers held as sorted closed intervals that neither overlap nor touch.

    Attributes:
        starts: First id of each interval, ascending.
        ends: Last id of each interval, at the same position.
    """

    starts: list[int] = []
    ends: list[int] = []

    def __contains__(self, trade_id: int) -> bool:
        at = bisect_right(self.starts, trade_id) - 1
        return at >= 0 and trade_id <= self.ends[at]

    def __len__(self) -> int:
        """Count of ids, not of intervals."""
        return sum(end - start + 1 for start, end in zip(self.starts, self.ends, strict=True))

    def add(self, start: int, end: int) -> None:
        """Add every id from ``start`` to ``end``, both included."""
        first = bisect_left(self.ends, start - 1)
        last = bisect_right(self.starts, end + 1)
        if first < last:
            start = min(start, self.starts[first])
            end = max(end, self.ends[last - 1])
        self.starts[first:last] = [start]
        self.ends[first:last] = [end]

    def update(self, intervals: Iterable[tuple[int, int]]) -> None:
        """Add every id of each interval."""
        for start, end in intervals:
            self.add(start, end)

    def joined(self, intervals: Iterable[tuple[int, int]]) -> IdIntervals:
        """These ids and those of each interval."""
        result = IdIntervals(list(self.starts), list(self.ends))
        result.update(intervals)
        return result

    def remove(self, number: int) -> None:
        """Remove an id that is held."""
        at = bisect_right(self.starts, number) - 1
        start, end = self.starts[at], self.ends[at]
        rest = [(first, last) for first, last in ((start, number - 1), (number + 1, end)) if first <= last]
        self.starts[at : at + 1] = [first for first, _ in rest]
        self.ends[at : at + 1] = [last for _, last in rest]

    def end_of(self, number: int) -> int | None:
        """The last id of the interval that an id lies in; None where it is not held."""
        at = bisect_right(self.starts, number) - 1
        return self.ends[at] if at >= 0 and number <= self.ends[at] else None

    def missing_around(self, first: int, last: int) -> int:
        """How many ids are not held from the one held next below ``first`` to the one held next above ``last``.

        Both are held themselves. A gap of `FAR` or more is none: there another numbering begins.
        """
        low = max(bisect_left(self.starts, first) - 1, 0)
        high = bisect_right(self.ends, last) + 1
        gaps = (start - end - 1 for end, start in zip(self.ends[low:high], self.starts[low + 1 : high], strict=False))
        return sum(gap for gap in gaps if gap < FAR)

    def without(self, start: int, end: int) -> list[tuple[int, int]]:
        """What of ``start`` to ``end`` is not held, as closed intervals."""
        missing = []
        for first, last in self.within(start, end):
            if start < first:
                missing.append((start, first - 1))
            start = last + 1
        if start <= end:
            missing.append((start, end))
        return missing

    def within(self, start: int, end: int) -> list[tuple[int, int]]:
        """The intervals that share at least one id with ``start`` to ``end``."""
        first = bisect_left(self.ends, start)
        last = bisect_right(self.starts, end)
        return list(zip(self.starts[first:last], self.ends[first:last], strict=True))


def intervals(words: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The numbers whose bits are set in words of 64, each beside its place, ascending; as closed intervals."""
    found: list[tuple[int, int]] = []
    for word, bits in words:
        start, left = word * 64, bits
        while left:
            zeros = (left & -left).bit_length() - 1
            start += zeros
            left >>= zeros
            ones = (left + 1 & ~left).bit_length() - 1
            first = found.pop()[0] if found and found[-1][1] == start - 1 else start
            start += ones
            left >>= ones
            found.append((first, start - 1))
    return found
