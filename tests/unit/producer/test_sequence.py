from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tradestream.producer.sequence import Sequence


def test_the_first_id_is_in_order() -> None:
    assert Sequence().step(4_000_000_000) == 0


@given(st.integers(0, 10**12), st.integers(1, 100))
def test_consecutive_ids_are_in_order(first: int, count: int) -> None:
    sequence = Sequence()
    assert [sequence.step(first + number) for number in range(count)] == [0] * count


@given(st.integers(0, 10**12), st.integers(1, 10**6))
def test_skipped_ids_are_counted(first: int, skipped: int) -> None:
    sequence = Sequence()
    sequence.step(first)
    assert sequence.step(first + skipped + 1) == skipped
    assert sequence.step(first + skipped + 2) == 0


@given(st.integers(100, 10**12), st.integers(0, 100))
def test_an_id_seen_or_late_is_told_and_moves_nothing(first: int, back: int) -> None:
    sequence = Sequence()
    sequence.step(first)
    assert sequence.step(first - back) < 0
    assert sequence.step(first + 1) == 0


@given(st.sets(st.integers(0, 300), min_size=1))
def test_the_gaps_of_rising_ids_add_up(ids: set[int]) -> None:
    sequence = Sequence()
    missing = sum(sequence.step(number) for number in sorted(ids))
    assert missing == max(ids) - min(ids) + 1 - len(ids)
