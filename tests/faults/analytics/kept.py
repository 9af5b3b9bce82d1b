"""A program that is started again whenever it ends, as systemd does it for a unit with Restart=always."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Protocol, Self

if TYPE_CHECKING:
    from types import TracebackType

_POLL_SECONDS = 0.05
RESTART_SECONDS = 1.0
"""The units have five: the sooner the next one starts, the more of the last one it meets."""


class Program(Protocol):
    """What can be kept running."""

    @property
    def ended(self) -> int | None:
        """The exit status, or None while it runs."""

    def start(self) -> None:
        """Start it."""

    def kill(self) -> None:
        """End it, and what is left of what it started."""


class Kept:
    """A program, kept running while one is inside.

    Args:
        program: The program.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._let_go = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._program.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()
        self._program.kill()

    def let_go(self) -> None:
        """Start it no more."""
        self._let_go.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        while not self._let_go.wait(_POLL_SECONDS):
            if self._program.ended is not None:
                self._program.kill()
                self._let_go.wait(RESTART_SECONDS)
                self._program.start()
