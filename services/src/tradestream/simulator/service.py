"""The simulator as a service."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Coroutine, Mapping
from contextlib import ExitStack, closing

import uvloop
from aiohttp import web

from tradestream import dump, systemd
from tradestream.config import Address
from tradestream.errors import ConfigError, FatalError
from tradestream.logs import line
from tradestream.simulator import sources
from tradestream.simulator.binance.rest import Rest as BinanceRest
from tradestream.simulator.binance.websocket import Sockets as BinanceSockets
from tradestream.simulator.coinbase.rest import Rest as CoinbaseRest
from tradestream.simulator.coinbase.websocket import Sockets as CoinbaseSockets
from tradestream.simulator.config import Connections, SimulatorConfig
from tradestream.simulator.control import Control
from tradestream.simulator.history import History
from tradestream.simulator.hub import Hub
from tradestream.simulator.kraken.rest import Rest as KrakenRest
from tradestream.simulator.kraken.websocket import Sockets as KrakenSockets

log = logging.getLogger(__name__)

_HISTORY_BYTES = 32 * 1024 * 1024
_SHUTDOWN_SECONDS = 2.0


def check(config: SimulatorConfig) -> None:
    """Reads the whole dump that the configuration names.

    Raises:
        DumpError: says the file, the line and what is wrong.
    """
    if config.replay is not None:
        trades = dump.check(config.replay.file)
        log.info(line("dump_checked", file=config.replay.file, trades=trades))


def run(config: SimulatorConfig) -> None:
    """Runs until SIGTERM or SIGINT.

    Raises:
        ConfigError: the dump is broken or the state directory cannot be written.
        FatalError: the address is in use.
    """
    check(config)
    uvloop.run(_run(config))


async def _run(config: SimulatorConfig) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    with ExitStack() as stack:
        histories = _open(config, stack)
        hub = Hub(config.traded)
        app = application(hub, histories, config.connections)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=_SHUTDOWN_SECONDS)
        await runner.setup()
        try:
            port = await _listen(runner, config.listen)
            systemd.notify("READY=1")
            log.info(line("simulator_ready", address=config.listen.address, port=port, symbols=len(config.traded)))
            await _until(stop, _source(config, histories, hub))
        except OSError as error:
            raise FatalError(f"{config.state_dir}: the log cannot be written: {error.strerror}") from error
        finally:
            systemd.notify("STOPPING=1")
            for client in hub.clients:
                client.closing.set()
            await runner.cleanup()


def application(hub: Hub, histories: Mapping[str, History], connections: Connections) -> web.Application:
    """Returns all exchanges' addresses as one web application."""
    answering = hub.faults.answering
    app = web.Application()
    for part in (
        BinanceSockets(hub, connections),
        BinanceRest(histories, answering),
        CoinbaseSockets(hub, histories),
        CoinbaseRest(histories, answering),
        KrakenSockets(hub, histories),
        KrakenRest(histories, answering),
        Control(hub, histories),
    ):
        app.add_routes(part.routes())
    return app


def _open(config: SimulatorConfig, stack: ExitStack) -> dict[str, History]:
    """Opens the logs; made-up trades and a replay keep theirs apart, as their ids have nothing in common."""
    if config.replay is None:
        folder, max_bytes = config.state_dir / "generated", _HISTORY_BYTES
    else:
        folder, max_bytes = config.state_dir / "replayed", None
    try:
        opened = {symbol: stack.enter_context(closing(History(folder, symbol, max_bytes))) for symbol in config.traded}
    except OSError as error:
        raise ConfigError(f"state_dir: {error.filename} cannot be written: {error.strerror}") from error
    return opened


def _source(config: SimulatorConfig, histories: dict[str, History], hub: Hub) -> Coroutine[None, None, None]:
    if config.replay is not None:
        return sources.replay(config.replay, histories[config.replay.pair], hub)
    return sources.generate(config.rate, config.seed, {s: histories[s] for s in config.symbols}, hub)


async def _listen(runner: web.AppRunner, listen: Address) -> int:
    site = web.TCPSite(runner, listen.address, listen.port)
    try:
        await site.start()
    except OSError as error:
        raise FatalError(f"cannot listen on {listen.address}:{listen.port}: {error.strerror}") from error
    return int(runner.addresses[0][1])


async def _until(stop: asyncio.Event, source: Coroutine[None, None, None]) -> None:
    """Runs the source of trades; when it has ended, stays until told to stop."""
    alive = asyncio.create_task(systemd.watchdog())
    trading = asyncio.create_task(source)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({trading, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if trading.done():
            trading.result()
            await stopping
    finally:
        for task in (alive, trading, stopping):
            task.cancel()
        await asyncio.gather(alive, trading, stopping, return_exceptions=True)
