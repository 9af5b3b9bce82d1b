from __future__ import annotations

import asyncio
import time
from collections import Counter

import pytest

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
