"""Topics followed at a bounded pace.

Watching must cost the brokers, and this machine, no more when the market runs wild. So a turn takes so many messages at
most, and of a partition that has more than that in store it goes on at the end: what it shows is a sample then. How
much a topic takes is told by its offsets, not by what was read.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

# The stub of admin lacks it.
from confluent_kafka.admin._listoffsets import OffsetSpec

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

    A partition that no leader answers for is left out, and begun as soon as one does.

    Attributes:
        taken: how many messages each topic was seen to take since it was opened.
        skipped: how many messages were passed over.
        trouble: why Kafka gave nothing at the last try, or not all; empty where all is well.

    Args:
        consumer: who reads them.
        asker: who asks for their ends: on the connection of the other one an answer waits until a fetch is done.
        newest: with how many of the newest messages of a partition it begins, by topic.

    Raises:
        KafkaException: no broker answers, or a topic does not exist.
    """

    def __init__(self, consumer: Consumer, asker: AdminClient, newest: Mapping[str, int]) -> None:
        self._consumer = consumer
        self._asker = asker
        self._newest = newest
        self._next: dict[_Place, int] = {}
        self._end: dict[_Place, int] = {}
        self.taken = Counter(dict.fromkeys(newest, 0))
        self.skipped = 0
        self.trouble = ""
        self._look(_START_SECONDS)

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

    def look(self) -> bool:
        """Asks where the partitions end now, and leaves out what is too much to read; returns whether Kafka said."""
        try:
            self._look(_ENDS_SECONDS)
        except KafkaException as error:
            self.trouble = error.args[0].str()
            return False
        return True

    def _look(self, seconds: float) -> None:
        places = self._places(seconds)
        ends = self._ends([place for place, is_led in places.items() if is_led], seconds)
        for place, end in ends.items():
            if place in self._next:
                self._keep_up(place, end)
            else:
                self._begin(place, end)
        silent = [f"partition {number} of {topic}" for topic, number in sorted(places.keys() - ends.keys())]
        self.trouble = f"no leader answers for {', '.join(silent)}" if silent else ""

    def _begin(self, place: _Place, end: int) -> None:
        self._end[place], self._next[place] = end, max(0, end - self._newest[place[0]])
        self._consumer.incremental_assign([TopicPartition(*place, self._next[place])])

    def _keep_up(self, place: _Place, end: int) -> None:
        came, self._end[place] = end - self._end[place], end
        self.taken[place[0]] += came if came >= 0 else end
        behind = end - self._next[place]
        # Where the topic was made anew its end is before what was read.
        if behind > TURN_MESSAGES or behind < 0:
            self._consumer.seek(TopicPartition(*place, end))
            self._next[place] = end
            self.skipped += max(0, behind)

    def _places(self, seconds: float) -> dict[_Place, bool]:
        """Returns all partitions, and whether somebody leads them."""
        topics = self._asker.list_topics(timeout=seconds).topics
        if self._newest.keys() - topics.keys():
            raise KafkaException(KafkaError(KafkaError.UNKNOWN_TOPIC_OR_PART))
        return {
            (topic, each.id): each.leader >= 0 for topic in self._newest for each in topics[topic].partitions.values()
        }

    def _ends(self, places: list[_Place], seconds: float) -> dict[_Place, int]:
        """Returns where partitions end, of those whose leader has answered."""
        latest = {TopicPartition(*place): OffsetSpec.latest() for place in places}  # type: ignore[no-untyped-call]
        answers = self._asker.list_offsets(latest, request_timeout=seconds) if latest else {}
        ends = {}
        for place, answer in answers.items():
            with suppress(KafkaException):
                ends[place.topic, place.partition] = answer.result().offset
        return ends


@contextmanager
def opened(client: Mapping[str, str], newest: Mapping[str, int]) -> Iterator[Reader]:
    """Opens topics, as no consumer group.

    Args:
        client: librdkafka's configuration.
        newest: see `Reader`.

    Raises:
        KafkaUnavailableError: no broker answers, or a topic does not exist.
    """
    asker = AdminClient({"client.id": _NAME, **client, "log_level": 2})
    settings = {"client.id": _NAME, **groupless(client, _NAME), **_SETTINGS}
    with closing(Consumer(settings)) as consumer:
        try:
            yield Reader(consumer, asker, newest)
        except KafkaException as error:
            raise KafkaUnavailableError(f"topics {', '.join(newest)}: {error.args[0].str()}") from error
