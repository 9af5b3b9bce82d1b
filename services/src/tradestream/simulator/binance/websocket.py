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
from collections.abc import Coroutine, Mapping
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from tradestream.logs import line
from tradestream.simulator import connection
from tradestream.simulator.binance.wire import BinanceWriter
from tradestream.simulator.config import Connections
from tradestream.simulator.hub import Client, Hub

log = logging.getLogger(__name__)

_MAX_STREAMS = 1024
_MAX_MESSAGES_A_SECOND = 5


class _Request(msgspec.Struct):
    method: str
    id: int | str | None = None
    params: list[str] = msgspec.field(default_factory=list)


class Sockets:
    """Serves Binance's WebSocket addresses into the hub."""

    def __init__(self, hub: Hub, connections: Connections) -> None:
        self._hub = hub
        self._connections = connections

    def routes(self) -> list[web.RouteDef]:
        """Returns what to serve where."""
        return [
            web.get("/ws", self._raw),
            web.get("/ws/{streams:.+}", self._raw),
            web.get("/stream", self._combined),
        ]

    async def _raw(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, request.match_info.get("streams", ""), combined=False)

    async def _combined(self, request: web.Request) -> web.WebSocketResponse:
        return await self._serve(request, request.query.get("streams", ""), combined=True)

    async def _serve(self, request: web.Request, streams: str, *, combined: bool) -> web.WebSocketResponse:
        names = [name for name in streams.split("/") if name]
        if len(names) > _MAX_STREAMS:
            raise web.HTTPBadRequest(text=f"more than {_MAX_STREAMS} streams")
        unit = request.query.get("timeUnit", "").upper()
        client = Client(BinanceWriter(combined, microseconds=unit == "MICROSECOND"))
        return await connection.serve(request, self._hub, client, _Talk(self._hub, client, names, self._connections))


class _Talk:
    """One connection's dialect."""

    def __init__(self, hub: Hub, client: Client, streams: list[str], connections: Connections) -> None:
        self._hub = hub
        self._client = client
        self._streams = streams
        self._connections = connections
        self._pongs: asyncio.Queue[bytes] = asyncio.Queue(maxsize=_MAX_MESSAGES_A_SECOND + 1)
        self._arrivals: deque[float] = deque(maxlen=_MAX_MESSAGES_A_SECOND + 1)

    def opened(self) -> None:
        """Subscribes to what the address names."""
        self._hub.subscribe(self._client, self._streams)

    def admits(self, kind: WSMsgType, data: Any) -> bool:  # noqa: ANN401 - bytes or text
        """Counts a frame, pings and pongs included."""
        self._arrivals.append(time.monotonic())
        if len(self._arrivals) > _MAX_MESSAGES_A_SECOND and self._arrivals[-1] - self._arrivals[0] < 1.0:
            log.warning(line("client_dropped", reason="more than 5 messages a second"))
            return False
        if kind is WSMsgType.PONG and not self._pongs.full():
            self._pongs.put_nowait(bytes(data))
        return True

    def heard(self, text: str) -> None:
        """Answers a request."""
        self._client.say(json.dumps(self._answer(text), separators=(",", ":")))

    def endings(self, socket: web.WebSocketResponse) -> Mapping[str, Coroutine[Any, Any, Any]]:
        """Ends a connection without pongs, and each one after its time."""
        return {"no pong": self._ping(socket), "lifetime over": asyncio.sleep(self._connections.lifetime_seconds)}

    async def _ping(self, socket: web.WebSocketResponse) -> None:
        """Pings with the time as payload; returns when the same did not come back in time."""
        while True:
            await asyncio.sleep(self._connections.ping_seconds)
            payload = str(time.time_ns() // 1_000_000).encode()
            await socket.ping(payload)
            try:
                async with asyncio.timeout(self._connections.pong_seconds):
                    while await self._pongs.get() != payload:
                        pass
            except TimeoutError:
                return

    def _answer(self, text: str) -> dict[str, object]:
        try:
            request = msgspec.json.decode(text, type=_Request)
        except msgspec.ValidationError as error:
            return {"code": 2, "msg": f"Invalid request: {error}"}
        except msgspec.DecodeError as error:
            return {"code": 3, "msg": f"Invalid JSON: {error}"}
        streams = self._client.streams
        result: list[str] | None = None
        match request.method:
            case "SUBSCRIBE" if len({*streams, *request.params}) > _MAX_STREAMS:
                return {"code": 2, "msg": "Invalid request: too many streams", "id": request.id}
            case "SUBSCRIBE":
                self._hub.subscribe(self._client, request.params)
            case "UNSUBSCRIBE":
                for stream in request.params:
                    streams.pop(stream, None)
            case "LIST_SUBSCRIPTIONS":
                result = list(streams)
            case other:
                known = "`SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`"
                return {
                    "code": 2,
                    "msg": f"Invalid request: unknown variant {other}, expected one of {known}",
                }
        return {"result": result, "id": request.id}
