"""What every question has in common: where the data is, and how it ends before its answer is out."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable

from tradestream.ask.storage import Storage, locate


def answer(directory: str | None, ask: Callable[[Storage], int]) -> int:
    """Asks the storage that was named, or the job's; returns the exit status."""
    try:
        status = ask(locate(directory))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read it has enough, as `head` does. What Python still holds has nowhere to go when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return status
