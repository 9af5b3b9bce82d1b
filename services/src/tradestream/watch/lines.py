"""A line for each event, for a log or a pipe: the time, what it is, and `name=value ...`."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Self, TextIO

from tradestream.analytics.candles import Key
from tradestream.logs import line
from tradestream.topics import CANDLES, SIGNALS, TRADES
from tradestream.trade import Trade, iso_utc
from tradestream.watch.figures import Figures
from tradestream.watch.messages import Candle, Event, Signal

_PRICE_MS = 1_000
_PIPELINE_MS = 10_000


class Lines:
    """Prices at most once a second for each pair, closed candles, signals, and how the pipeline does now and then.

    Attributes:
        newest: it begins with what comes.

    Args:
        out: where to.
        interval: which candles are shown.
        most: after how many lines it is done; None is never.
    """

    newest: Mapping[str, int] = {TRADES: 0, CANDLES: 0, SIGNALS: 0}

    def __init__(self, out: TextIO, interval: str, most: int | None = None) -> None:
        self._out = out
        self._interval = interval
        self._left = most
        self._prices: dict[Key, Trade] = {}
        self._priced: dict[Key, int] = {}
        self._pipeline_at: int | None = None
        self._trouble = ""
        self._newest_ms = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Has nothing to restore."""

    @property
    def done(self) -> bool:
        """Whether as many lines were written as were wanted."""
        return self._left == 0

    def show(self, events: Iterable[Event], figures: Figures, now_ms: int) -> None:
        """Writes what has come."""
        for event in events:
            match event:
                case Trade():
                    self._newest_ms = max(self._newest_ms, event.trade_time)
                    self._prices[Key(event.exchange, event.symbol)] = event
                case Candle() if event.interval == self._interval and event.is_closed:
                    self._write_candle(event, now_ms)
                case Signal():
                    self._write_signal(event, now_ms)
        self._write_prices(now_ms)
        self._write_figures(figures, now_ms)
        self._out.flush()

    def wait(self, seconds: float) -> None:
        """Waits."""
        time.sleep(seconds)

    def _write_prices(self, now_ms: int) -> None:
        self._priced = {key: at for key, at in self._priced.items() if now_ms - at < _PRICE_MS}
        for key in self._prices.keys() - self._priced.keys():
            self._priced[key] = now_ms
            trade = self._prices.pop(key)
            fields = {name: getattr(trade, name) for name in ("exchange", "symbol", "price", "trade_id")}
            self._write(now_ms, "price", **fields, lag=_seconds(now_ms - trade.trade_time))

    def _write_candle(self, candle: Candle, now_ms: int) -> None:
        fields = {name: getattr(candle, name) for name in candle.__struct_fields__ if name != "is_closed"}
        self._write(now_ms, "candle", **{**fields, "open_time": iso_utc(candle.open_time * 1_000_000)})

    def _write_signal(self, signal: Signal, now_ms: int) -> None:
        fields = {name: getattr(signal, name) for name in ("exchange", "symbol", "interval", "rule")}
        self._write(now_ms, "signal", **fields, time=iso_utc(signal.time * 1_000_000), evidence=signal.figures)

    def _write_figures(self, figures: Figures, now_ms: int) -> None:
        if figures.trouble and figures.trouble != self._trouble:
            self._write(now_ms, "kafka_trouble", cause=figures.trouble)
        self._trouble = figures.trouble
        if self._pipeline_at is None:
            self._pipeline_at = now_ms
        if now_ms - self._pipeline_at < _PIPELINE_MS:
            return
        self._pipeline_at = now_ms
        rates = {f"{topic.replace('-', '_')}_per_second": f"{rate:.1f}" for topic, rate in figures.rates.items()}
        lag = _seconds(now_ms - self._newest_ms) if self._newest_ms else ""
        self._write(now_ms, "pipeline", **rates, lag=lag, skipped=figures.skipped, unreadable=figures.unreadable)

    def _write(self, now_ms: int, event: str, **fields: object) -> None:
        if self._left is not None:
            if self._left == 0:
                return
            self._left -= 1
        self._out.write(f"{iso_utc(now_ms * 1_000_000)} {line(event, **fields)}\n")


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.3f}"
