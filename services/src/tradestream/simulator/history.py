"""All trades that the simulator made, a file a market, as lines of Binance's dumps.

A trade is written before any client sees it, so the log is the truth that other ends can be compared with, and
ids go on after a restart, a sudden one included. Ids rise and times do not fall, so a trade is found by bisecting
the file: nothing but its end is read at a start.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, takewhile
from pathlib import Path
from typing import BinaryIO

from tradestream import dump
from tradestream.dump import Row
from tradestream.simulator.symbols import log_path
from tradestream.simulator.times import microseconds

_TAIL_BYTES = 4096
_BLOCK_BYTES = 64 * 1024


class Lag:
    """What REST knows of a market while it is some seconds behind."""

    def __init__(self, seconds: float, lasts: float, known: int, clock: Callable[[], float] = time.monotonic) -> None:
        """Begins now: what was made until now, `known` and below, stays known.

        Args:
            seconds: how long a new trade stays unknown.
            lasts: for how many seconds this goes on.
            known: the id of the newest trade.
            clock: tells seconds.
        """
        self._seconds = seconds
        self._known = known
        self._clock = clock
        self._end = clock() + lasts
        self._coming: deque[tuple[float, int]] = deque()

    def note(self, trade_id: int) -> None:
        """Hears of the newest trade."""
        self._coming.append((self._clock() + self._seconds, trade_id))

    def known(self) -> int | None:
        """Returns the newest id that is known; None when the lag is over."""
        now = self._clock()
        if now >= self._end:
            return None
        while self._coming and self._coming[0][0] <= now:
            self._known = self._coming.popleft()[1]
        return self._known


class History:
    """The log of one market.

    Beyond `max_bytes` it begins anew and keeps the part before it as `SYMBOL.1.csv`, so a simulator that runs
    for months needs no more than twice that.

    Attributes:
        last: the newest trade; None before the first.
        lag: how far its readers are behind; None where they are not.
    """

    def __init__(self, folder: Path, symbol: str, max_bytes: int | None = None) -> None:
        self._path = log_path(folder, symbol)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._older = self._path.with_suffix(".1.csv")
        self._max_bytes = max_bytes
        self._cut_torn_line()
        self._file = self._path.open("ab", buffering=0)
        self.last = self._last_of(self._path) or self._last_of(self._older)
        self.lag: Lag | None = None

    def append(self, rows: Sequence[Row]) -> None:
        """Writes rows, whose ids must be above all before."""
        if not rows:
            return
        lines = [
            f"{trade_id},{price},{quantity},{quote_quantity},{at},{maker},{best}\n"
            for trade_id, price, quantity, quote_quantity, at, maker, best in rows
        ]
        self._file.write("".join(lines).encode())
        self.last = rows[-1]
        if self._known() is not None and self.lag is not None:
            self.lag.note(self.last.trade_id)
        if self._max_bytes is not None and self._file.tell() > self._max_bytes:
            self._file.close()
            self._path.replace(self._older)
            self._file = self._path.open("ab", buffering=0)

    def clear(self) -> None:
        """Forgets all trades."""
        self._older.unlink(missing_ok=True)
        self._file.truncate(0)
        self.last = None

    def since(self, from_id: int, limit: int) -> list[Row]:
        """Returns at most `limit` trades from `from_id` on, in the order of their ids."""
        return list(islice(self._rows(_trade_id, from_id), limit))

    def since_time(self, begin: int) -> Iterator[Row]:
        """Yields the trades made at `begin`, in microseconds since 1970, or later, in the order of their ids."""
        return self._rows(_time, begin)

    def newest(self, limit: int, *, above: int = -1, below: int | None = None) -> list[Row]:
        """Returns the last `limit` trades with ids between `above` and `below`, in the order of their ids."""
        known = self._known()
        if known is not None:
            below = known + 1 if below is None else min(below, known + 1)
        rows = takewhile(lambda row: row.trade_id > above, self._rows_back(below))
        return list(islice(rows, limit))[::-1]

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def _known(self) -> int | None:
        known = self.lag.known() if self.lag else None
        if known is None:
            self.lag = None
        return known

    def _rows(self, key: Callable[[bytes], int], value: int) -> Iterator[Row]:
        """Yields the known rows whose key is at least `value`."""
        known = self._known()
        for path in (self._older, self._path):
            if not path.exists():
                continue
            with path.open("rb") as file:
                file.seek(_offset(file, key, value))
                for text in file:
                    row = _parse(path, text)
                    if known is not None and row.trade_id > known:
                        return
                    yield row

    def _rows_back(self, below: int | None) -> Iterator[Row]:
        """Yields the rows whose ids are below `below`, the newest first."""
        for path in (self._path, self._older):
            if not path.exists():
                continue
            with path.open("rb") as file:
                end = file.seek(0, os.SEEK_END) if below is None else _offset(file, _trade_id, below)
                for text in _lines_back(file, end):
                    yield _parse(path, text)

    def _cut_torn_line(self) -> None:
        """Takes away what a crash left of a line that was being written."""
        if not self._path.exists():
            return
        with self._path.open("r+b") as file:
            size = file.seek(0, os.SEEK_END)
            start = file.seek(max(0, size - _TAIL_BYTES))
            file.truncate(start + file.read().rfind(b"\n") + 1)

    def _last_of(self, path: Path) -> Row | None:
        if not path.exists() or path.stat().st_size == 0:
            return None
        with path.open("rb") as file:
            file.seek(-min(_TAIL_BYTES, path.stat().st_size), os.SEEK_END)
            return _parse(path, file.read().splitlines()[-1])


def _offset(file: BinaryIO, key: Callable[[bytes], int], value: int) -> int:
    """Returns where the first line begins whose key is at least `value`; the file's end where there is none."""
    low, high = 0, file.seek(0, os.SEEK_END)
    while high - low > _TAIL_BYTES:
        middle = (low + high) // 2
        file.seek(middle)
        file.readline()
        text = file.readline()
        if text and key(text) < value:
            low = middle
        else:
            high = middle
    file.seek(low)
    if low:
        file.readline()
    while True:
        begin = file.tell()
        text = file.readline()
        if not text or key(text) >= value:
            return begin


def _lines_back(file: BinaryIO, end: int) -> Iterator[bytes]:
    """Yields the lines that end before `end`, the last first."""
    head = b""
    while end > 0:
        begin = max(0, end - _BLOCK_BYTES)
        file.seek(begin)
        head, *lines = (file.read(end - begin) + head).split(b"\n")
        yield from filter(None, reversed(lines))
        end = begin
    if head:
        yield head


def _trade_id(text: bytes) -> int:
    return int(text.split(b",", 1)[0])


def _time(text: bytes) -> int:
    return microseconds(int(text.split(b",", 5)[4]))


def _parse(path: Path, text: bytes) -> Row:
    return dump.parse(text.decode().rstrip("\n"), str(path))
