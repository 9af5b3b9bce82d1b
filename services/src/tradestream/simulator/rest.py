"""What the REST sides of all exchanges have in common: faults, limits and the form of an answer."""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from aiohttp import web

from tradestream.simulator.faults import Answering

Handler = Callable[[web.Request], Awaitable[web.Response]]

_MANY_ADDRESSES = 1_000


class Bucket:
    """Requests that each address may still make: so many at once, and so many more a second."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._left: dict[str | None, tuple[float, float]] = {}

    def take(self, address: str | None) -> bool:
        """Counts a request; returns whether it is allowed."""
        now = self._clock()
        if len(self._left) > _MANY_ADDRESSES:
            self._left.clear()
        left, at = self._left.get(address, (float(self._burst), now))
        left = min(float(self._burst), left + (now - at) * self._per_second)
        allowed = left >= 1
        self._left[address] = (left - allowed, now)
        return allowed


def get(path: str, handler: Handler, answering: Answering) -> web.RouteDef:
    """Returns a route whose requests meet what is wrong with REST first."""

    @functools.wraps(handler)
    async def faulty(request: web.Request) -> web.Response:
        return await answering.meet(request) or await handler(request)

    return web.get(path, faulty)


def json(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Returns an answer; `msgspec.Raw` in it goes through as it is."""
    return web.Response(
        body=msgspec.json.encode(body),
        status=status,
        headers=headers,
        content_type="application/json",
        charset="utf-8",
    )
