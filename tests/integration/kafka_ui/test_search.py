"""Looking for messages by key, time and offset, never without bound."""

from __future__ import annotations

import asyncio

import pytest

from integration.broker import Broker
from integration.kafka_ui.pages import Pages, fill
from tradestream.kafka_ui import messages

HOUR = 3_600_000
BEGIN = 1_610_064_000_000  # 2021-01-08T00:00Z


@pytest.fixture(scope="module")
def topic(kafka: Broker) -> str:
    """Three partitions, one message an hour in turn; every tenth has another key."""
    kafka.create_topics(["ui-search"], partitions=3)
    fill(
        kafka,
        "ui-search",
        [(n % 3, b"rare" if n % 10 == 0 else b"often", b"%d" % n, BEGIN + n * HOUR) for n in range(300)],
    )
    return "ui-search"


async def values(pages: Pages, topic: str, **query: object) -> list[int]:
    found = await pages.json(f"/topics/{topic}/messages", **query)
    return [int(each["value"]["text"]) for each in found["found"]["messages"]]


async def test_the_newest_come_first_and_older_ones_on_further_pages(pages: Pages, topic: str) -> None:
    seen: list[int] = []
    older = ""
    while True:
        found = await pages.json(f"/topics/{topic}/messages", **({"older": older} if older else {}))
        seen += [int(each["value"]["text"]) for each in found["found"]["messages"]]
        older = found["older"]
        if not older:
            break
    assert seen == list(range(299, -1, -1))


async def test_the_newest_are_shown_whichever_partition_they_are_in(kafka: Broker, pages: Pages) -> None:
    kafka.create_topics(["ui-uneven"], partitions=3)
    old = [(n % 2, None, b"%d" % n, BEGIN + n) for n in range(200)]
    fill(kafka, "ui-uneven", [*old, *((2, None, b"%d" % n, BEGIN + n) for n in range(200, 300))])
    assert await values(pages, "ui-uneven") == list(range(299, 249, -1))
    assert await values(pages, "ui-uneven", offset=0) == list(range(50))


async def test_onwards_from_a_time_and_further_on(pages: Pages, topic: str) -> None:
    found = await pages.json(f"/topics/{topic}/messages", time="2021-01-08T10:00")
    seen = [int(each["value"]["text"]) for each in found["found"]["messages"]]
    assert seen == list(range(10, 60))
    while found["newer"]:
        found = await pages.json(f"/topics/{topic}/messages", newer=found["newer"])
        seen += [int(each["value"]["text"]) for each in found["found"]["messages"]]
    assert seen == list(range(10, 300))
    assert await values(pages, topic, time="2031-01-01") == []


async def test_onwards_from_an_offset(pages: Pages, topic: str) -> None:
    assert await pages.offsets(topic, offset=98) == [(0, 98), (1, 98), (2, 98), (0, 99), (1, 99), (2, 99)]
    assert await pages.offsets(topic, offset=98, partition=1) == [(1, 98), (1, 99)]
    assert await pages.offsets(topic, offset=100) == []


async def test_a_key_is_found_from_the_end_and_from_a_time(pages: Pages, topic: str) -> None:
    assert await values(pages, topic, key="rare") == list(range(290, -1, -10))
    assert await values(pages, topic, key="rare", time="2021-01-08T11:00") == list(range(20, 300, 10))
    assert await values(pages, topic, key="rar") == []


async def test_a_message_has_a_page_of_its_own(pages: Pages, topic: str) -> None:
    message = (await pages.json(f"/topics/{topic}/messages/1/33"))["message"]
    assert (message["value"]["text"], message["key"]["text"], message["time"]) == ("100", "rare", BEGIN + 100 * HOUR)
    assert (await pages.get(f"/topics/{topic}/messages/1/100")).status == 404
    assert (await pages.get(f"/topics/{topic}/messages/7/0")).status == 404


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ({"time": "yesterday"}, "is no time"),
        ({"offset": "-1"}, "is no number"),
        ({"offset": "1", "time": "1h"}, "not both"),
        ({"older": "0:x"}, "is no list of offsets"),
        ({"partition": "9" * 30}, "is no number"),
        ({"key": "k" * 1001}, "longer than"),
    ],
)
async def test_a_question_that_is_none_is_refused(pages: Pages, topic: str, query: dict[str, str], why: str) -> None:
    response = await pages.get(f"/topics/{topic}/messages", **query)
    assert response.status == 400
    assert why in await response.text()


async def test_a_key_that_is_not_there_ends_and_says_how_far_it_looked(kafka: Broker, pages: Pages) -> None:
    kafka.create_topics(["ui-many"], partitions=2)
    many = messages.MOST_MESSAGES + 100_000
    fill(kafka, "ui-many", [(n % 2, b"key", b"v", BEGIN + n) for n in range(many)])
    for query in ({"key": "absent"}, {"key": "absent", "offset": 0}):
        found = (await pages.json("/topics/ui-many/messages", **query))["found"]
        assert found["messages"] == []
        assert found["stopped"] == f"{messages.SHORT_SECONDS:g} seconds"
        assert found["read"] <= messages.MOST_MESSAGES
        looked = sum(each["at"] - each["begin"] for each in found["extents"])
        assert 0 < looked <= found["read"]
        text = await pages.html("/topics/ui-many/messages", **query)
        assert "Not all was looked at" in text
        assert "Go on" in text


async def test_going_on_finds_what_was_beyond(kafka: Broker, pages: Pages) -> None:
    kafka.create_topics(["ui-beyond"], partitions=1)
    many = messages.MOST_MESSAGES + 50_000
    fill(kafka, "ui-beyond", [(0, b"first" if n == 5 else b"key", b"v", BEGIN + n) for n in range(many)])
    pages_read, found = 1, await pages.json("/topics/ui-beyond/messages", key="first")
    while not found["found"]["messages"]:
        found = await pages.json("/topics/ui-beyond/messages", key="first", older=found["older"])
        pages_read += 1
    assert found["found"]["messages"][0]["offset"] == 5
    assert pages_read > 1


async def test_large_messages_are_read_within_the_budget(kafka: Broker, pages: Pages) -> None:
    kafka.create_topics(["ui-large"], partitions=1)
    fill(kafka, "ui-large", [(0, b"key", b"x" * 900_000, BEGIN + n) for n in range(150)])
    found = (await pages.json("/topics/ui-large/messages", key="absent", offset=0))["found"]
    assert found["stopped"] in ("64 MiB", f"{messages.SHORT_SECONDS:g} seconds")
    assert found["read"] * 900_000 < messages.MOST_BYTES + 1_000_000
    newest = (await pages.json("/topics/ui-large/messages"))["found"]["messages"]
    assert [each["offset"] for each in newest] == list(range(149, 99, -1))
    assert all(each["value"]["is_cut"] and len(each["value"]["text"]) <= 2048 for each in newest)
    assert len((await pages.json("/topics/ui-large/messages/0/149"))["message"]["value"]["text"]) == 900_000


async def test_searches_beyond_what_may_run_at_once_are_told_to_wait(kafka: Broker, pages: Pages) -> None:
    kafka.create_topics(["ui-busy"], partitions=1)
    fill(kafka, "ui-busy", [(0, b"key", b"v", BEGIN + n) for n in range(100_000)])
    answers = await asyncio.gather(*(pages.get("/topics/ui-busy/messages", key="absent", offset=0) for _ in range(12)))
    statuses = [answer.status for answer in answers]
    assert statuses.count(200) == 4
    assert statuses.count(503) == 8
    assert (await pages.get("/topics/ui-busy/messages")).status == 200
