"""Printing a topic's messages, for people and for checks."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from tradestream.errors import KafkaUnavailableError
from tradestream.kafka import groupless

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

_METADATA_SECONDS = 10.0


def read(
    client: Mapping[str, str],
    topic: str,
    *,
    from_beginning: bool,
    until_end: bool = False,
    timeout: float | None = None,
) -> Generator[bytes]:
    """Yields the values of a topic's messages, as no consumer group: nothing is committed.

    Args:
        client: librdkafka's configuration.
        topic: the topic.
        from_beginning: whether to begin at the oldest message instead of after the newest.
        until_end: end once each partition was read to its end.
        timeout: end after so many seconds without a message; None goes on for ever.

    Raises:
        KafkaUnavailableError: no broker answers, or the topic does not exist.
    """
    consumer = Consumer({**groupless(client, f"tradestream-topic-{uuid.uuid4()}"), "enable.partition.eof": True})
    try:
        partitions = _partitions(consumer, topic, from_beginning=from_beginning)
        consumer.assign(partitions)
        unread = {partition.partition for partition in partitions}
        last = time.monotonic()
        while (unread or not until_end) and (timeout is None or time.monotonic() - last < timeout):
            message = consumer.poll(0.2)
            if message is None:
                continue
            error = message.error()
            if error is not None:
                if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its only name
                    unread.discard(message.partition())
                    continue
                if error.retriable():
                    continue
                raise KafkaUnavailableError(f"topic {topic}: {error.str()}")
            last = time.monotonic()
            yield message.value() or b""
    finally:
        consumer.close()


def _partitions(consumer: Consumer, topic: str, *, from_beginning: bool) -> list[TopicPartition]:
    """Returns where to begin; the end is looked up at once, lest a message of this moment be passed over."""
    try:
        metadata = consumer.list_topics(timeout=_METADATA_SECONDS)
        if topic not in metadata.topics:
            raise KafkaUnavailableError(f"topic {topic} does not exist")
        partitions = [TopicPartition(topic, number) for number in metadata.topics[topic].partitions]
        for partition in partitions:
            partition.offset = OFFSET_BEGINNING
            if not from_beginning:
                partition.offset = consumer.get_watermark_offsets(partition, timeout=_METADATA_SECONDS)[1]
    except KafkaException as error:
        raise KafkaUnavailableError(f"no broker answers: {error.args[0].str()}") from error
    return partitions
