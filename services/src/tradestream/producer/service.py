"""The producer as a service: start, serve, drain."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
from contextlib import AsyncExitStack, contextmanager
from typing import TYPE_CHECKING

import uvloop
from prometheus_client import start_http_server

from tradestream import systemd
from tradestream.errors import DeliveryError, FatalError, KafkaUnavailableError
from tradestream.kafka import client_config
from tradestream.logs import line
from tradestream.producer.metrics import FeedStats, registry
from tradestream.producer.resume import newest
from tradestream.producer.sink import KafkaSink
from tradestream.producer.source import Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tradestream.config import Address
    from tradestream.producer.config import ProducerConfig

log = logging.getLogger(__name__)

_KAFKA_RETRY_SECONDS = 2.0
_CLOSE_SECONDS = 5.0


def run(config: ProducerConfig) -> None:
    """Runs until SIGTERM or SIGINT, then sends what was read and returns.

    Raises:
        ConfigError: the configuration or Kafka's client properties cannot be used.
        FatalError: something that a restart may mend but waiting does not.
    """
    uvloop.run(_run(config))


async def _run(config: ProducerConfig) -> None:
    stats = [FeedStats(feed.exchange, feed.pairs) for feed in config.feeds]
    client = client_config(config.kafka_client_config)
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    alive = asyncio.create_task(systemd.watchdog())
    with _metrics_server(config.metrics, stats):
        sink = KafkaSink(config, client)
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
    config: ProducerConfig, client: dict[str, str], sink: KafkaSink, stats: Sequence[FeedStats], stop: asyncio.Event
) -> None:
    confirming = asyncio.create_task(sink.serve())
    try:
        async with AsyncExitStack() as opened:
            sources = [
                await opened.enter_async_context(Source(config, feed, sink, one, _teller(feed.exchange)))
                for feed, one in zip(config.feeds, stats, strict=True)
            ]
            await asyncio.gather(*(source.check() for source in sources))
            wanted = {(source.name, symbol) for source in sources for symbol in source.symbols}
            seen = await asyncio.to_thread(newest, client, config.topic, wanted)
            for source in sources:
                source.resume(seen)
            systemd.notify("READY=1\nSTATUS=Kafka reachable, connecting")
            exchanges = ",".join(source.name for source in sources)
            log.info(line("producer_ready", exchanges=exchanges, symbols=len(wanted), topic=config.topic))
            # What a start has made is there to stay: no need to look at it again among the trades.
            gc.collect()
            gc.freeze()
            await _read(sources, confirming, stop)
    finally:
        left = await _drain(sink, config.drain_timeout_seconds)
        confirming.cancel()
        await asyncio.gather(confirming, return_exceptions=True)
    if left:
        raise DeliveryError(f"{left} messages were not confirmed within {config.drain_timeout_seconds:g} s")


async def _read(sources: Sequence[Source], confirming: asyncio.Task[None], stop: asyncio.Event) -> None:
    """Reads from all exchanges until told to stop, or until one of them or Kafka's client fails."""
    reading = {asyncio.create_task(source.run()) for source in sources}
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({*reading, confirming, stopping}, return_when=asyncio.FIRST_COMPLETED)
        systemd.notify("STOPPING=1\nSTATUS=draining")
        if stopping in done:
            closing = asyncio.gather(*(source.stop() for source in sources))
            await asyncio.wait(reading, timeout=_CLOSE_SECONDS)
            closing.cancel()
            await asyncio.gather(closing, return_exceptions=True)
    finally:
        for task in (*reading, stopping):
            task.cancel()
        await asyncio.gather(*reading, stopping, return_exceptions=True)
    for task in (*reading, confirming):
        if task.done() and not task.cancelled() and (error := task.exception()) is not None:
            raise error


def _teller(exchange: str) -> Callable[[str], None]:
    """Returns what tells systemd of a change on one exchange."""
    return lambda state: systemd.notify(f"STATUS={exchange}: {state}")


async def _drain(sink: KafkaSink, seconds: float) -> int:
    left = await sink.flush(seconds)
    log.log(logging.ERROR if left else logging.INFO, line("drained", unconfirmed=left))
    return left


@contextmanager
def _metrics_server(listen: Address, stats: Sequence[FeedStats]) -> Iterator[None]:
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
