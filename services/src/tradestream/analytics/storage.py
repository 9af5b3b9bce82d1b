"""Parquet that readers see whole or not at all.

    STORAGE/trades/exchange=E/date=D/symbol=S/*.parquet
    STORAGE/candles/exchange=E/interval=I/date=D/*.parquet
    STORAGE/_landing/  one directory a batch, not for readers
    STORAGE/_staging/  finished files on their way to the two above

A batch lands as it is, in a file or two. From time to time what has landed is sorted into one file per partition under
`_staging`, recorded, and renamed to where readers look. So each trade is in Parquet once, a partition gets one file
per move, and no reader meets a file that is still being written.
"""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import StructType

from tradestream.analytics.candles import Update
from tradestream.analytics.files import Directory
from tradestream.analytics.publish import fields

_TRADE = [
    "event_id",
    "trade_id",
    "price",
    "quantity",
    "trade_time",
    "trade_time_us",
    "buyer_is_maker",
    "timestamp",
    "kafka_partition",
    "kafka_offset",
]
_DATE = "date_format(timestamp_millis({0}), 'yyyy-MM-dd') as date"
_CANDLE = """exchange string, symbol string, interval string, open_time bigint, close_time bigint, open decimal(22,12),
    high decimal(22,12), low decimal(22,12), close decimal(22,12), volume decimal(38,8), quote_volume decimal(38,20),
    vwap decimal(38,18), trade_count bigint, buy_volume decimal(38,8), sell_volume decimal(38,8),
    price_change decimal(23,12), price_change_percent decimal(38,8), first_trade_id bigint, last_trade_id bigint,
    missing_trades bigint"""


class Storage:
    """The directories of one pipeline.

    Args:
        spark: Session that reads and writes them.
        uri: STORAGE above.
    """

    def __init__(self, spark: SparkSession, uri: str) -> None:
        self._spark = spark
        self.root = Directory(spark, uri)

    def land(self, trades: DataFrame, name: str) -> DataFrame:
        """Write rows as landing directory ``name``, in place of an earlier attempt's, and read them back."""
        trades.write.mode("overwrite").option("compression", "lz4_raw").parquet(self._landing(name))
        return self.landed([name], trades.schema)

    def landed(self, names: list[str], schema: StructType | None = None) -> DataFrame:
        """What landed under ``names``."""
        reader = self._spark.read if schema is None else self._spark.read.schema(schema)
        return reader.parquet(*map(self._landing, names))

    def stage(self, name: str, landed: list[str], closed: list[Update]) -> None:
        """Write landed trades and closed candles as finished files below staging directory ``name``."""
        self.root.delete(f"_staging/{name}")
        if landed:
            rows = (
                self.landed(landed).where("valid").selectExpr("exchange", _DATE.format("trade_time"), "symbol", *_TRADE)
            )
            self._write(rows, ["exchange", "date", "symbol"], "trade_id", f"{name}/trades")
        if closed:
            values = [fields(update) for update in closed]
            table = self._spark.createDataFrame([tuple(value.values()) for value in values], _CANDLE)
            self._write(
                table.selectExpr("*", _DATE.format("open_time")),
                ["exchange", "interval", "date"],
                "open_time",
                f"{name}/candles",
            )

    def move(self, name: str) -> None:
        """Bring the files of staging directory ``name`` to where readers look; can be repeated after a crash."""
        for file in self.root.files(f"_staging/{name}"):
            directory, _, base = file.rpartition("/")
            if base.startswith("part-"):
                # part-00003-<uuid>.c000.zstd.parquet: the uuid differs at each attempt, the number suffices.
                self.root.move(f"_staging/{name}/{file}", f"{directory}/{name}-{base[5:10]}.parquet")
        self.root.delete(f"_staging/{name}")

    def forget(self, names: list[str]) -> None:
        """Remove landing directories."""
        for name in names:
            self.root.delete(f"_landing/{name}")

    def clean(self, keep: list[str]) -> None:
        """Remove what earlier runs left in landing and staging, but for the landing directories ``keep``."""
        self.root.delete("_staging")
        self.forget([name for name in self.root.names("_landing") if name not in keep])

    def trades(self) -> DataFrame | None:
        """All stored trades, or None."""
        return self._read("trades")

    def candles(self) -> DataFrame | None:
        """All stored candles, or None."""
        return self._read("candles")

    def _read(self, name: str) -> DataFrame | None:
        return self._spark.read.parquet(self.root.path(name)) if self.root.names(name) else None

    def _landing(self, name: str) -> str:
        return self.root.path(f"_landing/{name}")

    def _write(self, rows: DataFrame, partitions: list[str], order: str, name: str) -> None:
        together = rows.repartition(*partitions).sortWithinPartitions(*partitions, order)
        writer = together.write.mode("overwrite").partitionBy(*partitions).option("compression", "zstd")
        writer.parquet(self.root.path(f"_staging/{name}"))
