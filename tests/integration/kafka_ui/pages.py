"""Reading pages in tests, and filling topics for them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient
from confluent_kafka import Producer

from integration.broker import Broker


class Pages:
    """Pages, as people and as scripts read them."""

    def __init__(self, client: TestClient[web.Request, web.Application]) -> None:
        self.client = client

    async def get(self, path: str, **query: object) -> ClientResponse:
        """Asks for an address."""
        return await self.client.get(path, params={name: str(value) for name, value in query.items()})

    async def html(self, path: str, **query: object) -> str:
        """Returns a page that is there."""
        response = await self.get(path, **query)
        text = await response.text()
        assert response.status == 200, text
        return text

    async def json(self, path: str, **query: object) -> Any:  # noqa: ANN401 - JSON
        """Returns the data of a page that is there."""
        response = await self.get(path, **query, format="json")
        data = await response.json()
        assert response.status == 200, data
        return data

    async def offsets(self, topic: str, **query: object) -> list[tuple[int, int]]:
        """Returns partition and offset of the messages that a search finds."""
        found = await self.json(f"/topics/{topic}/messages", **query)
        return [(each["partition"], each["offset"]) for each in found["found"]["messages"]]


def fill(kafka: Broker, topic: str, messages: Iterable[tuple[int, bytes | None, bytes | None, int]]) -> None:
    """Sends messages: partition, key, value and time in milliseconds since 1970."""
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "queue.buffering.max.messages": 1_000_000})
    for partition, key, value, time in messages:
        producer.produce(topic, value, key, partition, timestamp=time)
    assert producer.flush(60) == 0
