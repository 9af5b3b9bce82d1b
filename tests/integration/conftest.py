"""Fixtures of the tests that need a real broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from integration.broker import Broker, libraries

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker for all tests of the session; each test makes topics of its own."""
    broker = Broker(libraries(), tmp_path_factory.mktemp("kafka"))
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
