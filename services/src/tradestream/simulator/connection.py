"""One WebSocket connection from its first frame to its last, whichever exchange it is with."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

from aiohttp import WSCloseCode, WSMsgType, web

from tradestream.logs import line
from tradestream.simulator.hub import Client, Hub

log = logging.getLogger(__name__)

_CLOSE_SECONDS = 2.0
_BUFFER_BYTES = 256 * 1024
_POLL_SECONDS = 0.001
_LOST_POLL_SECONDS = 0.05


class Dialect(Protocol):
    """What an exchange says and understands on one connection."""

    def opened(self) -> None:
        """Says what the exchange says first."""

    def heard(self, text: str) -> None:
        """Does what a message asks for, and answers it."""

    def admits(self, kind: WSMsgType, data: Any) -> bool:  # noqa: ANN401 - bytes or text
        """Hears of each frame that comes; returns whether the client may send so many."""

    def endings(self, socket: web.WebSocketResponse) -> Mapping[str, Coroutine[Any, Any, Any]]:
        """Returns what ends the connection when it is done, by the reason."""


async def serve(request: web.Request, hub: Hub, client: Client, dialect: Dialect) -> web.WebSocketResponse:
    """Serves one connection until it ends."""
    # Pings, pongs and closes are answered here: the exchange's deadlines and faults are part of what is simulated.
    socket = web.WebSocketResponse(autoping=False, autoclose=False, compress=False, timeout=_CLOSE_SECONDS)
    await socket.prepare(request)
    transport = request.transport
    if transport is None:
        return socket
    hub.clients.add(client)
    try:
        dialect.opened()
        log.info(line("client_connected", peer=request.remote, path=request.path, streams=len(client.streams)))
        reason = await _until_end(socket, transport, client, dialect)
        await _end(socket, transport, client, reason)
    finally:
        hub.clients.discard(client)
    log.info(line("client_gone", peer=request.remote, reason=reason))
    return socket


async def _until_end(
    socket: web.WebSocketResponse, transport: asyncio.Transport, client: Client, dialect: Dialect
) -> str:
    """Runs a connection until one of its tasks ends; returns that task's name."""
    endings: dict[str, Coroutine[Any, Any, Any]] = {
        "connection lost": _send(transport, client),
        "client closed": _receive(socket, dialect),
        "closed by the exchange": client.closing.wait(),
        "mute": client.mute.wait(),
        **dialect.endings(socket),
    }
    tasks = [asyncio.create_task(ending, name=name) for name, ending in endings.items()]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    return done.pop().get_name()


async def _end(socket: web.WebSocketResponse, transport: asyncio.Transport, client: Client, reason: str) -> None:
    if reason == "mute":
        await _ignore(socket, transport, client)
    if client.dropped or reason in ("mute", "connection lost"):
        transport.abort()
    elif reason == "no pong":
        await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Pong timeout")
    else:
        await socket.close(code=WSCloseCode.OK)


async def _ignore(socket: web.WebSocketResponse, transport: asyncio.Transport, client: Client) -> None:
    """Reads and answers nothing until the client has given up."""

    async def gone() -> None:
        async for _ in socket:
            pass
        while not transport.is_closing():  # noqa: ASYNC110 - a client that said goodbye may still wait for the answer
            await asyncio.sleep(_LOST_POLL_SECONDS)

    tasks = [asyncio.create_task(gone()), asyncio.create_task(client.closing.wait())]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _send(transport: asyncio.Transport, client: Client) -> None:
    """Writes whole frames past aiohttp, which would take a coroutine and a write for each."""
    while not transport.is_closing():
        transport.write(b"".join(await client.take()))
        while transport.get_write_buffer_size() > _BUFFER_BYTES and not transport.is_closing():  # noqa: ASYNC110 - the transport tells nobody
            await asyncio.sleep(_POLL_SECONDS)


async def _receive(socket: web.WebSocketResponse, dialect: Dialect) -> None:
    async for message in socket:
        if not dialect.admits(message.type, message.data):
            return
        if message.type is WSMsgType.PING:
            await socket.pong(message.data)
        elif message.type is WSMsgType.TEXT:
            dialect.heard(message.data)
