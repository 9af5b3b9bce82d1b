"""Finished files made by DuckDB, of a storage that this host sees: written before Spark has planned how to."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from duckdb import DuckDBPyConnection

from tradestream.analytics.landed import landed_rows
from tradestream.analytics.layout import DATED, ORDER, PARTITIONS, STORED, TRADE
from tradestream.ask.database import literal, names, opened

# Sorted rows stay sorted on their way into several files only where one thread writes. So there are several writers,
# which share the series, and what one of them may take.
_SHARES = 2
_SHARE_OF_MEMORY = "256MiB"

_encode = msgspec.json.Encoder(decimal_format="string").encode


class LocalStaging:
    """A `staging.Staging`.

    Args:
        root: The storage.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def trades(self, landed: list[str], name: str) -> int:
        """Write the trades of landing directories, by URI, into staging directory ``name``; how many these are."""
        rows = f"SELECT exchange, symbol, {names(TRADE)} FROM {landed_rows(landed)}"
        with ThreadPoolExecutor(_SHARES) as pool:
            return sum(pool.map(partial(self._share, rows, name), range(_SHARES)))

    def _share(self, rows: str, name: str, share: int) -> int:
        with opened(Path(tempfile.gettempdir(), f"{name}-{share}")) as connection:
            connection.execute(f"SET threads = 1; SET memory_limit = '{_SHARE_OF_MEMORY}'")
            mine = f"{rows} WHERE hash(exchange, symbol) % {_SHARES} = {share}"
            return self._write(connection, mine, "trades", name)

    def rows(self, table: str, rows: Iterable[Mapping[str, Any]], name: str) -> None:
        """Write rows of a table that the driver has into staging directory ``name``."""
        columns = literal(_encode([STORED[table]]).decode())
        with opened(Path(tempfile.gettempdir(), name)) as connection:
            connection.execute("SET threads = 1")
            connection.execute(
                f"CREATE TEMP TABLE handed AS SELECT unnest(from_json_strict(?, {columns}), recursive := true)",
                [_encode(list(rows)).decode()],
            )
            self._write(connection, "FROM handed", table, name)

    def _write(self, connection: DuckDBPyConnection, rows: str, table: str, name: str) -> int:
        partitions = names(PARTITIONS[table])
        target = self._root / "_staging" / name / table
        target.mkdir(parents=True, exist_ok=True)
        found = connection.execute(
            f"""COPY (SELECT *, strftime(epoch_ms({DATED[table]}), '%Y-%m-%d') AS date FROM ({rows})
                    ORDER BY {partitions}, {ORDER[table]}) TO {literal(str(target))}
                (FORMAT parquet, PARQUET_VERSION v2, COMPRESSION zstd, PARTITION_BY ({partitions}),
                FILENAME_PATTERN 'part-{{i}}', OVERWRITE_OR_IGNORE)"""
        ).fetchone()
        return int(found[0]) if found else 0
