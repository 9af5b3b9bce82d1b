"""Who listens to what, and the way of a trade to all of them."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

from tradestream.logs import line
from tradestream.simulator import wire

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tradestream.dump import Row

log = logging.getLogger(__name__)

_DROP_BEYOND = 100_000
"""A client this many frames behind is dropped, as Binance drops slow ones."""
_ROOM_BELOW = 1_000
_ROOM_POLL_SECONDS = 0.001


class Client:
    """One connection's subscriptions and the frames that wait for it.

    Attributes:
        streams: what it subscribed to, in order.
        combined: whether frames are wrapped as `/stream` does.
        microseconds: whether times are in microseconds.
        stalled: whether it stays open and gets nothing any more.
        closing: set when the connection should end.
    """

    def __init__(self, *, combined: bool, microseconds: bool) -> None:
        self.streams: dict[str, None] = {}
        self.combined = combined
        self.microseconds = microseconds
        self.stalled = False
        self.closing = asyncio.Event()
        self._frames: deque[str] = deque()
        self._ready = asyncio.Event()

    @property
    def backlog(self) -> int:
        """How many frames wait."""
        return len(self._frames)

    def offer(self, frame: str) -> None:
        """Puts a frame into the line."""
        if self.stalled:
            return
        if len(self._frames) >= _DROP_BEYOND:
            log.warning(line("client_dropped", reason="too slow", backlog=len(self._frames)))
            self.closing.set()
            return
        self._frames.append(frame)
        self._ready.set()

    async def next(self) -> str:
        """Returns the next frame, waiting for it."""
        while not self._frames:
            self._ready.clear()
            await self._ready.wait()
        return self._frames.popleft()


class Hub:
    """All clients of the exchange."""

    def __init__(self, symbols: Iterable[str]) -> None:
        self.symbols = tuple(symbols)
        self.clients: set[Client] = set()
        self._changed = asyncio.Event()

    def subscribe(self, client: Client, streams: Iterable[str]) -> None:
        """Adds streams to a client; an unknown symbol's stays silent, as Binance's does."""
        known = {f"{symbol.lower()}@trade" for symbol in self.symbols}
        for stream in streams:
            if stream not in known:
                log.warning(line("unknown_stream", stream=stream))
            client.streams[stream] = None
        self._changed.set()

    def publish(self, symbol: str, rows: Iterable[Row]) -> None:
        """Puts trades into the line of each client that asked for the symbol."""
        stream = f"{symbol.lower()}@trade"
        listeners = [client for client in self.clients if stream in client.streams]
        if not listeners:
            return
        for row in rows:
            frames: dict[tuple[bool, bool], str] = {}
            for client in listeners:
                variant = (client.combined, client.microseconds)
                if variant not in frames:
                    payload = wire.trade_event(symbol, row, microseconds=client.microseconds)
                    frames[variant] = wire.combined(stream, payload) if client.combined else payload
                client.offer(frames[variant])

    async def listener(self, symbol: str) -> None:
        """Waits until somebody listens to the symbol."""
        stream = f"{symbol.lower()}@trade"
        while not any(stream in client.streams for client in self.live()):
            self._changed.clear()
            await self._changed.wait()

    async def room(self) -> None:
        """Waits until no client is far behind."""
        while any(client.backlog > _ROOM_BELOW for client in self.live()):  # noqa: ASYNC110 - no event a frame
            await asyncio.sleep(_ROOM_POLL_SECONDS)

    def live(self) -> Iterator[Client]:
        """The clients that still get frames."""
        return (client for client in self.clients if not (client.stalled or client.closing.is_set()))
