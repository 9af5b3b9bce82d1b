"""Batches written by Spark, as the job stores them or into a Delta table; a line merges them. Prints figures as JSON.

Arguments: plain or delta, a directory, how many batches, how many trades each has.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession

from tradestream.analytics.config import AnalyticsConfig
from tradestream.analytics.job import session
from tradestream.analytics.layout import ORDER, PARTITIONS, TRADE
from tradestream.analytics.storage import Storage
from tradestream.compact import service
from tradestream.compact.config import CompactConfig
from tradestream.trade import EVENT_ID_SQL, event_id_parts

_DAY = 1_610_064_000_000
_MINUTE = 60_000
_SYMBOLS = 10


def batch(spark: SparkSession, number: int, trades: int) -> DataFrame:
    """A minute's trades of ten symbols, with as many digits as an exchange's."""
    first = number * trades
    return (
        spark.range(first, first + trades, numPartitions=2)
        .selectExpr(
            "'binance' as exchange",
            f"concat('SYMBOL', id % {_SYMBOLS}, 'USDT') as symbol",
            f"id div {_SYMBOLS} as trade_id",
            "cast(40000 + (rand(1) - 0.5) * 100 as decimal(22, 2)) as price",
            "cast(rand(2) as decimal(22, 5)) as quantity",
            f"{_DAY + number * _MINUTE} + (id - {first}) * {_MINUTE} div {trades} as trade_time",
            "cast(null as bigint) as trade_time_us",
            "rand(3) < 0.5 as buyer_is_maker",
            "cast(id % 6 as int) as kafka_partition",
            "id as kafka_offset",
        )
        .selectExpr("*", *event_id_parts("sha2({}, 256)", "exchange", "symbol", "trade_id"))
        .selectExpr(
            "true as valid",
            "exchange",
            "symbol",
            f"{EVENT_ID_SQL} as event_id",
            "timestamp_millis(trade_time + 50) as timestamp",
            *(
                f"cast({name} as {kind}) as {name}"
                for name, kind in TRADE.items()
                if name not in ("event_id", "timestamp")
            ),
        )
    )


class Plain:
    """As the job stores them."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self._spark = spark
        self._folder = folder

    def write(self, storage: Storage, name: str, trades: int) -> None:
        """Brings a landed batch to where readers look."""
        storage.stage(name, [name], trades, [], [])
        storage.move(name)

    def read(self) -> DataFrame:
        """All rows."""
        return self._spark.read.parquet(str(self._folder / "trades"))

    def merge(self) -> None:
        """Makes few files of many."""
        assert service.run(CompactConfig(storage=self._folder.as_uri()), time.time()) == 0

    def forget(self) -> None:
        """Nothing: what was replaced is no longer in the table."""


class Delta:
    """As a Delta table."""

    def __init__(self, spark: SparkSession, folder: Path) -> None:
        self._spark = spark
        self._table = str(folder / "trades")
        self._landed = batch(spark, 0, 1).schema

    def write(self, storage: Storage, name: str, _trades: int) -> None:
        """Appends a landed batch, with the job's columns, partitions and sort."""
        partitions = PARTITIONS["trades"]
        rows = storage.landed([name], self._landed).where("valid")
        date = "date_format(timestamp_millis(trade_time), 'yyyy-MM-dd') as date"
        together = rows.selectExpr("exchange", date, "symbol", *TRADE).repartition(*partitions)
        sorted_rows = together.sortWithinPartitions(*partitions, ORDER["trades"])
        writer = sorted_rows.write.format("delta").mode("append").partitionBy(*partitions)
        writer.option("compression", "zstd").save(self._table)

    def read(self) -> DataFrame:
        """All rows."""
        return self._spark.read.format("delta").load(self._table)

    def merge(self) -> None:
        """Makes few files of many."""
        self._spark.sql(f"OPTIMIZE delta.`{self._table}`")

    def forget(self) -> None:
        """Removes what was replaced."""
        self._spark.sql(f"VACUUM delta.`{self._table}` RETAIN 0 HOURS")


def main(kind: str, folder: Path, batches: int, trades: int) -> None:
    """Writes, waits for a line, merges."""
    spark = session(AnalyticsConfig(kafka_client_config=Path("/"), storage="file:///", checkpoint="file:///"))
    spark.sparkContext.setLogLevel("ERROR")
    storage = Storage(spark, folder.as_uri())
    format_ = Plain(spark, folder) if kind == "plain" else Delta(spark, folder)
    seconds = []
    for number in range(batches):
        name = f"batch-{number:012}"
        storage.land(batch(spark, number, trades), name)
        seconds.append(_timed(partial(format_.write, storage, name, trades)))
        storage.forget([name])
    files, mib = _size(folder / "trades")
    figures = {"batch": statistics.median(seconds), "slowest": max(seconds[1:])}
    _tell({**figures, "files": files, "mib": mib, "spark": _read(format_)})
    sys.stdin.readline()
    compaction = _timed(format_.merge)
    plain = _plain_rows(spark, folder / "trades")
    compaction += _timed(format_.forget)
    files, mib = _size(folder / "trades")
    merged = {"files_merged": files, "mib_merged": mib, "spark_merged": _read(format_)}
    _tell({"compaction": compaction, "plain_rows": plain, **merged})


def _plain_rows(spark: SparkSession, table: Path) -> int:
    """How many rows one sees who takes a directory for plain Parquet."""
    spark.conf.set("spark.databricks.delta.formatCheck.enabled", "false")
    return spark.read.parquet(str(table)).count()


def _read(format_: Plain | Delta) -> float:
    return _timed(lambda: format_.read().groupBy("symbol").agg({"*": "count", "quantity": "sum"}).collect())


def _size(table: Path) -> tuple[int, float]:
    """How many files there are with rows, and MiB of all."""
    every = [path for path in table.rglob("*") if path.is_file()]
    return len([path for path in every if path.suffix == ".parquet"]), sum(
        path.stat().st_size for path in every
    ) / 2**20


def _timed(work: Callable[[], object]) -> float:
    begun = time.monotonic()
    work()
    return time.monotonic() - begun


def _tell(figures: dict[str, float]) -> None:
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]))
