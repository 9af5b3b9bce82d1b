"""What brokers and the Spark job say in Prometheus' format."""

from __future__ import annotations

import asyncio
import time

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tradestream.kafka_ui import figures

BROKER = """\
# HELP kafka_log_log_size_bytes Attribute exposed for management
# TYPE kafka_log_log_size_bytes gauge
kafka_log_log_size_bytes{partition="0",topic="candles",} 100.0
kafka_log_log_size_bytes{partition="1",topic="candles",} 1.0E3
kafka_server_raft_current_leader 3.0
jvm_threads_current 40.0
"""
JOB = """\
stream_position_offset{partition="0",topic="streaming-events"} 4711.0
events_processed_total{exchange="binance",symbol="BTCUSDT"} 1.0
"""


def test_copies_add_up_and_each_place_says_its_part() -> None:
    found = figures.read([BROKER, BROKER, JOB, ""])
    assert found.sizes == {("candles", 0): 200, ("candles", 1): 2000}
    assert found.controller == 3
    assert found.positions == {("streaming-events", 0): 4711}


def test_a_broker_that_knows_no_controller_names_none() -> None:
    assert figures.read(["kafka_server_raft_current_leader -1.0\n"]).controller is None


def test_what_is_no_such_format_takes_nothing_from_the_others() -> None:
    assert figures.read(["<html>", f"{figures._SIZE}{{broken", BROKER]).controller == 3  # noqa: SLF001


@pytest.mark.parametrize(
    "odd",
    [
        "stream_position_offset 1.0",
        'stream_position_offset{partition="0",topic="t"} NaN',
        'stream_position_offset{partition="0",topic="t"} +Inf',
        'stream_position_offset_created{partition="0",topic="t"} 1.0',
        'kafka_log_log_size_bytes{partition="x",topic="t"} 1.0',
    ],
)
def test_a_figure_that_is_none_takes_nothing_from_the_others(odd: str) -> None:
    assert figures.read([f"{odd}\n{BROKER}", JOB]) == figures.read([BROKER, JOB])


async def test_no_page_waits_for_a_place_that_is_slow_or_away() -> None:
    asked = asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        asked.set()
        await asyncio.sleep(30)
        return web.Response()

    app = web.Application()
    app.add_routes([web.get("/metrics", slow)])
    async with TestServer(app) as server:
        watcher = figures.Watcher([str(server.make_url("/metrics")), "http://127.0.0.1:1/metrics"])
        began = time.monotonic()
        assert await watcher.figures() == figures.Figures()
        assert time.monotonic() - began < 1
        assert asked.is_set()
        await watcher.close()


async def test_a_place_that_is_away_takes_nothing_from_the_others() -> None:
    app = web.Application()

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=BROKER)

    app.add_routes([web.get("/metrics", answer)])
    async with TestServer(app) as server:
        watcher = figures.Watcher([str(server.make_url("/metrics")), "http://127.0.0.1:1/metrics"])
        deadline = time.monotonic() + 10
        while (await watcher.figures()).controller is None:
            assert time.monotonic() < deadline
        await watcher.close()
