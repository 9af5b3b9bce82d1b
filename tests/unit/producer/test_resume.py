from __future__ import annotations

from tradestream.producer.resume import Seen


def test_ids_in_kafka_are_those_that_are_not_asked_for_again() -> None:
    seen = Seen()
    for number in (10, 11, 14, 12, 14):
        seen.add(number, number * 1000)
    assert (seen.ids.starts, seen.ids.ends) == ([10, 14], [12, 14])
    assert seen.last_time_us == 14_000


def test_of_several_numberings_the_newest_counts() -> None:
    seen = Seen()
    for number in (553_287_559, 553_287_560, 1, 2):
        seen.add(number, number)
    assert (seen.ids.starts, seen.ids.ends) == ([1], [2])
    assert seen.last_time_us == 2
