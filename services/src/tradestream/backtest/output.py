"""Closed candles and signals in files, a line each: the messages that the job puts on its topics, byte for byte."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from tradestream.analytics.candles import Update
from tradestream.analytics.publish import message
from tradestream.analytics.signals import Signal
from tradestream.analytics.signals import message as signal_message
from tradestream.backtest.source import Window
from tradestream.errors import ConfigError

CANDLES, SIGNALS = "candles.jsonl", "signals.jsonl"


class Output:
    """Both files; they have their names once all is in them.

    Attributes:
        directory: Where they are.

    Args:
        directory: Where; it is made if need be.
        window: Which candles and signals.
    """

    def __init__(self, directory: Path, window: Window) -> None:
        self.directory = directory
        self._window = window
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            candles, signals = (_new(self.directory / name).open("wb") for name in (CANDLES, SIGNALS))
        except OSError as error:
            raise ConfigError(f"--output: {error.filename}: {error.strerror or error}") from error
        self._candles, self._signals = self._opened.enter_context(candles), self._opened.enter_context(signals)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._opened.close()
        for path in (self.directory / CANDLES, self.directory / SIGNALS):
            if kind is None:
                _new(path).replace(path)
            else:
                _new(path).unlink(missing_ok=True)

    def write(self, updates: Iterable[Update], signals: Iterable[Signal]) -> None:
        """Writes closed candles, and signals."""
        self._candles.writelines(
            message(update).value + b"\n"
            for update in updates
            if update.is_closed and self._is_wanted(update.candle.open_time)
        )
        self._signals.writelines(
            signal_message(signal).value + b"\n" for signal in signals if self._is_wanted(signal.open_time)
        )

    def _is_wanted(self, open_time: int) -> bool:
        return self._window.since <= open_time < self._window.until


def _new(path: Path) -> Path:
    return path.with_suffix(".new")
