"""The WebSocket side: `/ws/<stream>` and `/stream?streams=a/b`, with Binance's requests, pings and limits.

A request is `{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}`, answered `{"result":null,"id":1}`.
Source: binance-spot-api-docs, web-socket-streams.md.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from aiohttp import WSCloseCode, WSMsgType, web

from tradestream.logs import line
from tradestream.simulator.hub import Client

if TYPE_CHECKING:
    from tradestream.simulator.hub import Hub

log = logging.getLogger(__name__)

_MAX_STREAMS = 1024
_MAX_MESSAGES_A_SECOND = 5


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How long things take on the real exchange, in seconds; tests cannot wait so long."""

    ping_every: float = 20.0
    pong_within: float = 60.0
    lifetime: float = 24 * 3600.0


class _Request(msgspec.Struct):
    method: str
    id: int | str | None = None
    params: list[str] = msgspec.field(default_factory=list)


class Sockets:
    """Serves one WebSocket connection after the other into the hub."""

    def __init__(self, hub: Hub, timing: Timing) -> None:
        self._hub = hub
        self._timing = timing

    async def raw(self, request: web.Request) -> web.WebSocketResponse:
        """Serves /ws and /ws/a/b."""
        return await self._serve(request, request.match_info.get("streams", ""), combined=False)

    async def combined(self, request: web.Request) -> web.WebSocketResponse:
        """Serves /stream?streams=a/b."""
        return await self._serve(request, request.query.get("streams", ""), combined=True)

    async def _serve(self, request: web.Request, streams: str, *, combined: bool) -> web.WebSocketResponse:
        names = [name for name in streams.split("/") if name]
        if len(names) > _MAX_STREAMS:
            raise web.HTTPBadRequest(text=f"more than {_MAX_STREAMS} streams")
        unit = request.query.get("timeUnit", "").upper()
        client = Client(combined=combined, microseconds=unit == "MICROSECOND")
        # Pings and pongs are answered here: the exchange's deadlines are part of what is simulated.
        socket = web.WebSocketResponse(autoping=False, compress=False, timeout=2.0)
        await socket.prepare(request)
        self._hub.clients.add(client)
        self._hub.subscribe(client, names)
        log.info(line("client_connected", peer=request.remote, streams=len(names)))
        try:
            reason = await self._live(socket, client)
        finally:
            self._hub.clients.discard(client)
        log.info(line("client_gone", peer=request.remote, reason=reason))
        return socket

    async def _live(self, socket: web.WebSocketResponse, client: Client) -> str:
        """Runs a connection until one of its tasks ends; returns that task's name."""
        pongs: asyncio.Queue[bytes] = asyncio.Queue()
        tasks = [
            asyncio.create_task(self._send(socket, client), name="connection lost"),
            asyncio.create_task(self._receive(socket, client, pongs), name="client closed"),
            asyncio.create_task(self._ping(socket, pongs), name="no pong"),
            asyncio.create_task(client.closing.wait(), name="closed by the exchange"),
            asyncio.create_task(asyncio.sleep(self._timing.lifetime), name="lifetime over"),
        ]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        ended = done.pop().get_name()
        if ended != "connection lost":
            await self._close(socket, ended)
        return ended

    async def _close(self, socket: web.WebSocketResponse, why: str) -> None:
        if why == "no pong":
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"Pong timeout")
        else:
            await socket.close(code=WSCloseCode.OK)

    async def _send(self, socket: web.WebSocketResponse, client: Client) -> None:
        try:
            while True:
                await socket.send_str(await client.next())
        except ConnectionError:
            return

    async def _ping(self, socket: web.WebSocketResponse, pongs: asyncio.Queue[bytes]) -> None:
        """Pings with the time as payload; returns when the same did not come back in time."""
        while True:
            await asyncio.sleep(self._timing.ping_every)
            payload = str(time.time_ns() // 1_000_000).encode()
            await socket.ping(payload)
            try:
                async with asyncio.timeout(self._timing.pong_within):
                    while await pongs.get() != payload:
                        pass
            except TimeoutError:
                return

    async def _receive(self, socket: web.WebSocketResponse, client: Client, pongs: asyncio.Queue[bytes]) -> None:
        arrivals: deque[float] = deque(maxlen=_MAX_MESSAGES_A_SECOND + 1)
        async for message in socket:
            arrivals.append(time.monotonic())
            if len(arrivals) > _MAX_MESSAGES_A_SECOND and arrivals[-1] - arrivals[0] < 1.0:
                log.warning(line("client_dropped", reason="more than 5 messages a second"))
                return
            if message.type is WSMsgType.PING:
                await socket.pong(message.data)
            elif message.type is WSMsgType.PONG:
                pongs.put_nowait(bytes(message.data))
            elif message.type is WSMsgType.TEXT:
                client.offer(json.dumps(self._answer(client, message.data), separators=(",", ":")))

    def _answer(self, client: Client, text: str) -> dict[str, object]:
        try:
            request = msgspec.json.decode(text, type=_Request)
        except msgspec.ValidationError as error:
            return {"code": 2, "msg": f"Invalid request: {error}"}
        except msgspec.DecodeError as error:
            return {"code": 3, "msg": f"Invalid JSON: {error}"}
        result: list[str] | None = None
        match request.method:
            case "SUBSCRIBE" if len({*client.streams, *request.params}) > _MAX_STREAMS:
                return {"code": 2, "msg": "Invalid request: too many streams", "id": request.id}
            case "SUBSCRIBE":
                self._hub.subscribe(client, request.params)
            case "UNSUBSCRIBE":
                for stream in request.params:
                    client.streams.pop(stream, None)
            case "LIST_SUBSCRIPTIONS":
                result = list(client.streams)
            case other:
                known = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`"
                return {
                    "code": 2,
                    "msg": f"Invalid request: unknown variant {other}, expected one of {known}",
                }
        return {"result": result, "id": request.id}
