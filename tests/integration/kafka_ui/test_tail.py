"""What comes, as it comes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientResponse

from integration.broker import Broker
from integration.kafka_ui.pages import Pages, fill
from tradestream.kafka_ui import tail


async def events(response: ClientResponse) -> AsyncIterator[Any]:
    """Yields the data of each event."""
    async for line in response.content:
        if line.startswith(b"data: "):
            yield json.loads(line.removeprefix(b"data: "))


async def test_only_what_comes_from_now_on_is_shown(kafka: Broker, pages: Pages) -> None:
    kafka.create_topics(["ui-tail"], partitions=2)
    fill(kafka, "ui-tail", [(0, None, b"before", 1_000)])
    response = await pages.get("/topics/ui-tail/events")
    assert response.content_type == "text/event-stream"
    coming = events(response)
    assert (await anext(coming))["messages"] == []
    await asyncio.to_thread(fill, kafka, "ui-tail", [(0, b"k", b"<b>one</b>", 2_000), (1, None, b"two", 3_000)])
    seen: list[str] = []
    async with asyncio.timeout(20):
        while len(seen) < 2:
            seen += [message["value"]["text"] for message in (await anext(coming))["messages"]]
    assert seen == ["<b>one</b>", "two"]
    response.close()


async def test_of_many_the_newest_are_shown_and_the_others_counted(kafka: Broker, pages: Pages) -> None:
    kafka.create_topics(["ui-flood"], partitions=2)
    response = await pages.get("/topics/ui-flood/events")
    coming = events(response)
    await anext(coming)
    await asyncio.to_thread(fill, kafka, "ui-flood", [(n % 2, None, b"%d" % n, n) for n in range(20_000)])
    seen: list[str] = []
    skipped = 0
    async with asyncio.timeout(20):
        while len(seen) + skipped < 20_000:
            news = await anext(coming)
            assert len(news["messages"]) <= tail.MOST_MESSAGES
            seen += [message["value"]["text"] for message in news["messages"]]
            skipped += news["skipped"]
    assert len(seen) + skipped == 20_000
    assert {"19998", "19999"} <= set(seen)
    response.close()


async def test_more_than_so_many_are_told_to_wait_until_one_has_gone(kafka: Broker, pages: Pages) -> None:
    kafka.create_topics(["ui-crowd"], partitions=1)
    crowd = [await pages.get("/topics/ui-crowd/events") for _ in range(8)]
    assert {response.status for response in crowd} == {200}
    refused = await pages.get("/topics/ui-crowd/events")
    assert refused.status == 503
    assert "8 live tails" in await refused.text()
    assert (await pages.get("/topics/ui-crowd")).status == 200
    crowd[0].close()
    async with asyncio.timeout(20):
        while (again := await pages.get("/topics/ui-crowd/events")).status == 503:
            await again.read()
    for response in (*crowd, again):
        response.close()


async def test_it_ends_by_itself_and_says_so(kafka: Broker, pages: Pages, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "MOST_SECONDS", 1.5)
    kafka.create_topics(["ui-over"], partitions=1)
    response = await pages.get("/topics/ui-over/events")
    async with asyncio.timeout(20):
        assert (await response.text()).endswith("event: over\ndata: \n\n")
