"""DuckDB over the stored Parquet: what a question may cost, what it may touch, and what goes wrong in words."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import duckdb
from duckdb import DuckDBPyConnection

from tradestream.analytics.layout import PARTITIONS, STORED
from tradestream.ask.storage import Storage
from tradestream.errors import QueryError, StoredDataError, TradestreamError

MEMORY = "512MiB"
"""What a question may take beside the job; beyond, DuckDB sorts and groups on disk."""
_SPILL = "20GiB"
_TRIES = 3

_COLUMNS = {
    table: {name: kind for name, kind in columns.items() if name not in PARTITIONS[table]}
    for table, columns in STORED.items()
}
"""What is in a table's files; the other columns are directories."""
_TIMES = {
    "trades": "make_timestamp(coalesce(trade_time_us, trade_time * 1000))",
    "candles": "epoch_ms(open_time)",
    "signals": 'epoch_ms("time")',
}

ResultT = TypeVar("ResultT")


def database(spill: Path) -> DuckDBPyConnection:
    """A database in memory that takes no more of that than `MEMORY`, and sorts in a directory beyond.

    Args:
        spill: that directory; it is made when it is needed, where the one above is there.
    """
    # With replacements a name in SQL could mean a variable of this program. Set later, there would be a thread a core.
    config: dict[str, Any] = {"python_enable_replacements": "false", "threads": "2", "memory_limit": MEMORY}
    connection = duckdb.connect(config=config)
    for setting in (
        "TimeZone = 'UTC'",
        f"temp_directory = {literal(str(spill))}",
        "enable_progress_bar = false",
        # It would remember each path for ever, and keeps nothing of files of this host anyway.
        "enable_external_file_cache = false",
    ):
        connection.execute(f"SET {setting}")
    return connection


@contextmanager
def opened(spill: Path) -> Iterator[DuckDBPyConnection]:
    """A `database` for a while."""
    with closing(database(spill)) as connection:
        yield connection


@contextmanager
def connect(storage: Storage, scratch: Path) -> Iterator[DuckDBPyConnection]:
    """A database that can read the stored files, and do nothing else outside; it sorts in scratch."""
    # Below it: once scratch is removed, nothing comes back.
    with opened(scratch / "spill") as connection:
        directories = listed(f"{storage.root / table}" for table in PARTITIONS)
        for setting in (
            f"max_temp_directory_size = '{_SPILL}'",
            f"allowed_directories = {directories}",
            "enable_external_access = false",
        ):
            connection.execute(f"SET {setting}")
        yield connection


def create_views(connection: DuckDBPyConnection, storage: Storage) -> None:
    """Makes the views trades, candles and signals; one of what is not stored yet is empty."""
    for table, partitions in PARTITIONS.items():
        pattern = str(storage.root / table / "/".join("*" * len(partitions)) / "*.parquet")
        anything = next((storage.root / table).glob(f"{'*/' * len(partitions)}*.parquet"), None)
        source = parquet([pattern], table) if anything else _nothing(table)
        first = list(dict.fromkeys(("exchange", "symbol", *partitions)))
        apart = [*first, *(["time"] if table == "signals" else []), *(["timestamp"] if table == "trades" else [])]
        last = ", timestamp::TIMESTAMPTZ AS timestamp" if table == "trades" else ""
        connection.execute(
            f"""CREATE VIEW {table} AS SELECT {names(first)}, {_TIMES[table]}::TIMESTAMPTZ AS "time",
                * EXCLUDE ({names(apart)}){last} FROM {source}"""
        )


def lock(connection: DuckDBPyConnection) -> None:
    """Makes what `connect` has set final."""
    connection.execute("SET lock_configuration = true")


def checked(connection: DuckDBPyConnection, files: list[str], table: str) -> str:
    """Returns SQL for the rows of files, after a look at the types of their columns.

    Raises:
        StoredDataError: a column of one of them has another type.
    """
    if not files:
        return _nothing(table)
    require_types(connection, files, table)
    return parquet(files, table)


