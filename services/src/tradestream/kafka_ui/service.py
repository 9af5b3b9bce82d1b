"""The page as a service."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, closing
from typing import cast

import uvloop
from aiohttp import web

from tradestream import systemd
from tradestream.config import Address
from tradestream.errors import FatalError
from tradestream.kafka import client_config
from tradestream.kafka_ui import guard
from tradestream.kafka_ui.cluster import Cluster
from tradestream.kafka_ui.config import KafkaUiConfig
from tradestream.kafka_ui.figures import Watcher
from tradestream.kafka_ui.pages import Pages, is_tail, tell
from tradestream.kafka_ui.question import MOST_ADDRESS
from tradestream.logs import line

log = logging.getLogger(__name__)

_SHUTDOWN_SECONDS = 2.0  # then live tails are ended, which would go on for minutes
_IDLE_SECONDS = 15.0
_UNREAD_SECONDS = 30.0


def run(config: KafkaUiConfig) -> None:
    """Runs until SIGTERM or SIGINT.

    Raises:
        ConfigError: Kafka's client properties cannot be used.
        FatalError: the address is in use.
    """
    client = client_config(config.kafka_client_config)
    uvloop.run(_run(config, client))


async def _run(config: KafkaUiConfig, client: dict[str, str]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # A thread for each request that there may be: none waits behind others that wait for a broker.
    loop.set_default_executor(ThreadPoolExecutor(guard.MOST_REQUESTS))
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    alive = asyncio.create_task(systemd.watchdog())
    try:
        async with serving(application(config, client), config.listen) as port:
            systemd.notify("READY=1")
            log.info(line("kafka_ui_ready", address=config.listen.address, port=port))
            await stop.wait()
            systemd.notify("STOPPING=1")
    finally:
        alive.cancel()


def application(config: KafkaUiConfig, client: dict[str, str]) -> web.Application:
    """Returns all pages as one web application."""
    watcher = Watcher([*config.broker_metrics, *([config.job_metrics] if config.job_metrics else [])])
    pages = Pages(Cluster(client), watcher, client)
    requests = guard.Slots(guard.MOST_REQUESTS, "requests")
    app = web.Application(middlewares=[tell, guard.only_for(config.names), guard.bounded(requests, is_tail)])
    app.on_response_prepare.append(guard.add_headers)
    app.on_cleanup.append(lambda _app: watcher.close())
    app.add_routes(pages.routes())
    return app


@asynccontextmanager
async def serving(app: web.Application, listen: Address) -> AsyncIterator[int]:
    """Serves an application until left; gives the port.

    Raises:
        FatalError: the address is in use.
    """
    runner = web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=_SHUTDOWN_SECONDS,
        keepalive_timeout=_IDLE_SECONDS,
        max_line_size=MOST_ADDRESS,
    )
    await runner.setup()
    try:
        with closing(await _listen(cast("web.Server", runner.server), listen)) as server:
            yield int(server.sockets[0].getsockname()[1])
    finally:
        await runner.cleanup()


async def _listen(server: web.Server, listen: Address) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    try:
        made = await loop.create_server(guard.few(server), listen.address, listen.port)
    except OSError as error:
        raise FatalError(f"cannot listen on {listen.address}:{listen.port}: {error.strerror}") from error
    for each in made.sockets:  # and so each connection: the kernel ends one whose other side no longer reads (tcp(7))
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(_UNREAD_SECONDS * 1000))
    return made
