"""How far a replay is: a bar on a terminal, elsewhere a line now and then. Both go to standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from tradestream.trade import iso_utc

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import TextIO

_BAR_SECONDS = 0.2
_LINE_SECONDS = 30.0


class _Screen(Protocol):
    """Where it is shown."""

    seconds: float

    def begin(self, what: str, total: int) -> None: ...

    def draw(self, done: int, detail: str) -> None: ...

    def note(self, text: str) -> None: ...

    def close(self) -> None: ...


class Show:
    """Shows how far something is, at most as often as the screen wants it."""

    def __init__(self, screen: _Screen | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        """Chooses the screen by what standard error is, where none is given."""
        console = Console(stderr=True)
        self._screen = screen or (Bar(console) if console.is_interactive else Lines(sys.stderr))
        self._clock = clock
        self._drawn = clock()
        self._trades = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the screen to others; may be called more than once."""
        self._screen.close()

    def begin(self, what: str, total: int) -> None:
        """Begins with something that reads `total` bytes."""
        self._screen.begin(what, total)
        self._drawn, self._trades = self._clock(), 0

    def note(self, text: str) -> None:
        """Says something at once."""
        self._screen.note(text)

    @property
    def due(self) -> bool:
        """Whether it is time to update."""
        return self._clock() - self._drawn >= self._screen.seconds

    def update(self, done: int, trades: int | None = None, time_us: int = 0) -> None:
        """Shows how far it is, if it is time to.

        Args:
            done: bytes read.
            trades: how many were sent, where they are.
            time_us: the time of the newest, in microseconds since 1970.
        """
        now = self._clock()
        passed = now - self._drawn
        if passed < self._screen.seconds:
            return
        detail = ""
        if trades is not None:
            rate = (trades - self._trades) / passed
            detail = f"{trades:,} trades, {rate:,.0f}/s, at {iso_utc(time_us * 1000)[:16]}"
            self._trades = trades
        self._screen.draw(done, detail)
        self._drawn = now


class Bar:
    """A bar on a terminal."""

    seconds = _BAR_SECONDS

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[detail]}"),
            TimeRemainingColumn(),
            console=console,
            auto_refresh=False,
        )
        self._progress.start()

    def begin(self, what: str, total: int) -> None:
        """Replaces the bar by a new one."""
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._progress.add_task(what, total=total, detail="")
        self._progress.refresh()

    def draw(self, done: int, detail: str) -> None:
        """Moves the bar."""
        self._progress.update(self._progress.task_ids[0], completed=done, detail=detail, refresh=True)

    def note(self, text: str) -> None:
        """Writes a line above the bar."""
        self._progress.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def close(self) -> None:
        """Leaves the bar as it is."""
        self._progress.stop()


class Lines:
    """Lines, for a log or a pipe."""

    seconds = _LINE_SECONDS

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._what, self._total = "", 0

    def begin(self, what: str, total: int) -> None:
        """Keeps what the next lines are about."""
        self._what, self._total = what, total

    def draw(self, done: int, detail: str) -> None:
        """Writes a line."""
        share = f"{self._what} {done / self._total:.0%}" if self._total else self._what
        self.note(f"{share}: {detail}" if detail else share)

    def note(self, text: str) -> None:
        """Writes a line."""
        self._out.write(f"{text}\n")
        self._out.flush()

    def close(self) -> None:
        """Has nothing to leave."""
