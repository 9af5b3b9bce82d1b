"""Trades into Kafka as the producer sends them, and knowing when all of them are there."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, KafkaException, Message, Producer, TopicCollection, Uuid
from confluent_kafka.admin import AdminClient

from tradestream.errors import ConfigError, DeliveryError, KafkaUnavailableError
from tradestream.kafka import lossless

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_QUEUE_MESSAGES = 100_000
_METADATA_SECONDS = 10.0
_TURN_SECONDS = 0.05
_FOR_NAMES = str.maketrans("+/", "-_")


def topic_id(client: Mapping[str, str], topic: str) -> str:
    """Returns Kafka's own id of a topic, which no other topic of any cluster has, as kafka-topics prints it.

    Raises:
        KafkaUnavailableError: no broker answers, or the topic does not exist.
        ConfigError: the client's properties cannot be used.
    """
    try:
        admin = AdminClient({**client, "log_level": 2})
    except KafkaException as error:
        raise ConfigError(f"Kafka's client: {error.args[0].str()}") from error
    future = admin.describe_topics(TopicCollection([topic]), request_timeout=_METADATA_SECONDS)[topic]
    try:
        return file_name(future.result().topic_id)
    except KafkaException as error:
        if error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise KafkaUnavailableError(
                f"topic {topic} does not exist: kafka-topics --create --topic {topic} --partitions N makes it"
            ) from error
        raise KafkaUnavailableError(f"no broker tells of topic {topic}: {error.args[0].str()}") from error


def file_name(topic: Uuid) -> str:
    """Returns a topic's id in base64 for names; librdkafka's has slashes."""
    return str(topic).translate(_FOR_NAMES)


class Sink:
    """The way of trades into a topic.

    Kafka's client takes what is put in order and repeats what is not confirmed, for as long as it takes. Whatever waits
    here calls `turn` twenty times a second, and ends with what that raises.
    """

    def __init__(
        self, client: Mapping[str, str], topic: str, turn: Callable[[], None], trouble: Callable[[str], None]
    ) -> None:
        """Connects.

        Args:
            client: Kafka's client properties.
            topic: where trades go.
            turn: called while something waits.
            trouble: is told what Kafka's client reports, of brokers that are away.
        """
        self._topic = topic
        self._turn = turn
        self._trouble = trouble
        self._fatal: KafkaError | None = None
        self._producer = Producer(
            {
                **lossless(client, "tradestream-replay", _QUEUE_MESSAGES),
                "error_cb": self._failed,
                "on_delivery": self._not_delivered,
                "delivery.report.only.error": True,  # `settle` asks whether all are delivered
                "log_level": 2,
            }
        )

    def put(self, key: bytes, value: bytes) -> None:
        """Hands over a trade, when there is room for it.

        Raises:
            DeliveryError: Kafka refused a trade, or its client can deliver nothing more.
        """
        while True:
            try:
                self._producer.produce(self._topic, value, key)
            except BufferError:
                self.poll(_TURN_SECONDS)
                self._turn()
            except KafkaException as error:
                raise DeliveryError(f"Kafka's client takes nothing more: {error.args[0].str()}") from error
            else:
                return

    def poll(self, seconds: float) -> None:
        """Takes what Kafka has to say, for at most so long; raises DeliveryError as `put` does."""
        self._producer.poll(seconds)
        self._check()

    def settle(self) -> None:
        """Waits until all that was put is confirmed; raises DeliveryError as `put` does."""
        while self._producer.flush(_TURN_SECONDS):
            self._check()
            self._turn()
        self._check()

    def drain(self, seconds: float) -> int:
        """Waits until all that was put is confirmed, at most so long.

        Returns:
            How many trades are not.
        """
        end = time.monotonic() + seconds
        while (left := self._producer.flush(_TURN_SECONDS)) and time.monotonic() < end:
            self._check()
        self._check()
        return left

    def _check(self) -> None:
        if self._fatal is not None:
            raise DeliveryError(f"Kafka did not take a trade: {self._fatal.str()}")

    def _not_delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._fatal = self._fatal or error

    def _failed(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = self._fatal or error
        self._trouble(error.str())
