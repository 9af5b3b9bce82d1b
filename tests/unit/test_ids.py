from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tradestream.ids import IdIntervals, intervals

SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)).map(lambda span: (span[0], span[0] + span[1])))


@given(SPANS)
def test_holds_what_was_added_in_the_fewest_intervals(spans: list[tuple[int, int]]) -> None:
    ids = IdIntervals()
    ids.update(spans)
    plain = {number for start, end in spans for number in range(start, end + 1)}
    assert [number for number in range(-1, 80) if number in ids] == sorted(plain)
    assert len(ids) == len(plain)
    assert all(end + 1 < start for end, start in zip(ids.ends, ids.starts[1:], strict=False))


@given(SPANS, st.integers(0, 70), st.integers(0, 10))
def test_within_finds_the_intervals_that_share_an_id(spans: list[tuple[int, int]], low: int, more: int) -> None:
    ids = IdIntervals()
    ids.update(spans)
    found = ids.within(low, low + more)
    assert found == [
        (start, end) for start, end in zip(ids.starts, ids.ends, strict=True) if end >= low and start <= low + more
    ]


def test_a_million_ids_in_order_are_one_interval() -> None:
    ids = IdIntervals()
    for start in range(0, 1_000_000, 1000):
        ids.add(start, start + 999)
    assert (ids.starts, ids.ends) == ([0], [999_999])


@given(SPANS, st.integers(0, 70), st.integers(0, 10))
def test_without_is_what_is_not_held(spans: list[tuple[int, int]], low: int, more: int) -> None:
    ids = IdIntervals()
    ids.update(spans)
    gaps = ids.without(low, low + more)
    assert [number for start, end in gaps for number in range(start, end + 1)] == [
        number for number in range(low, low + more + 1) if number not in ids
    ]


@given(SPANS.filter(bool), st.data())
def test_an_id_that_is_removed_is_the_only_one_gone(spans: list[tuple[int, int]], data: st.DataObject) -> None:
    ids = IdIntervals()
    ids.update(spans)
    before = [number for number in range(80) if number in ids]
    gone = data.draw(st.sampled_from(before))
    ids.remove(gone)
    assert [number for number in range(80) if number in ids] == [number for number in before if number != gone]


@given(SPANS, st.integers(-1, 80))
def test_the_end_of_an_interval_is_found_from_each_of_its_ids(spans: list[tuple[int, int]], number: int) -> None:
    ids = IdIntervals()
    ids.update(spans)
    end = ids.end_of(number)
    assert (end is not None) == (number in ids)
    if end is not None:
        assert all(each in ids for each in range(number, end + 1))
        assert end + 1 not in ids


@given(st.sets(st.integers(0, 200) | st.integers(2**62 - 200, 2**62 - 1)) | st.builds(range, st.integers(0, 300)))
def test_bits_of_words_are_told_as_intervals(numbers: set[int]) -> None:
    words: dict[int, int] = {}
    for number in numbers:
        words[number >> 6] = words.get(number >> 6, 0) | 1 << (number & 63)
    known = IdIntervals()
    known.update((number, number) for number in numbers)
    assert intervals(sorted(words.items())) == list(zip(known.starts, known.ends, strict=True))
