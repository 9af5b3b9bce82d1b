"""What Kafka has already, so that a start goes on where the last one, or another producer, ended."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec
from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from tradestream.errors import KafkaUnavailableError
from tradestream.ids import FAR, IdIntervals
from tradestream.logs import line

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

log = logging.getLogger(__name__)

_TIMEOUT_SECONDS = 10.0
_BATCH = 10_000
_FIRST_WINDOW, _GROWTH, _LAST_WINDOW = 20_000, 5, 500_000
"""Messages to read from a partition's end; more, while a symbol was not found, up to the last."""


@dataclass
class Seen:
    """The newest trades of a symbol in Kafka.

    Attributes:
        ids: theirs; where the numbering changed, those of the newest numbering.
        last_time_us: time of the one with the highest id, in microseconds since 1970.
    """

    ids: IdIntervals = field(default_factory=IdIntervals)
    last_time_us: int = 0

    def add(self, trade_id: int, time_us: int) -> None:
        """Adds a trade, in the order of Kafka's offsets."""
        ids = self.ids
        if ids.ends and not ids.starts[0] - FAR <= trade_id <= ids.ends[-1] + FAR:
            ids = self.ids = IdIntervals()
        if not ids.ends or trade_id > ids.ends[-1]:
            self.last_time_us = time_us
        ids.add(trade_id, trade_id)


class _Trade(msgspec.Struct):
    exchange: str
    symbol: str
    trade_id: int
    trade_time: int


_decode = msgspec.json.Decoder(_Trade).decode


def newest(client: Mapping[str, str], topic: str, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], Seen]:
    """Reads the end of a topic; returns what it has of each exchange and symbol, without those not among its newest.

    Memory is bounded by the window's holes, and time by 500,000 messages a partition.

    Raises:
        KafkaUnavailableError: no broker answers.
    """
    # A group's name is asked for, and never used: nothing is committed.
    settings = {"group.id": "trade-producer-resume", "enable.auto.commit": False, "enable.partition.eof": True}
    consumer = Consumer({**client, **settings, "log_level": 2})
    found: dict[tuple[str, str], Seen] = {}
    window = _FIRST_WINDOW
    started = time.monotonic()
    try:
        bounds = _bounds(consumer, topic)
        while True:
            found = {}
            for trade in _read(consumer, topic, bounds, window):
                identity = (trade.exchange, trade.symbol)
                if identity in wanted:
                    found.setdefault(identity, Seen()).add(trade.trade_id, trade.trade_time * 1000)
            whole = all(high - low <= window for low, high in bounds.values())
            if len(found) == len(wanted) or whole or window >= _LAST_WINDOW:
                break
            window = min(window * _GROWTH, _LAST_WINDOW)
    except KafkaException as error:
        raise KafkaUnavailableError(f"topic {topic}: {error.args[0].str()}") from error
    finally:
        consumer.close()
    log.info(line("resumed", symbols=len(found), seconds=f"{time.monotonic() - started:.1f}"))
    return found


def _bounds(consumer: Consumer, topic: str) -> dict[int, tuple[int, int]]:
    metadata = consumer.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
    if metadata.error is not None:
        raise KafkaException(metadata.error)
    return {
        number: consumer.get_watermark_offsets(TopicPartition(topic, number), timeout=_TIMEOUT_SECONDS)
        for number in metadata.partitions
    }


def _read(consumer: Consumer, topic: str, bounds: Mapping[int, tuple[int, int]], window: int) -> Iterator[_Trade]:
    """Yields the trades of the last `window` messages before each partition's end as it was."""
    begin = {number: max(low, high - window) for number, (low, high) in bounds.items()}
    unread = {number for number, (_, high) in bounds.items() if begin[number] < high}
    consumer.assign([TopicPartition(topic, number, begin[number]) for number in unread])
    idle_since = time.monotonic()
    while unread:
        messages = consumer.consume(_BATCH, timeout=0.5)
        if not messages and time.monotonic() - idle_since > _TIMEOUT_SECONDS:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its only name
        if messages:
            idle_since = time.monotonic()
        for message in messages:
            number = message.partition() or 0
            error = message.error()
            if error is not None:
                if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its only name
                    raise KafkaException(error)
                unread.discard(number)
                continue
            if (message.offset() or 0) >= bounds[number][1] - 1:
                unread.discard(number)
            try:
                yield _decode(message.value() or b"")
            except msgspec.MsgspecError:
                continue  # not a trade of this producer's
