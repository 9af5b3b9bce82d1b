"""The pages in front of a real broker."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from integration.broker import Broker
from integration.kafka_ui.pages import Pages
from tradestream.kafka_ui.config import KafkaUiConfig
from tradestream.kafka_ui.service import application


@pytest.fixture
async def pages(kafka: Broker) -> AsyncIterator[Pages]:
    """All pages, as a browser on this machine gets them."""
    app = application(KafkaUiConfig(), {"bootstrap.servers": kafka.bootstrap})
    async with TestClient[web.Request, web.Application](TestServer(app)) as client:
        yield Pages(client)
