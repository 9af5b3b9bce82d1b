from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradestream.ids import IdIntervals
from tradestream.producer.lane import Lane
from tradestream.producer.metrics import SymbolStats


class Line:
    """A lane, and what came out of it."""

    def __init__(self) -> None:
        self.out: list[int] = []
        self.lane = Lane("BTCUSDT", SymbolStats(), lambda data: self.out.append(int(data)))

    def take(self, *ids: int) -> list[bool]:
        """Hands trades with these ids over, one by one."""
        return [self.lane.take(number, number * 1000, b"%d" % number) for number in ids]


def test_the_first_id_is_in_order() -> None:
    line = Line()
    line.take(4_000_000_000)
    assert line.out == [4_000_000_000]
    assert line.lane.gap is None


@given(st.integers(0, 10**12), st.integers(1, 100))
def test_consecutive_ids_pass_at_once(first: int, count: int) -> None:
    line = Line()
    for number in range(first, first + count):
        line.take(number)
        assert line.out[-1] == number
    assert line.lane.last_time_us == (first + count - 1) * 1000


def test_what_is_beyond_a_gap_waits_for_it() -> None:
    line = Line()
    line.take(1, 5, 6)
    assert (line.out, line.lane.gap) == ([1], (2, 4))
    line.take(3)
    assert (line.out, line.lane.gap) == ([1], (2, 2))
    line.take(2)
    assert (line.out, line.lane.gap) == ([1, 2, 3], (4, 4))
    line.take(4)
    assert (line.out, line.lane.gap) == ([1, 2, 3, 4, 5, 6], None)


@given(st.integers(0, 10**12), st.permutations(range(12)), st.lists(st.integers(0, 11), max_size=12))
def test_whatever_order_ids_come_in_each_passes_once_and_in_order(
    first: int, order: list[int], again: list[int]
) -> None:
    line = Line()
    line.take(first)
    new = line.take(*(first + 1 + number for number in (*order, *again)))
    assert line.out == list(range(first, first + 13))
    assert new == [True] * 12 + [False] * len(again)
    assert line.lane.stats.duplicates == len(again)
    assert not line.lane.held


@given(st.sets(st.integers(1, 60)), st.sets(st.integers(1, 60)))
def test_ids_never_issued_hold_nothing_up(came: set[int], void: set[int]) -> None:
    line = Line()
    line.take(0, *sorted(came))
    for number in sorted(void - came):
        line.lane.settle(number, number)
    line.lane.settle(0, 60)
    assert line.out == [0, *sorted(came)]
    assert line.lane.gap is None
    assert line.lane.stats.missing == 0


def test_settling_says_how_many_ids_had_not_come() -> None:
    line = Line()
    line.take(1, 3, 10**7)
    assert line.lane.settle(1, 9) == 7
    assert line.lane.settle(1, 10**7) == 10**7 - 10
    assert line.out == [1, 3, 10**7]


def test_what_is_given_up_is_counted_and_passes_if_it_comes_all_the_same() -> None:
    line = Line()
    line.take(1, 3, 6)
    assert line.lane.give_up(2, 5) == 3
    assert line.out == [1, 3, 6]
    assert line.lane.stats.missing == 3
    assert line.take(4, 4) == [True, False]
    assert line.out == [1, 3, 6, 4]
    assert line.lane.stats.duplicates == 1


def test_what_is_released_goes_on_and_what_comes_late_follows() -> None:
    line = Line()
    line.take(1, 3, 6)
    line.lane.release()
    assert line.out == [1, 3, 6]
    line.take(7, 2)
    assert line.out == [1, 3, 6, 7, 2]
    assert line.lane.gap == (4, 5)
    line.take(9, 5, 4)
    assert line.out == [1, 3, 6, 7, 2, 5, 4]
    assert line.lane.gap == (8, 8)
    line.take(8)
    assert line.out[-2:] == [8, 9]


def test_where_nothing_is_held_nothing_is_released() -> None:
    line = Line()
    line.lane.release()
    line.take(1)
    line.lane.release()
    assert line.out == [1]


def test_what_kafka_has_is_not_sent_again_and_what_it_lacks_is_a_gap() -> None:
    line = Line()
    line.lane.resume(IdIntervals([100, 110], [105, 120]), 5)
    assert line.lane.gap == (106, 109)
    assert line.take(103, 120) == [False, False]
    line.take(123)
    assert line.out == []
    line.take(106, 107, 108, 109)
    assert line.out == [106, 107, 108, 109]
    assert line.lane.gap == (121, 122)
    line.lane.settle(121, 122)
    assert line.out[-1] == 123


def test_an_id_from_before_all_that_is_followed_is_passed_on() -> None:
    line = Line()
    line.lane.resume(IdIntervals([1000], [2000]), 5)
    assert line.take(1, 2, 3) == [True, True, True]
    assert line.out == [1, 2, 3]
    assert line.lane.gap is None


def test_an_id_far_away_begins_a_numbering_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    line = Line()
    line.take(5_000_000_000, 5_000_000_002)
    assert line.take(1, 2, 2, 4) == [True, True, False, True]
    assert line.out == [5_000_000_000, 5_000_000_002, 1, 2]
    assert line.lane.gap == (3, 3)
    line.take(3, 2**62, 5, 6)
    assert line.out[4:] == [3, 4, 2**62, 5, 6]
    assert line.lane.stats.missing == 0
    assert "numbering_changed symbol=BTCUSDT last_id=5000000002 first_id=1" in caplog.text


def test_memory_of_ids_is_bounded() -> None:
    line = Line()
    line.take(*range(0, 10_000, 2))
    assert len(line.lane._known.starts) == 1000  # noqa: SLF001 - nothing else shows memory
