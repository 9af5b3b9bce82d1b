"""What every question has in common: where the data is, and how it ends before its answer is out.

A question is asked in a thread, while the main one waits for its answer or for a signal. A signal ends the process
where it stands, in the middle of a join or of a write that nobody reads. Nothing is unwound for it, so there is nothing
that can fail to be: an exception out of a handler can get lost, or come between a directory and its `with`. What has to
be undone is one directory.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NoReturn, TypeVar

from tradestream.ask import progress
from tradestream.ask.storage import Storage, locate
from tradestream.ending import silence, told

# A closed terminal and a service manager end it as Ctrl-C does, so that what it sorts on disk is removed.
_ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_LOOK_SECONDS = 0.1
_TRIES = 10

T = TypeVar("T")


def answer(directory: str | None, ask: Callable[[Storage, Path], int]) -> int:
    """Asks the storage that was named, or the job's; returns the exit status.

    Args:
        directory: what was named.
        ask: is given the storage and a directory to sort in, and prints the answer.
    """
    return ended(lambda scratch: ask(locate(directory), scratch))


def ended(work: Callable[[Path], int]) -> int:
    """Lets something end well when a signal comes or nobody reads on; returns the exit status.

    Args:
        work: is given a directory of its own, and prints.
    """
    came: SimpleQueue[int | Future[int]] = SimpleQueue()

    def asked() -> int:
        status = work(Path(scratch))
        sys.stdout.flush()
        return status

    with (
        told(came.put, *_ENDING),
        tempfile.TemporaryDirectory(prefix="tradestream-", dir=_large_directory()) as scratch,
        ThreadPoolExecutor(1) as thread,
    ):
        thread.submit(asked).add_done_callback(came.put)
        first = _first(came)
        if isinstance(first, int):
            _end(first, scratch)
        try:
            return first.result()
        except BrokenPipeError:
            # Whoever read it has enough, as `head` does.
            silence()
            return 128 + signal.SIGPIPE


def _first(came: SimpleQueue[T]) -> T:
    """Waits for what comes first."""
    while True:
        # A signal just before the wait begins does not end it: its handler runs only when Python's code goes on.
        with suppress(Empty):
            return came.get(timeout=_LOOK_SECONDS)


def _large_directory() -> str | None:
    """The directory for large temporary files, unless $TMPDIR names another: /tmp may lie in memory."""
    large = Path("/var/tmp")  # noqa: S108 - a directory with a name of its own is made in it
    named = tempfile.gettempdir() != "/tmp"  # noqa: S108 - compared only
    return None if named or not large.is_dir() else str(large)


def _end(number: int, scratch: str) -> NoReturn:
    """Ends the process, as a shell expects of one that a signal ended."""
    # The question still goes on: it may yet print that its files are gone, and make one while they are removed.
    silence()
    for _ in range(_TRIES):
        shutil.rmtree(scratch, ignore_errors=True)
    progress.wipe()
    os._exit(128 + number)
