"""A cluster of which a part is away: pages show the rest, and say what they do not know."""

from __future__ import annotations

from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from confluent_kafka import TopicPartition

from tradestream.errors import KafkaUnavailableError
from tradestream.kafka_ui import facts, messages, service, tail
from tradestream.kafka_ui.cluster import Bounds
from tradestream.kafka_ui.config import KafkaUiConfig
from tradestream.kafka_ui.figures import Figures
from unit.kafka_ui.admin import AWAY, Admin, cluster


async def test_a_group_whose_coordinator_is_away_takes_nothing_from_the_others() -> None:
    groups = await cluster(Admin({"lost": AWAY, "there": [TopicPartition("t", 0, 4)]})).groups()
    lost, there = facts.readers(groups, Figures(), {("t", 0): 10})
    assert (there.name, there.state, there.lag, there.trouble) == ("there", "stable", 6, "")
    assert (lost.name, lost.lag, lost.trouble) == ("lost", None, "Local: Timed out")


async def test_groups_that_a_broker_did_not_list_are_not_taken_for_none() -> None:
    assert (await cluster(Admin({}, [AWAY.args[0]])).groups()).trouble == "Local: Timed out"
    assert (await cluster(Admin({})).groups()).trouble == ""


async def test_a_group_without_a_name_takes_nothing_from_the_others() -> None:
    groups = await cluster(Admin({"": ValueError("cannot be asked for"), "there": []})).groups()
    assert [each.name for each in groups.shown] == ["there"]


async def test_a_partition_whose_leader_is_just_away_takes_nothing_from_the_others() -> None:
    bounds = await cluster(Admin(ends={("t", 0): 4, ("t", 1): AWAY})).bounds([("t", 0), ("t", 1)])
    assert bounds.end == bounds.first == {("t", 0): 4}
    with pytest.raises(KafkaUnavailableError, match="Timed out"):
        await cluster(Admin(ends={("t", 0): AWAY})).bounds([("t", 0)])


@pytest.fixture
async def client(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """The pages of a topic of two partitions: the first has no leader, that of the second does not answer."""
    partitions = {
        0: SimpleNamespace(id=0, leader=-1, replicas=[1], isrs=[]),
        1: SimpleNamespace(id=1, leader=1, replicas=[1], isrs=[1]),
    }
    admin = Admin(ends={("t", 1): 0}, topics={"t": SimpleNamespace(partitions=partitions)})
    monkeypatch.setattr(service, "Cluster", lambda _client: cluster(admin))
    monkeypatch.setattr(messages, "MOST_SECONDS", 0.2)
    app = service.application(KafkaUiConfig(), {"bootstrap.servers": "127.0.0.1:1"})
    async with TestClient[web.Request, web.Application](TestServer(app)) as client:
        yield client


async def test_a_search_says_what_it_could_not_look_at(client: TestClient[web.Request, web.Application]) -> None:
    page = await (await client.get("/topics/t/messages")).text()
    assert "not looked at: partition 0." in page
    assert "All of it was looked at" not in page


async def test_what_an_address_leaves_out_is_not_taken_for_silent(
    client: TestClient[web.Request, web.Application],
) -> None:
    for query in ({"partition": "1"}, {"older": "1:0"}, {"newer": "0:0"}):
        page = await (await client.get("/topics/t/messages", params=query)).text()
        assert ("not looked at: partition 0." in page) == ("partition" not in query)
        assert "partition 1" not in page
        assert "partitions" not in page


async def test_a_message_that_does_not_come_in_time_is_not_taken_for_none(
    client: TestClient[web.Request, web.Application],
) -> None:
    response = await client.get("/topics/t/messages/1/0")
    assert response.status == 503
    assert "nothing came within 0.2 seconds" in await response.text()


async def test_a_live_tail_goes_on_with_the_others_and_says_which_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "_TICK_SECONDS", 0.01)
    led = {number: SimpleNamespace(id=number, leader=1) for number in (0, 1)}
    admin = Admin(ends={("t", 0): 0, ("t", 1): AWAY}, topics={"t": SimpleNamespace(partitions=led)})
    coming = tail.follow(cluster(admin), {"bootstrap.servers": "127.0.0.1:1"}, "t")
    assert await anext(coming) == tail.News()
    assert await anext(coming) == tail.News(trouble="no leader answers for partition 1")
    await coming.aclose()


async def test_a_live_tail_says_what_nobody_leads_and_goes_on_with_it_once_somebody_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tail, "_TICK_SECONDS", 0.01)
    partitions = {number: SimpleNamespace(id=number, leader=1) for number in (0, 1)}
    topics = {"t": SimpleNamespace(partitions=partitions)}
    partitions[1].leader = -1
    coming = tail.follow(
        cluster(Admin(ends={("t", 0): 0, ("t", 1): 5}, topics=topics)), {"bootstrap.servers": "127.0.0.1:1"}, "t"
    )
    assert await anext(coming) == tail.News()
    assert await anext(coming) == tail.News(trouble="no leader answers for partition 1")
    partitions[1].leader = 1
    assert await anext(coming) == tail.News()
    del topics["t"]
    assert await anext(coming) == tail.News(trouble="there is no topic t")
    await coming.aclose()


def test_of_what_nobody_leads_nobody_knows_how_much_there_is() -> None:
    headless = SimpleNamespace(leader=-1, replicas=[1], isrs=[])
    led = SimpleNamespace(leader=1, replicas=[1], isrs=[1])
    found: Any = {"t": SimpleNamespace(partitions={0: led, 1: headless})}
    (topic,) = facts.topics(found, Bounds({("t", 0): 1}, {("t", 0): 8}), Figures())
    assert [each.held for each in topic.partitions] == [7, None]
    assert topic.held == 7
    (topic,) = facts.topics(found, Bounds({}, {}), Figures())
    assert topic.held is None
