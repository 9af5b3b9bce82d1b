"""The pages in a browser: what a person sees, on a screen and on a phone."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from integration.broker import Broker
from integration.kafka_ui.pages import fill
from integration.programs import Program
from lab.browser import PHONE, Look, opened

_FAR_MS = 240_000
"""For a search that takes many pages, each of which a busy machine fills with a few hundred messages only."""
BEGIN = 1_610_064_000_000  # 2021-01-08T00:00Z
HOSTILE = b'<script>document.title="taken"</script><img src=x onerror=alert(1)>'
TRADE = b"""{"event_type":"trade","exchange":"binance","symbol":"BTCUSDT","price":"39432.48000000",\
"quantity":"0.00026300","trade_time":1610064000278,"timestamp":"2021-01-08T00:00:00.301877Z","buyer_is_maker":true,"trade_id":%d}"""


@pytest.fixture(scope="module")
def address(kafka: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The pages as a host serves them, with something to see."""
    kafka.create_topics(["ui-trades", "ui-hostile"], partitions=3)
    trades = [(n % 3, b"BTCUSDT" if n % 2 else b"ETHUSDT", TRADE % n, BEGIN + n * 1000) for n in range(400)]
    fill(kafka, "ui-trades", trades)
    hostile = [HOSTILE, b"\xff\xfe\x00binary", b"x" * 900_000, None, "a\u202eb\x1b[31m".encode()]
    fill(kafka, "ui-hostile", [(0, value if value is None else value[:60], value, BEGIN) for value in hostile])
    settings = {
        "listen": {"address": "127.0.0.1", "port": 0},
        "kafka_client_config": str(kafka.properties),
    }
    with Program(tmp_path_factory.mktemp("kafka-ui"), "kafka-ui", settings) as program:
        port = program.logged(r"event=kafka_ui_ready .*port=(\d+)")[1]
        yield f"http://127.0.0.1:{port}"
        assert program.terminate() == 0


def keep(page: Page, name: str) -> None:
    """Keeps a picture where KAFKA_UI_PICTURES says, for whoever wants to look."""
    if folder := os.environ.get("KAFKA_UI_PICTURES"):
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)


def test_a_person_finds_a_message_by_its_key(address: str) -> None:
    with opened() as (page, complaints):
        page.goto(address)
        expect(page.get_by_role("heading", name="Overview")).to_be_visible()
        expect(page.get_by_text("up", exact=True)).to_be_visible()
        keep(page, "overview")
        page.get_by_role("link", name="Topics", exact=True).click()
        keep(page, "topics")
        page.get_by_role("link", name="ui-trades").click()
        expect(page.get_by_role("row")).to_have_count(4)
        keep(page, "topic")
        page.get_by_role("link", name="Messages").click()
        keep(page, "messages")
        page.get_by_label("Key").fill("ETHUSDT")
        page.get_by_label("From time").fill("2021-01-08T00:05")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("table.messages tbody tr")).to_have_count(50)
        assert set(page.locator("td.key").all_inner_texts()) == {"ETHUSDT"}
        expect(page.get_by_label("Key")).to_have_value("ETHUSDT")
        keep(page, "search")
        page.locator("table.messages a").first.click()
        expect(page.locator("pre")).to_contain_text('"price": "39432.48000000"')
        keep(page, "message")
        page.get_by_role("link", name="Readers").click()
        expect(page.get_by_role("heading", name="Readers")).to_be_visible()
        keep(page, "readers")
        assert complaints == []


@pytest.fixture(scope="module")
def many(kafka: Broker) -> str:
    """A topic of more than a page looks at; the first message has a key of its own."""
    kafka.create_topics(["ui-far"], partitions=2)
    fill(kafka, "ui-far", [(n % 2, b"key" if n else b"first & last", b"v", BEGIN + n) for n in range(300_000)])
    return "/topics/ui-far/messages"


