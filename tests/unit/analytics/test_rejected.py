from __future__ import annotations

import logging

import pytest
from prometheus_client import CollectorRegistry, Counter

from tradestream.analytics.rejected import Rejected

REASONS = ["price is missing", "price is not a string"]


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def rejected(registry: CollectorRegistry) -> Rejected:
    return Rejected(Counter("rejected", "messages", ("reason",), registry=registry), REASONS)


def test_each_reason_has_a_series_before_it_is_met(registry: CollectorRegistry, rejected: Rejected) -> None:
    assert [registry.get_sample_value("rejected_total", {"reason": reason}) for reason in REASONS] == [0, 0]
    rejected.tell([("price is missing", 3)])
    assert [registry.get_sample_value("rejected_total", {"reason": reason}) for reason in REASONS] == [3, 0]


def test_a_reason_is_logged_once_in_ten_minutes_and_a_new_one_at_once(
    rejected: Rejected, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("tradestream.analytics.rejected.time.monotonic", lambda: now)
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            rejected.tell([("price is missing", 3)])
        rejected.tell([("price is missing", 1), ("price is not a string", 2)])
        now += 601
        rejected.tell([("price is missing", 5)])
    assert caplog.messages == [
        'rejected reason="price is missing" messages=3',
        'rejected reason="price is not a string" messages=2',
        'rejected reason="price is missing" messages=5',
    ]
