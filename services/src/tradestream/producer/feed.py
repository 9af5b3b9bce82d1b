"""The connection to an exchange: opened, watched, replaced when it ends."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING, NoReturn

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from tradestream.errors import ExchangeRefusedError
from tradestream.logs import line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradestream.producer.config import Reconnect
    from tradestream.producer.pipeline import Pipeline

log = logging.getLogger(__name__)

_CHECKS_PER_TIMEOUT = 10
_WORTH_A_RETRY = frozenset({408, 418, 425, 429})


class Feed:
    """Reads an exchange's WebSocket into a pipeline until it is told to stop."""

    def __init__(
        self,
        url: str,
        pipeline: Pipeline,
        silence_timeout: float,
        reconnect: Reconnect,
        on_state: Callable[[str], None],
    ) -> None:
        self._url = url
        self._pipeline = pipeline
        self._silence_timeout = silence_timeout
        self._reconnect = reconnect
        self._on_state = on_state
        self._socket: ClientConnection | None = None
        self._stopping = asyncio.Event()
        self._frames = 0

    async def run(self) -> None:
        """Reads until `stop`, over as many connections as it takes.

        Raises:
            ExchangeRefusedError: the exchange turns such connections away.
            DeliveryError: Kafka's client can deliver nothing more.
        """
        failures = 0
        while not self._stopping.is_set():
            frames = self._frames
            reason, detail = await self._session()
            if self._stopping.is_set():
                return
            failures = 0 if self._frames > frames else failures + 1
            delay = self._delay(failures)
            self._pipeline.stats.reconnects[reason] += 1
            log.warning(line("feed_lost", reason=reason, detail=detail, retry_seconds=f"{delay:.2f}"))
            self._on_state(f"feed {reason}, reconnecting")
            await self._sleep(delay)

    async def stop(self) -> None:
        """Closes the connection; `run` returns once it has read what had come before."""
        self._stopping.set()
        if self._socket is not None:
            await self._socket.close()

    async def _session(self) -> tuple[str, str]:
        """Lives through one connection; returns why it ended and what was said about it."""
        try:
            # The pings are the exchange's. Compression costs more than it saves on frames of 150 bytes.
            socket = await connect(self._url, compression=None, ping_interval=None, max_queue=256)
        except InvalidStatus as error:
            status = error.response.status_code
            if 400 <= status < 500 and status not in _WORTH_A_RETRY:  # noqa: PLR2004 - HTTP's client errors
                raise ExchangeRefusedError(f"{self._url} answers HTTP {status}") from error
            return "connect_failed", f"HTTP {status}"
        except (OSError, InvalidHandshake) as error:  # TimeoutError is an OSError
            return "connect_failed", f"{type(error).__name__}: {error}"
        try:
            return await self._converse(socket)
        finally:
            socket.transport.abort()

    async def _converse(self, socket: ClientConnection) -> tuple[str, str]:
        self._socket = socket
        self._pipeline.stats.connected = True
        self._pipeline.shutdown_announced = False
        log.info(line("feed_connected", url=self._url))
        self._on_state("feed connected")
        watchdog = asyncio.create_task(self._watch(socket))
        try:
            await self._read(socket)
        except ConnectionClosed as closed:
            if watchdog.done():
                return "silent", f"no frame for {self._silence_timeout:g} s"
            return ("server_shutdown" if self._pipeline.shutdown_announced else "closed"), str(closed)
        finally:
            watchdog.cancel()
            self._pipeline.stats.connected = False
            self._socket = None

    async def _read(self, socket: ClientConnection) -> NoReturn:
        if self._stopping.is_set():
            await socket.close()
        recv, pipeline = socket.recv, self._pipeline
        while True:
            frame = await recv(decode=False)
            self._frames += 1
            pipeline.handle(frame, time.time_ns())
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

    def _delay(self, failures: int) -> float:
        """Returns a random delay whose upper bound doubles with each failure in a row."""
        low, high = self._reconnect.min_seconds, self._reconnect.max_seconds
        return random.uniform(low, min(high, low * 2.0 ** min(failures + 1, 30)))  # noqa: S311 - no secret

    async def _sleep(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            pass