@pytest.mark.timeout(600)
def test_a_search_goes_on_by_itself_until_it_has_found_something(address: str, many: str) -> None:
    with opened() as (page, complaints):
        page.goto(address + many)
        page.get_by_label("Key").fill("first & last")
        page.get_by_role("button", name="Search").click()
        expect(page.get_by_role("button", name="Stop")).to_be_visible()
        expect(page.locator("td.key")).to_have_text("first & last", timeout=_FAR_MS)
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        expect(page.locator("#state")).to_have_text(re.compile(r"^[0-9\s]{7,9} looked at in all$"))
        expect(page.get_by_label("Key")).to_have_value("first & last")
        page.reload()
        expect(page.locator("td.key")).to_have_text("first & last")
        page.get_by_label("Key").fill("absent")
        page.get_by_label("or from offset").fill("0")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("#state")).to_have_text("300\u202f000 looked at in all", timeout=_FAR_MS)
        expect(page.get_by_role("link", name="Go on, newer")).to_have_count(0)
        assert complaints == []


def test_a_search_that_goes_on_is_stopped_where_it_is(address: str, many: str) -> None:
    held: list[Route] = []
    with opened() as (page, complaints):
        page.route(re.compile("older="), lambda route: held.append(route))  # noqa: PLW0108 - no built-in function will do
        page.goto(f"{address}{many}?key=absent")
        page.get_by_role("button", name="Stop").click()
        held.pop().continue_()
        expect(page.get_by_role("button", name="Stop")).to_be_hidden()
        expect(page.get_by_role("link", name="Go on, older")).to_be_visible()
        assert held == []
        assert complaints == []


def test_a_search_that_cannot_go_on_says_why(address: str, many: str) -> None:
    with opened() as (page, _):
        page.route(re.compile("older="), lambda route: route.fulfill(status=503, body="4 searches are at work"))
        page.goto(f"{address}{many}?key=absent")
        expect(page.locator("body")).to_have_text("4 searches are at work")


def test_what_strangers_wrote_is_only_text(address: str) -> None:
    with opened() as (page, complaints):
        page.goto(f"{address}/topics/ui-hostile/messages")
        expect(page.locator("table.messages tbody tr")).to_have_count(5)
        expect(page.locator("td.value").get_by_text('<script>document.title="taken"</script>')).to_be_visible()
        expect(page.get_by_text(r"a\u202eb\x1b[31m").first).to_be_visible()
        expect(page.locator("code.binary").first).to_contain_text("ff fe 00")
        assert page.locator("main img, main script").count() == 0
        assert page.title() == "Messages of ui-hostile · Kafka"
        keep(page, "hostile")
        page.goto(f"{address}/topics/ui-hostile/messages/0/2")
        assert len(page.locator("pre").inner_text()) == 900_000
        assert complaints == []


def test_messages_appear_while_one_looks_on(kafka: Broker, address: str) -> None:
    with opened() as (page, complaints):
        page.goto(f"{address}/topics/ui-hostile/tail")
        expect(page.locator("#state")).to_have_text("0 shown")
        fill(kafka, "ui-hostile", [(1, b"live", HOSTILE, BEGIN)])
        row = page.locator("#messages tr")
        expect(row).to_have_count(1, timeout=10_000)
        expect(row.locator(".key")).to_have_text("live")
        expect(row.locator(".value")).to_have_text(HOSTILE.decode())
        keep(page, "tail")
        page.get_by_role("button", name="Pause").click()
        expect(page.locator("#state")).to_have_text("Paused.")
        assert page.title() == "Live: ui-hostile · Kafka"
        assert complaints == []


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/topics",
        "/topics/ui-hostile",
        "/topics/ui-hostile/messages",
        "/topics/ui-hostile/messages/0/2",
        "/readers",
    ],
)
def test_a_phone_shows_all_of_it_in_the_dark_without_scripts(address: str, path: str) -> None:
    with opened(PHONE._replace(is_dark=True, scripts=False)) as (page, complaints):
        page.goto(address + path)
        assert page.locator("html").evaluate("html => html.scrollWidth") == PHONE.width
        keep(page, f"phone{path.replace('/', '-')}")
        assert complaints == []


def test_it_is_dark_where_that_is_liked(address: str) -> None:
    grounds = []
    for is_dark in (False, True):
        with opened(Look(is_dark=is_dark)) as (page, _):
            page.goto(f"{address}/topics/ui-trades/messages")
            ground = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
            grounds.append(sum(map(int, re.findall(r"\d+", ground)[:3])))
            keep(page, f"messages-{'dark' if is_dark else 'light'}")
    assert grounds[0] > 600
    assert grounds[1] < 150
