"""Topics of many partitions: an address says of each where to go on."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from aiohttp import ClientSession, web
from aiohttp.test_utils import TestClient, TestServer

from tradestream.config import Address
from tradestream.errors import ConfigError
from tradestream.kafka_ui import question, service
from tradestream.kafka_ui.config import KafkaUiConfig
from unit.kafka_ui.admin import Admin, cluster

FARTHEST = 10**18 - 1
EACH = {100_000 + number: FARTHEST for number in range(question.MOST_PARTITIONS)}
WIDEST_KEY = "\N{LINEAR B SYLLABLE B008 A}" * 1000


def test_an_address_says_of_2000_partitions_where_to_go_on() -> None:
    assert len(EACH) == 2000
    assert question.read({"older": question.written(EACH)}).older == EACH
    with pytest.raises(ConfigError, match="older: is no list of offsets"):
        question.read({"older": question.written({**EACH, 0: 0})})


async def test_the_longest_address_that_a_page_links_to_is_answered() -> None:
    app = service.application(KafkaUiConfig(), {"bootstrap.servers": "127.0.0.1:1"})
    async with service.serving(app, Address(address="127.0.0.1", port=0)) as port, ClientSession() as session:
        query = {"key": WIDEST_KEY, "older": question.written(EACH)}
        async with session.get(f"http://127.0.0.1:{port}/topics/{'t' * 249}/messages", params=query) as response:
            assert len(response.url.raw_path_qs) > 60_000
            assert response.status == 503
            assert "Kafka does not answer" in await response.text()


@pytest.mark.parametrize(("partitions", "status"), [(2000, 200), (2001, 400)])
async def test_a_topic_of_more_is_searched_one_partition_at_a_time(
    monkeypatch: pytest.MonkeyPatch, partitions: int, status: int
) -> None:
    led = {number: SimpleNamespace(id=number, leader=1) for number in range(partitions)}
    ends = {("t", number): 0 for number in led}
    admin = Admin(ends=ends, topics={"t": SimpleNamespace(partitions=led)})
    monkeypatch.setattr(service, "Cluster", lambda _client: cluster(admin))
    app = service.application(KafkaUiConfig(), {"bootstrap.servers": "127.0.0.1:1"})
    async with TestClient[web.Request, web.Application](TestServer(app)) as client:
        response = await client.get("/topics/t/messages")
        assert response.status == status
        assert ("choose one on its page" in await response.text()) == (status == 400)
        assert (await client.get("/topics/t/messages", params={"partition": 7})).status == 200
