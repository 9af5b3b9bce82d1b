"""Who may ask for what, with no broker to be had."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from tradestream.kafka_ui import guard
from tradestream.kafka_ui.config import KafkaUiConfig
from tradestream.kafka_ui.guard import MOST_REQUESTS, Slots
from tradestream.kafka_ui.service import application

Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = application(KafkaUiConfig(names=("kafka.example.org",)), {"bootstrap.servers": "127.0.0.1:1"})
    async with Client(TestServer(app)) as client:
        yield client


@pytest.mark.parametrize("host", ["localhost", "localhost:8080", "127.0.0.1:8080", "[::1]:8080", "kafka.example.org"])
async def test_its_own_names_are_answered(client: Client, host: str) -> None:
    assert (await client.get("/static/style.css", headers={"Host": host})).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "localhost.evil", ""])
async def test_a_name_that_a_stranger_had_point_here_is_refused(client: Client, host: str) -> None:
    response = await client.get("/static/style.css", headers={"Host": host})
    assert response.status == 421
    assert "font:" not in await response.text()


def test_nothing_can_be_done_but_read(client: Client) -> None:
    assert client.app is not None
    methods = {route.method for route in client.app.router.routes()}
    assert methods == {"GET", "HEAD"}


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
async def test_another_method_is_refused(client: Client, method: str) -> None:
    response = await client.request(method, "/topics")
    assert response.status == 405
    assert response.headers["Allow"] == "GET,HEAD"


async def test_every_answer_says_what_browsers_may_do_with_it(client: Client) -> None:
    for path in ("/static/style.css", "/static/tail.js", "/nowhere", "/topics"):
        headers = (await client.get(path)).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers
        assert "Server" not in headers


async def test_kafka_that_is_away_is_said_in_time(client: Client) -> None:
    for path in ("/", "/topics/candles", "/topics/candles/messages", "/topics/candles/events", "/readers"):
        began = time.monotonic()
        response = await client.get(path)
        assert response.status == 503
        assert "Kafka does not answer" in await response.text()
        assert time.monotonic() - began < 4
    assert (await client.get("/", params={"format": "json"})).content_type == "application/json"


async def test_so_many_at_once_and_no_more() -> None:
    slots = Slots(MOST_REQUESTS, "requests")
    for _ in range(MOST_REQUESTS):
        slots.__enter__()
    with pytest.raises(web.HTTPServiceUnavailable, match="Service Unavailable"), slots:
        pass
    slots.__exit__()
    with slots:
        pass


@pytest.mark.parametrize("path", ["/topics/events", "/topics/a%2Fevents", "/events", "/topics/candles"])
async def test_only_a_live_tail_gets_in_beside_the_others(monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    monkeypatch.setattr(guard, "MOST_REQUESTS", 0)
    app = application(KafkaUiConfig(), {"bootstrap.servers": "127.0.0.1:1"})
    async with Client(TestServer(app)) as full:
        assert "0 requests are at work" in await (await full.get(path)).text()
        assert "Kafka does not answer" in await (await full.get("/topics/candles/events")).text()


async def test_what_an_address_says_is_shown_as_text(client: Client) -> None:
    page = await (await client.get("/topics/x/messages", params={"offset": "<script>alert(1)</script>"})).text()
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
