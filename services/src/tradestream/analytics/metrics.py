"""What the Spark job tells Prometheus."""

from __future__ import annotations

import time
from collections import Counter as Counts
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from tradestream import process
from tradestream.analytics.candles import BookState, Key, Update
from tradestream.analytics.evidence import BigTrade
from tradestream.analytics.indicators import Figures
from tradestream.analytics.intervals import interval_name
from tradestream.analytics.shown import CANDLE, SERIES, Shown
from tradestream.analytics.signals import Signal

_SECONDS = (0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30, 60, 300, 1800)
# A large trade's signal takes milliseconds by the fast path.
_SIGNAL_SECONDS = (0.005, 0.01, 0.02, 0.05, *_SECONDS)
_SIZES = (
    1,
    10,
    50,
    100,
    250,
    500,
    1000,
    2500,
    5000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
)


class Metrics:
    """The job's figures in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = process.registry()
        self.processed = Counter("events_processed_total", "Distinct trades read", SERIES, registry=registry)
        self.late = Counter("events_late_total", "Trades whose minute was closed", SERIES, registry=registry)
        self.duplicate = Counter("events_duplicate_total", "Trades read before", SERIES, registry=registry)
        self.rejected = Counter(
            "events_rejected_total", "Messages sent to the dead-letter topic", ("reason",), registry=registry
        )
        self.delay = Histogram(
            "stream_processing_delay_seconds",
            "From a batch's oldest message in Kafka until its candles are published",
            buckets=_SECONDS,
            registry=registry,
        )
        self.latency = Histogram(
            "trade_to_candle_latency_seconds",
            "From the producer receiving a symbol's first trade of a batch until its candles are published",
            SERIES,
            buckets=_SECONDS,
            registry=registry,
        )
        self.batch_size = Histogram("batch_size_events", "Messages in a batch", buckets=_SIZES, registry=registry)
        self.landed = Gauge("storage_landed_trades", "Trades not yet in files that readers see", registry=registry)
        self._shown = Shown(registry)
        self.candles_closed = Counter("candles_closed_total", "Candles closed", CANDLE, registry=registry)
        self._signals = Counter("signals_total", "Signals", ("rule", *CANDLE), registry=registry)
        self.signal_latency = Histogram(
            "trade_to_signal_latency_seconds",
            "From the producer receiving a large trade until its signal is published, by whichever path",
            ("rule",),
            buckets=_SIGNAL_SECONDS,
            registry=registry,
        )
        self.skipped = Counter(
            "fast_path_skipped_total", "Messages that were left to the batches, as too many came", registry=registry
        )
        self._rate_in = Gauge("stream_input_rows_per_second", "Messages that arrived, by Spark", registry=registry)
        self._rate_out = Gauge("stream_processed_rows_per_second", "Messages processed, by Spark", registry=registry)
        self._stages = Gauge("stream_batch_duration_seconds", "Newest batch, by stage", ("stage",), registry=registry)
        self._behind = Gauge(
            "stream_offsets_behind_latest",
            "Messages of the topic not yet read, most of any partition",
            registry=registry,
        )
        self._position = Gauge(
            "stream_position_offset",
            "Offset to be read next, as the newest record of state has it",
            ("topic", "partition"),
            registry=registry,
        )
        self.state_bytes = Gauge("state_record_bytes", "Size of the newest record of state", registry=registry)
        self._open = Gauge("state_open_candles", "Candles that may still change", registry=registry)

    def candles(self, updates: list[Update]) -> None:
        """Show the newest of ``updates`` per series and interval, and count the closed."""
        self._shown.candles(updates)
        closed = Counts((update.key, update.interval) for update in updates if update.is_closed)
        for (key, interval), count in closed.items():
            self.candles_closed.labels(*key, interval_name(interval)).inc(count)

    def indicators(self, key: Key, interval: int, figures: Figures) -> None:
        """Show the indicators of a series and interval; one that is absent now is taken away."""
        self._shown.indicators(key, interval, figures)

    def signals(self, signals: Iterable[Signal]) -> None:
        """Count signals."""
        for signal in signals:
            self._signals.labels(signal.rule, signal.exchange, signal.symbol, signal.interval).inc()

    def sent(self, signals: Iterable[Signal], trades: Iterable[BigTrade]) -> None:
        """Observe how long the signals of large trades took that have just left.

        Args:
            signals: The signals.
            trades: The trades that they are about, and perhaps others.
        """
        received = {(*trade.key, trade.trade_id): trade.received for trade in trades}
        now = time.time()
        for signal in signals:
            at = received[signal.exchange, signal.symbol, signal.evidence["trade_id"]]
            self.signal_latency.labels(signal.rule).observe(max(0.0, now - at / 1_000_000))

    def published(self, oldest_message: float, oldest: Mapping[Key, float]) -> None:
        """Observe delays of a batch whose candles are out.

        Args:
            oldest_message: Kafka timestamp of the oldest message, seconds since 1970.
            oldest: When the first trade of each series was received, seconds since 1970.
        """
        now = time.time()
        self.delay.observe(max(0.0, now - oldest_message))
        for key, received in oldest.items():
            self.latency.labels(*key).observe(max(0.0, now - received))

    def position(self, topic: str, offsets: Mapping[int, int]) -> None:
        """Show how far a topic was read."""
        for partition, offset in offsets.items():
            self._position.labels(topic, partition).set(offset)

    def book(self, state: BookState, lateness: int) -> None:
        """Show what the candle book remembers.

        Args:
            state: The book's.
            lateness: How far a watermark is behind, ms.
        """
        self._open.set(sum(len(candles) for each in state.series for candles in each.candles.values()))
        self._shown.book(state, lateness)

    def idle(self) -> None:
        """Show that there is nothing to read."""
        for gauge in (self._rate_in, self._rate_out, self._behind):
            gauge.set(0)

    def progress(self, progress: Any) -> None:  # noqa: ANN401 - Spark's StreamingQueryProgress or its dict
        """Show what Spark says of the newest batch."""
        self._rate_in.set(_number(progress["inputRowsPerSecond"]))
        self._rate_out.set(_number(progress["processedRowsPerSecond"]))
        for stage, milliseconds in progress["durationMs"].items():
            self._stages.labels(stage).set(milliseconds / 1000)
        source = progress["sources"][0]["metrics"] or {}
        self._behind.set(_number(source.get("maxOffsetsBehindLatest")))


def _number(value: object) -> float:
    """Spark leaves out rates it cannot compute, and gives some as text."""
    return float(str(value)) if value is not None else 0.0
