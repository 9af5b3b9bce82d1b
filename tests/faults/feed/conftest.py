"""The broker of the integration tests serves here too."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from faults.feed.truth import Record
from integration.broker import Broker
from integration.conftest import kafka

__all__ = ["kafka"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--outage-seconds", type=float, default=20.0, help="how long a broker is away (%(default)s)")


@pytest.fixture
def record(record_property: Callable[[str, object], None]) -> Record:
    """The test's row of the table."""
    return Record(record_property)


@pytest.fixture
def topic(request: pytest.FixtureRequest, kafka: Broker) -> str:
    """A topic of the test's own, with its dead-letter topic."""
    name = re.sub(r"[^a-zA-Z0-9]+", "-", request.node.name).strip("-")
    kafka.create_topics([name, f"{name}-dlq"])
    return name
