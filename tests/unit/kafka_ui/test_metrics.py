"""What Prometheus is told of the pages themselves, with no broker to be had."""

from __future__ import annotations

import time

from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.parser import text_string_to_metric_families

from tradestream.kafka_ui.config import KafkaUiConfig
from tradestream.kafka_ui.service import application


async def test_prometheus_hears_that_it_lives_and_since_when() -> None:
    app = application(KafkaUiConfig(), {"bootstrap.servers": "127.0.0.1:1"})
    async with TestClient(TestServer(app)) as client:
        response = await client.get("/metrics")
        text = await response.text()
    assert response.status == 200
    told = {sample.name: sample.value for family in text_string_to_metric_families(text) for sample in family.samples}
    assert 0 < told["process_start_time_seconds"] <= time.time()
