"""The directories of a table, by the day that their names tell."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from tradestream.analytics.layout import PARTITIONS


def partitions(root: Path, table: str, *, before: date) -> Iterator[Path]:
    """Yields the directories with a table's files of the days before one, sorted."""
    return _directories(root / table, PARTITIONS[table], before)


def days(root: Path, table: str, *, before: date) -> Iterator[Path]:
    """Yields the directories that hold all of a table's files of one of the days before one, sorted."""
    columns = PARTITIONS[table]
    return _directories(root / table, columns[: columns.index("date") + 1], before)


def files(directory: Path) -> list[str]:
    """Returns the names of the files in a directory that readers look at, sorted."""
    return sorted(path.name for path in directory.glob("[!._]*.parquet"))


def _directories(table: Path, columns: tuple[str, ...], before: date) -> Iterator[Path]:
    place = columns.index("date")
    for path in sorted(table.glob("/".join(f"{column}=*" for column in columns))):
        day = path.relative_to(table).parts[place].removeprefix("date=")
        try:
            if date.fromisoformat(day) < before:
                yield path
        except ValueError:
            continue  # no directory of the job's
