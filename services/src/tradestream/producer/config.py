"""What /etc/tradestream/producer.yml may say."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec

from tradestream import topics
from tradestream.config import (
    DEFAULT_SYMBOLS,
    Address,
    LogLevel,
    Pair,
    PositiveFloat,
    PositiveInt,
    Section,
    unique,
)
from tradestream.exchange import EXCHANGES
from tradestream.kafka import CLIENT_PROPERTIES

FeedUrl = Annotated[str, msgspec.Meta(pattern=r"^wss?://[^/\s?#]+/?\Z")]
TopicName = Annotated[str, msgspec.Meta(pattern=r"^[a-zA-Z0-9._-]{1,249}\Z")]


class Reconnect(Section, frozen=True, kw_only=True):
    """How long to wait before a new connection: at random between the two, doubling up to the second."""

    min_seconds: PositiveFloat = 0.5
    max_seconds: PositiveFloat = 30.0

    def __post_init__(self) -> None:
        """Refuses a range that is empty."""
        if self.min_seconds > self.max_seconds:
            raise ValueError("min_seconds must not be above max_seconds")


class Repair(Section, frozen=True, kw_only=True):
    """What to do where trades are missing.

    Attributes:
        patience_seconds: how long a missing id may just be late before the exchange is asked for it.
        hold_seconds: how long trades beyond it wait, so that a symbol's trades stay in order.
        hold_trades: how many trades of all symbols may wait so; this bounds memory.
        give_up_seconds: how long the exchange is asked before ids count as missing.
        max_trades: how many trades of one gap are fetched.
    """

    patience_seconds: PositiveFloat = 0.25
    hold_seconds: PositiveFloat = 60.0
    hold_trades: PositiveInt = 50_000
    give_up_seconds: PositiveFloat = 900.0
    max_trades: PositiveInt = 1_000_000


class FeedConfig(Section, frozen=True, kw_only=True):
    """One exchange's symbols.

    Attributes:
        exchange: the adapter that speaks with the exchange.
        url: where its WebSocket is, without a path; the exchange's own public one unless it is named.
        symbols: the pairs to follow, as the exchange writes them or as BASE-QUOTE; see `pairs`.
        lifetime_seconds: how long the exchange lets a connection live, where that is not what its documents say;
            a new one delivers before.
    """

    exchange: Literal["binance", "coinbase", "kraken"] = "binance"
    url: FeedUrl = ""
    symbols: tuple[Pair, ...] = DEFAULT_SYMBOLS
    lifetime_seconds: PositiveFloat | None = None

    def __post_init__(self) -> None:
        """Refuses symbols that are none, too many for one connection, twice the same pair, or not the exchange's."""
        if not self.url:
            msgspec.structs.force_setattr(self, "url", EXCHANGES[self.exchange]().url)
        unique(self.pairs)
        if len(self.symbols) > 1024:  # noqa: PLR2004 - Binance's limit of streams a connection
            raise ValueError("symbols: names more than 1024 symbols, the most that one connection carries")

    @property
    def pairs(self) -> tuple[str, ...]:
        """The symbols as the exchange writes them.

        Raises:
            ValueError: one cannot be a pair of this exchange; says how they look.
        """
        normalize = EXCHANGES[self.exchange]().normalize
        try:
            return tuple(map(normalize, self.symbols))
        except ValueError as error:
            raise ValueError(f"symbols: {error}") from error


class ProducerConfig(Section, frozen=True, kw_only=True):
    """One producer: the trades of one or more exchanges into one topic.

    Attributes:
        feeds: the exchanges, each once.
        kafka_client_config: Kafka's client properties, as Java's tools read them.
        topic: where trades go, keyed by symbol.
        dead_letter_topic: where frames go that cannot be read, with the reason.
        quotes_topic: where best bids and asks go, keyed by symbol; none are asked for where it is not given.
        metrics: where Prometheus finds /metrics.
        silence_timeout_seconds: a connection without a frame for so long is replaced.
        reconnect: the back-off between connections.
        repair: what to do where trades are missing.
        queue_messages: how many trades may wait for Kafka before reading from the exchanges stops.
        drain_timeout_seconds: how long a stop may wait for Kafka to confirm what was read.
        log_level: the lowest level that is logged.
    """

    feeds: tuple[FeedConfig, ...] = (FeedConfig(),)
    kafka_client_config: Path = CLIENT_PROPERTIES
    topic: TopicName = topics.TRADES
    dead_letter_topic: TopicName = topics.DEAD_LETTERS
    quotes_topic: TopicName | None = None
    metrics: Address = Address(port=8000)
    silence_timeout_seconds: PositiveFloat = 30.0
    reconnect: Reconnect = Reconnect()
    repair: Repair = Repair()
    queue_messages: PositiveInt = 100_000
    drain_timeout_seconds: PositiveFloat = 20.0
    log_level: LogLevel = "info"

    def __post_init__(self) -> None:
        """Refuses feeds that are none, or two of one exchange."""
        if not self.feeds:
            raise ValueError("feeds: names none")
        exchanges = [feed.exchange for feed in self.feeds]
        twice = sorted({exchange for exchange in exchanges if exchanges.count(exchange) > 1})
        if twice:
            raise ValueError(f"feeds: names {', '.join(twice)} more than once; one feed takes all its symbols")

    @property
    def hold_trades_each(self) -> int:
        """How many trades of one symbol may wait for missing ones."""
        return max(1, self.repair.hold_trades // sum(len(feed.symbols) for feed in self.feeds))
