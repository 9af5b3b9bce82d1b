"""What every question has in common: where the data is, and how it ends before its answer is out."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from tradestream.ask.storage import Storage, locate

# A closed terminal and a service manager end it as Ctrl-C does, so that what it sorts on disk is removed.
_ENDING = (signal.SIGTERM, signal.SIGHUP)


def answer(directory: str | None, ask: Callable[[Storage], int]) -> int:
    """Asks the storage that was named, or the job's; returns the exit status."""
    ended_by = [signal.SIGINT]

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        ended_by.append(signal.Signals(number))
        raise KeyboardInterrupt

    before = {number: signal.signal(number, end) for number in _ENDING}
    try:
        status = ask(locate(directory))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 128 + ended_by[-1]
    except BrokenPipeError:
        # Whoever read it has enough, as `head` does. What Python still holds has nowhere to go when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return status
