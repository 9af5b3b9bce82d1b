"""Signals, looked at where a replay may end: between two trades, or while it waits."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from types import FrameType, TracebackType


class Interrupted(Exception):  # noqa: N818 - asked for, not an error
    """SIGINT or SIGTERM came."""


class Interrupt:
    """While entered, SIGINT and SIGTERM are noted; the second one has its usual effect.

    Attributes:
        signum: the one that came.
    """

    def __init__(self) -> None:
        self.signum: signal.Signals | None = None
        self._before: dict[signal.Signals, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        for signum in (signal.SIGINT, signal.SIGTERM):
            self._before[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._restore()

    def check(self) -> None:
        """Raises Interrupted once a signal came."""
        if self.signum is not None:
            raise Interrupted

    @property
    def exit_status(self) -> int:
        """What a shell expects of a program that a signal ended; 0 where none came."""
        return 0 if self.signum is None else 128 + self.signum

    def _note(self, signum: int, _frame: FrameType | None) -> None:
        self.signum = signal.Signals(signum)
        self._restore()

    def _restore(self) -> None:
        for signum, handler in self._before.items():
            signal.signal(signum, handler)
        self._before.clear()
