from __future__ import annotations

import pytest

from tradestream.analytics.position import Held, LostError, Position, lost, resumed, without_lost

HELD = Held("trades", "this", first={0: 100, 1: 0}, end={0: 500, 1: 40})


@pytest.mark.parametrize("offset", [100, 101, 500])
def test_what_is_held_is_read_on(offset: int) -> None:
    position = Position("this", {0: offset, 1: 40})
    assert lost(position, HELD) == ""
    assert resumed(position, HELD) == position
    assert without_lost(position, HELD) == position


def test_a_job_that_begins_begins_at_the_earliest_message() -> None:
    assert resumed(Position(), HELD) == Position("this", {0: 100, 1: 0})


def test_a_new_partition_begins_at_its_earliest_message() -> None:
    assert resumed(Position("this", {0: 200}), HELD) == Position("this", {0: 200, 1: 0})


def test_an_id_that_was_not_noted_is_that_of_the_topic_there_is() -> None:
    assert resumed(Position("", {0: 200, 1: 7}), HELD) == Position("this", {0: 200, 1: 7})


def test_what_retention_took_is_told_by_partition_offset_and_number() -> None:
    position = Position("this", {0: 60, 1: 20})
    with pytest.raises(LostError) as error:
        resumed(position, HELD)
    assert str(error.value) == (
        "topic trades: partition 0 was read up to offset 60 and begins at 100 now, 40 messages were removed unread; "
        "`tradestream repair --accept-loss` has the job go on without them"
    )
    assert without_lost(position, HELD) == Position("this", {0: 100, 1: 20})


def test_a_partition_that_ends_before_where_it_was_read_to_is_told() -> None:
    position = Position("this", {0: 200, 1: 41})
    assert lost(position, HELD) == "topic trades: partition 1 was read up to offset 41 and ends at 40"
    assert without_lost(position, HELD) == Position("this", {0: 200, 1: 0})


def test_a_partition_that_is_gone_is_told() -> None:
    assert "partition 5 was read up to offset 3 and ends at 0" in lost(Position("this", {5: 3}), HELD)


def test_every_partition_that_lost_something_is_told() -> None:
    told = lost(Position("this", {0: 99, 1: 50}), HELD)
    assert "partition 0" in told
    assert "1 messages were removed" in told
    assert "partition 1" in told


def test_a_topic_that_was_made_anew_is_told_even_where_the_offsets_fit() -> None:
    position = Position("other", {0: 200, 1: 7})
    with pytest.raises(LostError, match="topic trades is another one than was read, it was deleted and made anew"):
        resumed(position, HELD)
    assert without_lost(position, HELD) == Position("this", {0: 100, 1: 0})
