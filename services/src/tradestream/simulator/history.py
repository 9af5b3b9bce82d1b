"""All trades that the simulator made, a file a symbol, as lines of Binance's dumps.

A trade is written before any client sees it, so the log is the truth that other ends can be compared with, and
ids go on after a restart, a sudden one included. Ids rise, so a trade is found by bisecting the file: nothing
but its end is read at a start.
"""

from __future__ import annotations

import os
from itertools import islice
from typing import TYPE_CHECKING

from tradestream import dump

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tradestream.dump import Row

_TAIL_BYTES = 4096


class History:
    """The log of one symbol.

    Beyond `max_bytes` it begins anew and keeps the part before it as `SYMBOL.1.csv`, so a simulator that runs
    for months needs no more than twice that.
    """

    def __init__(self, folder: Path, symbol: str, max_bytes: int | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{symbol}.csv"
        self._older = folder / f"{symbol}.1.csv"
        self._max_bytes = max_bytes
        self._cut_torn_line()
        self._file = self._path.open("ab", buffering=0)
        self.last = self._last_of(self._path) or self._last_of(self._older)

    def append(self, rows: Iterable[Row]) -> None:
        """Writes rows, whose ids must be above all before."""
        lines = []
        for row in rows:
            lines.append(
                f"{row.trade_id},{row.price},{row.quantity},{row.quote_quantity},{row.time},"
                f"{row.buyer_is_maker},{row.best_match}\n"
            )
            self.last = row
        self._file.write("".join(lines).encode())
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
        rows: list[Row] = []
        for path in (self._older, self._path):
            if len(rows) < limit and path.exists():
                rows.extend(islice(_from(path, from_id), limit - len(rows)))
        return rows

    def newest(self, limit: int) -> list[Row]:
        """Returns the last `limit` trades; fewer where ids were skipped among them."""
        return self.since(max(0, self.last.trade_id - limit + 1), limit) if self.last else []

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

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


def _from(path: Path, from_id: int) -> Iterator[Row]:
    """Yields the rows of a log whose ids are at least `from_id`."""
    with path.open("rb") as file:
        low, high = 0, file.seek(0, os.SEEK_END)
        while high - low > _TAIL_BYTES:
            middle = (low + high) // 2
            file.seek(middle)
            file.readline()
            text = file.readline()
            if text and int(text.split(b",", 1)[0]) < from_id:
                low = middle
            else:
                high = middle
        file.seek(low)
        if low:
            file.readline()
        for text in file:
            row = _parse(path, text)
            if row.trade_id >= from_id:
                yield row


def _parse(path: Path, text: bytes) -> Row:
    return dump.parse(text.decode().rstrip("\n"), str(path))
