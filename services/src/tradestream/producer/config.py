"""What /etc/tradestream/producer.yml may say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tradestream.config import (
    DEFAULT_SYMBOLS,
    Address,
    LogLevel,
    PositiveFloat,
    PositiveInt,
    Section,
    Symbol,
    unique,
)
from tradestream.kafka import CLIENT_PROPERTIES

TopicName = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9._-]{1,249}\Z")]


class Reconnect(Section, frozen=True, kw_only=True):
    """How long to wait before a new connection: at random between the two, doubling up to the second."""

    min_seconds: PositiveFloat = 0.5
    max_seconds: PositiveFloat = 30.0

    def __post_init__(self) -> None:
        """Refuses a range that is empty."""
        if self.min_seconds > self.max_seconds:
            raise ValueError("min_seconds must not be above max_seconds")


class ProducerConfig(Section, frozen=True, kw_only=True):
    """One producer: an exchange's symbols into one topic.

    Attributes:
        exchange: the adapter that speaks with the exchange.
        url: where its WebSocket is, without a path.
        symbols: the pairs to follow, as the exchange writes them.
        kafka_client_config: Kafka's client properties, as Java's tools read them.
        topic: where trades go, keyed by symbol.
        dead_letter_topic: where frames go that cannot be read, with the reason.
        metrics: where Prometheus finds /metrics.
        silence_timeout_seconds: a connection without a frame for so long is replaced.
        reconnect: the back-off between connections.
        queue_messages: how many trades may wait for Kafka before reading from the exchange stops.
        drain_timeout_seconds: how long a stop may wait for Kafka to confirm what was read.
        log_level: the lowest level that is logged.
    """

    exchange: Literal["binance"] = "binance"
    url: Annotated[str, msgspec.Meta(pattern=r"^wss?://[^/\s?#]+/?\Z")] = "wss://stream.binance.com:9443"
    symbols: tuple[Symbol, ...] = DEFAULT_SYMBOLS
    kafka_client_config: Path = CLIENT_PROPERTIES
    topic: TopicName = "streaming-events"
    dead_letter_topic: TopicName = "streaming-events-dlq"
    metrics: Address = Address(port=8000)
    silence_timeout_seconds: PositiveFloat = 30.0
    reconnect: Reconnect = Reconnect()
    queue_messages: PositiveInt = 100_000
    drain_timeout_seconds: PositiveFloat = 20.0
    log_level: LogLevel = "info"

    def __post_init__(self) -> None:
        """Refuses lists of symbols that are empty, too long for one connection or name one twice."""
        unique(self.symbols)
        if len(self.symbols) > 1024:  # noqa: PLR2004 - Binance's limit of streams a connection
            raise ValueError("symbols: names more than 1024 symbols, the most that one connection carries")
