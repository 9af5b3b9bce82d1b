"""Single keys, where standard input is a terminal: without Enter, and without their echo."""

from __future__ import annotations

import os
import select
import sys
import termios
import time
import tty
from types import TracebackType
from typing import Any, Self

_CONTROL_CHARACTERS = 6


class Keyboard:
    """While entered the terminal gives keys at once; then it is as it was."""

    def __init__(self) -> None:
        self._fd = sys.stdin.fileno() if sys.stdin is not None and sys.stdin.isatty() else None
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        if self._fd is not None:
            self._before = termios.tcgetattr(self._fd)
            tty.setcbreak(self._fd)
            mode = termios.tcgetattr(self._fd)
            # Ctrl-Z and Ctrl-\ would leave the shell with a screen that is not its own.
            for key in (termios.VSUSP, termios.VQUIT):
                mode[_CONTROL_CHARACTERS][key] = b"\0"
            termios.tcsetattr(self._fd, termios.TCSANOW, mode)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._fd is not None:
            termios.tcflush(self._fd, termios.TCIFLUSH)
            termios.tcsetattr(self._fd, termios.TCSANOW, self._before)

    def wait(self, seconds: float) -> bytes:
        """Waits for a key, at most so long; returns what was typed, nothing where that was nothing."""
        if self._fd is None:
            time.sleep(seconds)
            return b""
        ready, _, _ = select.select([self._fd], [], [], seconds)
        return os.read(self._fd, 1024) if ready else b""
