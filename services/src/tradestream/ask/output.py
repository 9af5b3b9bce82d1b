"""Rows as CSV, as JSON and as a table of text; decimals with every digit, times in UTC."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, Literal, TextIO, TypeAlias

from tradestream.analytics.publish import plain

Format: TypeAlias = Literal["table", "csv", "json"]
Row: TypeAlias = Sequence[Any]

TABLE_ROWS = 200
"""A table shows so many rows at most: it has to know them all to align them."""


def write(out: TextIO, kind: Format, columns: Sequence[str], rows: Iterable[Row]) -> tuple[int, bool]:
    """Writes rows as they come; a table only the first of them.

    Returns:
        How many were written, and whether there are more.
    """
    if kind == "csv":
        return write_csv(out, columns, rows), False
    if kind == "json":
        return write_json(out, columns, rows), False
    return write_table(out, columns, rows)


def write_csv(out: TextIO, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Writes a line of names and one for each row; nothing stands for NULL."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - counts
        writer.writerow([_cell(value) for value in row])
    return count


def write_json(out: TextIO, columns: Sequence[str], rows: Iterable[Row]) -> int:
    """Writes an array with an object a line: decimals are strings, as on the topic of candles."""
    out.write("[")
    count = 0
    for count, row in enumerate(rows, 1):
        values = dict(zip(columns, map(_json, row), strict=True))
        out.write(("\n" if count == 1 else ",\n") + json.dumps(values, ensure_ascii=False))
    out.write("\n]\n" if count else "]\n")
    return count


def write_table(out: TextIO, columns: Sequence[str], rows: Iterable[Row]) -> tuple[int, bool]:
    """Writes aligned columns, numbers to the right; a line is as long as it has to be."""
    waiting = iter(rows)
    shown = list(islice(waiting, TABLE_ROWS))
    more = next(waiting, None) is not None
    cells = [[printable(_cell(value)) for value in row] for row in shown]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    right = [_is_number(column) for column in zip(*shown, strict=True)] if shown else [False] * len(columns)
    lines = [columns, ["-" * width for width in widths], *cells]
    out.writelines(_aligned(line, widths, right) + "\n" for line in lines)
    return len(shown), more


def _aligned(cells: Iterable[str], widths: Iterable[int], right: Iterable[bool]) -> str:
    parts = [
        cell.rjust(width) if to_right else cell.ljust(width)
        for cell, width, to_right in zip(cells, widths, right, strict=True)
    ]
    return "  ".join(parts).rstrip()


def _is_number(column: Iterable[object]) -> bool:
    return all(value is None or (isinstance(value, int | float | Decimal) and value is not True) for value in column)


def printable(text: str) -> str:
    """Returns a text that came from outside with nothing left that would steer the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = _json(value)
    return text if isinstance(text, str) else json.dumps(text, ensure_ascii=False)


def _json(value: object) -> object:
    """A value as JSON has it, where JSON has something for it."""
    if isinstance(value, dict):
        return {str(key): _json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return _text(value)


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, datetime):
        return _time(value)
    return value.hex() if isinstance(value, bytes) else str(value)


def _time(time: datetime) -> str:
    if time.tzinfo is None:
        return time.isoformat()
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")


def fetched(cursor: Any, size: int = 2_000) -> Iterator[Row]:  # noqa: ANN401 - DuckDB's connection, or a test's
    """Yields a result's rows; only ``size`` of them are in memory."""
    while rows := cursor.fetchmany(size):
        yield from rows
