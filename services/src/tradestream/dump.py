"""Binance's public dumps of trades: `SYMBOL-trades-YYYY-MM-DD.zip` with one CSV, or that CSV.

    553287559,39432.48000000,0.00026300,10.37074224,1610064000278,True,True

Columns: trade id, price, quantity, quote quantity, time, buyer is maker, best match. Times are milliseconds
before 2025 and microseconds after; booleans are True or true; spot files have no header, others have one.
Futures' files lack the last column.
"""

from __future__ import annotations

import io
import os
import re
import sys
import zipfile
import zlib
from contextlib import ExitStack, closing, contextmanager
from typing import IO, TYPE_CHECKING, NamedTuple, TextIO

from tradestream.errors import DumpError
from tradestream.trade import ABOVE_ZERO, NEWEST_MS, PRICE_DIGITS, QUANTITY_DIGITS

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path


class Row(NamedTuple):
    """One line of a dump, its numbers as they were written.

    Attributes:
        trade_id: counting up.
        price: price in the quote asset.
        quantity: amount of the base asset.
        quote_quantity: price times quantity.
        time: milliseconds or microseconds since 1970, see `tradestream.trade.split_time`.
        buyer_is_maker: true when the taker sold.
        best_match: true for all trades of today.
    """

    trade_id: int
    price: str
    quantity: str
    quote_quantity: str
    time: int
    buyer_is_maker: bool
    best_match: bool = True

    @property
    def time_us(self) -> int:
        """When it was traded, in microseconds since 1970, whichever unit the dump has."""
        return self.time if self.time > NEWEST_MS else self.time * 1000


_COLUMNS = (
    ("trade id", r"[0-9]{1,18}"),
    ("price", ABOVE_ZERO + PRICE_DIGITS.pattern),
    ("quantity", ABOVE_ZERO + QUANTITY_DIGITS.pattern),
    ("quote quantity", r"[0-9]{1,20}(?:\.[0-9]{1,20})?"),
    ("time", r"[0-9]{13}(?:[0-9]{3})?"),
    ("buyer is maker", r"[Tt]rue|[Ff]alse"),
    ("best match", r"[Tt]rue|[Ff]alse"),
)
LINE_PATTERN = ",".join(f"({pattern})" for _, pattern in _COLUMNS[:-1]) + f"(?:,({_COLUMNS[-1][1]}))?"
"""A whole line without its end."""

_PATTERNS = tuple(re.compile(pattern, re.ASCII) for _, pattern in _COLUMNS)
_LINE = re.compile(LINE_PATTERN, re.ASCII)
_TAIL_BYTES = 4096
_FILE_NAME = re.compile(r"([A-Z0-9]{2,24})-trades[-.].*")


class Reader:
    """Reads a dump once, and knows how far it is.

    Attributes:
        path: the dump.
    """

    def __init__(self, path: Path, above: int = -1) -> None:
        """Prepares to read.

        Args:
            path: the dump.
            above: rows up to this id are passed over, without a look at more than their ids.
        """
        self.path = path
        self._above = above
        self._raw: IO[bytes] | None = None
        self._read = 0

    @property
    def bytes_read(self) -> int:
        """How much of the file, as it lies on the disk, was read."""
        return self._read if self._raw is None else self._raw.tell()

    def __iter__(self) -> Generator[Row]:
        """Yields the rows, one at a time; see `read`."""
        last = -1
        with opened(self.path) as (raw, lines):
            self._raw = raw
            try:
                for number, text in enumerate(lines, start=1):
                    if number == 1 and is_header(text):
                        continue
                    if last < self._above and last < (passed := _id_of(text)) <= self._above:
                        last = passed
                        continue
                    where = f"{self.path}: line {number}"
                    row = parse(text.rstrip("\r\n"), where)
                    last = require_above(last, row.trade_id, where)
                    yield row
            finally:
                self._read, self._raw = raw.tell(), None
        if last < 0:
            raise DumpError(f"{self.path}: holds no trade")


