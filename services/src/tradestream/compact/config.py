"""Configuration of the daily work on stored files: /etc/tradestream/compact.yml."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from tradestream.analytics.config import Location
from tradestream.config import LogLevel, PositiveInt, Section

_LOCAL = "file://"

Days = Annotated[int, msgspec.Meta(ge=0)]


class KeepDays(Section, frozen=True, kw_only=True):
    """How many days before today a table keeps; 0 is all."""

    trades: Days = 0
    candles: Days = 0
    signals: Days = 0


class CompactConfig(Section, frozen=True, kw_only=True):
    """The whole file.

    Attributes:
        storage: URI of the Parquet directories, as the job has it.
        watermark_minutes: So long after midnight a day is closed, as the job has it.
        merge: Whether the files of closed days are merged.
        keep_days: What is removed.
        log_level: Lowest level that is logged.
    """

    storage: Location
    watermark_minutes: PositiveInt = 5
    merge: bool = True
    keep_days: KeepDays = KeepDays()
    log_level: LogLevel = "info"

    def __post_init__(self) -> None:
        if not self.storage.startswith(_LOCAL):
            scheme = self.storage.partition("://")[0]
            raise ValueError(
                f"storage: on {scheme}:// nothing can take the place of many files at one moment, so readers would see "
                "rows twice or not at all; only file:/// is compacted. Old days are for the store's own rules to remove"
            )
        if self.keep_days.candles and not 0 < self.keep_days.trades <= self.keep_days.candles:
            raise ValueError(
                f"keep_days: candles are kept for {self.keep_days.candles} days and their trades for longer, though "
                "nothing can be compared with these then: keep candles at least as long as trades, or for ever (0)"
            )

    @property
    def root(self) -> Path:
        """The directory of the storage."""
        return Path(self.storage.removeprefix(_LOCAL))
