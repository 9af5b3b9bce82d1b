"""What can be wrong with an exchange for a while; `tradestream.simulator.control` begins it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus

from aiohttp import web

from tradestream.dump import Row

_POLL_SECONDS = 0.02


class Sending:
    """Trades that are logged, and sent in another way than they should be.

    Attributes:
        lose: so many trades will not be sent.
        reorder: so many trades will be sent after the one of their symbol that follows them.
        duplicate: so many trades will be sent twice.
    """

    def __init__(self) -> None:
        self.lose = self.reorder = self.duplicate = 0
        self._held: dict[str, Row] = {}

    def sent(self, symbol: str, rows: Sequence[Row]) -> Sequence[Row]:
        """Returns what to send of trades that were made."""
        if self.lose or self.reorder or self.duplicate or self._held:
            return list(self._twice(self._ordered(symbol, self._kept(rows))))
        return rows

    def _kept(self, rows: Sequence[Row]) -> Sequence[Row]:
        lost = min(self.lose, len(rows))
        self.lose -= lost
        return rows[lost:]

    def _ordered(self, symbol: str, rows: Sequence[Row]) -> Iterator[Row]:
        for row in rows:
            held = self._held.pop(symbol, None)
            if held is None and self.reorder:
                self.reorder -= 1
                self._held[symbol] = row
                continue
            yield row
            if held is not None:
                yield held

    def _twice(self, rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            yield row
            if self.duplicate:
                self.duplicate -= 1
                yield row


class Making:
    """What happens to the trades themselves.

    Attributes:
        skip_ids: so many ids of each symbol will never be issued.
        replays: whether trades come from a dump, with its ids.
    """

    def __init__(self) -> None:
        self.skip_ids = 0
        self.replays = False
        self._until = 0.0

    def pause_for(self, seconds: float) -> None:
        """Lets no trade be made for some seconds."""
        self._until = time.monotonic() + seconds

    async def pause(self) -> float:
        """Waits while no trades are made; returns how many seconds that took."""
        begin = time.monotonic()
        while (left := self._until - time.monotonic()) > 0:  # noqa: ASYNC110 - another pause may end it sooner
            await asyncio.sleep(min(left, _POLL_SECONDS))
        return time.monotonic() - begin


class Answering:
    """What REST does instead of answering, or before it.

    Args:
        clock: tells seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._status, self._status_until = 0, 0.0
        self._delay, self._delay_until = 0.0, 0.0
        self._down_until = 0.0

    def refuse(self, status: int, seconds: float) -> None:
        """Answers with a status and Retry-After for some seconds."""
        self._status, self._status_until = status, self._clock() + seconds

    def slow(self, delay: float, seconds: float) -> None:
        """Answers each request `delay` seconds late, for some seconds."""
        self._delay, self._delay_until = delay, self._clock() + seconds

    def down(self, seconds: float) -> None:
        """Ends each connection that asks something, for some seconds."""
        self._down_until = self._clock() + seconds

    async def meet(self, request: web.Request) -> web.Response | None:
        """Lets a request meet what is wrong; returns the answer where that is one."""
        now = self._clock()
        if now < self._delay_until:
            await asyncio.sleep(self._delay)
        if now < self._down_until:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=HTTPStatus.SERVICE_UNAVAILABLE)
        if now < self._status_until:
            seconds = max(1, round(self._status_until - now))
            return web.json_response(
                {"code": -1003, "msg": "Way too many requests.", "message": "Public rate limit exceeded"},
                status=self._status,
                headers={"Retry-After": str(seconds)},
            )
        return None


class Faults:
    """All that is wrong at present."""

    def __init__(self) -> None:
        self.sending = Sending()
        self.making = Making()
        self.answering = Answering()