def read(path: Path) -> Iterator[Row]:
    """Yields the rows of a dump, one at a time.

    Raises:
        DumpError: says the file, the line and what is wrong with it.
    """
    return iter(Reader(path))


def first(path: Path) -> Row:
    """Returns the first row of a dump; raises DumpError as `read` does."""
    with closing(iter(Reader(path))) as rows:
        return next(rows)


def last_id(path: Path) -> int | None:
    """Returns the last trade's id where the file's end tells it, which a zip's does not: None.

    Raises:
        DumpError: the last line is none of a dump.
    """
    if path.suffix == ".zip":
        return None
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL_BYTES))
            text = file.read().rstrip().rpartition(b"\n")[2]
    except OSError as error:
        raise DumpError(f"{path}: cannot be read: {error.strerror or error}") from error
    return parse(text.decode("ascii", errors="replace").rstrip("\r"), f"{path}: last line").trade_id


def check(path: Path) -> int:
    """Reads a whole dump; returns how many trades it holds, or raises DumpError."""
    return sum(1 for _ in read(path))


def parse(text: str, where: str) -> Row:
    """Reads one line without its end.

    Args:
        text: the line.
        where: what an error begins with.

    Raises:
        DumpError: says which column is wrong.
    """
    match = _LINE.fullmatch(text)
    if match is None:
        raise DumpError(f"{where}: {_reason(text)}")
    trade_id, price, quantity, quote_quantity, time, maker, best = match.groups()
    return Row(
        int(trade_id),
        price,
        quantity,
        quote_quantity,
        int(time),
        maker in ("True", "true"),
        best not in ("False", "false"),
    )


def require_above(last: int, trade_id: int, where: str) -> int:
    """Returns an id that is above the one before it; raises DumpError, beginning with `where`, for another."""
    if trade_id <= last:
        raise DumpError(f"{where}: trade id {trade_id} is not above {last} before it")
    return trade_id


def symbol_of(path: Path) -> str | None:
    """Returns the symbol that a dump's name begins with, as in BTCUSDT-trades-2021-01-08.csv."""
    match = _FILE_NAME.fullmatch(path.name)
    return match[1] if match else None


def _id_of(text: str) -> int:
    """Returns a line's id, above all ids where it has none."""
    head = text.partition(",")[0]
    return int(head) if _PATTERNS[0].fullmatch(head) else sys.maxsize


def is_header(text: str) -> bool:
    """Whether a dump's first line names its columns."""
    return text.split(",", 1)[0].strip().lower() in ("id", "trade_id", "tradeid", "trade id")


def _reason(text: str) -> str:
    fields = text.split(",")
    if len(fields) not in (len(_COLUMNS) - 1, len(_COLUMNS)):
        return f"has {len(fields)} columns instead of {len(_COLUMNS)}"
    for field, (name, _), pattern in zip(fields, _COLUMNS, _PATTERNS, strict=False):
        if not pattern.fullmatch(field):
            return f"{name} cannot be {field[:40]!r}"
    return "cannot be read"


@contextmanager
def opened(path: Path) -> Iterator[tuple[IO[bytes], TextIO]]:
    """Opens a CSV, or the one CSV in a zip: the file, and the lines.

    What is not ASCII is left for the line's own check to refuse.
    """
    try:
        with ExitStack() as stack:
            raw: IO[bytes] = stack.enter_context(path.open("rb"))
            content = raw
            if path.suffix == ".zip":
                archive = stack.enter_context(zipfile.ZipFile(raw))
                content = stack.enter_context(archive.open(_member(path, archive)))
            yield raw, stack.enter_context(io.TextIOWrapper(content, encoding="ascii", errors="replace", newline="\n"))
    except OSError as error:
        raise DumpError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise DumpError(f"{path}: is not a good zip: {error}") from error


def _member(path: Path, archive: zipfile.ZipFile) -> str:
    names = archive.namelist()
    if len(names) != 1 or not names[0].endswith(".csv"):
        raise DumpError(f"{path}: should hold one .csv, holds {', '.join(names) or 'nothing'}")
    return names[0]
