"""Looking for messages: onwards from somewhere, or back from somewhere, some at a time."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterable, Mapping
from operator import attrgetter

import msgspec
from confluent_kafka import Message as KafkaMessage

from tradestream.kafka_ui.messages import Budget, Source, Stretch, Wanted
from tradestream.kafka_ui.shown import Message

PAGE = 50
_GROWTH = 8
_MOST_AT_ONCE = 10_000
_time = attrgetter("time")


class Extent(msgspec.Struct, frozen=True):
    """How far a partition was looked through.

    Attributes:
        partition: its number.
        first: the earliest offset that there is.
        end: the offset that the next message gets.
        begin: where looking began: the first offset that was looked at.
        at: where it ended: the first offset that was not.
    """

    partition: int
    first: int
    end: int
    begin: int
    at: int


class Found(msgspec.Struct, frozen=True):
    """What a question has found.

    Attributes:
        messages: the messages, oldest first onwards and newest first back.
        extents: how far each partition was looked through.
        read: how many messages were looked at.
        stopped: what was spent before all was looked at; empty where nothing was.
        seconds: how long it took.
        older: from which offset of each partition to go on back; empty where nothing is left.
        newer: from which to go on onwards; likewise.
    """

    messages: list[Message]
    extents: list[Extent]
    read: int
    stopped: str
    seconds: float
    older: dict[int, int]
    newer: dict[int, int]


Bounds = Mapping[int, tuple[int, int]]
"""Of each partition the earliest offset and the one that the next message gets."""


def with_key(key: str | None) -> Wanted:
    """Returns what tells messages with a key, to the byte; without a key any will do."""
    if key is None:
        return lambda _message: True
    wanted = key.encode()

    def has_it(message: KafkaMessage) -> bool:
        found = message.key()
        return (found.encode(errors="surrogateescape") if isinstance(found, str) else found) == wanted

    return has_it


def onwards(source: Source, bounds: Bounds, starts: Mapping[int, int], is_wanted: Wanted) -> Found:
    """Returns the first messages from some offsets on.

    Args:
        source: the topic.
        bounds: where its partitions begin and end.
        starts: where to begin in each; a partition that is not named is left out.
        is_wanted: what is looked for.
    """
    budget, began = Budget(first=1), time.monotonic()
    spans = {number: (_within(bounds[number], start), bounds[number][1]) for number, start in starts.items()}
    stretches = source.read(spans, budget, PAGE, is_wanted, stop_when_full=True)
    messages = _first(each.found for each in stretches.values())
    newer = _after(stretches, messages)
    extents = [Extent(n, *bounds[n], each.begin, min(each.at, each.end)) for n, each in sorted(stretches.items())]
    stopped = budget.spent if any(not each.is_done and len(each.found) < PAGE for each in stretches.values()) else ""
    older = {number: begin for number, (begin, _) in spans.items()}
    return Found(
        messages,
        extents,
        budget.read,
        stopped,
        time.monotonic() - began,
        older if any(begin > bounds[number][0] for number, begin in older.items()) else {},
        newer if any(at < bounds[number][1] for number, at in newer.items()) else {},
    )


def back(source: Source, bounds: Bounds, starts: Mapping[int, int], is_wanted: Wanted) -> Found:
    """Returns the last messages before some offsets, newest first.

    A partition is read further back as long as what is read of it is newer than the last message to be shown.

    Args:
        source: the topic.
        bounds: where its partitions begin and end.
        starts: of each the offset to end before; a partition that is not named is left out.
        is_wanted: what is looked for.
    """
    began = time.monotonic()
    ends = {number: _within(bounds[number], start) for number, start in starts.items()}
    at = dict(ends)
    found: dict[int, list[Message]] = {number: [] for number in ends}
    open_, size = {number for number in ends if at[number] > bounds[number][0]}, -(-PAGE // max(1, len(ends)))
    budget = Budget(first=size * len(open_))
    while open_ and not budget.spent:
        spans = {number: (max(bounds[number][0], at[number] - size), at[number]) for number in open_}
        stretches = source.read(spans, budget, PAGE, is_wanted, stop_when_full=False)
        done = {number: each for number, each in stretches.items() if each.is_done}
        for number, each in done.items():
            at[number] = each.begin
            found[number] += reversed(each.found)
        last = _oldest_shown(_last(found.values()))
        open_ = {
            number
            for number in open_
            if at[number] > bounds[number][0] and not (number in done and _is_older(done[number], last))
        }
        if budget.spent and at == ends and size > 1:
            # Not even the first of a partition fitted: the last message of each is the least that leads on from here.
            size, budget = 1, Budget(first=len(open_))
            continue
        size = max(1, min(size * _GROWTH, _MOST_AT_ONCE, budget.room // max(1, len(open_))))
    messages = _last(found.values())
    older = _before(at, found, messages)
    return Found(
        messages,
        [Extent(number, *bounds[number], at[number], ends[number]) for number in sorted(ends)],
        budget.read,
        budget.spent if open_ else "",
        time.monotonic() - began,
        older if any(offset > bounds[number][0] for number, offset in older.items()) else {},
        ends if any(end < bounds[number][1] for number, end in ends.items()) else {},
    )


def _within(bounds: tuple[int, int], offset: int) -> int:
    return min(max(bounds[0], offset), bounds[1])


def _first(found: Iterable[Iterable[Message]]) -> list[Message]:
    """Merges by time what is in the order of offsets; of each partition a beginning is taken, so none is lost."""
    return list(heapq.merge(*found, key=_time))[:PAGE]


def _last(found: Iterable[Iterable[Message]]) -> list[Message]:
    """The same, newest first."""
    return list(heapq.merge(*found, key=_time, reverse=True))[:PAGE]


def _oldest_shown(messages: list[Message]) -> int | None:
    """Returns the time of the last message that a full page shows."""
    return messages[-1].time if len(messages) == PAGE else None


def _is_older(stretch: Stretch, last: int | None) -> bool:
    """Whether what is before a stretch is older than the last message to be shown."""
    return last is not None and stretch.oldest is not None and stretch.oldest <= last


def _after(stretches: Mapping[int, Stretch], messages: list[Message]) -> dict[int, int]:
    """Returns where to go on: after what was looked at, or at the first message found that is not shown."""
    shown = {(each.partition, each.offset) for each in messages}
    return {
        number: next((one.offset for one in each.found if (number, one.offset) not in shown), min(each.at, each.end))
        for number, each in stretches.items()
    }


def _before(at: Mapping[int, int], found: Mapping[int, list[Message]], messages: list[Message]) -> dict[int, int]:
    """The same, back: up to and with the first message found that is not shown."""
    shown = {(each.partition, each.offset) for each in messages}
    return {
        number: next((one.offset + 1 for one in found[number] if (number, one.offset) not in shown), offset)
        for number, offset in at.items()
    }
