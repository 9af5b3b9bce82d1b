"""What stands between browsers and pages: who may ask, how many at once, and what browsers may do with an answer."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable, Collection
from typing import cast

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

MOST_REQUESTS = 32
MOST_CONNECTIONS = 256
"""So many connections may be open; those that come within one turn of the loop are counted after it."""

_WRITE_SECONDS = 30.0

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


_FULL = b"""\
HTTP/1.1 503 Service Unavailable\r
Content-Type: text/plain\r
Connection: close\r
Retry-After: 2\r
\r
As many connections are open as there may be. Try again in a moment.
"""


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Says in every answer what a browser may do with it."""
    response.headers.update(_HEADERS)
    response.headers["Cache-Control"] = "max-age=3600" if request.path.startswith("/static/") else "no-store"
    response.headers.pop("Server", None)


def few(server: web.Server) -> Callable[[], asyncio.BaseProtocol]:
    """Returns what a server makes of a connection, or of one too many: that one is told so, and closed unread."""
    return lambda: server() if len(server.connections) < MOST_CONNECTIONS else _OneTooMany()


class _OneTooMany(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)
        transport.write(_FULL)
        transport.close()


def only_for(names: Collection[str]) -> Middleware:
    """Returns what refuses requests that a stranger's page sent here by a name of its own (DNS rebinding).

    Args:
        names: the names of this host; localhost and addresses in digits are always good, as no name leads astray.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not _is_ours(request.headers.get("Host", ""), names):
            raise web.HTTPMisdirectedRequest(
                text="This name is not one of this page's own; kafka_ui_names lists them. localhost and addresses work."
            )
        return await handler(request)

    return middleware


def _is_ours(host: str, names: Collection[str]) -> bool:
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    try:
        ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
    except ValueError:
        return name.lower() == "localhost" or name.lower() in names
    return True


class Slots:
    """So many at once, and the others are told to come back.

    Args:
        most: how many.
        what: what they are, for a person.
    """

    def __init__(self, most: int, what: str) -> None:
        self._free = most
        self._what = f"{most} {what}"

    def __enter__(self) -> None:
        if not self._free:
            raise web.HTTPServiceUnavailable(
                text=f"{self._what} are at work, which is all that there may be. Try again in a moment.",
                headers={"Retry-After": "2"},
            )
        self._free -= 1

    def __exit__(self, *_: object) -> None:
        self._free += 1


def bounded(slots: Slots, is_exempt: Callable[[web.Request], bool]) -> Middleware:
    """Returns what lets so many requests in at once; one is over when whoever asked has read the answer.

    So of answers, which are in memory as a whole, there are so many at once and no more.
    """

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_exempt(request):
            return await handler(request)
        with slots:
            response = await handler(request)
            if isinstance(response, web.Response):  # a file is sent piece by piece
                await _send(request, response)
            return response

    return middleware


async def _send(request: web.Request, response: web.Response) -> None:
    """Sends a whole answer, or breaks off where nobody reads it."""
    try:
        async with asyncio.timeout(_WRITE_SECONDS):
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
