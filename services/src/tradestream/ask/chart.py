"""Candlesticks as text: with colour on a terminal that has it, and telling up from down without."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from decimal import Decimal
from typing import TextIO

from rich.console import Console
from rich.text import Text

from tradestream.ask.output import Row
from tradestream.ask.when import minute

_ROWS = 20
_LABELS = 5
_LINE = "-"

# A cell has an upper and a lower half; each holds nothing, the wick (w) or the body (b).
_RISING = {"  ": " ", "ww": "│", "w ": "╵", " w": "╷", "bb": "┃", "b ": "╹", " b": "╻", "wb": "╽", "bw": "╿"}
_FALLING = {**_RISING, "bb": "█", "b ": "▀", " b": "▄", "wb": "█", "bw": "█"}
_ASCII = str.maketrans("│╵╷┃╹╻╽╿█▀▄", "|||OOOOO###")


def write(out: TextIO, title: str, candles: Sequence[Row], marks: str = "") -> None:
    """Draws candles.

    Args:
        out: where to.
        title: what they are.
        candles: open_time (ms), open, high, low and close of each, by rising time; at least one.
        marks: a letter to write below each, or nothing.
    """
    size = shutil.get_terminal_size((100, 24))
    rows = max(5, min(_ROWS, size.lines - 4))
    scale = _Scale(candles, rows)
    labels = scale.labels()
    margin = max(map(len, labels)) + 2
    fitting = candles[-max(1, size.columns - margin) :]
    if len(fitting) < len(candles):
        title = f"{title}; the newest {len(fitting)} fit, a longer --interval shows more"
        scale = _Scale(fitting, rows)
        labels = scale.labels()
    console = Console(file=out, highlight=False, soft_wrap=True)
    plain = not _can_write(out)
    console.print(title, markup=False)
    for row, label in enumerate(labels):
        line = Text(f"{label:>{margin - 2}} ")
        for candle in fitting:
            cell, style = scale.cell(candle, row)
            line.append(cell.translate(_ASCII) if plain else cell, style)
        line.rstrip()
        console.print(line)
    if marks:
        console.print(Text(" " * (margin - 1) + marks[-len(fitting) :].rstrip()))
    console.print(Text(" " * (margin - 1) + _times(fitting)))
    console.print(Text(" " * (margin - 1) + _legend(plain=plain)))


def _can_write(out: TextIO) -> bool:
    try:
        "".join([*_RISING.values(), *_FALLING.values()]).encode(getattr(out, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _times(candles: Sequence[Row]) -> str:
    first, last = minute(candles[0][0]), minute(candles[-1][0])
    if len(candles) == 1:
        return first
    room = len(candles) - len(first) - len(last)
    return f"{first}{' ' * room}{last}" if room > 0 else f"{first} to {last}"


def _legend(*, plain: bool) -> str:
    legend = "┃ rose  █ fell  │ high and low; times are UTC, windows without trades are left out"
    return legend.translate(_ASCII) if plain else legend


class _Scale:
    """From prices to halves of cells, counted from the top."""

    def __init__(self, candles: Sequence[Row], rows: int) -> None:
        self._high: Decimal = max(candle[2] for candle in candles)
        self._low: Decimal = min(candle[3] for candle in candles)
        self._rows = rows

    def half(self, price: Decimal) -> int:
        """Returns in which half of which row a price is."""
        span = self._high - self._low
        if not span:
            return self._rows
        return int((self._high - price) * (2 * self._rows - 1) / span + Decimal("0.5"))

    def cell(self, candle: Row, row: int) -> tuple[str, str]:
        """Returns what to draw of a candle in a row, and in which colour."""
        _, opened, high, low, closed = candle
        falls = closed < opened
        wick = range(self.half(high), self.half(low) + 1)
        body = range(self.half(max(opened, closed)), self.half(min(opened, closed)) + 1)
        halves = "".join("b" if half in body else "w" if half in wick else " " for half in (2 * row, 2 * row + 1))
        colour = "red" if falls else "green"
        return (_FALLING if falls else _RISING)[halves], colour if halves.strip() else ""

    def labels(self) -> list[str]:
        """Returns the price at each row, or nothing."""
        places = self._places()
        every = max(1, (self._rows - 1) // (_LABELS - 1))
        step = (self._high - self._low) / (2 * self._rows - 1)
        return [f"{self._high - step * (2 * row):.{places}f}" if row % every == 0 else "" for row in range(self._rows)]

    def _places(self) -> int:
        """How many digits after the point tell one label from the next."""
        span = self._high - self._low
        return max(0, 2 - span.adjusted()) if span else max(0, 4 - self._high.adjusted())
