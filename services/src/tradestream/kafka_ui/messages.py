"""Reading stretches of a topic, as no consumer group and never beyond a budget."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, TopicPartition
from confluent_kafka import Message as KafkaMessage

from tradestream.errors import KafkaUnavailableError
from tradestream.kafka import groupless
from tradestream.kafka_ui import shown

MOST_SECONDS = 3.0
"""For a broker to answer, too."""
SHORT_SECONDS = 0.15
"""For what is read beyond the first messages: a page is there in less than 0.3 seconds, and goes on."""
MOST_MESSAGES = 200_000
MOST_BYTES = 64 * 1024 * 1024
_POLL_SECONDS = 0.1
_SETTINGS = {
    "enable.partition.eof": True,
    "allow.auto.create.topics": False,
    "auto.offset.reset": "earliest",  # where retention has removed what was to be read first
    "fetch.wait.max.ms": 10,  # a new stretch waits for the answer to the last one's fetch, at the end of a topic too
    "fetch.max.bytes": 4 * 1024 * 1024,
    "queued.max.messages.kbytes": 8 * 1024,
}

Wanted = Callable[[KafkaMessage], bool]
"""Whether a message is what is looked for."""

Show = Callable[[KafkaMessage], shown.Message]
"""Makes of a message what is kept of it: never all of a value that nobody asked for."""


@dataclass
class Budget:
    """What one question may read yet; it is spent once any part of it is.

    Attributes:
        first: how many messages may take all of the time, so that each question gets somewhere; for the others, time is
            short.
        messages: how many messages.
        bytes: how much of them.
        seconds: for how long.
        ends: until when, by the monotonic clock.
    """

    first: int = MOST_MESSAGES
    messages: int = MOST_MESSAGES
    bytes: int = MOST_BYTES
    seconds: float = field(default_factory=lambda: MOST_SECONDS)
    ends: float = field(init=False)

    def __post_init__(self) -> None:
        self.ends = time.monotonic() + self.seconds

    def take(self, size: int) -> None:
        """Spends a message of so many bytes."""
        self.messages -= 1
        self.bytes -= size
        if self.read == self.first:
            self.seconds = SHORT_SECONDS
            self.ends = min(self.ends, time.monotonic() + self.seconds)

    @property
    def read(self) -> int:
        """How many messages were read."""
        return MOST_MESSAGES - self.messages

    @property
    def room(self) -> int:
        """How many more messages fit, if they are as long as those before."""
        mean = (MOST_BYTES - self.bytes) // max(1, self.read)
        return min(self.messages, self.bytes // max(1, mean))

    @property
    def spent(self) -> str:
        """Which part of it is spent, for a person; empty while none is."""
        if self.messages <= 0:
            return f"{MOST_MESSAGES:,} messages"
        if self.bytes <= 0:
            return f"{MOST_BYTES // 1024 // 1024} MiB"
        return f"{self.seconds:g} seconds" if time.monotonic() >= self.ends else ""


@dataclass
class Stretch:
    """What was read of a partition, from one offset to before another.

    Attributes:
        begin: the first offset.
        end: the offset to end before.
        at: the offset to be read next; `end` or beyond once all is read.
        oldest: the timestamp of the first message read, None where none was.
        found: what was looked for, in the order of offsets.
    """

    begin: int
    end: int
    at: int
    oldest: int | None
    found: deque[shown.Message]

    @property
    def is_done(self) -> bool:
        """Whether all of it was read."""
        return self.at >= self.end


class Source:
    """A topic to read from.

    Args:
        consumer: who reads.
        topic: the topic's name.
        show: makes of what is found what is kept of it.
    """

    def __init__(self, consumer: Consumer, topic: str, show: Show) -> None:
        self._consumer = consumer
        self._topic = topic
        self._show = show

    def read(
        self,
        wanted: Mapping[int, tuple[int, int]],
        budget: Budget,
        most: int,
        is_wanted: Wanted,
        *,
        stop_when_full: bool,
    ) -> dict[int, Stretch]:
        """Reads a stretch of each partition.

        Args:
            wanted: of each partition the first offset and the one to end before.
            budget: what may be read; a stretch that it ends is not done.
            most: how many messages of each partition are kept, the last ones.
            is_wanted: which messages are kept.
            stop_when_full: end a stretch once it has so many, so that they are the first ones.

        Raises:
            KafkaUnavailableError: Kafka refused.
        """
        stretches = {
            number: Stretch(begin, end, begin, None, deque(maxlen=most)) for number, (begin, end) in wanted.items()
        }
        unread = {number for number, each in stretches.items() if not each.is_done}
        self._consumer.assign([TopicPartition(self._topic, number, stretches[number].begin) for number in unread])
        while unread and not budget.spent:
            message = self._consumer.poll(_POLL_SECONDS)
            number = None if message is None else message.partition()
            if message is None or number not in unread:
                continue
            stretch = stretches[number]
            if self._note(stretch, message, budget, is_wanted) or (stop_when_full and len(stretch.found) == most):
                unread.discard(number)
                self._consumer.incremental_unassign([TopicPartition(self._topic, number)])
        self._consumer.unassign()
        return stretches

    def _note(self, stretch: Stretch, message: KafkaMessage, budget: Budget, is_wanted: Wanted) -> bool:
        """Takes a message into a stretch; returns whether it is done."""
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its only name
                stretch.at = stretch.end
            elif not error.retriable():
                raise KafkaUnavailableError(f"topic {self._topic}: {error.str()}")
            return stretch.is_done
        offset = message.offset() or 0
        budget.take(len(message) + len(message.key() or b""))
        if offset >= stretch.end:  # what was to be the last ones is gone, or was never a message
            stretch.at = stretch.end
            return True
        stretch.at = offset + 1
        if stretch.oldest is None:
            stretch.oldest = message.timestamp()[1]
        if is_wanted(message):
            stretch.found.append(self._show(message))
        return stretch.is_done


@contextmanager
def opened(client: Mapping[str, str], topic: str, show: Show = shown.message) -> Iterator[Source]:
    """Opens a topic for reading.

    Args:
        client: librdkafka's configuration.
        topic: the topic.
        show: makes of what is found what is kept of it.
    """
    with closing(Consumer({**groupless(client, "tradestream-kafka-ui"), **_SETTINGS})) as consumer:
        yield Source(consumer, topic, show)
