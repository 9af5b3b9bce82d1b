"""WebSocket v2, at `/v2`.

First comes a status, then each pair that is asked for is answered by itself, and a heartbeat a second when idle:

    {"channel":"status","type":"update","data":[{"version":"2.0.0","system":"online","api_version":"v2",
     "connection_id":12834038325838721283}]}
    {"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD"],"snapshot":false},"req_id":1}
    {"method":"subscribe","result":{"channel":"trade","snapshot":false,"symbol":"BTC/USD"},"success":true,
     "time_in":"2023-09-25T09:21:10.428340Z","time_out":"2023-09-25T09:21:10.428375Z","req_id":1}
    {"error":"Currency pair not supported BTC/XXX","method":"subscribe","success":false,"symbol":"BTC/XXX",...}
    {"channel":"heartbeat"}

Source: docs.kraken.com, websocket-v2: status, trade, heartbeat and ping.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from itertools import count
from typing import Any

import msgspec
from aiohttp import WSMsgType, web

from tradestream.simulator import connection
from tradestream.simulator.history import History
from tradestream.simulator.hub import Client, Hub
from tradestream.simulator.kraken import wire
from tradestream.simulator.kraken.wire import KrakenWriter
from tradestream.simulator.times import iso

_HEARTBEAT_SECONDS = 1.0
_SNAPSHOT_TRADES = 50


class _Params(msgspec.Struct):
    channel: str
    symbol: list[str] = msgspec.field(default_factory=list)
    snapshot: bool = True


class _Request(msgspec.Struct):
    method: str
    params: _Params | None = None
    req_id: int | None = None


class Sockets:
    """Serves Kraken's WebSocket into the hub."""

    def __init__(self, hub: Hub, histories: Mapping[str, History]) -> None:
        self._hub = hub
        self._histories = histories
        self._numbers = count(time.time_ns())

    def routes(self) -> list[web.RouteDef]:
        """Returns what to serve where."""
        return [web.get("/v2", self._serve)]

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        client = Client(KrakenWriter())
        talk = _Talk(self._hub, client, self._histories, next(self._numbers))
        return await connection.serve(request, self._hub, client, talk)


class _Talk:
    """One connection's dialect."""

    def __init__(self, hub: Hub, client: Client, histories: Mapping[str, History], number: int) -> None:
        self._hub = hub
        self._client = client
        self._histories = histories
        self._number = number

    def opened(self) -> None:
        """Says that the exchange is online."""
        status = {"version": "2.0.0", "system": "online", "api_version": "v2", "connection_id": self._number}
        self._say({"channel": "status", "type": "update", "data": [status]})

    def admits(self, _kind: WSMsgType, _data: object) -> bool:
        """Takes whatever comes."""
        return True

    def endings(self, _socket: web.WebSocketResponse) -> Mapping[str, Coroutine[Any, Any, Any]]:
        """Ends no connection."""
        return {"no heartbeat": self._beat()}

    def heard(self, text: str) -> None:
        """Answers a request."""
        begin = _now()
        try:
            request = msgspec.json.decode(text, type=_Request)
        except msgspec.MsgspecError as error:
            self._say({"error": f"Malformed request: {error}", **_times(begin)})
            return
        frame = {} if request.req_id is None else {"req_id": request.req_id}
        if request.method == "ping":
            self._say({"method": "pong", **_times(begin), **frame})
            return
        for answer, snapshot in self._answers(request):
            self._say({"method": request.method, **answer, **_times(begin), **frame})
            if snapshot is not None:
                self._client.say(snapshot)

    def _answers(self, request: _Request) -> list[tuple[dict[str, object], str | None]]:
        """Does what is asked for; returns an answer, and what comes after it, for each pair."""
        if request.method not in ("subscribe", "unsubscribe"):
            return [_refused("Unsupported method")]
        if request.params is None or request.params.channel != "trade":
            return [_refused("Unsupported channel")]
        if not request.params.symbol:
            return [_refused("Symbol(s) not found")]
        one = self._subscribe if request.method == "subscribe" else self._unsubscribe
        return [one(symbol, request.params) for symbol in request.params.symbol]

    def _subscribe(self, symbol: str, params: _Params) -> tuple[dict[str, object], str | None]:
        if not self._client.writer.streams(symbol) or symbol not in self._histories:
            return _refused(f"Currency pair not supported {symbol}", symbol)
        if wire.trades(symbol) in self._client.streams:
            return _refused("Already subscribed", symbol)
        self._hub.subscribe(self._client, [wire.trades(symbol)])
        result = {"channel": "trade", "snapshot": params.snapshot, "symbol": symbol}
        rows = self._histories[symbol].newest(_SNAPSHOT_TRADES) if params.snapshot else []
        return {"result": result, "success": True}, wire.trade_message("snapshot", symbol, rows) if rows else None

    def _unsubscribe(self, symbol: str, _params: _Params) -> tuple[dict[str, object], str | None]:
        if wire.trades(symbol) not in self._client.streams:
            return _refused("Subscription Not Found", symbol)
        del self._client.streams[wire.trades(symbol)]
        return {"result": {"channel": "trade", "symbol": symbol}, "success": True}, None

    def _say(self, message: object) -> None:
        self._client.say(msgspec.json.encode(message).decode())

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            if self._client.streams and time.monotonic() - self._client.offered >= _HEARTBEAT_SECONDS:
                self._say({"channel": "heartbeat"})


def _refused(error: str, symbol: str | None = None) -> tuple[dict[str, object], None]:
    about = {} if symbol is None else {"symbol": symbol}
    return {"error": error, "success": False, **about}, None


def _times(begin: str) -> dict[str, str]:
    return {"time_in": begin, "time_out": _now()}


def _now() -> str:
    return iso(time.time_ns() // 1000)
