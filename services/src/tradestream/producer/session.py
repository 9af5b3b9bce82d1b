"""One connection to an exchange: opened, read, watched, closed."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn, cast

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.frames import Frame, Opcode

from tradestream.errors import DeliveryError, ExchangeRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from websockets.protocol import Event

    from tradestream.producer.pipeline import Pipeline

_CHECKS_PER_TIMEOUT = 10
_TEXT = Opcode.TEXT  # an enumeration's members are slow to look up
_WORTH_A_RETRY = frozenset({408, 418, 425, 429})


class _Connection(ClientConnection):
    """Hands messages on as they come off the socket; `recv` takes a queue and a turn of the event loop for each."""

    def __init__(self, session: Session, *args: Any, **settings: Any) -> None:  # noqa: ANN401 - the library's own
        super().__init__(*args, **settings)
        self._session = session
        self._frames: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        """Takes what the socket has, which are many messages when they come quickly."""
        received_ns = time.time_ns()
        super().data_received(data)
        if self._frames:
            self._session.take(self._frames, received_ns)
            self._session.pause(self.transport)
            self._frames = []

    def process_event(self, event: Event) -> None:
        """Collects messages; what is not one in one piece goes the library's own way, to `recv`."""
        if event.__class__ is Frame and event.opcode is _TEXT and event.fin:
            self._frames.append(bytes(event.data))
        else:
            super().process_event(event)


class Session:
    """Reads a connection into a pipeline until it ends.

    Attributes:
        delivers: set once it has brought a frame.
        ending: set when the exchange announced its end, or its life is nearly over.
    """

    def __init__(
        self, url: str, subscription: str | None, pipeline: Pipeline, silence_timeout: float, lifetime: float | None
    ) -> None:
        self.delivers = asyncio.Event()
        self.ending = asyncio.Event()
        self.announced = False
        self._url = url
        self._subscription = subscription
        self._pipeline = pipeline
        self._silence_timeout = silence_timeout
        self._lifetime = lifetime
        self._socket: ClientConnection | None = None
        self._closing = False
        self._frames = 0
        self._failure: ExchangeRefusedError | DeliveryError | None = None
        self._making_room: asyncio.Task[None] | None = None

    async def run(self) -> tuple[str, str]:
        """Lives through the connection; returns why it ended and what was said about it.

        Raises:
            DeliveryError: Kafka's client can deliver nothing more.
        """
        kind = cast("type[ClientConnection]", partial(_Connection, self))
        try:
            # The pings are the exchange's. Compression costs more than it saves on frames of 150 bytes.
            socket = await connect(self._url, compression=None, ping_interval=None, create_connection=kind)
        except InvalidStatus as error:
            status = error.response.status_code
            if 400 <= status < 500 and status not in _WORTH_A_RETRY:  # noqa: PLR2004 - HTTP's client errors
                return "refused", f"{self._url} answers HTTP {status}"
            return "connect_failed", f"HTTP {status}"
        except (OSError, InvalidHandshake) as error:  # TimeoutError is an OSError
            return "connect_failed", f"{type(error).__name__}: {error}"
        try:
            return await self._converse(socket)
        finally:
            socket.transport.abort()

    async def close(self) -> None:
        """Ends it; `run` returns once it has read what had come before."""
        self._closing = True
        if self._socket is not None:
            await self._socket.close()

    async def _converse(self, socket: ClientConnection) -> tuple[str, str]:
        self._socket = socket
        self._pipeline.stats.connections += 1
        watchdog = asyncio.create_task(self._watch(socket))
        age = None
        if self._lifetime is not None:
            age = asyncio.get_running_loop().call_later(self._lifetime, self.ending.set)
        try:
            if self._subscription is not None:
                await socket.send(self._subscription)
            await self._read(socket)
        except ConnectionClosed as closed:
            if isinstance(self._failure, DeliveryError):
                raise self._failure from closed
            if self._failure is not None:
                return "refused", str(self._failure)
            if watchdog.done():
                return "silent", f"no frame for {self._silence_timeout:g} s"
            return ("server_shutdown" if self.announced else "closed"), str(closed)
        finally:
            watchdog.cancel()
            if self._making_room is not None:
                self._making_room.cancel()
            if age is not None:
                age.cancel()
            self._pipeline.stats.connections -= 1
            self._socket = None

    async def _read(self, socket: ClientConnection) -> NoReturn:
        """Waits for the end; messages that come in one piece have been taken before."""
        if self._closing:
            await socket.close()
        while True:
            self.take([await socket.recv(decode=False)], time.time_ns())

    def take(self, frames: Sequence[bytes], received_ns: int) -> None:
        """Takes messages of the exchange that came together."""
        self._frames += len(frames)
        if self._failure is not None:
            return
        try:
            if self._pipeline.handle(frames, received_ns):
                self.announced = True
                self.ending.set()
        except (ExchangeRefusedError, DeliveryError) as failure:
            self._failure = failure
        self.delivers.set()

    def pause(self, transport: asyncio.Transport) -> None:
        """Reads nothing more while Kafka has no room, and ends where something has failed."""
        if self._failure is not None:
            transport.abort()
        elif self._pipeline.full and self._making_room is None:
            transport.pause_reading()
            self._making_room = asyncio.create_task(self._make_room(transport))

    async def _make_room(self, transport: asyncio.Transport) -> None:
        try:
            await self._pipeline.make_room()
        except DeliveryError as failure:
            self._failure = failure
            transport.abort()
        else:
            self._making_room = None
            if not transport.is_closing():
                transport.resume_reading()

    async def _watch(self, socket: ClientConnection) -> None:
        """Ends a connection on which nothing comes; time spent waiting for Kafka does not count."""
        frames, since = self._frames, time.monotonic()
        while True:
            await asyncio.sleep(self._silence_timeout / _CHECKS_PER_TIMEOUT)
            if self._frames != frames or self._pipeline.full:
                frames, since = self._frames, time.monotonic()
            elif time.monotonic() - since >= self._silence_timeout:
                # No closing handshake: the other end may be gone.
                socket.transport.abort()
                return
