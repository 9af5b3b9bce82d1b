"""Telling of messages that are no trades: by reason, which names the field, and without flooding the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable

from prometheus_client import Counter
from pyspark.sql import Row

from tradestream.analytics.schema import REASONS
from tradestream.logs import line

log = logging.getLogger(__name__)

# A reason that goes on is logged again after so long.
_AGAIN_SECONDS = 600.0


class Rejected:
    """Counts and logs rejected messages.

    Args:
        counter: What Prometheus sees, by reason.
    """

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._told: dict[str, float] = {}
        for reason in REASONS:
            # An increase can only be seen of a series that is there.
            counter.labels(reason)

    def tell(self, counts: Iterable[Row]) -> None:
        """Count messages; log each reason that is new, or was not logged for ten minutes.

        Args:
            counts: Columns ``reason`` and ``count``.
        """
        now = time.monotonic()
        for reason, count in counts:
            self._counter.labels(reason).inc(count)
            if now - self._told.get(reason, -_AGAIN_SECONDS) >= _AGAIN_SECONDS:
                self._told[reason] = now
                log.warning(line("rejected", reason=reason, messages=count))
