"""What pages show: brokers, topics and readers, out of what the cluster and metrics say."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

import msgspec
from confluent_kafka.admin._metadata import ClusterMetadata, PartitionMetadata, TopicMetadata

from tradestream.kafka_ui.cluster import Bounds, Group, Groups
from tradestream.kafka_ui.figures import Figures, Place

JOB = "Spark job"


class Broker(msgspec.Struct, frozen=True):
    """A broker that is there, or that should be, as partitions are assigned to it.

    Attributes:
        id: its number.
        address: where it is; empty where it is away.
        is_up: whether it is there.
        leads: how many partitions it leads.
        copies: how many partitions it holds, or should.
        behind: how many of these are not in sync.
    """

    id: int
    address: str
    is_up: bool
    leads: int
    copies: int
    behind: int


class Partition(msgspec.Struct, frozen=True):
    """A partition of a topic.

    Attributes:
        number: its number.
        leader: the broker that leads it; None where none does.
        copies: the brokers that are to hold it.
        in_sync: those of them that have all of it.
        first: the earliest offset; None where no broker leads it, or its leader does not answer.
        end: the offset that the next message gets; None likewise.
        bytes: what all copies take on disks; None where no broker says.
    """

    number: int
    leader: int | None
    copies: list[int]
    in_sync: list[int]
    first: int | None
    end: int | None
    bytes: int | None

    @property
    def held(self) -> int | None:
        """How many offsets there are; None where nobody says."""
        return None if self.end is None or self.first is None else self.end - self.first

    @property
    def is_whole(self) -> bool:
        """Whether each copy is in sync."""
        return len(self.in_sync) == len(self.copies)


class Topic(msgspec.Struct, frozen=True):
    """A topic.

    Attributes:
        name: its name.
        partitions: its partitions, in order.
        is_internal: whether it is Kafka's own.
        held: how many offsets there are, None where nobody says; a compacted topic or one with transactions has fewer
            messages.
        bytes: what all copies take on disks; None where no broker says.
    """

    name: str
    partitions: list[Partition]
    is_internal: bool
    held: int | None
    bytes: int | None

    @property
    def copies(self) -> int:
        """How often each message is stored."""
        return max((len(each.copies) for each in self.partitions), default=0)

    @property
    def trouble(self) -> str:
        """What is wrong with it; empty where nothing is."""
        headless = sum(each.leader is None for each in self.partitions)
        torn = sum(not each.is_whole for each in self.partitions)
        return f"{headless} without a leader" if headless else f"{torn} not in sync" if torn else ""


class Overview(msgspec.Struct, frozen=True):
    """The cluster.

    Attributes:
        id: Kafka's own id of it.
        controller: the node that leads the controllers; None where no broker says.
        brokers: all brokers.
        topics: all topics.
    """

    id: str
    controller: int | None
    brokers: list[Broker]
    topics: list[Topic]


class Reading(msgspec.Struct, frozen=True):
    """How far a partition is read.

    Attributes:
        topic: the topic.
        partition: the partition's number.
        at: the offset to be read next.
        end: the offset that the next message gets; None where nobody says.
        lag: how many offsets are unread; None likewise.
    """

    topic: str
    partition: int
    at: int
    end: int | None
    lag: int | None


class Reader(msgspec.Struct, frozen=True):
    """Who reads: a consumer group, or the Spark job, which is none.

    Attributes:
        name: its name.
        state: what Kafka says of it.
        members: how many processes are in the group.
        readings: how far it is.
        lag: how many offsets are unread in all; None where its coordinator does not answer.
        trouble: why nothing is known of it; empty where all is well.
    """

    name: str
    state: str
    members: int
    readings: list[Reading]
    lag: int | None
    trouble: str


def led(topics: Mapping[str, TopicMetadata]) -> list[Place]:
    """Returns the partitions that have a leader, which alone can be asked where they begin and end."""
    return [(name, each.id) for name, topic in topics.items() for each in topic.partitions.values() if each.leader >= 0]


def topics(found: Mapping[str, TopicMetadata], bounds: Bounds, figures: Figures) -> list[Topic]:
    """Returns topics by name, Kafka's own last."""
    made = [_topic(name, each, bounds, figures.sizes) for name, each in found.items()]
    return sorted(made, key=lambda topic: (topic.is_internal, topic.name))


def _topic(name: str, found: TopicMetadata, bounds: Bounds, sizes: Mapping[Place, int]) -> Topic:
    partitions = [
        Partition(
            number,
            each.leader if each.leader >= 0 else None,
            each.replicas,
            each.isrs,
            bounds.first.get((name, number)),
            bounds.end.get((name, number)),
            sizes.get((name, number)),
        )
        for number, each in sorted(found.partitions.items())
    ]
    held, size = _sum(each.held for each in partitions), _sum(each.bytes for each in partitions)
    return Topic(name, partitions, name.startswith("__"), held, size)


def _sum(parts: Iterable[int | None]) -> int | None:
    """Returns what the known parts add up to, None where none is known."""
    known = [part for part in parts if part is not None]
    return sum(known) if known else None


def overview(metadata: ClusterMetadata, bounds: Bounds, figures: Figures) -> Overview:
    """Returns the cluster."""
    partitions = [each for topic in metadata.topics.values() for each in topic.partitions.values()]
    found = topics(metadata.topics, bounds, figures)
    return Overview(metadata.cluster_id or "", figures.controller, _brokers(metadata, partitions), found)


def _brokers(metadata: ClusterMetadata, partitions: list[PartitionMetadata]) -> list[Broker]:
    leads = Counter(each.leader for each in partitions)
    copies = Counter(broker for each in partitions for broker in each.replicas)
    behind = Counter(broker for each in partitions for broker in set(each.replicas) - set(each.isrs))
    there = metadata.brokers
    return [
        Broker(
            broker,
            f"{there[broker].host}:{there[broker].port}" if broker in there else "",
            broker in there,
            leads[broker],
            copies[broker],
            behind[broker],
        )
        for broker in sorted({*there, *copies})
    ]


def readers(groups: Groups, figures: Figures, end: Mapping[Place, int]) -> list[Reader]:
    """Returns who reads, the Spark job first.

    Args:
        groups: consumer groups.
        figures: where the Spark job is.
        end: where partitions end.
    """
    job = [Group(JOB, "its own state, no group", 1, figures.positions)] if figures.positions else []
    return [_reader(each, end) for each in (*job, *groups.shown)]


def _reader(group: Group, end: Mapping[Place, int]) -> Reader:
    readings = []
    for place, at in sorted(group.positions.items()):
        ends = end.get(place)
        readings.append(Reading(*place, at, ends, None if ends is None else max(0, ends - at)))
    lag = None if group.trouble else sum(each.lag or 0 for each in readings)
    return Reader(group.name, group.state, group.members, readings, lag, group.trouble)


def places(readers_at: Iterable[Mapping[Place, int]], there: Iterable[Place]) -> list[Place]:
    """Returns those of the partitions that anybody reads which are there."""
    return sorted({place for positions in readers_at for place in positions} & set(there))


def lag_by_topic(reader: Reader) -> dict[str, int]:
    """Returns how much of each topic is unread."""
    lags: dict[str, int] = defaultdict(int)
    for each in reader.readings:
        lags[each.topic] += each.lag or 0
    return dict(lags)
