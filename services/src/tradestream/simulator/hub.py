"""Who listens to what, and the way of a trade to all of them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from tradestream.dump import Row
from tradestream.logs import line
from tradestream.simulator import frames
from tradestream.simulator.faults import Faults

log = logging.getLogger(__name__)

_DROP_BEYOND = 100_000
"""A client this many frames behind is dropped, as Binance drops slow ones."""
_TAKE = 500
_ROOM_BELOW = 1_000
_ROOM_POLL_SECONDS = 0.001


class Writer(Protocol):
    """How an exchange writes trades for one kind of client; two that are equal write the same."""

    def __hash__(self) -> int:
        """Tells one kind from another."""

    def streams(self, symbol: str) -> Sequence[str]:
        """Returns the streams that a symbol's trades move, that of the trades first; none for another exchange's."""

    def write(self, stream: str, symbol: str, rows: Sequence[Row]) -> Iterable[str]:
        """Returns the messages that tell a stream's clients of trades."""

    def shutdown_notice(self) -> str | None:
        """Returns what is said before a planned end of the connection; None where nothing is."""


class Client:
    """One connection's subscriptions and the frames that wait for it.

    Attributes:
        writer: how trades are written for it.
        streams: what it subscribed to, in order.
        stalled: whether it stays open and gets nothing any more.
        mute: set when the connection should stay open and neither speak nor answer any more.
        closing: set when the connection should end.
        dropped: whether it ends without a word.
        offered: when it was last offered a frame, in seconds of the monotonic clock.
    """

    def __init__(self, writer: Writer) -> None:
        self.writer = writer
        self.streams: dict[str, None] = {}
        self.stalled = False
        self.mute = asyncio.Event()
        self.closing = asyncio.Event()
        self.dropped = False
        self.offered = time.monotonic()
        self._frames: deque[bytes] = deque()
        self._ready = asyncio.Event()

    @property
    def backlog(self) -> int:
        """How many frames wait."""
        return len(self._frames)

    @property
    def deaf(self) -> bool:
        """Whether it gets no frames any more."""
        return self.stalled or self.mute.is_set() or self.closing.is_set()

    def say(self, text: str) -> None:
        """Puts one message into the line."""
        self.offer([frames.text(text)])

    def offer(self, some: Sequence[bytes]) -> None:
        """Puts frames into the line."""
        if self.stalled or self.mute.is_set():
            return
        room = _DROP_BEYOND - len(self._frames)
        if len(some) > room:
            log.warning(line("client_dropped", reason="too slow", backlog=len(self._frames)))
            self.closing.set()
            some = some[:room]
        self._frames.extend(some)
        self.offered = time.monotonic()
        self._ready.set()

    async def take(self) -> Sequence[bytes]:
        """Returns the next frames, at least one, waiting for it."""
        while not self._frames:
            self._ready.clear()
            await self._ready.wait()
        return [self._frames.popleft() for _ in range(min(_TAKE, len(self._frames)))]


class Hub:
    """All clients of the exchanges.

    Attributes:
        symbols: the pairs that are traded.
        clients: who is connected.
        faults: what is wrong at present.
    """

    def __init__(self, symbols: Iterable[str]) -> None:
        self.symbols = tuple(symbols)
        self.clients: set[Client] = set()
        self.faults = Faults()
        self._changed = asyncio.Event()

    def subscribe(self, client: Client, streams: Iterable[str]) -> None:
        """Adds streams to a client; an unknown symbol's stays silent, as Binance's does."""
        known = {stream for symbol in self.symbols for stream in client.writer.streams(symbol)}
        for stream in streams:
            if stream not in known:
                log.warning(line("unknown_stream", stream=stream))
            client.streams[stream] = None
        self._changed.set()

    def publish(self, symbol: str, rows: Sequence[Row]) -> None:
        """Puts trades into the line of each client that asked for the symbol."""
        listeners = list(self._listeners(symbol))
        if not listeners:
            return
        rows = self.faults.sending.sent(symbol, rows)
        if not rows:
            return
        written: dict[tuple[Writer, str], list[bytes]] = {}
        for client, stream in listeners:
            kind = (client.writer, stream)
            if kind not in written:
                written[kind] = list(map(frames.text, client.writer.write(stream, symbol, rows)))
            client.offer(written[kind])

    async def listener(self, symbol: str) -> None:
        """Waits until somebody listens to the symbol."""
        while all(client.deaf for client, _ in self._listeners(symbol)):
            self._changed.clear()
            await self._changed.wait()

    async def room(self) -> None:
        """Waits until no client is far behind."""
        while any(client.backlog > _ROOM_BELOW for client in self.clients if not client.deaf):  # noqa: ASYNC110 - no event a frame
            await asyncio.sleep(_ROOM_POLL_SECONDS)

    def _listeners(self, symbol: str) -> Iterator[tuple[Client, str]]:
        for client in self.clients:
            for stream in client.writer.streams(symbol):
                if stream in client.streams:
                    yield client, stream
