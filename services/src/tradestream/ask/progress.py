"""How far a question is: a bar on a terminal that goes away with the answer, elsewhere nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.control import Control
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.segment import ControlType

_SECONDS = 0.25
_PERCENT = 100.0


class Waiting:
    """While something is waited for.

    Args:
        ask: says how far it is, in percent, or less than 0 where that is not known.
        console: where it is shown.
    """

    def __init__(self, ask: Callable[[], float] | None = None, console: Console | None = None) -> None:
        console = console or Console(stderr=True)
        self._ask = ask
        self._shown = console.is_interactive
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not self._shown,
        )
        self._task = self._bar.add_task("reading", total=None)
        self._ended = threading.Event()
        self._asker = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._bar.start()
        if self._shown and self._ask:
            self._asker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Takes the bar away; may be called more than once."""
        self._ended.set()
        if self._asker.is_alive():
            self._asker.join()
        self._bar.stop()

    def step(self, what: str, done: int, total: int) -> None:
        """Shows that ``done`` of ``total`` parts are done, and which is next."""
        self._bar.update(self._task, description=what, completed=done, total=total)

    def _look(self) -> None:
        while self._ask and not self._ended.wait(_SECONDS):
            percent = self._ask()
            if percent >= 0:
                self._bar.update(self._task, completed=percent, total=_PERCENT)


def wipe() -> None:
    """Takes away a bar that was on the terminal when what it waited for was ended."""
    console = Console(stderr=True)
    if console.is_interactive:
        console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), ControlType.SHOW_CURSOR))
