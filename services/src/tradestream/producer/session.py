"""One connection to an exchange: opened, read, watched, closed."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NoReturn

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from tradestream.errors import ExchangeRefusedError, ServerShutdownError

if TYPE_CHECKING:
    from tradestream.producer.pipeline import Pipeline

_CHECKS_PER_TIMEOUT = 10
_WORTH_A_RETRY = frozenset({408, 418, 425, 429})


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

    async def run(self) -> tuple[str, str]:
        """Lives through the connection; returns why it ended and what was said about it.

        Raises:
            DeliveryError: Kafka's client can deliver nothing more.
        """
        try:
            # The pings are the exchange's. Compression costs more than it saves on frames of 150 bytes.
            socket = await connect(self._url, compression=None, ping_interval=None, max_queue=256)
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
            if watchdog.done():
                return "silent", f"no frame for {self._silence_timeout:g} s"
            return ("server_shutdown" if self.announced else "closed"), str(closed)
        except ExchangeRefusedError as refused:
            return "refused", str(refused)
        finally:
            watchdog.cancel()
            if age is not None:
                age.cancel()
            self._pipeline.stats.connections -= 1
            self._socket = None

    async def _read(self, socket: ClientConnection) -> NoReturn:
        if self._closing:
            await socket.close()
        recv, pipeline = socket.recv, self._pipeline
        while True:
            frame = await recv(decode=False)
            self._frames += 1
            try:
                pipeline.handle(frame, time.time_ns())
            except ServerShutdownError:
                self.announced = True
                self.ending.set()
            if self._frames == 1:
                self.delivers.set()
            if pipeline.full:
                await pipeline.make_room()

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
