"""What Spark tells of the query's newest batch, to Prometheus."""

from __future__ import annotations

from pyspark.sql.streaming.query import StreamingQuery

from tradestream.analytics.metrics import Metrics

# Takes time in each batch. A progress without it is of a trigger that found nothing; Spark makes one in ten seconds.
_BATCH = "addBatch"


class Progress:
    """Asks now and then: a listener would be told of each batch, by some hundred calls between Java and Python.

    Args:
        metrics: What Prometheus sees.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._shown = -1

    def look(self, query: StreamingQuery) -> bool:
        """Show the newest batch, or that the newest trigger which Spark tells of found nothing; whether it did."""
        try:
            newest = query.lastProgress
        except KeyError:
            return False  # a rate over no time at all, which Spark leaves out and its Python expects
        if newest is None:
            return False
        if _BATCH not in newest["durationMs"]:
            self._metrics.idle()  # its number is that of the batch to come
            return True
        if newest["batchId"] != self._shown:
            self._shown = newest["batchId"]
            self._metrics.progress(newest)
        return False
