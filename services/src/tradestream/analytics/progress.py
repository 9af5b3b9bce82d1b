"""What Spark tells of the query's newest batch, to Prometheus."""

from __future__ import annotations

import time

from pyspark.sql.streaming.query import StreamingQuery

from tradestream.analytics.metrics import Metrics

# So long without a batch, there is nothing to read; less is a pause between two.
_IDLE_SECONDS = 10.0


class Progress:
    """Asks now and then: a listener would be told of each batch, by some hundred calls between Java and Python.

    Args:
        metrics: What Prometheus sees.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._batch = -1
        self._seen = time.monotonic()

    def look(self, query: StreamingQuery, *, waits: bool) -> None:
        """Show the newest batch, or that none comes.

        Args:
            query: The query.
            waits: Whether it found nothing to read when it looked last.
        """
        newest, now = query.lastProgress, time.monotonic()
        if newest is not None and newest["batchId"] != self._batch:
            self._batch, self._seen = newest["batchId"], now
            self._metrics.progress(newest)
        elif waits and now - self._seen > _IDLE_SECONDS:
            self._metrics.idle()
