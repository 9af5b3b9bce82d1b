"""Finished files made by Spark, wherever the storage is; `local_staging` has the same of one that this host sees."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Protocol

from pyspark.sql import DataFrame, Observation, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

from tradestream.analytics.files import Directory
from tradestream.analytics.layout import DATED, LANDED, ORDER, PARTITIONS, STORED, TRADE
from tradestream.analytics.local import schema

HANDED = "handed.json"
"""Rows that the driver has, on their way to Spark."""

# Trades are sorted in so many shares a core: series are uneven, and one alone in its share is nearly sorted already.
_SORTS = 8


class Staging(Protocol):
    """Who writes the files of a staging directory: ``TABLE/PARTITION=.../part-NUMBER*.parquet``, each sorted."""

    def trades(self, landed: list[str], name: str) -> int:
        """Write the trades of landing directories, by URI, into staging directory ``name``; how many these are."""

    def rows(self, table: str, lines: Iterable[bytes], name: str) -> None:
        """Write rows of a table that the driver has, as lines of JSON, into staging directory ``name``."""

    def clear(self, name: str, emptied: Collection[str]) -> None:
        """Be done with staging directory ``name``, out of whose directories ``emptied`` the files have moved."""


class SparkStaging:
    """A `Staging`.

    Args:
        spark: Session that writes.
        root: The storage.
    """

    def __init__(self, spark: SparkSession, root: Directory) -> None:
        self._spark = spark
        self._root = root

    def trades(self, landed: list[str], name: str) -> int:
        """Write the trades of landing directories, by URI, into staging directory ``name``; how many these are."""
        read = Observation()
        rows = self._spark.read.schema(schema(LANDED)).parquet(*landed).where("valid")
        columns = rows.observe(read, F.count("*").alias("trades")).selectExpr(
            "exchange", _date("trades"), "symbol", *TRADE
        )
        shares = _SORTS * self._spark.sparkContext.defaultParallelism
        self._write(columns.repartition(shares, *PARTITIONS["trades"]), "trades", name)
        return int(read.get["trades"])

    def rows(self, table: str, lines: Iterable[bytes], name: str) -> None:
        """Write rows of a table that the driver has, as lines of JSON, into staging directory ``name``."""
        # In a file: a plan that held thousands of rows would be copied with them at each step of planning.
        self._root.write(HANDED, b"".join(lines))
        read = self._spark.read.schema(schema(STORED[table])).json(self._root.path(HANDED), mode="FAILFAST")
        self._write(read.selectExpr("*", _date(table)).coalesce(1), table, name)
        self._root.delete(HANDED)

    def clear(self, name: str, emptied: Collection[str]) -> None:  # noqa: ARG002 - none of it is used again
        """Be done with staging directory ``name``, out of whose directories ``emptied`` the files have moved."""
        self._root.delete(f"_staging/{name}")

    def _write(self, rows: DataFrame, table: str, name: str) -> None:
        partitions = PARTITIONS[table]
        writer = rows.sortWithinPartitions(*partitions, ORDER[table]).write.partitionBy(*partitions)
        writer.mode("overwrite").option("compression", "zstd").parquet(self._root.path(f"_staging/{name}/{table}"))


def _date(table: str) -> str:
    return f"date_format(timestamp_millis({DATED[table]}), 'yyyy-MM-dd') as date"
