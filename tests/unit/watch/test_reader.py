"""Reading while a part of the cluster is away: what there is, and which partition is missing."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import create_autospec

import pytest
from confluent_kafka import Consumer, KafkaException

from tradestream.watch.reader import Reader
from unit.kafka_ui.admin import AWAY, Admin


class Parts:
    """A topic `t` whose partitions have ends; None is no leader, `AWAY` one that is silent."""

    def __init__(self, *ends: object) -> None:
        self.consumer = create_autospec(Consumer, instance=True)
        self._admin = Admin()
        self.set(*ends)
        self.reader = Reader(self.consumer, self._admin, {"t": 10})  # type: ignore[arg-type]

    def set(self, *ends: object) -> None:
        """Changes it."""
        led = {number: SimpleNamespace(id=number, leader=-1 if end is None else 1) for number, end in enumerate(ends)}
        there = {("t", number): end for number, end in enumerate(ends) if end is not None}
        self._admin.__init__(ends=there, topics={"t": SimpleNamespace(partitions=led)})  # type: ignore[misc]

    @property
    def begun(self) -> list[tuple[int, int]]:
        """Which partitions are read, and where that began."""
        calls = self.consumer.incremental_assign.call_args_list
        return [(each.partition, each.offset) for call in calls for each in call.args[0]]


def test_all_is_well() -> None:
    parts = Parts(100, 4)
    assert parts.begun == [(0, 90), (1, 0)]
    assert parts.reader.trouble == ""


@pytest.mark.parametrize("away", [None, AWAY])
def test_a_partition_without_a_leader_keeps_nobody_from_the_others_and_is_named(away: object) -> None:
    parts = Parts(100, away)
    assert parts.begun == [(0, 90)]
    assert parts.reader.trouble == "no leader answers for partition 1 of t"
    assert parts.reader.look()
    parts.set(130, away)
    assert parts.reader.look()
    assert parts.reader.taken == {"t": 30}


def test_a_partition_is_begun_once_it_has_a_leader_and_what_it_had_is_no_news() -> None:
    parts = Parts(100, None)
    parts.set(100, 5_000)
    assert parts.reader.look()
    assert parts.begun == [(0, 90), (1, 4_990)]
    assert (parts.reader.trouble, parts.reader.taken["t"], parts.reader.skipped) == ("", 0, 0)
    parts.set(100, 5_003)
    parts.reader.look()
    assert parts.reader.taken["t"] == 3


def test_a_partition_that_loses_its_leader_goes_on_where_it_was() -> None:
    parts = Parts(100, 100)
    parts.set(101, None)
    parts.reader.look()
    assert parts.reader.trouble == "no leader answers for partition 1 of t"
    parts.set(102, 107)
    parts.reader.look()
    assert parts.begun == [(0, 90), (1, 90)]
    assert (parts.reader.trouble, parts.reader.taken["t"]) == ("", 9)


def test_a_topic_that_was_made_anew_is_read_from_its_new_end() -> None:
    parts = Parts(100)
    parts.set(7)
    parts.reader.look()
    (sought,) = (call.args[0] for call in parts.consumer.seek.call_args_list)
    assert (sought.offset, parts.reader.taken["t"], parts.reader.skipped) == (7, 7, 0)


def test_a_topic_that_is_not_there_is_said_at_the_start_and_a_cluster_that_goes_away_later_on() -> None:
    with pytest.raises(KafkaException, match="Unknown topic or partition"):
        Reader(create_autospec(Consumer, instance=True), Admin(), {"t": 10})  # type: ignore[arg-type]
    parts = Parts(100)
    parts._admin.list_topics = lambda **_: (_ for _ in ()).throw(AWAY)  # type: ignore[method-assign]  # noqa: SLF001
    assert not parts.reader.look()
    assert parts.reader.trouble == "Local: Timed out"
