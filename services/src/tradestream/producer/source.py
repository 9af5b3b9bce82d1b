"""One exchange's way into Kafka: its connections, its ids, its repairs."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Self

from tradestream.exchange import EXCHANGES
from tradestream.producer.feed import Feed
from tradestream.producer.pipeline import Pipeline
from tradestream.producer.repair import Repairer
from tradestream.producer.rest import Rest
from tradestream.producer.session import Session
from tradestream.producer.symbols import check_symbols

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from tradestream.producer.config import FeedConfig, ProducerConfig
    from tradestream.producer.metrics import FeedStats
    from tradestream.producer.resume import Seen
    from tradestream.producer.sink import KafkaSink

_LIFETIME_PART = (0.95, 0.99)
"""When a connection is replaced, as a part of the time that the exchange lets it live."""


class Source:
    """Reads one exchange into Kafka. Use it as an asynchronous context: its end hands over what is held.

    Attributes:
        name: the exchange's.
        symbols: its pairs that are followed.
    """

    def __init__(
        self,
        config: ProducerConfig,
        feed: FeedConfig,
        sink: KafkaSink,
        stats: FeedStats,
        on_state: Callable[[str], None],
    ) -> None:
        exchange = EXCHANGES[feed.exchange]()
        self.name = exchange.name
        self.symbols = feed.pairs
        self._exchange = exchange
        self._base = feed.url
        self._url = exchange.stream_url(feed.url, feed.pairs, quotes=config.quotes_topic is not None)
        self._limit = feed.lifetime_seconds or exchange.lifetime_seconds
        self._silence_timeout = config.silence_timeout_seconds
        self._rest = Rest(exchange.limits)
        self._repairer = Repairer(exchange, feed.url, self._rest, sink, config.repair)
        self._pipeline = Pipeline(exchange, sink, self._repairer, stats, config.hold_trades_each)
        self._feed = Feed(self._open_session, self._pipeline, config.reconnect, on_state)

    async def __aenter__(self) -> Self:
        await self._rest.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._repairer.stop()
        self._pipeline.drain()
        await self._rest.__aexit__(kind, error, trace)

    async def check(self) -> None:
        """Refuses symbols that the exchange does not know.

        Raises:
            ConfigError: names them.
        """
        await check_symbols(self._exchange, self._rest, self._base, self.symbols)

    def resume(self, seen: Mapping[tuple[str, str], Seen]) -> None:
        """Goes on after what Kafka has, by exchange and symbol."""
        self._pipeline.resume({symbol: found for (exchange, symbol), found in seen.items() if exchange == self.name})

    async def run(self) -> None:
        """Reads until `stop`.

        Raises:
            DeliveryError: Kafka's client can deliver nothing more.
        """
        await self._feed.run()

    async def stop(self) -> None:
        """Closes the connection; `run` returns once it has read what had come before."""
        await self._feed.stop()

    def _open_session(self) -> Session:
        """Each connection is replaced at a time of its own before the exchange would end it."""
        lifetime = None if self._limit is None else self._limit * random.uniform(*_LIFETIME_PART)  # noqa: S311 - no secret
        subscription = self._exchange.subscription(self.symbols)
        return Session(self._url, subscription, self._pipeline, self._silence_timeout, lifetime)
