"""Telling of messages that are no trades: by reason, which names the field, and without flooding the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from prometheus_client import Counter

from tradestream.logs import line

log = logging.getLogger(__name__)

# A reason that goes on is logged again after so long.
_AGAIN_SECONDS = 600.0


class Rejected:
    """Counts and logs rejected messages.

    Args:
        counter: What Prometheus sees, by reason.
        reasons: All that there may be.
    """

    def __init__(self, counter: Counter, reasons: Iterable[str]) -> None:
        self._counter = counter
        self._told: dict[str, float] = {}
        for reason in reasons:
            # An increase can only be seen of a series that is there.
            counter.labels(reason)

    def tell(self, counts: Iterable[tuple[str, int]]) -> None:
        """Count messages; log each reason that is new, or was not logged for ten minutes.

        Args:
            counts: Reasons, and how many messages each is that of.
        """
        now = time.monotonic()
        for reason, count in counts:
            self._counter.labels(reason).inc(count)
            if now - self._told.get(reason, -_AGAIN_SECONDS) >= _AGAIN_SECONDS:
                self._told[reason] = now
                log.warning(line("rejected", reason=reason, messages=count))
