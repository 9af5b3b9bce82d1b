"""Trades into Kafka: idempotent, confirmed by all replicas in sync, keyed by symbol, never dropped."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from tradestream.errors import ConfigError, DeliveryError, KafkaUnavailableError
from tradestream.kafka import lossless
from tradestream.logs import line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tradestream.producer.config import ProducerConfig
    from tradestream.producer.metrics import SymbolStats

log = logging.getLogger(__name__)

_POLL_SECONDS = 0.01
_METADATA_SECONDS = 5.0


class KafkaSink:
    """The way of trades and dead letters into Kafka.

    `put` never waits. When Kafka's client has no room left, what was put is kept in order in `waiting`, and
    the caller has to `make_room` before it reads more from the exchange: a broker that is away slows reading.
    """

    def __init__(self, config: ProducerConfig, client: Mapping[str, str], stats: Mapping[str, SymbolStats]) -> None:
        self._topic = config.topic
        self._dead_letter_topic = config.dead_letter_topic
        self._quotes_topic = config.quotes_topic
        self._stats = {symbol.encode(): one for symbol, one in stats.items()}
        self._fatal: KafkaError | None = None
        self.waiting: deque[tuple[str, bytes, bytes | None]] = deque()
        settings: dict[str, object] = {
            **lossless(client, "trade-producer", config.queue_messages),
            "error_cb": self._failed,
            "on_delivery": self._delivered,
            "log_level": 2,  # what the two call-backs do not say
        }
        try:
            self._producer = Producer(settings, logger=log)
        except KafkaException as error:
            raise ConfigError(f"{config.kafka_client_config}: Kafka's client: {error.args[0].str()}") from error
        self._half = config.queue_messages // 2

    def put(self, key: bytes, value: bytes) -> None:
        """Hands over a trade."""
        self._produce(self._topic, value, key)

    def put_dead_letter(self, value: bytes) -> None:
        """Hands over what could not be read."""
        self._produce(self._dead_letter_topic, value, None)

    def put_quote(self, key: bytes, value: bytes) -> None:
        """Hands over a best bid and ask, of which the next one matters more: one that finds no room is let go."""
        if self._quotes_topic is not None and not self.waiting:
            self._taken(self._quotes_topic, value, key)

    def _produce(self, topic: str, value: bytes, key: bytes | None) -> None:
        if self.waiting or not self._taken(topic, value, key):
            self.waiting.append((topic, value, key))

    def _taken(self, topic: str, value: bytes, key: bytes | None) -> bool:
        """Hands a message to Kafka's client; returns False when it has no room."""
        try:
            self._producer.produce(topic, value, key)
        except BufferError:
            return False
        except KafkaException as error:
            raise DeliveryError(f"Kafka's client takes nothing more: {error.args[0].str()}") from error
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
            DeliveryError: Kafka's client met an error after which it delivers nothing more.
        """
        while True:
            self._poll()
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

    def _poll(self) -> None:
        self._producer.poll(0)
        if self._fatal is not None:
            raise DeliveryError(f"Kafka's client gave up: {self._fatal.str()}")

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        stats = self._stats.get(message.key() or b"") if message.topic() == self._topic else None
        if error is None:
            if stats is not None:
                stats.produced += 1
                stats.latency.observe(message.latency() or 0.0)
            return
        log.error(line("delivery_failed", topic=message.topic(), error=error.str()))
        if stats is not None:
            stats.failed[error.name()] = stats.failed.get(error.name(), 0) + 1
        # The client has tried what a second try could mend: to go on would lose what follows.
        self._fatal = self._fatal or error

    def _failed(self, error: KafkaError) -> None:
        log.warning(line("kafka_error", error=error.str()))
        if error.fatal():
            self._fatal = error
