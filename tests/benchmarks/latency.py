"""How long a trade takes from the exchange into Kafka, at a rate far from any limit.

A consumer that waits at the topic's end looks at the clock when it gets a trade, and so does the exchange when it makes
it. Consumers get a trade once all replicas have it, which is when the broker confirms it; so the figure is an upper
bound, by what the consumer takes.
"""

from __future__ import annotations

import time
from contextlib import closing
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from confluent_kafka import Consumer, TopicPartition

from benchmarks.rows import WARM_UP
from benchmarks.run import BenchmarkError, warm
from tradestream.trade import split_time

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from benchmarks.rows import Row
    from integration.broker import Broker

RATE = 1000
SECONDS = 10
_PATIENCE_SECONDS = 20.0


def latencies(row: Row, kafka: Broker, seconds: int = SECONDS) -> Sequence[float]:
    """Returns the milliseconds that each trade of so many seconds took, after those of the warm-up.

    Raises:
        BenchmarkError: the program does not run, or a trade does not come.
    """
    trades = RATE * seconds
    with (
        warm(row, kafka, trades, RATE) as (_, ends, go),
        closing(_arrivals(kafka.bootstrap, ends.topic)) as arrivals,
    ):
        for _ in range(WARM_UP):
            next(arrivals)
        go()
        return [(at_us - made_us(value)) / 1000 for at_us, value in islice(arrivals, trades)]


def _arrivals(bootstrap: str, topic: str) -> Generator[tuple[int, bytes]]:
    """Yields each message with when it came, in microseconds since 1970."""
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "latency", "enable.auto.commit": False, "log_level": 2}
    )
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        consumer.assign([TopicPartition(topic, number, 0) for number in partitions])
        while True:
            message = consumer.poll(_PATIENCE_SECONDS)
            if message is None or message.error() is not None:
                raise BenchmarkError(f"no trade for {_PATIENCE_SECONDS:g} s in {topic}: {message and message.error()}")
            yield time.time_ns() // 1000, message.value() or b""
    finally:
        consumer.close()


def made_us(value: bytes) -> int:
    """Returns when the exchange made a trade, whoever wrote it into Kafka."""
    trade = msgspec.json.decode(value, type=dict[str, Any])
    if "trade_time" not in trade:  # cryptofeed's: seconds, exact to the millisecond
        return round(float(trade["timestamp"]) * 1000) * 1000
    milliseconds, microseconds = split_time(trade["trade_time"])
    return int(trade.get("trade_time_us") or microseconds or milliseconds * 1000)
