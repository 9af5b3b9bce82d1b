"""What a Kafka cluster says of itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable, Mapping
from concurrent.futures import Future
from typing import NamedTuple, TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

# The stub of admin lacks these.
from confluent_kafka.admin._group import ConsumerGroupDescription
from confluent_kafka.admin._listoffsets import OffsetSpec
from confluent_kafka.admin._metadata import ClusterMetadata, TopicMetadata

from tradestream.errors import KafkaUnavailableError, NothingFoundError
from tradestream.kafka_ui.figures import Place

_SECONDS = 2.0
_MOST_GROUPS = 100
_SETTINGS = {
    "log_level": 2,
    "reconnect.backoff.max.ms": 1000,  # a broker that comes back is seen soon
    "allow.auto.create.topics": False,
}

Anything = TypeVar("Anything")


class Bounds(NamedTuple):
    """Where partitions begin and end, of those whose leader has answered.

    Attributes:
        first: of each the earliest offset.
        end: of each the offset that the next message gets.
    """

    first: dict[Place, int]
    end: dict[Place, int]


class Group(NamedTuple):
    """A consumer group.

    Attributes:
        name: its name.
        state: what Kafka says of it; empty where its coordinator does not answer.
        members: how many processes are in it.
        positions: the offsets that it has committed.
        trouble: why nothing of this is known; empty where all is well.
    """

    name: str
    state: str = ""
    members: int = 0
    positions: Mapping[Place, int] = {}
    trouble: str = ""


class Groups(NamedTuple):
    """Consumer groups.

    Attributes:
        shown: the first by name.
        left_out: how many more there are.
        trouble: why there may be others; empty where each broker has listed those that it coordinates.
    """

    shown: list[Group]
    left_out: int
    trouble: str


class Cluster:
    """The cluster that a client's properties lead to; each question ends in about two seconds.

    Args:
        client: librdkafka's configuration.
    """

    def __init__(self, client: Mapping[str, str]) -> None:
        self._admin = AdminClient({"client.id": "tradestream-kafka-ui", **client, **_SETTINGS})

    async def metadata(self) -> ClusterMetadata:
        """Returns brokers, topics and partitions.

        Raises:
            KafkaUnavailableError: no broker answered in time.
        """
        return await _answer(asyncio.to_thread(self._admin.list_topics, timeout=_SECONDS))

    async def topic(self, name: str) -> TopicMetadata:
        """Returns one topic's partitions.

        Raises:
            KafkaUnavailableError: no broker answered in time.
            NothingFoundError: there is no such topic.
        """
        topics = (await self.metadata()).topics
        if name not in topics:
            raise NothingFoundError(f"there is no topic {name}")
        return topics[name]

    async def bounds(self, places: Iterable[Place]) -> Bounds:
        """Returns where partitions begin and end; each has to have a leader.

        Raises:
            KafkaUnavailableError: of none of them the leader answered in time.
        """
        wanted = list(places)
        first, end = await asyncio.gather(
            self._offsets(wanted, OffsetSpec.earliest()),  # type: ignore[no-untyped-call]
            self._offsets(wanted, OffsetSpec.latest()),  # type: ignore[no-untyped-call]
        )
        return Bounds(first, end)

    async def since(self, places: Iterable[Place], milliseconds: int) -> dict[Place, int]:
        """Returns the first offset of that time or later, -1 where there is none; milliseconds since 1970.

        Raises:
            KafkaUnavailableError: see `bounds`.
        """
        return await self._offsets(list(places), OffsetSpec.for_timestamp(milliseconds))

    async def groups(self) -> Groups:
        """Returns consumer groups, the first hundred by name.

        Raises:
            KafkaUnavailableError: no broker answered in time.
        """
        listed = await _answer(asyncio.wrap_future(self._admin.list_consumer_groups(request_timeout=_SECONDS)))
        # Old clients commit without a name too; nothing more can be asked of that.
        names = sorted(group.group_id for group in listed.valid if group.group_id)
        shown = names[:_MOST_GROUPS]
        asked = self._admin.describe_consumer_groups(shown, request_timeout=_SECONDS) if shown else {}
        groups = await asyncio.gather(*(self._group(name, future) for name, future in asked.items()))
        trouble = listed.errors[0].str() if listed.errors else ""
        return Groups(groups, len(names) - len(shown), trouble)

    async def _group(self, name: str, description: Future[ConsumerGroupDescription]) -> Group:
        try:
            described, positions = await asyncio.gather(
                _answer(asyncio.wrap_future(description)), self._committed(name)
            )
        except KafkaUnavailableError as error:
            return Group(name, trouble=str(error))
        return Group(name, described.state.name.lower(), len(described.members), positions)

    async def _committed(self, group: str) -> dict[Place, int]:
        request = [ConsumerGroupTopicPartitions(group)]
        (future,) = self._admin.list_consumer_group_offsets(request, request_timeout=_SECONDS).values()
        found = await _answer(asyncio.wrap_future(future))
        return {(each.topic, each.partition): each.offset for each in found.topic_partitions if each.offset >= 0}

    async def _offsets(self, places: list[Place], spec: OffsetSpec) -> dict[Place, int]:
        if not places:
            return {}
        wanted = {TopicPartition(*place): spec for place in places}
        # Consumers get no further while a transaction is open.
        level = IsolationLevel.READ_COMMITTED
        futures = self._admin.list_offsets(wanted, isolation_level=level, request_timeout=_SECONDS)
        found: dict[Place, int] = {}
        away: KafkaUnavailableError | None = None
        for each, future in futures.items():
            try:
                found[each.topic, each.partition] = (await _answer(asyncio.wrap_future(future))).offset
            except KafkaUnavailableError as error:
                away = error
        if away and not found:
            raise away
        return found


async def _answer(question: Awaitable[Anything]) -> Anything:
    """Returns what Kafka answers.

    Raises:
        KafkaUnavailableError: it did not.
    """
    try:
        return await question
    except KafkaException as error:
        raise KafkaUnavailableError(error.args[0].str()) from error
