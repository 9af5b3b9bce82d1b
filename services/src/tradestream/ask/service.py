"""What every question has in common: where the data is, and how it ends before its answer is out."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from tradestream.ask.storage import Storage, locate

# A closed terminal and a service manager end it as Ctrl-C does, so that what it sorts on disk is removed.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def answer(directory: str | None, ask: Callable[[Storage], int]) -> int:
    """Asks the storage that was named, or the job's; returns the exit status."""
    return ended(lambda: ask(locate(directory)))


def ended(work: Callable[[], int]) -> int:
    """Lets something end well when a signal comes or nobody reads on; returns the exit status."""
    with _signals() as ended_by:
        try:
            status = work()
            sys.stdout.flush()
        except KeyboardInterrupt:
            _silence()
            return 128 + ended_by[0]
        except BrokenPipeError:
            # Whoever read it has enough, as `head` does.
            _silence()
            return 128 + signal.SIGPIPE
    return status


def _silence() -> None:
    """Lets what Python still holds go nowhere when it ends: whoever reads may have gone, or not read on."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Makes the first signal a KeyboardInterrupt, and lets later ones wait for what it does; yields their numbers."""
    received: list[int] = []

    def end(number: int, _frame: FrameType | None) -> None:
        received.append(number)
        if len(received) == 1:
            raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in _ENDING}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
