"""The producer as a service: start, serve, drain."""

from __future__ import annotations

import asyncio
import logging
import random
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvloop
from prometheus_client import start_http_server

from tradestream import systemd
from tradestream.errors import DeliveryError, FatalError, KafkaUnavailableError
from tradestream.exchange import EXCHANGES
from tradestream.kafka import client_config
from tradestream.logs import line
from tradestream.producer.feed import Feed
from tradestream.producer.metrics import FeedStats, registry
from tradestream.producer.pipeline import Pipeline
from tradestream.producer.repair import Repairer
from tradestream.producer.rest import Rest
from tradestream.producer.resume import newest
from tradestream.producer.session import Session
from tradestream.producer.sink import KafkaSink
from tradestream.producer.symbols import check_symbols

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tradestream.config import Address
    from tradestream.exchange import Exchange
    from tradestream.producer.config import ProducerConfig

log = logging.getLogger(__name__)

_KAFKA_RETRY_SECONDS = 2.0
_CLOSE_SECONDS = 5.0
_LIFETIME_PART = (0.95, 0.99)
"""When a connection is replaced, as a part of the time that the exchange lets it live."""


def run(config: ProducerConfig) -> None:
    """Runs until SIGTERM or SIGINT, then sends what was read and returns.

    Raises:
        ConfigError: the configuration or Kafka's client properties cannot be used.
        FatalError: something that a restart may mend but waiting does not.
    """
    uvloop.run(_run(config))


async def _run(config: ProducerConfig) -> None:
    stats = FeedStats(config.exchange, config.pairs)
    client = client_config(config.kafka_client_config)
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    alive = asyncio.create_task(systemd.watchdog())
    with _metrics_server(config.metrics, stats):
        sink = KafkaSink(config, client, stats.symbols)
        if await _kafka_reachable(sink, stop):
            await _serve(config, client, sink, stats, stop)
    alive.cancel()


async def _kafka_reachable(sink: KafkaSink, stop: asyncio.Event) -> bool:
    """Waits for Kafka; returns False when told to stop before it came."""
    while not stop.is_set():
        try:
            await sink.check()
        except KafkaUnavailableError as error:
            log.warning(line("waiting_for_kafka", detail=error))
            systemd.notify(f"STATUS=waiting for Kafka: {error}")
        else:
            return True
        try:
            async with asyncio.timeout(_KAFKA_RETRY_SECONDS):
                await stop.wait()
        except TimeoutError:
            pass
    return False


async def _serve(
    config: ProducerConfig, client: dict[str, str], sink: KafkaSink, stats: FeedStats, stop: asyncio.Event
) -> None:
    exchange = EXCHANGES[config.exchange]()
    async with Rest(exchange.limits) as rest:
        await check_symbols(exchange, rest, config.url, config.pairs)
        repairer = Repairer(exchange, config.url, rest, sink, config.repair)
        pipeline = Pipeline(exchange, sink, repairer, stats, config.repair.hold_trades)
        pipeline.resume(await asyncio.to_thread(newest, client, config.topic, exchange.name, config.pairs))
        feed = Feed(_opener(config, exchange, pipeline), pipeline, config.reconnect, _tell)
        systemd.notify("READY=1\nSTATUS=Kafka reachable, connecting to the exchange")
        log.info(line("producer_ready", exchange=config.exchange, symbols=len(config.pairs), topic=config.topic))
        reading = asyncio.create_task(feed.run())
        confirming = asyncio.create_task(sink.serve())
        stopping = asyncio.create_task(stop.wait())
        try:
            done, _ = await asyncio.wait({reading, confirming, stopping}, return_when=asyncio.FIRST_COMPLETED)
            systemd.notify("STOPPING=1\nSTATUS=draining")
            if stopping in done:
                await _close(feed, reading)
        finally:
            for task in (reading, stopping):
                task.cancel()
            await asyncio.gather(reading, stopping, return_exceptions=True)
            await repairer.stop()
            pipeline.drain()
            left = await _drain(sink, config.drain_timeout_seconds)
            confirming.cancel()
            await asyncio.gather(confirming, return_exceptions=True)
    for task in (reading, confirming):
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error
    if left:
        raise DeliveryError(f"{left} messages were not confirmed within {config.drain_timeout_seconds:g} s")


def _opener(config: ProducerConfig, exchange: Exchange, pipeline: Pipeline) -> Callable[[], Session]:
    """Returns what opens a connection; each is replaced at a time of its own before the exchange would end it."""
    url = exchange.stream_url(config.url, config.pairs, quotes=config.quotes_topic is not None)
    subscription = exchange.subscription(config.pairs)
    limit = config.lifetime_seconds or exchange.lifetime_seconds

    def open_session() -> Session:
        lifetime = None if limit is None else limit * random.uniform(*_LIFETIME_PART)  # noqa: S311 - no secret
        return Session(url, subscription, pipeline, config.silence_timeout_seconds, lifetime)

    return open_session


def _tell(state: str) -> None:
    systemd.notify(f"STATUS={state}")


async def _close(feed: Feed, reading: asyncio.Task[None]) -> None:
    """Ends the connection and reads what was under way."""
    closing = asyncio.create_task(feed.stop())
    await asyncio.wait({reading}, timeout=_CLOSE_SECONDS)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)


async def _drain(sink: KafkaSink, seconds: float) -> int:
    left = await sink.flush(seconds)
    log.log(logging.ERROR if left else logging.INFO, line("drained", unconfirmed=left))
    return left


@contextmanager
def _metrics_server(listen: Address, stats: FeedStats) -> Iterator[None]:
    try:
        server, thread = start_http_server(listen.port, listen.address, registry(stats))
    except OSError as error:
        raise FatalError(f"metrics: cannot listen on {listen.address}:{listen.port}: {error.strerror}") from error
    log.info(line("metrics_listening", address=listen.address, port=server.server_port))
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
