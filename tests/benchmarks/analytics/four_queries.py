"""The shape of the job whose place this one took: four queries, each of which reads the topic for itself.

Trades to Parquet, candles of one and of five minutes, and moves of the price. Prices are doubles, nothing is checked, a
trade that comes twice counts twice, and files are left as they come; all that makes it cheaper than the job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

from benchmarks.analytics.sketch import kafka, parsed, run

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.streaming.readwriter import DataStreamWriter

    from tradestream.analytics.config import AnalyticsConfig

_AGGREGATES = [
    "min_by(price, trade_id) as open",
    "max(price) as high",
    "min(price) as low",
    "max_by(price, trade_id) as close",
    "sum(quantity) as volume",
    "sum(price * quantity) / sum(quantity) as vwap",
    "count(*) as trade_count",
]
_MOVE_PERCENT = 2


def queries(messages: DataFrame, config: AnalyticsConfig) -> dict[str, DataStreamWriter]:
    """Returns the four by their names."""
    trades = (
        parsed(messages)
        .withColumns({name: F.col(name).cast("double") for name in ("price", "quantity")})
        .withColumn("time", F.timestamp_millis("trade_time"))
        .withWatermark("time", f"{config.watermark_minutes} minutes")
    )
    moves = _candles(trades, F.window("time", "5 minutes", "1 minute"))
    return {
        "raw": trades.writeStream.format("parquet").option("path", f"{config.storage}/trades"),
        "one": _publish(_candles(trades, F.window("time", "1 minute")), config, config.candles_topic),
        "five": _publish(_candles(trades, F.window("time", "5 minutes")), config, config.candles_topic),
        "moves": _publish(moves.where(f"high > low * {1 + _MOVE_PERCENT / 100}"), config, config.signals_topic),
    }


def _candles(trades: DataFrame, window: Column) -> DataFrame:
    return trades.groupBy(window, "exchange", "symbol").agg(*map(F.expr, _AGGREGATES))


def _publish(rows: DataFrame, config: AnalyticsConfig, topic: str) -> DataStreamWriter:
    messages = rows.selectExpr("symbol as key", "to_json(struct(*)) as value")
    return messages.writeStream.format("kafka").options(**kafka(config), topic=topic).outputMode("update")


if __name__ == "__main__":
    run(queries)
