"""The three simulated exchanges, as one web application."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from tradestream.simulator.config import Connections
from tradestream.simulator.history import History
from tradestream.simulator.hub import Hub
from tradestream.simulator.service import application

SYMBOLS = ("BTCUSDT", "ETHUSDT", "BTC-USD", "ETH-USD", "BTC/USD", "DOGE/USD")


@pytest.fixture
def hub() -> Hub:
    """The exchanges' clients."""
    return Hub(SYMBOLS)


@pytest.fixture
def histories(tmp_path: Path) -> Iterator[dict[str, History]]:
    """The exchanges' logs."""
    with ExitStack() as stack:
        yield {symbol: stack.enter_context(closing(History(tmp_path, symbol))) for symbol in SYMBOLS}


@pytest.fixture
def connections() -> Connections:
    """How long things take; a test that is about time has its own."""
    return Connections()


@pytest.fixture
async def exchange(
    hub: Hub, histories: dict[str, History], connections: Connections
) -> AsyncIterator[TestClient[Any, Any]]:
    """A client of the exchanges."""
    async with TestClient(TestServer(application(hub, histories, connections))) as client:
        yield client
