"""Which signals are on their topic already, so that none is sent again.

A record of the state is written before its messages are published. After a crash in between nobody knows which of them
arrived, and after a lost checkpoint candles close again that closed before. A candle may be published again, since a
reader takes the newest; a signal may not. So a start reads what the topic holds, and what is there is left out.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tradestream.errors import KafkaUnavailableError

# Of each partition: with the default rules and ten symbols many weeks.
_MOST = 50_000
_TIMEOUT = 15.0


class _Id(msgspec.Struct):
    signal_id: str


_decode = msgspec.json.Decoder(_Id).decode


def sent_signals(client: Mapping[str, str], topic: str, most: int = _MOST) -> set[str]:
    """Ids of the newest ``most`` signals of each partition.

    Raises:
        KafkaUnavailableError: No broker answers.
    """
    # As no consumer group: nothing is committed.
    group = f"trade-analytics-{uuid.uuid4()}"
    consumer = Consumer({**client, "group.id": group, "enable.auto.commit": False, "enable.partition.eof": True})
    try:
        return set(_ids(consumer, topic, most))
    except KafkaException as error:
        raise KafkaUnavailableError(f"topic {topic}: {error.args[0].str()}") from error
    finally:
        consumer.close()


def _ids(consumer: Consumer, topic: str, most: int) -> Iterator[str]:
    starts = list(_starts(consumer, topic, most))
    consumer.assign(starts)
    unread = {start.partition for start in starts}
    while unread:
        message = consumer.poll(_TIMEOUT)
        if message is None:
            raise KafkaUnavailableError(f"topic {topic}: neither a message nor its end came for {_TIMEOUT:g} s")
        error = message.error()
        if error is None:
            yield from _id(message.value() or b"")
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its only name
            unread.discard(message.partition())
        elif not error.retriable():
            raise KafkaUnavailableError(f"topic {topic}: {error.str()}")


def _starts(consumer: Consumer, topic: str, most: int) -> Iterator[TopicPartition]:
    for number in consumer.list_topics(topic, timeout=_TIMEOUT).topics[topic].partitions:
        first, end = consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT)
        yield TopicPartition(topic, number, max(first, end - most))


def _id(value: bytes) -> Iterator[str]:
    # What somebody else wrote there is no business of this job.
    with suppress(msgspec.MsgspecError):
        yield _decode(value).signal_id
