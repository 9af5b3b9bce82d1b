"""A stand-in for Kafka's client, which says what a test wants of a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from types import SimpleNamespace
from typing import Any

from confluent_kafka import KafkaError, KafkaException, TopicPartition

from tradestream.kafka_ui.cluster import Cluster
from tradestream.kafka_ui.figures import Place

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
        ends: where partitions end; an error where the leader is away.
        topics: what there is.
    """

    def __init__(
        self,
        groups: Mapping[str, Any] = {},
        errors: Iterable[KafkaError] = (),
        ends: Mapping[Place, Any] = {},
        topics: Mapping[str, Any] = {},
    ) -> None:
        self._groups = groups
        self._errors = errors
        self._ends = ends
        self._topics = topics

    def list_topics(self, **_: float) -> SimpleNamespace:
        """Says which topics there are."""
        return SimpleNamespace(topics=self._topics)

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

    def list_offsets(self, wanted: Iterable[TopicPartition], **_: object) -> dict[TopicPartition, Future[Any]]:
        """Says where partitions end, and begin too."""
        ends = {each: self._ends[each.topic, each.partition] for each in wanted}
        return {each: promise(AWAY if end is AWAY else SimpleNamespace(offset=end)) for each, end in ends.items()}


def cluster(admin: object) -> Cluster:
    """Returns a cluster whose client another one stands in for."""
    made = Cluster({"bootstrap.servers": "127.0.0.1:1"})
    made._admin = admin  # type: ignore[assignment]  # noqa: SLF001 - in its place
    return made
