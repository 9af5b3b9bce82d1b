"""What landed, to those who read it without Spark: whether the shape of its files is right, and its trades as SQL."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from tradestream.analytics.files import Directory
from tradestream.analytics.layout import LANDED
from tradestream.analytics.local_directory import local_path
from tradestream.ask.database import by_name, listed

SHARE = "share"
SHARES = 8
"""Of a large batch the trades of each of so many shares of all series land apart, in ``share=NUMBER``.

What sorts them takes them one by one: where there are several series, more trades in the same memory, each read once.
A trade that is not of its share, as by a DuckDB that hashes otherwise, is left out, and the job stops as it is missing.
"""

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


def parquet_files(directory: str) -> list[str]:
    """The files that there are in a landing directory of this host, by its URI, as patterns for DuckDB; in order."""
    path = Path(str(local_path(directory)))
    # Not all below: of a task that failed Spark may leave pieces in directories of its own.
    files = [file for pattern in ("*.parquet", f"{SHARE}=*/*.parquet") for file in sorted(path.glob(pattern))]
    return [glob.escape(str(file)) for file in files]


def landed_rows(directories: Iterable[str]) -> str:
    """SQL for DuckDB: the trades of landing directories of this host, by their URIs, with the columns of `LANDED`."""
    return _rows(file for directory in directories for file in parquet_files(directory))


def shares(directories: Iterable[str], count: int) -> Iterator[str]:
    """As `landed_rows`, the same trades in up to so many parts, each with all of its series.

    Where any batch landed in `SHARES` there are up to that many. Of such a batch each reads only what is its own, of
    the others all.
    """
    landed = [Path(str(local_path(directory))) for directory in directories]
    divided = {each: any(each.glob(f"{SHARE}=*")) for each in landed}
    if any(divided.values()):
        count = SHARES
    for number in range(count):
        folders = [each / f"{SHARE}={number}" if divided[each] else each for each in landed]
        files = [glob.escape(str(file)) for folder in folders for file in sorted(folder.glob("*.parquet"))]
        if files:
            yield f"(FROM {_rows(files)} WHERE {share(count)} = {number})"


def share(count: int = SHARES) -> str:
    """SQL for DuckDB: which of so many shares the series of a trade is of."""
    return f"hash(exchange, symbol) % {count}"


def _rows(patterns: Iterable[str]) -> str:
    files = listed(patterns)
    # To DuckDB a timestamp of Spark's has a zone.
    columns = by_name({**LANDED, "timestamp": "timestamptz"})
    return f"(FROM read_parquet({files}, schema = {columns}, hive_partitioning = false) WHERE valid)"


def _is_whole(storage: Directory, file: str) -> bool:
    try:
        return storage.edges(file, len(_MAGIC)) == (_MAGIC, _MAGIC)
    except OSError:
        return False
