"""What the other rows have in common: the job's session and the job's topic, and queries without any of its care."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from tradestream.analytics.config import AnalyticsConfig, load
from tradestream.analytics.job import session
from tradestream.kafka import read_properties

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pyspark.sql import DataFrame
    from pyspark.sql.streaming.readwriter import DataStreamWriter

_FIELDS = """event_id string, event_type string, exchange string, symbol string, price string, quantity string,
    trade_time bigint, trade_time_us bigint, timestamp string, buyer_is_maker boolean, trade_id bigint"""


def parsed(messages: DataFrame) -> DataFrame:
    """Returns what is in messages, whatever it is."""
    return messages.selectExpr(f"from_json(cast(value as string), '{_FIELDS}') as trade").selectExpr("trade.*")


def run(queries: Callable[[DataFrame, AnalyticsConfig], Mapping[str, DataStreamWriter]]) -> None:
    """Runs queries over the messages of the topic, each with a checkpoint of its own, as quickly as they go."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    config = load(parser.parse_args().config)
    spark = session(config)
    messages = (
        spark.readStream.format("kafka")
        .options(**kafka(config))
        .option("subscribe", config.topic)
        .option("startingOffsets", "earliest")
        .option("maxOffsetsPerTrigger", config.max_offsets_per_trigger)
        .load()
    )
    for name, query in queries(messages, config).items():
        query.option("checkpointLocation", f"{config.checkpoint}/{name}").start()
    spark.streams.awaitAnyTermination()


def kafka(config: AnalyticsConfig) -> dict[str, str]:
    """Returns Spark's options of the cluster."""
    return {f"kafka.{key}": value for key, value in read_properties(config.kafka_client_config).items()}