def require_types(connection: DuckDBPyConnection, files: Iterable[str], table: str) -> None:
    """Holds the columns of files or patterns against what the table is defined to have; one may lack some.

    DuckDB would convert another type without a word, and round.

    Raises:
        StoredDataError: a column has another type.
        duckdb.Error: a file cannot be read.
    """
    wanted = ", ".join(f"({literal(name)}, typeof(NULL::{kind}))" for name, kind in _COLUMNS[table].items())
    # Whether Spark's timestamps have a zone depends on how it was told to write them; they are in UTC.
    wrong = connection.execute(
        f"""SELECT file_name, name, duckdb_type, wanted
            FROM parquet_schema({listed(files)}) JOIN (VALUES {wanted}) AS defined(name, wanted) USING (name)
            WHERE duckdb_type <> wanted AND NOT (wanted = 'TIMESTAMP' AND starts_with(duckdb_type, wanted))
            ORDER BY ALL LIMIT 1"""
    ).fetchone()
    if wrong:
        file, name, kind, instead = wrong
        raise StoredDataError(
            f"{file}: its column {name} is {kind} and not {instead}, so it is of another program or version: "
            "move it away"
        )


def _nothing(table: str) -> str:
    """SQL for a table without rows that has the columns of the files."""
    types = {**_COLUMNS[table], **_partition_types(table)}
    columns = ", ".join(f'NULL::{kind} AS "{name}"' for name, kind in types.items())
    return f"(SELECT {columns} WHERE false)"


def parquet(files: Iterable[str], table: str) -> str:
    """Returns SQL for the rows of files or patterns, with the columns that directories name.

    Columns are found by name; NULL stands for one that a file does not have, as of a version that did not know it yet.
    """
    types = ", ".join(f"{literal(name)}: {literal(kind)}" for name, kind in _partition_types(table).items())
    columns = by_name(_COLUMNS[table])
    return f"read_parquet({listed(files)}, schema = {columns}, hive_partitioning = true, hive_types = {{{types}}})"


def by_name(columns: Mapping[str, str]) -> str:
    """Returns columns with their types as read_parquet takes a schema: found by name, NULL where a file has none."""
    # As union_by_name does, but that opens all files to learn what this is told, also those that a condition rules out.
    told = ", ".join(
        f"{literal(name)}: {{name: {literal(name)}, type: {literal(kind)}, default_value: NULL}}"
        for name, kind in columns.items()
    )
    return f"MAP {{{told}}}"


def _partition_types(table: str) -> dict[str, str]:
    return {name: "DATE" if name == "date" else "VARCHAR" for name in PARTITIONS[table]}


def listed(texts: Iterable[str]) -> str:
    """Returns a list of texts as SQL writes it."""
    return f"[{', '.join(map(literal, texts))}]"


def literal(text: str) -> str:
    """Returns a text as SQL writes it."""
    return f"'{text.replace(chr(39), chr(39) * 2)}'"


def columns(result: DuckDBPyConnection) -> list[str]:
    """Returns the names of a result's columns."""
    return [str(column[0]) for column in result.description or ()]


def names(columns: Iterable[str]) -> str:
    """Returns names of columns as SQL writes them."""
    return ", ".join(f'"{name}"' for name in columns)


def retried(ask: Callable[[], ResultT]) -> ResultT:
    """Asks again where a file was there when files were listed, and gone when it was to be read."""
    for left in reversed(range(_TRIES)):
        try:
            return ask()
        except duckdb.IOException as error:
            if not left or not _is_gone(error):
                raise
            time.sleep(0.1)
    raise AssertionError  # the last try has returned or raised


def _is_gone(error: duckdb.Error) -> bool:
    return isinstance(error, duckdb.IOException) and bool(re.search("No such file|No files found", str(error)))


@contextmanager
def explained(storage: Storage) -> Iterator[None]:
    """Turns DuckDB's errors into one line that says whose fault it is.

    Raises:
        StoredDataError: a file cannot be read, or there is too little memory or disk.
        QueryError: the SQL is wrong or not allowed.
    """
    try:
        yield
    except duckdb.Error as error:
        raise _error(error, storage) from error


def _error(error: duckdb.Error, storage: Storage) -> TradestreamError:
    text = one_line(str(error))
    if isinstance(error, duckdb.OutOfMemoryException):
        return StoredDataError(f"it takes more than {MEMORY} of memory and {_SPILL} of disk: ask for less at a time")
    if isinstance(error, duckdb.PermissionException):
        return QueryError(f"{text}: only the views {', '.join(PARTITIONS)} can be read, and nothing can be written")
    if _is_gone(error):
        return StoredDataError(f"{text}; files are being merged or removed: ask again")
    if str(storage.root) in text and not isinstance(error, duckdb.ParserException | duckdb.BinderException):
        return StoredDataError(f"{text}; that file is damaged: move it away to ask about the rest")
    return QueryError(text)


def one_line(message: str) -> str:
    """Returns DuckDB's message without the copy of the SQL that follows it."""
    text = re.split(r"\n+LINE \d+:", message)[0]
    return " ".join(text.split())
