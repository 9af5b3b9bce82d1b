"""What an exchange does once in a while, on demand: POST /control/..., see `HELP`."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from aiohttp import web

from tradestream.logs import line
from tradestream.simulator.wire import combined

if TYPE_CHECKING:
    from tradestream.simulator.hub import Client, Hub

HELP = """\
POST /control/close            end all connections, as after 24 hours
POST /control/server-shutdown  announce serverShutdown, end all connections ?seconds=N later (default 10)
POST /control/stall            keep all present connections open and send them nothing any more
POST /control/send             send the request's body to all connections as it is
each answers {"clients": N}, how many connections it met"""

log = logging.getLogger(__name__)


class Control:
    """The addresses of `HELP`."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def routes(self) -> list[web.RouteDef]:
        """Returns what to serve where."""
        return [
            web.post("/control/close", self._close),
            web.post("/control/server-shutdown", self._server_shutdown),
            web.post("/control/stall", self._stall),
            web.post("/control/send", self._send),
        ]

    async def _close(self, request: web.Request) -> web.Response:
        clients = self._clients(request)
        _end(clients)
        return _met(clients)

    async def _server_shutdown(self, request: web.Request) -> web.Response:
        try:
            seconds = float(request.query.get("seconds", "10"))
        except ValueError as error:
            raise web.HTTPBadRequest(text="seconds: is not a number") from error
        payload = f'{{"e":"serverShutdown","E":{time.time_ns() // 1_000_000}}}'
        clients = self._clients(request)
        for client in clients:
            client.offer(combined("!serverShutdown", payload) if client.combined else payload)
        asyncio.get_running_loop().call_later(seconds, _end, clients)
        return _met(clients)

    async def _stall(self, request: web.Request) -> web.Response:
        clients = self._clients(request)
        for client in clients:
            client.stalled = True
        return _met(clients)

    async def _send(self, request: web.Request) -> web.Response:
        clients = self._clients(request)
        text = await request.text()
        for client in clients:
            client.offer(text)
        return _met(clients)

    def _clients(self, request: web.Request) -> list[Client]:
        log.info(line("control", path=request.path, clients=len(self._hub.clients)))
        return list(self._hub.clients)


def _end(clients: list[Client]) -> None:
    for client in clients:
        client.closing.set()


def _met(clients: list[Client]) -> web.Response:
    return web.json_response({"clients": len(clients)})
