"""What Spark tells of the query, as it happens, to Prometheus."""

from __future__ import annotations

from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
)

from tradestream.analytics.metrics import Metrics

# ruff: noqa: ARG002, N802 - the methods are Spark's


class Listener(StreamingQueryListener):
    """Hands on what Spark says of each batch, on a thread of Spark's that no batch waits for.

    Args:
        metrics: What Prometheus sees.
    """

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def onQueryStarted(self, event: QueryStartedEvent) -> None:
        """Nothing: what Spark starts, the job has started."""

    def onQueryProgress(self, event: QueryProgressEvent) -> None:
        """A batch is done."""
        self._metrics.progress(event.progress)

    def onQueryIdle(self, event: QueryIdleEvent) -> None:
        """For ten seconds there was nothing to read."""
        self._metrics.idle()

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:
        """Nothing is read any more; why, the job's watch says, and ends with it."""
        self._metrics.idle()
