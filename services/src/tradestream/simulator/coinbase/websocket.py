"""The feed, at the root of its host.

A client must ask within five seconds, or is disconnected:

    {"type":"subscribe","product_ids":["BTC-USD"],"channels":["matches"]}
    {"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD"]}]}

Then comes `last_match` of each product, then `match` by `match`. What cannot be had is refused as a whole:

    {"type":"error","message":"Failed to subscribe","reason":"BTC-XXX is not a valid product"}

Source: docs.cdp.coinbase.com, exchange/websocket-feed/overview and channels.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterable, Mapping
from typing import Any, Literal

import msgspec
from aiohttp import WSMsgType, web

from tradestream.simulator import connection
from tradestream.simulator.coinbase import wire
from tradestream.simulator.coinbase.wire import CoinbaseWriter
from tradestream.simulator.history import History
from tradestream.simulator.hub import Client, Hub

_SUBSCRIBE_WITHIN_SECONDS = 5.0
_HEARTBEAT_SECONDS = 1.0
_CHANNELS = ("matches", "heartbeat")


class _Channel(msgspec.Struct):
    name: str
    product_ids: list[str] = msgspec.field(default_factory=list)


class _Request(msgspec.Struct):
    type: Literal["subscribe", "unsubscribe"]
    channels: list[_Channel | str] = msgspec.field(default_factory=list)
    product_ids: list[str] = msgspec.field(default_factory=list)

    def wanted(self) -> dict[str, list[str]]:
        """The products of each channel, named with it or for all of them."""
        named = [_Channel(one) if isinstance(one, str) else one for one in self.channels]
        return {one.name: list(dict.fromkeys([*one.product_ids, *self.product_ids])) for one in named}


class Sockets:
    """Serves Coinbase's feed into the hub."""

    def __init__(self, hub: Hub, histories: Mapping[str, History]) -> None:
        self._hub = hub
        self._histories = histories

    def routes(self) -> list[web.RouteDef]:
        """Returns what to serve where."""
        return [web.get("/", self._serve)]

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        client = Client(CoinbaseWriter())
        return await connection.serve(request, self._hub, client, _Talk(self._hub, client, self._histories))


class _Talk:
    """One connection's dialect."""

    def __init__(self, hub: Hub, client: Client, histories: Mapping[str, History]) -> None:
        self._hub = hub
        self._client = client
        self._histories = histories
        self._channels: dict[str, dict[str, None]] = {name: {} for name in _CHANNELS}

    def opened(self) -> None:
        """Says nothing until it is asked."""

    def admits(self, _kind: WSMsgType, _data: object) -> bool:
        """Takes whatever comes."""
        return True

    def endings(self, _socket: web.WebSocketResponse) -> Mapping[str, Coroutine[Any, Any, Any]]:
        """Ends a connection that asks for nothing."""
        return {"no subscription": self._unasked(), "no heartbeat": self._beat()}

    def heard(self, text: str) -> None:
        """Answers a request."""
        try:
            request = msgspec.json.decode(text, type=_Request)
        except msgspec.MsgspecError as error:
            self._refuse("Malformed JSON", str(error))
            return
        wanted = request.wanted()
        wrong = self._wrong(wanted)
        if wrong:
            self._refuse(f"Failed to {request.type}", wrong)
        elif request.type == "subscribe":
            self._subscribe(wanted)
        else:
            self._unsubscribe(wanted)

    def _wrong(self, wanted: Mapping[str, list[str]]) -> str | None:
        for name, products in wanted.items():
            if name not in _CHANNELS:
                return f"{name} is not a valid channel"
            if not products:
                return f"You need to specify at least one product ID for channel {name}"
            for product in products:
                if not self._client.writer.streams(product) or product not in self._histories:
                    return f"{product} is not a valid product"
        return None if wanted else "You must specify channels"

    def _subscribe(self, wanted: Mapping[str, list[str]]) -> None:
        fresh = [product for product in wanted.get("matches", ()) if product not in self._channels["matches"]]
        for name, products in wanted.items():
            self._channels[name].update(dict.fromkeys(products))
        self._tell_subscriptions()
        for product in fresh:
            last = self._histories[product].last
            if last is not None:
                self._client.say(wire.match(product, last, "last_match"))
        self._hub.subscribe(self._client, map(wire.matches, fresh))

    def _unsubscribe(self, wanted: Mapping[str, Iterable[str]]) -> None:
        for name, products in wanted.items():
            for product in products:
                self._channels[name].pop(product, None)
                if name == "matches":
                    self._client.streams.pop(wire.matches(product), None)
        self._tell_subscriptions()

    def _tell_subscriptions(self) -> None:
        channels = [
            {"name": name, "product_ids": list(products)} for name, products in self._channels.items() if products
        ]
        self._say({"type": "subscriptions", "channels": channels})

    def _refuse(self, message: str, reason: str) -> None:
        self._say({"type": "error", "message": message, "reason": reason})

    def _say(self, message: object) -> None:
        self._client.say(msgspec.json.encode(message).decode())

    async def _unasked(self) -> None:
        """Returns when nothing was subscribed to in time."""
        await asyncio.sleep(_SUBSCRIBE_WITHIN_SECONDS)
        if any(self._channels.values()):
            await asyncio.Event().wait()

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_HEARTBEAT_SECONDS)
            for product in self._channels["heartbeat"]:
                last = self._histories[product].last
                self._client.say(wire.heartbeat(product, last, time.time_ns() // 1000))
