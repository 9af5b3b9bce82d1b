"""The speed of a replay."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LATE_SECONDS = 1.0


class Pace:
    """When a trade is due, by its time and that of the first one.

    Whoever is late catches up, but not with more than a second: after a stop the tape goes on at its own speed.
    """

    def __init__(self, speed: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Begins with the first trade that is asked about.

        Args:
            speed: how many times as fast as it was recorded.
            clock: tells seconds.
        """
        self._speed = speed * 1e6
        self._clock = clock
        self._begin: float | None = None
        self._begin_us = 0

    def wait(self, time_us: int) -> float:
        """Returns in how many seconds a trade is due, 0 or less when it is."""
        now = self._clock()
        if self._begin is None:
            self._begin, self._begin_us = now, time_us
        wait = self._begin + (time_us - self._begin_us) / self._speed - now
        if wait < -_LATE_SECONDS:
            self._begin -= wait + _LATE_SECONDS
        return wait
