"""The end of a topic: its newest messages, for who has to know at a start what is there already."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from tradestream.errors import KafkaUnavailableError
from tradestream.kafka import groupless

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TIMEOUT_SECONDS = 15.0
_BURST = 10_000
_SETTINGS = {
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",  # where retention has removed what was to be read first
}


class Tail:
    """A topic up to where each partition ended when it was opened.

    Attributes:
        length: how many messages the longest partition has.

    Args:
        consumer: who reads it.
        topic: its name.
    """

    def __init__(self, consumer: Consumer, topic: str) -> None:
        self._consumer = consumer
        self._topic = topic
        metadata = consumer.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
        if metadata.error is not None:
            raise KafkaException(metadata.error)
        self._bounds = {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT_SECONDS)
            for number in metadata.partitions
        }
        self.length = max((end - first for first, end in self._bounds.values()), default=0)

    def newest(self, most: int) -> Iterator[bytes]:
        """Yields the values of the newest `most` messages of each partition, and perhaps of what came meanwhile."""
        begins = {number: max(first, end - most) for number, (first, end) in self._bounds.items()}
        unread = {number for number, begin in begins.items() if begin < self._bounds[number][1]}
        self._consumer.assign([TopicPartition(self._topic, number, begins[number]) for number in unread])
        heard = time.monotonic()
        while unread:
            messages = self._consumer.consume(_BURST, timeout=0.5)
            if messages:
                heard = time.monotonic()
            elif time.monotonic() - heard > _TIMEOUT_SECONDS:
                raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its only name
            for message in messages:
                if self._is_last(message):
                    unread.discard(message.partition() or 0)
                if message.error() is None:
                    yield message.value() or b""

    def _is_last(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return (message.offset() or 0) >= self._bounds[message.partition() or 0][1] - 1
        if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its only name
            raise KafkaException(error)
        return True


@contextmanager
def opened(client: Mapping[str, str], topic: str) -> Iterator[Tail]:
    """Opens a topic's tail, as no consumer group.

    Args:
        client: librdkafka's configuration.
        topic: the topic.

    Raises:
        KafkaUnavailableError: no broker answers, then or while the tail is read, or there is no such topic.
    """
    consumer = Consumer({**groupless(client, "tradestream-tail"), **_SETTINGS})
    try:
        yield Tail(consumer, topic)
    except KafkaException as error:
        raise KafkaUnavailableError(f"topic {topic}: {error.args[0].str()}") from error
    finally:
        consumer.close()
