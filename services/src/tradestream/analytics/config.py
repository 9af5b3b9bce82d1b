"""Configuration of the Spark job: /etc/tradestream/analytics.yml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from tradestream import topics
from tradestream.analytics.candles import MINUTE_MS
from tradestream.analytics.indicators import IndicatorConfig
from tradestream.analytics.intervals import interval_ms
from tradestream.analytics.rules import AnyRule, check
from tradestream.config import Address, LogLevel, PositiveFloat, PositiveInt, Section
from tradestream.config import load as load_section

Topic = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{1,249}\Z")]
Location = Annotated[str, msgspec.Meta(pattern=r"^(file:///|hdfs://|s3a://)")]


class AnalyticsConfig(Section, frozen=True, kw_only=True):
    """The whole file.

    Attributes:
        kafka_client_config: Java properties of Kafka's clients, the same file for all of them.
        topic: Trades.
        dead_letter_topic: What is no trade, with the reason.
        candles_topic: Candles.
        signals_topic: Signals.
        storage: URI of the Parquet directories; every Spark host must see the same.
        checkpoint: URI of what a restart needs.
        intervals: Lengths of candles, such as 1m, 5m, 1h, 1d; each divides a day.
        indicators: How many candles each indicator looks at.
        rules: What makes a signal; nothing does where there are none.
        watermark_minutes: How far behind its newest trade a symbol's watermark is.
        trigger_seconds: A batch starts at most this often.
        max_offsets_per_trigger: Most messages of a batch.
        flush_seconds: How often landed trades become Parquet files.
        flush_rows: How many landed trades become Parquet files sooner.
        shuffle_partitions: Tasks of a shuffle; as many as the executors have cores.
        metrics: Where Prometheus scrapes.
        log_level: Lowest level that is logged.
    """

    kafka_client_config: Path
    topic: Topic = topics.TRADES
    dead_letter_topic: Topic = topics.DEAD_LETTERS
    candles_topic: Topic = topics.CANDLES
    signals_topic: Topic = topics.SIGNALS
    storage: Location
    checkpoint: Location
    intervals: tuple[str, ...] = ("1m", "5m")
    indicators: IndicatorConfig = IndicatorConfig()
    rules: tuple[AnyRule, ...] = ()
    watermark_minutes: PositiveInt = 5
    trigger_seconds: PositiveFloat = 0.5
    # The sum of so many trades of the greatest amount that there may be has the digits that `table_batch` gives it.
    max_offsets_per_trigger: Annotated[int, msgspec.Meta(ge=1, lt=1_000_000)] = 400_000
    flush_seconds: PositiveFloat = 60.0
    flush_rows: PositiveInt = 4_000_000
    shuffle_partitions: PositiveInt = 2
    metrics: Address = Address(port=8001)
    log_level: LogLevel = "info"

    def __post_init__(self) -> None:
        lengths = self.intervals_ms
        if not lengths:
            raise ValueError("intervals names no interval")
        if len(set(lengths)) != len(lengths):
            raise ValueError("intervals names one length twice")
        check(self.rules, self.indicators, self.intervals)

    @property
    def intervals_ms(self) -> list[int]:
        """Lengths of candles in ms."""
        return [interval_ms(name) for name in self.intervals]

    @property
    def lateness_ms(self) -> int:
        """Distance of the watermark in ms."""
        return self.watermark_minutes * MINUTE_MS


def load(path: Path) -> AnalyticsConfig:
    """Read the configuration.

    Raises:
        ConfigError: It names the file, the key and what is allowed.
    """
    return load_section(path, AnalyticsConfig)
