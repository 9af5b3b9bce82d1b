"""Finished files made by DuckDB, of a storage that this host sees: written before Spark has planned how to."""

from __future__ import annotations

import glob
import os
import tempfile
from collections.abc import Collection, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from tradestream.analytics.landed import shares
from tradestream.analytics.layout import DATED, ORDER, PARQUET, PARTITIONS, STORED, TRADE
from tradestream.ask.database import literal, names, opened

# Sorted rows stay sorted on their way into several files only where one thread writes. So there are several writers,
# which share the series, and what one connection may take.
_WRITERS = 2
_SHARE_OF_MEMORY = "256MiB"

SPARE = "_spare"
"""Directories of the last move, empty, which the next one most likely needs again.

To make and remove a thousand of them each time takes a quarter of a move of a million trades of a thousand symbols:
ext4 looks long for a free inode where many were freed a moment ago.
"""


class LocalStaging:
    """A `staging.Staging`.

    Args:
        root: The storage.
    """

    def __init__(self, root: Path) -> None:
        self._staging = root / "_staging"
        self._spare = root / SPARE

    def trades(self, landed: list[str], name: str) -> int:
        """Write the trades of landing directories, by URI, into staging directory ``name``; how many these are."""
        self._take_spare(name)
        rows = [f"SELECT exchange, symbol, {names(TRADE)} FROM {share}" for share in shares(landed, _WRITERS)]
        with ThreadPoolExecutor(_WRITERS) as pool:
            return sum(pool.map(partial(self._write, table="trades", name=name), rows))

    def rows(self, table: str, lines: Iterable[bytes], name: str) -> None:
        """Write rows of a table that the driver has, as lines of JSON, into staging directory ``name``."""
        self._take_spare(name)
        # In a file: what a query holds as one text, DuckDB unpacks all at once, beyond what it may take.
        with tempfile.NamedTemporaryFile(suffix=".json") as file:
            file.writelines(lines)
            file.flush()
            columns = ", ".join(f"{column}: {literal(kind)}" for column, kind in STORED[table].items())
            path = literal(glob.escape(file.name))
            self._write(f"FROM read_json({path}, format = 'newline_delimited', columns = {{{columns}}})", table, name)

    def clear(self, name: str, emptied: Collection[str]) -> None:
        """Be done with staging directory ``name``, out of whose directories ``emptied`` the files have moved."""
        done = self._staging / name
        for folder, _, _ in os.walk(done, topdown=False):
            # One that was not needed this time will not be the next: a symbol that went, yesterday.
            if os.path.relpath(folder, done) not in emptied:
                with suppress(OSError):  # there are others in it
                    Path(folder).rmdir()
        if done.exists():
            done.rename(self._spare)

    def _take_spare(self, name: str) -> None:
        self._staging.mkdir(parents=True, exist_ok=True)
        if self._spare.exists() and not (self._staging / name).exists():
            self._spare.rename(self._staging / name)

    def _write(self, rows: str, table: str, name: str) -> int:
        partitions = names(PARTITIONS[table])
        target = self._staging / name / table
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as scratch, opened(Path(scratch, "spill")) as connection:
            connection.execute(f"SET threads = 1; SET memory_limit = '{_SHARE_OF_MEMORY}'")
            # By the hash, as numbers are sorted faster than texts; of two directories with the same each has its order.
            written = connection.execute(
                f"""COPY (SELECT *, strftime(epoch_ms({DATED[table]}), '%Y-%m-%d') AS date FROM ({rows})
                        ORDER BY hash({partitions}), {ORDER[table]}) TO {literal(str(target))}
                    ({PARQUET}, PARTITION_BY ({partitions}),
                    FILENAME_PATTERN 'part-{{i}}', OVERWRITE_OR_IGNORE)"""
            )
            ((count,),) = written.fetchall()
            return int(count)
