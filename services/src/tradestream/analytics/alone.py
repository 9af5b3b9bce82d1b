"""One at a time: two jobs would take each other's files, and a repair is for a job that does not run."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tradestream.analytics.files import unwritable
from tradestream.disk import give_like, locked
from tradestream.errors import BusyError
from tradestream.logs import line

log = logging.getLogger(__name__)


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """Hold the directory of the records; however this process ends, the kernel lets go of it.

    Raises:
        BusyError: Another process holds it.
        ConfigError: It cannot be written.
    """
    lock = state / ".lock"
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock.touch()
        give_like(lock, state)  # root may have been the first
    except OSError as error:
        raise unwritable(state, error.strerror) from error
    with ExitStack() as held:
        try:
            held.enter_context(locked(lock, wait=False))
        except BlockingIOError:
            raise BusyError(
                f"{state}: another process works with it: `systemctl stop trade-analytics` ends the job"
            ) from None
        except OSError as error:
            log.warning(line("no_lock", path=state, cause=error.strerror))
        yield
