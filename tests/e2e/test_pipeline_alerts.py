"""Faults of the running pipeline: each fires its alert and no other. After test_pipeline.py, which has deployed it."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from urllib.parse import urlsplit

import pytest

from e2e.pipeline import Pipeline, eventually

pytestmark = pytest.mark.timeout(900)

_SIMULATOR_PORT = 9443
_PATIENCE_SECONDS = 480


@contextmanager
def stopped(host: str, unit: str, live: Pipeline) -> Iterator[None]:
    """Stop a unit for a while."""
    live.exec(host, "systemctl", "stop", unit)
    try:
        yield
    finally:
        live.exec(host, "systemctl", "start", unit)


@contextmanager
def silent(live: Pipeline) -> Iterator[None]:
    """No trade happens at the exchange."""
    _tell_the_exchange(live, "pause?seconds=900")
    try:
        yield
    finally:
        _tell_the_exchange(live, "pause?seconds=0")


def babbling(live: Pipeline) -> AbstractContextManager[None]:
    """The exchange sends what is no frame."""
    _tell_the_exchange(live, "malformed")
    return nullcontext()


def written_to(live: Pipeline) -> AbstractContextManager[None]:
    """Somebody else writes to the topic of trades."""
    live.exec("kafka1", "echo '{}' | kafka-console-producer --topic streaming-events")
    return nullcontext()


def _tell_the_exchange(live: Pipeline, what: str) -> None:
    host = urlsplit(live.address("producer metrics")).hostname
    url = f"http://{host}:{_SIMULATOR_PORT}/control/{what}"
    with urllib.request.urlopen(urllib.request.Request(url, method="POST"), timeout=10):
        pass


@pytest.mark.parametrize(
    ("fault", "alert"),
    [
        (written_to, "MessagesRejected"),
        (babbling, "FramesRejected"),
        (partial(stopped, "app1", "trade-producer"), "TargetMissing"),
        (partial(stopped, "spark1", "trade-analytics"), "AnalyticsDown"),
        (partial(stopped, "spark1", "spark-worker"), "SparkWorkerLost"),
        (silent, "FeedSilent"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_fault_fires_its_alert_and_no_other(
    live: Pipeline, fault: Callable[[Pipeline], AbstractContextManager[None]], alert: str
) -> None:
    live.lab("verify")
    eventually(lambda: alert not in _firing(live), seconds=_PATIENCE_SECONDS, what=f"{alert} is over")
    before = _firing(live)
    with fault(live):
        eventually(lambda: alert in _firing(live), seconds=_PATIENCE_SECONDS, what=alert)
        assert _firing(live) - before == {alert}


def _firing(live: Pipeline) -> set[str]:
    """The alerts that Prometheus has now, by name."""
    return {found["metric"]["alertname"] for found in live.ask_prometheus('ALERTS{alertstate="firing"}')}
