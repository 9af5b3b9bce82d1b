"""What pages say of a cluster."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from confluent_kafka import Consumer, TopicPartition

from integration.broker import Broker
from integration.kafka_ui.pages import Pages, fill
from tradestream.kafka_ui.config import KafkaUiConfig
from tradestream.kafka_ui.service import application


async def test_the_overview_says_what_there_is(kafka: Broker, pages: Pages) -> None:
    kafka.create_topics(["ui-overview"], partitions=4)
    fill(kafka, "ui-overview", [(0, b"a", b"1", 1_000), (0, b"a", b"2", 2_000), (3, b"b", b"3", 3_000)])
    cluster = (await pages.json("/"))["cluster"]
    (broker,) = cluster["brokers"]
    assert broker["is_up"]
    assert broker["address"] == kafka.bootstrap
    assert broker["behind"] == 0
    (topic,) = [each for each in cluster["topics"] if each["name"] == "ui-overview"]
    assert topic["held"] == 3
    assert [each["end"] for each in topic["partitions"]] == [2, 0, 0, 1]
    assert all(each["leader"] == 1 and each["in_sync"] == [1] for each in topic["partitions"])
    for path in ("/", "/topics", "/topics/ui-overview"):
        assert "ui-overview" in await pages.html(path) or path == "/"


async def test_readers_are_shown_with_what_they_have_not_read(kafka: Broker, pages: Pages) -> None:
    kafka.create_topics(["ui-readers"], partitions=2)
    fill(kafka, "ui-readers", [(number % 2, None, b"x", 1_000) for number in range(20)])
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": "ui-reader", "enable.auto.commit": False})
    consumer.commit(
        offsets=[TopicPartition("ui-readers", 0, 4), TopicPartition("ui-readers", 1, 10)], asynchronous=False
    )
    consumer.close()
    readers = (await pages.json("/readers"))["readers"]
    (reader,) = [each for each in readers if each["name"] == "ui-reader"]
    assert reader["lag"] == 6
    assert [(each["partition"], each["at"], each["lag"]) for each in reader["readings"]] == [(0, 4, 6), (1, 10, 0)]
    assert "ui-reader" in await pages.html("/readers")


METRICS = """\
kafka_log_log_size_bytes{partition="0",topic="ui-job",} 4096.0
kafka_server_raft_current_leader 1.0
stream_position_offset{partition="0",topic="ui-job"} 7.0
stream_position_offset{partition="5",topic="ui-job"} 7.0
"""


async def test_the_spark_job_is_a_reader_as_its_metrics_say(kafka: Broker) -> None:
    kafka.create_topics(["ui-job"], partitions=1)
    fill(kafka, "ui-job", [(0, None, b"x", 1_000)] * 10)
    metrics = web.Application()

    async def say(_request: web.Request) -> web.Response:
        return web.Response(text=METRICS)

    metrics.add_routes([web.get("/metrics", say)])
    async with TestServer(metrics) as server:
        config = KafkaUiConfig(job_metrics=str(server.make_url("/metrics")))
        app = application(config, {"bootstrap.servers": kafka.bootstrap})
        async with TestClient[web.Request, web.Application](TestServer(app)) as client:
            pages = Pages(client)
            async with asyncio.timeout(20):
                while (found := await pages.json("/readers"))["is_job_silent"]:
                    pass
            job = found["readers"][0]
            assert (job["name"], job["lag"]) == ("Spark job", 3)
            assert [(each["partition"], each["at"], each["lag"]) for each in job["readings"]] == [
                (0, 7, 3),
                (5, 7, None),
            ]
            assert "Spark job" in await pages.html("/readers")
            assert (await pages.json("/topics/ui-job"))["topic"]["bytes"] == 4096
            assert (await pages.json("/"))["cluster"]["controller"] == 1


async def test_what_is_not_there_is_said(pages: Pages) -> None:
    for path, status in (
        ("/topics/nowhere", 404),
        ("/topics/nowhere/messages", 404),
        ("/topics/nowhere/events", 404),
        ("/nowhere", 404),
        ("/static/../service.py", 404),
    ):
        assert (await pages.get(path)).status == status, path
