"""The feed: one connection after the other, overlapping where an end is planned."""

from __future__ import annotations

import asyncio
import logging
import random
from typing import TYPE_CHECKING

from tradestream.logs import line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradestream.producer.config import Reconnect
    from tradestream.producer.pipeline import Pipeline
    from tradestream.producer.session import Session

log = logging.getLogger(__name__)


class _Running:
    """A session and the task that lives it."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.task = asyncio.create_task(session.run())

    async def either(self, event: asyncio.Event, *more: asyncio.Task[tuple[str, str]]) -> None:
        """Waits for an event, the session's end, or that of another one."""
        waiting = asyncio.create_task(event.wait())
        try:
            await asyncio.wait({waiting, self.task, *more}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()


class Feed:
    """Reads an exchange into a pipeline until it is told to stop."""

    def __init__(
        self,
        open_session: Callable[[], Session],
        pipeline: Pipeline,
        reconnect: Reconnect,
        on_state: Callable[[str], None],
    ) -> None:
        self._open = open_session
        self._pipeline = pipeline
        self._reconnect = reconnect
        self._on_state = on_state
        self._running: list[_Running] = []
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Reads until `stop`, over as many connections as it takes.

        Raises:
            DeliveryError: Kafka's client can deliver nothing more.
        """
        failures = 0
        try:
            while not self._stopping.is_set():
                last = await self._live_on()
                if not self._stopping.is_set():
                    failures = 0 if last.session.delivers.is_set() else failures + 1
                    await self._pause(*last.task.result(), failures)
        finally:
            for running in self._running:
                running.task.cancel()
            await asyncio.gather(*(running.task for running in self._running), return_exceptions=True)

    async def stop(self) -> None:
        """Closes the connection; `run` returns once it has read what had come before."""
        self._stopping.set()
        await asyncio.gather(*(running.session.close() for running in self._running))

    async def _live_on(self) -> _Running:
        """Reads until a connection ends that was not replaced in time; returns that one."""
        current = self._start()
        while not current.task.done():
            await current.either(current.session.ending)
            if not current.task.done():
                current = await self._replace(current)
        self._running.remove(current)
        return current

    def _start(self) -> _Running:
        running = _Running(self._open())
        self._running.append(running)
        self._on_state("feed connecting")
        return running

    async def _replace(self, old: _Running) -> _Running:
        """Opens a second connection, and closes the first once the second delivers; returns the one that lives."""
        failures = 0
        while not old.task.done() and not self._stopping.is_set():
            new = self._start()
            await new.either(new.session.delivers, old.task)
            if not new.task.done():
                reason = "server_shutdown" if old.session.announced else "planned"
                self._pipeline.stats.reconnects[reason] += 1
                log.info(line("feed_replaced", reason=reason))
                await old.session.close()
                await asyncio.gather(old.task, return_exceptions=True)
                self._running.remove(old)
                return new
            reason, detail = new.task.result()
            self._running.remove(new)
            failures += 1
            await self._pause(reason, detail, failures)
        return old

    async def _pause(self, reason: str, detail: str, failures: int) -> None:
        # A refusal may be for good. Asking again goes on all the same: other exchanges' feeds must not suffer from it.
        delay = self._reconnect.max_seconds if reason == "refused" else self._delay(failures)
        self._pipeline.stats.reconnects[reason] += 1
        level = logging.ERROR if reason == "refused" else logging.WARNING
        log.log(level, line("feed_lost", reason=reason, detail=detail, retry_seconds=f"{delay:.2f}"))
        self._on_state(f"feed {reason}, reconnecting")
        try:
            async with asyncio.timeout(delay):
                await self._stopping.wait()
        except TimeoutError:
            pass

    def _delay(self, failures: int) -> float:
        """Returns a random delay whose upper bound doubles with each failure in a row."""
        low, high = self._reconnect.min_seconds, self._reconnect.max_seconds
        return random.uniform(low, min(high, low * 2.0 ** min(failures + 1, 30)))  # noqa: S311 - no secret
