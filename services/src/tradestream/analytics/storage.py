"""Parquet that readers see whole or not at all.

    STORAGE/trades/exchange=E/date=D/symbol=S/*.parquet
    STORAGE/candles/exchange=E/interval=I/date=D/*.parquet
    STORAGE/signals/exchange=E/date=D/*.parquet
    STORAGE/_landing/  one directory a batch, for a moment one with its messages too; not for readers
    STORAGE/_staging/  finished files on their way to those above
    STORAGE/_spare/    empty directories, for the next of those
    STORAGE/handed.json  candles or signals of the driver on their way to _staging/ by Spark, not for readers
    STORAGE/_compact/  what `tradestream compact` makes of them, and what it replaced; not for readers

A batch lands as it is, in a few files. From time to time what has landed is sorted into one file per partition under
`_staging`, recorded, and renamed to where readers look. So each trade is in Parquet once, a partition gets one file
per move, and no reader meets a file that is still being written.

Each step is on disk before what it was made from is deleted. A file that is broken all the same stops the job with its
name: Spark itself would pass over an empty file without a word.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from tradestream.analytics.hadoop_directory import directory
from tradestream.analytics.landed import broken
from tradestream.analytics.local import lines
from tradestream.analytics.local_directory import local_path
from tradestream.analytics.local_staging import SPARE, LocalStaging
from tradestream.analytics.signals import Signal, row
from tradestream.analytics.staging import HANDED, SparkStaging, Staging
from tradestream.analytics.state import START_AFRESH
from tradestream.errors import RepairNeededError, TransientError, cause

# Every Parquet file begins and ends with four bytes, and has the length of its footer in four bytes more.
_SHORTEST = 12


_REPLACED = "move that file and the job's checkpoint away: what it held is made again from what Kafka still holds"


# What Spark, DuckDB and the kernel say of files.
_ERRORS = (PySparkException, Py4JJavaError, duckdb.Error, OSError)


class StorageError(RepairNeededError):
    """What is stored cannot be read: says which file and what to do."""


class UnseenError(TransientError):
    """Of what was written not all is seen; nothing is shown of it, and the next start takes the batch again."""


class UnwritableError(TransientError):
    """Finished files cannot be written, as where the disk is full; the next start tries again."""


class Storage:
    """The directories of one pipeline.

    Args:
        spark: Session that reads and writes them.
        uri: STORAGE above.
    """

    def __init__(self, spark: SparkSession, uri: str) -> None:
        self._spark = spark
        self.root = directory(spark, uri)
        local = local_path(uri)
        self._staging: Staging = LocalStaging(local) if local else SparkStaging(spark, self.root)

    def require_writable(self) -> None:
        """Write into it, and have its lock for a moment: not the first move shall tell that it cannot be had.

        Raises:
            ConfigError: Either cannot be done.
        """
        self.root.require_writable()
        with self.root.locked():
            pass

    def land(self, trades: DataFrame, name: str) -> DataFrame:
        """Write rows as landing directory ``name``, in place of an earlier attempt's, and read them back."""
        self.hand_on(trades, name)
        self.sync_landed(name)
        return self.landed([name], trades.schema)

    def hand_on(self, rows: DataFrame, name: str) -> None:
        """Write rows as landing directory ``name``, which need not survive a power cut."""
        rows.write.mode("overwrite").option("compression", "lz4_raw").parquet(self.landing(name))

    def require_seen(self, name: str, seen: int, written: int) -> None:
        """Hold the rows that are seen of landing directory ``name`` against those that were written.

        Raises:
            UnseenError: They are not as many.
        """
        if seen != written:
            raise UnseenError(
                f"{self.landing(name)}: {seen} of {written} rows are seen that were written; "
                "check that this host sees the storage as the executors' hosts do"
            )

    def sync_landed(self, name: str) -> None:
        """Return when landing directory ``name`` is on disk."""
        self.root.sync(f"_landing/{name}")

    def landed(self, names: list[str], columns: StructType | str) -> DataFrame:
        """What landed under ``names``, these columns alone."""
        read = self._spark.read.option("recursiveFileLookup", value=True)  # those in shares too
        return read.schema(columns).parquet(*map(self.landing, names))

    def require_landed(self, names: list[str]) -> None:
        """Hold what landed under ``names`` against what a Parquet file looks like.

        Raises:
            StorageError: A file is torn, or a directory is gone.
        """
        if what := broken(self.root, names):
            raise StorageError(f"{what}; {START_AFRESH}")

    def stage(self, name: str, landed: list[str], trades: int, closed: list[bytes], signals: list[Signal]) -> None:
        """Write landed trades, closed candles and signals as finished files below staging directory ``name``.

        Args:
            name: The staging directory, in place of an earlier attempt's.
            landed: Landing directories.
            trades: How many trades these hold.
            closed: Candles, as lines of their messages.
            signals: Signals.

        Raises:
            StorageError: What landed cannot be read, or is not as many trades.
            UnwritableError: They cannot be written.
        """
        self.root.delete(f"_staging/{name}")
        self.require_landed(landed)
        try:
            staged = self._staging.trades([*map(self.landing, landed)], name) if landed else 0
            if closed:
                self._staging.rows("candles", closed, name)
            if signals:
                self._staging.rows("signals", lines(map(row, signals)), name)
        except _ERRORS as error:
            self._require_readable(landed)
            raise UnwritableError(
                f"{self.root.path('_staging')}: cannot be written: {cause(error)}; check that there is space left"
            ) from error
        if staged != trades:
            where = self.root.path("_landing")
            raise StorageError(f"{where}: holds {staged} trades instead of {trades}; {START_AFRESH}")
        self.root.sync(f"_staging/{name}")

    def _require_readable(self, landed: list[str]) -> None:
        """Read all that landed under these names: of an error in the midst of reading and writing, whose it was."""
        for name in landed:
            with _readable(self.landing(name), START_AFRESH):
                self._spark.read.parquet(self.landing(name)).write.format("noop").mode("overwrite").save()

    def move(self, name: str) -> None:
        """Bring the files of staging directory ``name`` to where readers look; can be repeated after a crash."""
        moved = []
        with self.root.locked():
            for file in self.root.files(f"_staging/{name}"):
                directory, _, base = file.rpartition("/")
                # Of Spark's part-00003-<uuid>.c000.zstd.parquet the uuid differs at each attempt; the number suffices.
                if part := re.match(r"part-(\d+)", base):
                    moved.append(f"{directory}/{name}-{part[1]:>05}.parquet")
                    self.root.move(f"_staging/{name}/{file}", moved[-1])
            self.root.sync(*moved)
        self._staging.clear(name, {target.rpartition("/")[0] for target in moved})

    def forget(self, names: list[str]) -> None:
        """Remove landing directories."""
        for name in names:
            self.root.delete(f"_landing/{name}")

    def clean(self, keep: list[str]) -> None:
        """Remove what earlier runs left in landing and staging, but for the landing directories ``keep``."""
        self.root.delete(HANDED)
        self.root.delete("_staging")
        self.root.delete(SPARE)
        self.forget([name for name in self.root.names("_landing") if name not in keep])

    def trades(self) -> DataFrame | None:
        """All stored trades, or None; see `reading`."""
        return self._read("trades")

    def candles(self) -> DataFrame | None:
        """All stored candles, or None; see `reading`."""
        return self._read("candles")

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While `trades` and `candles` are read.

        Raises:
            StorageError: A file cannot be read.
        """
        with self.root.locked(), _readable(self.root.uri, _REPLACED):
            yield

    def _read(self, name: str) -> DataFrame | None:
        if not self.root.names(name):
            return None
        path = self.root.path(name)
        files = self._spark.read.format("binaryFile").option("pathGlobFilter", "*.parquet").load(path)
        for torn in files.where(f"length < {_SHORTEST}").select("path").head(1):
            raise StorageError(f"{torn.path}: is no whole Parquet file; {_REPLACED}")
        return self._spark.read.parquet(path)

    def landing(self, name: str) -> str:
        """URI of landing directory ``name``."""
        return self.root.path(f"_landing/{name}")


@contextmanager
def _readable(what: str, remedy: str) -> Iterator[None]:
    """Turn an error about a file, which names it, into one that says what to do."""
    try:
        yield
    except _ERRORS as error:
        raise StorageError(f"{what}: {cause(error)}; {remedy}") from error
