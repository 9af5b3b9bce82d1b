"""What is compared: programs that read the same feed, each with how it is started."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from benchmarks import peers
from tradestream.config import DEFAULT_SYMBOLS
from tradestream.exchange.binance import Binance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from integration.broker import Broker

HERE = Path(__file__).parent
WARM_UP = 1000


@dataclass(frozen=True)
class Ends:
    """Where a program reads, and where it writes.

    Attributes:
        url: the exchange.
        kafka: the broker.
        topic: the topic in it.
        folder: a directory of the program's own.
        trades: how many it shall get after the warm-up.
    """

    url: str
    kafka: Broker
    topic: str
    folder: Path
    trades: int


@dataclass(frozen=True)
class Row:
    """One program.

    Attributes:
        name: as it is chosen.
        label: as the table calls it.
        command: what starts it.
        writes: whether it writes to Kafka; else it prints how many trades it had.
        most: trades beyond these would take it too long.
    """

    name: str
    label: str
    command: Callable[[Ends], Sequence[str]]
    writes: bool = True
    most: int | None = None


def _tradestream(ends: Ends) -> Sequence[str]:
    config = ends.folder / "producer.yml"
    settings = {
        "feeds": [{"url": ends.url}],
        "kafka_client_config": str(ends.kafka.properties),
        "topic": ends.topic,
        "dead_letter_topic": f"{ends.topic}-dlq",
        "metrics": {"address": "127.0.0.1", "port": 0},
    }
    config.write_text(yaml.safe_dump(settings))
    return [sys.executable, "-m", "tradestream", "producer", "--config", str(config)]


def _floor(ends: Ends) -> Sequence[str]:
    return [sys.executable, str(HERE / "floor.py"), _streams(ends), ends.kafka.bootstrap, ends.topic]


def _receive(ends: Ends) -> Sequence[str]:
    marks = [str(WARM_UP), str(WARM_UP + ends.trades)]
    return [sys.executable, str(HERE / "receive.py"), _streams(ends), *marks]


def _await_each(ends: Ends) -> Sequence[str]:
    return [str(peers.python()), str(HERE / "await_each.py"), _streams(ends), ends.kafka.bootstrap, ends.topic]


def _cryptofeed(ends: Ends) -> Sequence[str]:
    program = [str(peers.python()), str(HERE / "cryptofeed_writer.py")]
    return [*program, ends.url, ends.kafka.bootstrap, ends.topic, *DEFAULT_SYMBOLS]


def _streams(ends: Ends) -> str:
    return Binance().stream_url(ends.url, DEFAULT_SYMBOLS, quotes=False)


ROWS = (
    Row("tradestream", "this producer", _tradestream),
    Row("floor", "websockets, msgspec, confluent-kafka, no features", _floor),
    Row("receive", "websockets alone, nothing written", _receive, writes=False),
    Row("cryptofeed", "cryptofeed's Kafka writer", _cryptofeed, most=20_000),
    Row("await-each", "aiokafka, each trade awaited", _await_each, most=20_000),
)
