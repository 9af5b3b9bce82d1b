"""Looking back where even the newest messages are more than one question may read."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from tradestream.kafka_ui import messages, search
from tradestream.kafka_ui.messages import Budget, Stretch
from tradestream.kafka_ui.shown import Message


class Large:
    """A topic whose messages are so large that only so many fit."""

    def __init__(self, size: int) -> None:
        self._size = size

    def read(
        self, wanted: Mapping[int, tuple[int, int]], budget: Budget, *_: object, **__: object
    ) -> dict[int, Stretch]:
        """Reads one partition after the other, from its beginning on."""
        stretches = {}
        for number, (begin, end) in wanted.items():
            stretch = stretches[number] = Stretch(begin, end, begin, None, deque())
            while not stretch.is_done and not budget.spent:
                budget.take(self._size)
                stretch.found.append(Message(number, stretch.at, stretch.at, None, None, []))
                stretch.at += 1
        return stretches


def back(size: int, starts: Mapping[int, int]) -> search.Found:
    source: Any = Large(size)
    return search.back(source, dict.fromkeys(starts, (0, 1000)), starts, search.with_key(None))


def test_back_leads_on_though_not_even_a_page_of_messages_fits() -> None:
    at, seen = {0: 1000}, []
    for _ in range(3):
        found = back(messages.MOST_BYTES // 10, at)
        seen += [each.offset for each in found.messages]
        at = found.older
    assert len(seen) > 10
    assert seen == list(range(999, 999 - len(seen), -1))


def test_back_takes_a_page_where_it_fits() -> None:
    assert [each.offset for each in back(1, {0: 1000}).messages] == list(range(999, 949, -1))
