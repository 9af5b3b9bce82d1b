"""Parquet that readers see whole or not at all.

    STORAGE/trades/exchange=E/date=D/symbol=S/*.parquet
    STORAGE/candles/exchange=E/interval=I/date=D/*.parquet
    STORAGE/signals/exchange=E/date=D/*.parquet
    STORAGE/_landing/  one directory a batch, not for readers
    STORAGE/_staging/  finished files on their way to those above
    STORAGE/handed.json  candles or signals of the driver on their way to _staging/, not for readers
    STORAGE/_compact/  what `tradestream compact` makes of them, and what it replaced; not for readers

A batch lands as it is, in a file or two. From time to time what has landed is sorted into one file per partition under
`_staging`, recorded, and renamed to where readers look. So each trade is in Parquet once, a partition gets one file
per move, and no reader meets a file that is still being written.

Each step is on disk before what it was made from is deleted. A file that is broken all the same stops the job with its
name: Spark itself would pass over an empty file without a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import msgspec
from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention
from pyspark.sql.types import StructType

from tradestream.analytics.candles import Update
from tradestream.analytics.hadoop_directory import directory
from tradestream.analytics.landed import broken
from tradestream.analytics.layout import CANDLE, ORDER, PARTITIONS, SIGNAL, TRADE
from tradestream.analytics.local import schema
from tradestream.analytics.publish import fields
from tradestream.analytics.signals import Signal, row
from tradestream.analytics.state import START_AFRESH
from tradestream.errors import RepairNeededError, cause

_DATE = "date_format(timestamp_millis({0}), 'yyyy-MM-dd') as date"

# Trades are sorted in so many shares a core: series are uneven, and one alone in its share is nearly sorted already.
_SORTS = 8
# Rows that the driver has, on their way to Spark.
_HANDED = "handed.json"

# What a move needs of what landed.
_LANDED = {"valid": "boolean", "exchange": "string", "symbol": "string", **TRADE}

_encode_lines = msgspec.json.Encoder(decimal_format="string").encode_lines

# Every Parquet file begins and ends with four bytes, and has the length of its footer in four bytes more.
_SHORTEST = 12


_REPLACED = "move that file and the job's checkpoint away: what it held is made again from what Kafka still holds"


class StorageError(RepairNeededError):
    """What is stored cannot be read: says which file and what to do."""


class Storage:
    """The directories of one pipeline.

    Args:
        spark: Session that reads and writes them.
        uri: STORAGE above.
    """

    def __init__(self, spark: SparkSession, uri: str) -> None:
        self._spark = spark
        self.root = directory(spark, uri)

    def land(self, trades: DataFrame, name: str) -> DataFrame:
        """Write rows as landing directory ``name``, in place of an earlier attempt's, and read them back."""
        trades.write.mode("overwrite").option("compression", "lz4_raw").parquet(self.landing(name))
        self.root.sync(f"_landing/{name}")
        return self.landed([name], trades.schema)

    def landed(self, names: list[str], columns: StructType | str) -> DataFrame:
        """What landed under ``names``, these columns alone."""
        return self._spark.read.schema(columns).parquet(*map(self.landing, names))

    def require_landed(self, names: list[str]) -> None:
        """Hold what landed under ``names`` against what a Parquet file looks like.

        Raises:
            StorageError: A file is torn, or a directory is gone.
        """
        if what := broken(self.root, names):
            raise StorageError(f"{what}; {START_AFRESH}")

    def stage(self, name: str, landed: list[str], trades: int, closed: list[Update], signals: list[Signal]) -> None:
        """Write landed trades, closed candles and signals as finished files below staging directory ``name``.

        Args:
            name: The staging directory, in place of an earlier attempt's.
            landed: Landing directories.
            trades: How many trades these hold.
            closed: Candles.
            signals: Signals.

        Raises:
            StorageError: What landed cannot be read, or is not as many trades.
        """
        self.root.delete(f"_staging/{name}")
        if landed:
            self.require_landed(landed)
            with _readable(self.root.path("_landing"), START_AFRESH):
                self._stage_trades(name, landed, trades)
        if closed:
            self._stage_handed("candles", name, map(fields, closed), CANDLE, "open_time")
        if signals:
            self._stage_handed("signals", name, map(row, signals), SIGNAL, "time")
        self.root.sync(f"_staging/{name}")

    def _stage_trades(self, name: str, landed: list[str], trades: int) -> None:
        read = Observation()
        rows = self.landed(landed, schema(_LANDED)).where("valid").observe(read, F.count("*").alias("trades"))
        columns = rows.selectExpr("exchange", _DATE.format("trade_time"), "symbol", *TRADE)
        shares = _SORTS * self._spark.sparkContext.defaultParallelism
        self._write(columns.repartition(shares, *PARTITIONS["trades"]), "trades", name)
        if read.get["trades"] != trades:
            raise StorageError(
                f"{self.root.path('_landing')}: holds {read.get['trades']} trades instead of {trades}; {START_AFRESH}"
            )

    def _stage_handed(
        self, to: str, name: str, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str], time: str
    ) -> None:
        # In a file: a plan that held thousands of rows would be copied with them at each step of planning.
        self.root.write(_HANDED, _encode_lines(list(rows)))
        path = self.root.path(_HANDED)
        with _readable(path, START_AFRESH):
            table = self._spark.read.schema(schema(columns)).json(path, mode="FAILFAST")
            dated = table.selectExpr("*", _DATE.format(time))
            self._write(dated.coalesce(1), to, name)
        self.root.delete(_HANDED)

    def move(self, name: str) -> None:
        """Bring the files of staging directory ``name`` to where readers look; can be repeated after a crash."""
        moved = []
        with self.root.locked():
            for file in self.root.files(f"_staging/{name}"):
                directory, _, base = file.rpartition("/")
                if base.startswith("part-"):
                    # part-00003-<uuid>.c000.zstd.parquet: the uuid differs at each attempt, the number suffices.
                    moved.append(f"{directory}/{name}-{base[5:10]}.parquet")
                    self.root.move(f"_staging/{name}/{file}", moved[-1])
            self.root.sync(*moved)
        self.root.delete(f"_staging/{name}")

    def forget(self, names: list[str]) -> None:
        """Remove landing directories."""
        for name in names:
            self.root.delete(f"_landing/{name}")

    def clean(self, keep: list[str]) -> None:
        """Remove what earlier runs left in landing and staging, but for the landing directories ``keep``."""
        self.root.delete(_HANDED)
        self.root.delete("_staging")
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

    def _write(self, rows: DataFrame, to: str, name: str) -> None:
        partitions = PARTITIONS[to]
        writer = rows.sortWithinPartitions(*partitions, ORDER[to]).write.partitionBy(*partitions)
        writer.mode("overwrite").option("compression", "zstd").parquet(self.root.path(f"_staging/{name}/{to}"))


@contextmanager
def _readable(what: str, remedy: str) -> Iterator[None]:
    """Turn Spark's error about a file into one that says what to do; Spark's names the file."""
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        raise StorageError(f"{what}: {cause(error)}; {remedy}") from error
