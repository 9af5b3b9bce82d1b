"""The whole terminal: prices, candles and signals, as much of them as there is room for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from tradestream.analytics.candles import Key
from tradestream.topics import CANDLES, SIGNALS, TRADES
from tradestream.watch.figures import Figures
from tradestream.watch.keyboard import Keyboard
from tradestream.watch.market import Market, Series
from tradestream.watch.messages import Candle, Event, Signal
from tradestream.watch.table import Column, fitted

_BARS, _ASCII_BARS = "▁▂▃▄▅▆▇█", "_.-~=+*#"
_SIGNALS = 5
_FIXED_LINES = 5  # the pipeline, a note, two titles and what is between them
_TABLE_LINES = 2  # a title and what is above it
_DRAWING_MS = 500
_MINUTE_MS = 60_000
_HOUR_MS = 60 * _MINUTE_MS


class Screen:
    """Shows the market until `q` is typed, and leaves the terminal as it was.

    Attributes:
        newest: with how many of a partition's newest messages it begins, by kind.
        done: whether the user wants the end.

    Args:
        console: the terminal.
        interval: which candles are shown.
    """

    newest: Mapping[str, int] = {TRADES: 500, CANDLES: 1_000, SIGNALS: 20}

    def __init__(self, console: Console, interval: str) -> None:
        self._console = console
        self._market = Market(interval)
        self._keyboard = Keyboard()
        self._live = Live(
            console=console, screen=True, auto_refresh=False, redirect_stdout=False, redirect_stderr=False
        )
        self._stack = ExitStack()
        self._drawing = 0
        self.done = False

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(self._keyboard)
            stack.enter_context(self._live)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def show(self, events: Iterable[Event], figures: Figures, now_ms: int) -> None:
        """Takes what has come, and draws what is known twice a second: to draw costs more than to read."""
        self._market.take(events)
        if now_ms // _DRAWING_MS == self._drawing:
            return
        self._drawing = now_ms // _DRAWING_MS
        self._live.update(picture(self._market, figures, now_ms, self._console), refresh=True)

    def wait(self, seconds: float) -> None:
        """Waits, and looks whether `q` is typed."""
        self.done = b"q" in self._keyboard.wait(seconds).lower()


def picture(market: Market, figures: Figures, now_ms: int, console: Console) -> RenderableType:
    """Returns what is shown on a terminal of the console's size."""
    width, height = console.size
    bars = _ASCII_BARS if console.options.ascii_only else _BARS
    room = max(3, height - _FIXED_LINES)
    pairs = sorted(market.series.items())
    prices = min(len(pairs), max(1, room // 2))
    signals = min(len(market.signals), _SIGNALS, (room - prices) // 3)
    candles = max(0, room - prices - (signals + _TABLE_LINES if signals else 0))
    parts: list[RenderableType] = [
        _pipeline(market, figures, now_ms),
        _note(figures, len(pairs) - prices),
        fitted(_prices(pairs[:prices], now_ms, bars), width),
        Text(),
        fitted(_candles(market.newest_candles(candles)), width),
    ]
    if signals:
        parts += [Text(), fitted(_signals(list(market.signals)[-1 : -signals - 1 : -1]), width)]
    return Group(*parts)


def _pipeline(market: Market, figures: Figures, now_ms: int) -> Text:
    lag = f"lag {_seconds(now_ms - market.newest_ms)}" if market.newest_ms else "no trade yet"
    closed = [candle for candle in market.candles if candle.is_closed]
    gaps = sum(candle.missing_trades > 0 for candle in closed)
    rates = [f"{topic} {rate:,.1f}/s" for topic, rate in figures.rates.items()]
    text = Text(f"{lag}  ", no_wrap=True, overflow="ellipsis")
    text.append(f"gaps in {gaps} of {len(closed)} candles", "bold red" if gaps else "")
    text.append("".join(f"  {rate}" for rate in rates))
    return text


def _note(figures: Figures, hidden: int) -> Text:
    """What is out of the ordinary; else how it is ended."""
    notes = [f"Kafka: {figures.trouble}"] if figures.trouble else []
    if figures.unreadable:
        notes.append(f"{figures.unreadable:,} messages cannot be read")
    if figures.skipped:
        notes.append(f"a sample: {figures.skipped:,} messages left out")
    if hidden > 0:
        notes.append(f"{hidden} more pairs: --symbols chooses")
    text = "; ".join(notes)
    return Text(text or "q ends it; times are UTC", "yellow" if notes else "dim", no_wrap=True, overflow="ellipsis")


def _prices(pairs: Sequence[tuple[Key, Series]], now_ms: int, bars: str) -> list[Column]:
    rows = [series for _, series in pairs]
    return [
        Column("exchange", [Text(key.exchange) for key, _ in pairs], 2, "left"),
        Column("symbol", [Text(key.symbol) for key, _ in pairs], 0, "left"),
        Column("price", [Text(row.trade.price if row.trade else "") for row in rows]),
        Column("change", [_change(row) for row in rows], 1),
        Column("over", [Text(_length(now_ms - row.since.open_time) if row.since else "") for row in rows], 3),
        Column("lag", [Text(_seconds(now_ms - row.trade.trade_time) if row.trade else "") for row in rows], 2),
        Column("trend", [Text(sparkline(row.trend, bars)) for row in rows], 4, "left"),
    ]


def _candles(candles: Sequence[Candle]) -> list[Column]:
    return [
        Column("candle", [Text(_clock(candle.open_time)) for candle in candles], 0, "left"),
        Column("exchange", [Text(candle.exchange) for candle in candles], 4, "left"),
        Column("symbol", [Text(candle.symbol) for candle in candles], 0, "left"),
        Column("open", [Text(candle.open) for candle in candles], 3),
        Column("high", [Text(candle.high) for candle in candles], 3),
        Column("low", [Text(candle.low) for candle in candles], 3),
        Column("close", [_close(candle) for candle in candles]),
        Column("volume", [Text(candle.volume) for candle in candles], 2),
        Column("trades", [Text(f"{candle.trade_count:,}") for candle in candles], 2),
        Column("missing", [_missing(candle) for candle in candles], 1),
    ]


def _signals(signals: Sequence[Signal]) -> list[Column]:
    return [
        Column("signal", [Text(_clock(signal.time)) for signal in signals], 0, "left"),
        Column("exchange", [Text(signal.exchange) for signal in signals], 3, "left"),
        Column("symbol", [Text(signal.symbol) for signal in signals], 0, "left"),
        Column("rule", [Text(signal.rule, "bold") for signal in signals], 0, "left"),
        Column("evidence", [Text(_start(signal.figures)) for signal in signals], 2, "left"),
    ]


def sparkline(values: Sequence[float], bars: str) -> str:
    """Draws values as bars between the lowest and the highest of them."""
    low, high = min(values, default=0), max(values, default=0)
    step = (high - low) / (len(bars) - 1)
    return "".join(bars[round((value - low) / step) if step else 0] for value in values)


def _change(series: Series) -> Text:
    percent = series.change_percent
    if percent is None:
        return Text()
    return Text(f"{percent:+.2f}%", "green" if percent > 0 else "red" if percent < 0 else "")


def _close(candle: Candle) -> Text:
    change = float(candle.close) - float(candle.open)
    return Text(candle.close, "green" if change > 0 else "red" if change < 0 else "")


def _missing(candle: Candle) -> Text:
    """Of a candle that is open nobody can say it yet."""
    if not candle.is_closed:
        return Text("open")
    return Text(f"{candle.missing_trades:,}", "bold red" if candle.missing_trades else "")


def _start(text: str, most: int = 40) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _clock(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%H:%M:%S")


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:.1f}s" if milliseconds < _HOUR_MS else _length(milliseconds)


def _length(milliseconds: int) -> str:
    hours, minutes = divmod(milliseconds // _MINUTE_MS, 60)
    return f"{hours}h{minutes:02}m" if hours else f"{minutes}m"
