from __future__ import annotations

import asyncio
import time
from collections import Counter
from types import SimpleNamespace

import pytest
from confluent_kafka import KafkaError, KafkaException

from tradestream.errors import DeliveryError
from tradestream.producer.config import ProducerConfig
from tradestream.producer.sink import KafkaSink


def of_kind(caplog: pytest.LogCaptureFixture) -> Counter[str]:
    """The warnings, by the first words of what they tell."""
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("kafka_error")]
    return Counter("down" if "brokers are down" in each else "refused" for each in told)


async def seconds_until(refused: int, sink: KafkaSink, caplog: pytest.LogCaptureFixture) -> float:
    """Takes what Kafka's client says until so many warnings of a refused connection came; how long that took."""
    caplog.clear()
    began = time.monotonic()
    serving = asyncio.create_task(sink.serve())
    async with asyncio.timeout(20):
        while of_kind(caplog)["refused"] < refused:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.01)
    serving.cancel()
    return time.monotonic() - began


async def test_a_broker_that_is_away_is_told_once_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = {"bootstrap.servers": "127.0.0.1:1"}
    with monkeypatch.context() as each:
        each.setattr("tradestream.producer.sink._TOLD_SECONDS", 0.0)
        long_enough = await seconds_until(3, KafkaSink(ProducerConfig(), away), caplog)
    sink = KafkaSink(ProducerConfig(), away)
    await seconds_until(1, sink, caplog)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(sink.serve(), long_enough)
    assert of_kind(caplog)["refused"] == 1
    assert of_kind(caplog)["down"] <= 1


class Client:
    """Kafka's client with a message to deliver; it serves as many events at each poll as it is told to."""

    events = 0

    def __init__(self, *_: object, **__: object) -> None:
        pass

    def __len__(self) -> int:
        return 1

    def produce(self, *_: object) -> None:
        """Takes a message."""

    def poll(self, _timeout: float) -> int:
        """Serves events; returns how many."""
        return self.events


class Busy(Client):
    """It confirms, or tells that no broker answers."""

    events = 1


def told(leader: int, in_sync: int) -> SimpleNamespace:
    """What brokers say of a partition with two copies."""
    partition = SimpleNamespace(leader=leader, isrs=[1, 2][:in_sync], replicas=[1, 2])
    return SimpleNamespace(topics={ProducerConfig().topic: SimpleNamespace(partitions={0: partition})})


@pytest.mark.parametrize(
    ("client", "brokers", "ends"),
    [
        (Client, told(leader=1, in_sync=2), True),
        (Client, told(leader=1, in_sync=1), False),
        (Client, told(leader=-1, in_sync=2), False),
        (Client, None, False),
        (Busy, told(leader=1, in_sync=2), False),
    ],
    ids=["brokers would take it", "a copy is missing", "no leader", "no broker", "it confirms"],
)
async def test_a_client_that_delivers_nothing_for_no_reason_ends_the_producer(
    monkeypatch: pytest.MonkeyPatch, client: type[Client], brokers: SimpleNamespace | None, *, ends: bool
) -> None:
    asked = 0

    def list_topics(*_: object) -> SimpleNamespace:
        nonlocal asked
        asked += 1
        if brokers is None:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))  # noqa: SLF001 - its only name
        return brokers

    monkeypatch.setattr("tradestream.producer.sink._STALLED_SECONDS", 0.05)
    monkeypatch.setattr("tradestream.producer.sink.Producer", client)
    monkeypatch.setattr("tradestream.producer.sink.AdminClient", lambda _: SimpleNamespace(list_topics=list_topics))
    serving = KafkaSink(ProducerConfig(), {}).serve()
    with pytest.raises(DeliveryError if ends else TimeoutError):
        await asyncio.wait_for(serving, 10 if ends else 0.5)
    assert bool(asked) is not (client is Busy)
