"""The files of one directory, merged into one, or into a few where one would be too large.

The merged files are made in a directory of their own, which then changes places with that of the small ones, in one
step of the file system. So a reader lists the old files or the new ones; where it has listed the old ones and opens
them only later, it gets an error that a file is gone. Nothing is ever there twice, nothing not at all.
"""

from __future__ import annotations

import glob
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import duckdb
from duckdb import DuckDBPyConnection

from tradestream.analytics.layout import LOCK, ORDER, PARQUET
from tradestream.ask.database import literal, one_line, opened, require_types
from tradestream.compact.partitions import files
from tradestream.compact.workshop import Workshop
from tradestream.disk import exchange, locked, sync, sync_tree
from tradestream.errors import StoredDataError

LARGEST = 512 * 2**20
"""Bytes after which another file is begun."""


class Merged(NamedTuple):
    """What was made of a directory's files.

    Attributes:
        rows: How many there are, before and after.
        files: How many there were.
        bytes: How many there were.
        files_after: How many there are.
        bytes_after: How many there are.
    """

    rows: int
    files: int
    bytes: int
    files_after: int
    bytes_after: int


def worthwhile(directory: Path) -> bool:
    """Whether there are more files than their size asks for."""
    names = files(directory)
    return len(names) > max(1, -(-size(directory, names) // LARGEST))


def size(directory: Path, names: list[str]) -> int:
    """Returns how many bytes files have."""
    return sum((directory / name).stat().st_size for name in names)


def merge(root: Path, table: str, directory: Path, workshop: Workshop) -> Merged:
    """Merges the files of a directory of a table.

    Raises:
        StoredDataError: A file cannot be read, or what was made is not what was read. Nothing was changed.
        OSError: The disk is full, or not to be written.
    """
    old = files(directory)
    # What a power cut could still take back to where it came from would be there twice.
    sync(directory)
    made = workshop.new(directory)
    with _connected(workshop) as connection:
        rows = _write(connection, table, directory, old, made)
    made.chmod(directory.stat().st_mode)
    sync_tree(made)
    merged = Merged(rows, len(old), size(directory, old), len(files(made)), size(made, files(made)))
    replaced = {*old, *(f".{name}.crc" for name in old)}
    with locked(root / LOCK):
        if gone := set(old).difference(files(directory)):
            raise StoredDataError(f"{directory}: {', '.join(sorted(gone))} went away meanwhile")
        _carry_over(directory, made, replaced)
        exchange(made, directory)
        # Since the first time nothing can have come, unless from a program that does not know the lock.
        _carry_over(made, directory, replaced)
        workshop.settle(directory)
    return merged


def _carry_over(source: Path, target: Path, replaced: set[str]) -> None:
    """Puts all that is not replaced, such as files that came meanwhile, into the other directory too."""
    for path in source.iterdir():
        if path.name not in replaced and not (target / path.name).exists():
            (target / path.name).hardlink_to(path)
    sync(target)


@contextmanager
def _connected(workshop: Workshop) -> Iterator[DuckDBPyConnection]:
    try:
        with opened(workshop.path / "spill") as connection:
            yield connection
    except duckdb.Error as error:
        raise StoredDataError(one_line(str(error))) from error


def _write(connection: DuckDBPyConnection, table: str, directory: Path, names: list[str], made: Path) -> int:
    """Writes sorted files, reads them again, and returns how many rows they have."""
    # Of two types DuckDB makes one, and converts before it compares: the comparison below would see no difference.
    require_types(connection, (glob.escape(str(directory / name)) for name in names), table)
    rows = _rows(directory, names)
    # A name that was there before could be opened by one who has listed that one.
    pattern = literal(f"merged-{secrets.token_hex(4)}-{{i}}")
    connection.execute(
        f"""COPY (FROM {rows} ORDER BY {ORDER[table]}) TO {literal(str(made))}
            ({PARQUET}, FILE_SIZE_BYTES {LARGEST}, FILENAME_PATTERN {pattern})"""
    )
    before, after = (_fingerprint(connection, each) for each in (rows, _rows(made, files(made))))
    if before != after:
        raise StoredDataError(f"{directory}: merged into {made} its rows are others: {before} became {after}")
    return before[0]


def _rows(directory: Path, names: list[str]) -> str:
    listed = ", ".join(literal(glob.escape(str(directory / name))) for name in names)
    return f"read_parquet([{listed}], union_by_name = true, hive_partitioning = false)"


def _fingerprint(connection: DuckDBPyConnection, rows: str) -> tuple[int, int]:
    """How many rows there are, and what their hashes add up to: the same for the same rows in any order."""
    columns = [f'"{row[0]}"' for row in connection.execute(f"DESCRIBE FROM {rows}").fetchall()]
    found = connection.execute(f"SELECT count(*), sum(hash({', '.join(columns)})::HUGEINT) FROM {rows}").fetchone()
    return found or (0, 0)
