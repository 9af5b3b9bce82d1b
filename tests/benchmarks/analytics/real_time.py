"""Large trades by a query of their own: Spark's real-time mode, from Kafka to Kafka, with the job's checks."""

from __future__ import annotations

import argparse
from pathlib import Path

from tradestream.analytics.config import load
from tradestream.analytics.job import session
from tradestream.analytics.schema import read_trades
from tradestream.kafka import read_properties

AMOUNT = 500_000


def main() -> None:
    """Runs until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, required=True)
    config = load(parser.parse_args().config)
    kafka = {f"kafka.{key}": value for key, value in read_properties(config.kafka_client_config).items()}
    source = session(config).readStream.format("kafka").options(**kafka, subscribe=config.topic)
    messages = source.option("startingOffsets", "earliest").load()
    large = read_trades(messages, config.lateness_ms).where(f"valid and price * quantity >= {AMOUNT}")
    evidence = "named_struct('trade_id', trade_id, 'price', price, 'quantity', quantity)"
    signals = large.selectExpr(
        "concat_ws(':', exchange, symbol) as key",
        f"to_json(named_struct('exchange', exchange, 'symbol', symbol, 'evidence', {evidence})) as value",
    )
    writer = signals.writeStream.format("kafka").options(**kafka, topic=config.signals_topic).outputMode("update")
    writer = writer.option("checkpointLocation", f"{config.checkpoint}/spark")
    query = writer.trigger(realTime="30 seconds").start()  # type: ignore[call-overload] # has no stub
    query.awaitTermination()


if __name__ == "__main__":
    main()
