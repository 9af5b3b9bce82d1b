"""A cluster of which a part is away: pages show the rest, and say what they do not know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tradestream.kafka_ui import facts
from tradestream.kafka_ui.cluster import Cluster
from tradestream.kafka_ui.figures import Figures

AWAY = KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its only name


def promise(answer: object) -> Future[Any]:
    """Returns what Kafka's client gives at once: an answer to come, or an error."""
    future: Future[Any] = Future()
    if isinstance(answer, Exception):
        future.set_exception(answer)
    else:
        future.set_result(answer)
    return future


class Admin:
    """Kafka's client, as far as it is asked here.

    Args:
        groups: of each group what it has committed; an error where its coordinator is away.
        errors: of brokers that did not list their groups.
    """

    def __init__(self, groups: Mapping[str, Any], errors: Iterable[KafkaError] = ()) -> None:
        self._groups = groups
        self._errors = errors

    def list_consumer_groups(self, **_: float) -> Future[Any]:
        """Says which there are."""
        listed = [SimpleNamespace(group_id=name) for name in self._groups]
        return promise(SimpleNamespace(valid=listed, errors=list(self._errors)))

    def describe_consumer_groups(self, names: Iterable[str], **_: float) -> dict[str, Future[Any]]:
        """Says what each is."""
        stable = SimpleNamespace(state=SimpleNamespace(name="STABLE"), members=["one"])
        return {name: promise(AWAY if self._groups[name] is AWAY else stable) for name in names}

    def list_consumer_group_offsets(self, asked: list[Any], **_: float) -> dict[str, Future[Any]]:
        """Says how far one has come."""
        (group,) = (each.group_id for each in asked)
        found = self._groups[group]
        return {group: promise(AWAY if found is AWAY else SimpleNamespace(topic_partitions=found))}


def cluster(admin: object) -> Cluster:
    """Returns a cluster whose client another one stands in for."""
    made = Cluster({"bootstrap.servers": "127.0.0.1:1"})
    made._admin = admin  # type: ignore[assignment]  # noqa: SLF001 - in its place
    return made


async def test_a_group_whose_coordinator_is_away_takes_nothing_from_the_others() -> None:
    groups = await cluster(Admin({"lost": AWAY, "there": [TopicPartition("t", 0, 4)]})).groups()
    lost, there = facts.readers(groups, Figures(), {("t", 0): 10})
    assert (there.name, there.state, there.lag, there.trouble) == ("there", "stable", 6, "")
    assert (lost.name, lost.lag, lost.trouble) == ("lost", None, "Local: Timed out")


async def test_groups_that_a_broker_did_not_list_are_not_taken_for_none() -> None:
    assert (await cluster(Admin({}, [AWAY.args[0]])).groups()).trouble == "Local: Timed out"
    assert (await cluster(Admin({})).groups()).trouble == ""
