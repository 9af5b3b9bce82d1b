"""Where the job stands in its topic, and what Kafka still holds of it.

Spark would take an offset that Kafka no longer has for an obscure failure of a task, and one of a topic that was made
anew for one like any other. So a start compares first, and says what is lost and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from confluent_kafka import KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._listoffsets import OffsetSpec  # the stub of admin lacks it

from tradestream.errors import KafkaUnavailableError, RepairNeededError

_SECONDS = 15.0


class LostError(RepairNeededError):
    """Kafka no longer holds what the job was to read next: says of which partitions, and how much."""


class Position(msgspec.Struct, frozen=True):
    """How far a topic was read.

    Attributes:
        topic_id: Kafka's own id of the topic, which one that is made anew has not; empty where it is not known.
        offsets: Of each partition the offset to be read next.
    """

    topic_id: str = ""
    offsets: dict[int, int] = {}


class Held(NamedTuple):
    """What Kafka holds of a topic.

    Attributes:
        topic: Its name.
        topic_id: Kafka's own id of it.
        first: Of each partition the earliest offset.
        end: Of each partition the offset that the next message gets.
    """

    topic: str
    topic_id: str
    first: dict[int, int]
    end: dict[int, int]


class Loss(NamedTuple):
    """A partition that cannot be read on from where it was read to.

    Attributes:
        partition: Its number.
        wanted: The offset to be read next.
        first: The earliest offset that there is.
        end: The offset that the next message gets.
    """

    partition: int
    wanted: int
    first: int
    end: int

    def __str__(self) -> str:
        if self.wanted < self.first:
            gone = self.first - self.wanted
            return (
                f"partition {self.partition} was read up to offset {self.wanted} and begins at {self.first} now, "
                f"{gone} messages were removed unread"
            )
        return f"partition {self.partition} was read up to offset {self.wanted} and ends at {self.end}"


def held(client: Mapping[str, str], topic: str) -> Held:
    """Ask Kafka what it holds of a topic.

    Raises:
        KafkaUnavailableError: No broker answered, or there is no such topic.
    """
    admin = AdminClient({**client, "log_level": 2})
    try:
        found = admin.describe_topics(TopicCollection([topic]), request_timeout=_SECONDS)[topic].result()
        partitions = [TopicPartition(topic, each.id) for each in found.partitions]
        first = _offsets(admin, partitions, OffsetSpec.earliest())  # type: ignore[no-untyped-call]
        end = _offsets(admin, partitions, OffsetSpec.latest())  # type: ignore[no-untyped-call]
    except KafkaException as error:
        raise KafkaUnavailableError(f"no broker tells of topic {topic}: {error.args[0].str()}") from error
    return Held(topic, str(found.topic_id), first, end)


def _offsets(admin: AdminClient, partitions: list[TopicPartition], spec: OffsetSpec) -> dict[int, int]:
    futures = admin.list_offsets(dict.fromkeys(partitions, spec), request_timeout=_SECONDS)
    return {partition.partition: future.result().offset for partition, future in futures.items()}


def is_same(position: Position, held: Held) -> bool:
    """Whether the topic that was read is the one that there is."""
    return position.topic_id in ("", held.topic_id)


def losses(position: Position, held: Held) -> list[Loss]:
    """Partitions that cannot be read on, in order."""
    return [
        Loss(partition, wanted, held.first.get(partition, 0), held.end.get(partition, 0))
        for partition, wanted in sorted(position.offsets.items())
        if not held.first.get(partition, 0) <= wanted <= held.end.get(partition, 0)
    ]


def resumed(position: Position, held: Held) -> Position:
    """``position`` in the topic that there is: a partition not read before begins at its earliest message.

    Raises:
        LostError: Some of what comes next is gone.
    """
    if why := lost(position, held):
        raise LostError(f"{why}; `tradestream repair --accept-loss` has the job go on without them")
    return Position(held.topic_id, {**held.first, **position.offsets})


def lost(position: Position, held: Held) -> str:
    """What of the topic is gone, in one sentence; empty where nothing is."""
    if not is_same(position, held):
        return (
            f"topic {held.topic} is another one than was read, it was deleted and made anew: "
            "messages of the old one that were not read are lost"
        )
    return f"topic {held.topic}: {'; '.join(map(str, found))}" if (found := losses(position, held)) else ""


def without_lost(position: Position, held: Held) -> Position:
    """``position`` moved to where each partition can be read on: its earliest message, where it was to be there not."""
    if not is_same(position, held):
        return Position(held.topic_id, held.first)
    moved = {loss.partition: loss.first for loss in losses(position, held)}
    return Position(held.topic_id, {**held.first, **position.offsets, **moved})
