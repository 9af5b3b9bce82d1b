"""What landed, to those who read it without Spark: whether the shape of its files is right, and its trades as SQL."""

from __future__ import annotations

import glob
from collections.abc import Iterable

from tradestream.analytics.files import Directory
from tradestream.analytics.layout import LANDED
from tradestream.analytics.local_directory import local_path
from tradestream.ask.database import by_name, listed

# Every Parquet file begins and ends with this.
_MAGIC = b"PAR1"


def broken(storage: Directory, names: Iterable[str]) -> str | None:
    """What is wrong with the landing directories ``names``, None where nothing is."""
    for name in (f"_landing/{name}" for name in names):
        files = [file for file in storage.files(name) if file.endswith(".parquet")]
        if not files:
            return f"{storage.path(name)}: is gone"
        for file in files:
            if not _is_whole(storage, f"{name}/{file}"):
                return f"{storage.path(f'{name}/{file}')}: is no whole Parquet file"
    return None


def parquet_files(directory: str) -> str:
    """The pattern, to DuckDB, of the files of a landing directory of this host, by its URI."""
    return f"{glob.escape(str(local_path(directory)))}/*.parquet"


def landed_rows(directories: Iterable[str]) -> str:
    """SQL for DuckDB: the trades of landing directories of this host, by their URIs, with the columns of `LANDED`."""
    files = listed(map(parquet_files, directories))
    # To DuckDB a timestamp of Spark's has a zone.
    columns = by_name({**LANDED, "timestamp": "timestamptz"})
    return f"(FROM read_parquet({files}, schema = {columns}, hive_partitioning = false) WHERE valid)"


def _is_whole(storage: Directory, file: str) -> bool:
    try:
        return storage.edges(file, len(_MAGIC)) == (_MAGIC, _MAGIC)
    except OSError:
        return False
