"""Topics followed at a bounded pace.

Watching must cost the brokers, and this machine, no more when the market runs wild. So a turn takes so many messages at
most, and of a partition that has more than that in store it goes on at the end: what it shows is a sample then. How
much a topic takes is told by its offsets, not by what was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tradestream.errors import KafkaUnavailableError
from tradestream.kafka import groupless

TURN_MESSAGES = 1_000
"""A turn takes so many messages at most."""

_START_SECONDS = 10.0
_ENDS_SECONDS = 1.0
_NAME = "tradestream-watch"
_SETTINGS = {
    "auto.offset.reset": "earliest",  # where there are fewer messages than it wants to begin with
    "queued.max.messages.kbytes": 1024,
    "fetch.message.max.bytes": 65_536,
}

_Place = tuple[str, int]
"""A topic and the number of a partition."""


class Reader:
    """Topics from a little before their ends on.

    Attributes:
        taken: how many messages each topic had at the last `look` since it was made.
        skipped: how many messages were passed over.
        trouble: why Kafka gave nothing at the last try; empty where all is well.

    Args:
        consumer: who reads them.
        asker: who asks for their ends: on the connection of the other one an answer waits until a fetch is done.
        topics: with how many of the newest messages of a partition it begins, by topic.
    """

    def __init__(self, consumer: Consumer, asker: Consumer, topics: Mapping[str, int]) -> None:
        self._consumer = consumer
        self._asker = asker
        self.taken: Counter[str] = Counter()
        self.skipped = 0
        self.trouble = ""
        self._next = {place: 0 for topic in topics for place in self._places(topic)}
        for (topic, number), end in self._ends(_START_SECONDS).items():
            self._next[topic, number] = max(0, end - topics[topic])
            self.taken[topic] += end
        consumer.assign([TopicPartition(*place, offset) for place, offset in self._next.items()])

    def read(self, seconds: float) -> list[tuple[str, bytes]]:
        """Returns the topics and values of the next messages, `TURN_MESSAGES` at most, that come within a time."""
        messages = []
        for message in self._consumer.consume(TURN_MESSAGES, timeout=seconds):
            error = message.error()
            if error is None:
                place = message.topic() or "", message.partition() or 0
                self._next[place] = (message.offset() or 0) + 1
                messages.append((place[0], message.value() or b""))
            else:
                self.trouble = error.str()
        return messages

    def look(self) -> None:
        """Asks where the partitions end now, and leaves out what is too much to read."""
        try:
            ends = self._ends(_ENDS_SECONDS)
            for place, end in ends.items():
                self._keep_up(place, end)
        except KafkaException as error:
            self.trouble = error.args[0].str()
            return
        self.trouble = ""
        self.taken.clear()
        for (topic, _), end in ends.items():
            self.taken[topic] += end

    def _keep_up(self, place: _Place, end: int) -> None:
        behind = end - self._next[place]
        # Where the topic was made anew its end is before what was read.
        if behind > TURN_MESSAGES or behind < 0:
            self._consumer.seek(TopicPartition(*place, end))
            self._next[place] = end
            self.skipped += max(0, behind)

    def _places(self, topic: str) -> list[_Place]:
        metadata = self._asker.list_topics(topic, timeout=_START_SECONDS).topics[topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        return [(topic, number) for number in metadata.partitions]

    def _ends(self, seconds: float) -> dict[_Place, int]:
        return {place: self._end(place, seconds) for place in self._next}

    def _end(self, place: _Place, seconds: float) -> int:
        bounds = self._asker.get_watermark_offsets(TopicPartition(*place), timeout=seconds)
        if bounds is None:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its only name
        return bounds[1]


@contextmanager
def opened(client: Mapping[str, str], topics: Mapping[str, int]) -> Iterator[Reader]:
    """Opens topics, as no consumer group.

    Args:
        client: librdkafka's configuration.
        topics: see `Reader`.

    Raises:
        KafkaUnavailableError: no broker answers, or a topic does not exist.
    """
    settings = {"client.id": _NAME, **groupless(client, _NAME), **_SETTINGS}
    with closing(Consumer(settings)) as consumer, closing(Consumer(settings)) as asker:
        try:
            yield Reader(consumer, asker, topics)
        except KafkaException as error:
            raise KafkaUnavailableError(f"topics {', '.join(topics)}: {error.args[0].str()}") from error
