"""Trades into Kafka: idempotent, confirmed by all replicas in sync, keyed by symbol, never dropped."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from tradestream.errors import ConfigError, DeliveryError, KafkaUnavailableError
from tradestream.kafka import lossless
from tradestream.logs import line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeAlias

    from tradestream.producer.config import ProducerConfig
    from tradestream.producer.metrics import SymbolStats

    Confirmed: TypeAlias = Callable[[KafkaError | None, Message], None]

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.01
_METADATA_SECONDS = 5.0
_TOLD_SECONDS = 60.0
"""Kafka's client tries again several times a second, and tells each time that no broker answers."""
_STALLED_SECONDS = 60.0
"""Kafka's client confirms within moments, and tells several times a minute if no broker answers.

After a broker's restart librdkafka (2.16) now and then does neither, and delivers nothing more for good.
"""
_ANY_PARTITION = -1
"""The partition is that of the key."""


class KafkaSink:
    """The way of trades and dead letters into Kafka.

    Handing over never waits. When Kafka's client has no room left, what comes is kept in order in `waiting`, and
    the caller has to `make_room` before it reads more from the exchange: a broker that is away slows reading.

    Attributes:
        waiting: what Kafka's client had no room for.
        put_dead_letter: hands over what could not be read.
    """

    def __init__(self, config: ProducerConfig, client: Mapping[str, str]) -> None:
        self._topic = config.topic
        self._dead_letter_topic = config.dead_letter_topic
        self._quotes_topic = config.quotes_topic
        self._client = dict(client)
        self._fatal: KafkaError | None = None
        self._heard = time.monotonic()
        self._told: dict[int, float] = {}
        self.waiting: deque[tuple[str, bytes, bytes | None, Confirmed]] = deque()
        settings: dict[str, object] = {
            **lossless(client, "trade-producer", config.queue_messages),
            "error_cb": self._failed,
            "log_level": 2,  # what the two call-backs do not say
        }
        try:
            self._producer = Producer(settings, logger=log)
        except KafkaException as error:
            raise ConfigError(f"{config.kafka_client_config}: Kafka's client: {error.args[0].str()}") from error
        self._half = config.queue_messages // 2
        self.put_dead_letter = self._way(config.dead_letter_topic, None, self._confirmed)

    def trades_of(self, symbol: str, stats: SymbolStats) -> Callable[[bytes], None]:
        """Returns what hands over the trades of one symbol, and counts them once Kafka has confirmed them."""
        observe = stats.latency.observe

        def confirmed(error: KafkaError | None, message: Message) -> None:
            if error is None:
                observe(message.latency() or 0.0)
            else:
                stats.failed[error.name()] = stats.failed.get(error.name(), 0) + 1
                self._confirmed(error, message)

        return self._way(self._topic, symbol.encode(), confirmed)

    def put_quote(self, key: bytes, value: bytes) -> None:
        """Hands over a best bid and ask, of which the next one matters more: one that finds no room is let go."""
        if self._quotes_topic is not None and not self.waiting:
            self._taken(self._quotes_topic, value, key, self._confirmed)

    def _way(self, topic: str, key: bytes | None, confirmed: Confirmed) -> Callable[[bytes], None]:
        produce, waiting = self._producer.produce, self.waiting

        def put(value: bytes) -> None:
            if waiting:
                waiting.append((topic, value, key, confirmed))
                return
            try:  # what `_taken` does, without another call for each trade
                produce(topic, value, key, _ANY_PARTITION, confirmed)
            except BufferError:
                waiting.append((topic, value, key, confirmed))
            except KafkaException as error:
                raise _takes_nothing(error) from error

        return put

    def _taken(self, topic: str, value: bytes, key: bytes | None, confirmed: Confirmed) -> bool:
        """Hands a message to Kafka's client; returns False when it has no room."""
        try:
            self._producer.produce(topic, value, key, _ANY_PARTITION, confirmed)  # names would cost as much again
        except BufferError:
            return False
        except KafkaException as error:
            raise _takes_nothing(error) from error
        return True

    async def make_room(self) -> None:
        """Waits until Kafka's client has sent half of what it holds and taken all that is waiting."""
        log.warning(line("queue_full", queued=len(self._producer)))
        while len(self._producer) > self._half:
            self._poll()
            await asyncio.sleep(_POLL_SECONDS)
        while self.waiting:
            self._poll()
            if self._taken(*self.waiting[0]):
                self.waiting.popleft()
            else:
                await asyncio.sleep(_POLL_SECONDS)
        log.info(line("queue_has_room"))

    async def serve(self) -> None:
        """Takes Kafka's confirmations, for ever.

        Raises:
            DeliveryError: Kafka's client met an error after which it delivers nothing more, or delivers nothing
                though the brokers would take it.
        """
        while True:
            self._poll()
            if self._stalled:
                if await asyncio.to_thread(self._brokers_take) and self._stalled:
                    raise DeliveryError(
                        f"Kafka's client has delivered nothing for {_STALLED_SECONDS:g} s, nor told why"
                    )
                self._heard = time.monotonic()
            await asyncio.sleep(_POLL_SECONDS)

    async def check(self) -> None:
        """Makes sure that Kafka answers and has both topics.

        Raises:
            KafkaUnavailableError: no broker answered, or a topic does not exist (yet).
        """
        try:
            metadata = await asyncio.to_thread(self._producer.list_topics, timeout=_METADATA_SECONDS)
        except KafkaException as error:
            raise KafkaUnavailableError(f"no broker answers: {error.args[0].str()}") from error
        for topic in (self._topic, self._dead_letter_topic, self._quotes_topic):
            if topic is not None and topic not in metadata.topics:
                raise KafkaUnavailableError(f"topic {topic} does not exist")

    async def flush(self, seconds: float) -> int:
        """Waits until all is confirmed, at most `seconds`.

        Returns:
            How many messages are still unconfirmed.
        """
        try:
            async with asyncio.timeout(seconds):
                if self.waiting:
                    await self.make_room()
                while len(self._producer):
                    self._poll()
                    await asyncio.sleep(_POLL_SECONDS)
        except TimeoutError:
            log.warning(line("flush_timed_out", seconds=seconds))
        return len(self._producer) + len(self.waiting)

    @property
    def _stalled(self) -> bool:
        return time.monotonic() - self._heard > _STALLED_SECONDS

    def _brokers_take(self) -> bool:
        """Whether all partitions have a leader and all their copies, as another client is told."""
        try:
            topic = AdminClient({**self._client, "log_level": 0}).list_topics(self._topic, _METADATA_SECONDS)
        except KafkaException:
            return False
        partitions = topic.topics[self._topic].partitions.values()
        return all(each.leader >= 0 and len(each.isrs) == len(each.replicas) for each in partitions)

    def _poll(self) -> None:
        if self._producer.poll(0) or not len(self._producer):
            self._heard = time.monotonic()
        if self._fatal is not None:
            raise DeliveryError(f"Kafka's client gave up: {self._fatal.str()}")

    def _confirmed(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            log.error(line("delivery_failed", topic=message.topic(), error=error.str()))
            # The client has tried what a second try could mend: to go on would lose what follows.
            self._fatal = self._fatal or error

    def _failed(self, error: KafkaError) -> None:
        now = time.monotonic()
        if now - self._told.get(error.code(), -_TOLD_SECONDS) >= _TOLD_SECONDS:
            self._told[error.code()] = now
            log.warning(line("kafka_error", error=error.str()))
        if error.fatal():
            self._fatal = error


def _takes_nothing(error: KafkaException) -> DeliveryError:
    return DeliveryError(f"Kafka's client takes nothing more: {error.args[0].str()}")
