"""The fast path with a real broker: what it signals, what it leaves to the batches, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from integration.analytics.job import trade
from integration.broker import Broker
from integration.programs import wait_for
from tradestream import topic
from tradestream.analytics import fast_path
from tradestream.analytics.candles import Key
from tradestream.analytics.config import AnalyticsConfig
from tradestream.analytics.fast_path import FastPath, FastPathError
from tradestream.analytics.metrics import Metrics
from tradestream.analytics.rules import AnyRule, LargeTrade, PriceMove
from tradestream.analytics.sent import Sent
from tradestream.errors import DeliveryError
from tradestream.kafka import client_config
from tradestream.trade import encode

START = 1_610_064_000_000


def small(number: int) -> bytes:
    return encode(trade(number, START))


def large(number: int) -> bytes:
    return encode(trade(number, START, "6000", "100"))


class Line:
    """Topics, and a fast path between them."""

    def __init__(self, kafka: Broker, log: pytest.LogCaptureFixture, name: str, *rules: AnyRule) -> None:
        log.set_level("INFO", "tradestream.analytics.fast_path")
        self._kafka = kafka
        self._log = log
        self.metrics = Metrics()
        self.sent = Sent()
        self.config = AnalyticsConfig(
            kafka_client_config=kafka.properties,
            topic=name,
            signals_topic=f"{name}-signals",
            storage="file:///",
            checkpoint="file:///",
            rules=rules,
        )
        kafka.create_topics([self.config.topic, self.config.signals_topic])

    @contextmanager
    def followed(self, has_taken: Callable[[Key, int], bool] = lambda *_: False) -> Iterator[FastPath]:
        """Run a fast path, from when it follows the topic."""
        client = client_config(self.config.kafka_client_config)
        path = FastPath(self.config, client, self.sent, has_taken, self.metrics)
        earlier = len(self.events())
        path.start()
        try:
            wait_for("the fast path follows", lambda: self.events()[earlier:][-1:] == ["fast_path_follows"])
            yield path
        finally:
            path.stop()

    def events(self) -> list[str]:
        """All that was logged."""
        return [record.getMessage().split()[0] for record in self._log.records]

    def produce(self, values: Iterable[bytes]) -> None:
        """Put messages into one partition."""
        producer = Producer({"bootstrap.servers": self._kafka.bootstrap, "enable.idempotence": True})
        for value in values:
            producer.produce(self.config.topic, value, b"BTCUSDT")
        assert producer.flush(30) == 0

    def signalled(self, count: int) -> list[int]:
        """Wait for so many signals; return the ids of all trades that were signalled."""
        name = self.config.signals_topic
        wait_for(f"{count} signals", lambda: self._kafka.count(name) >= count)
        return sorted(signal["evidence"]["trade_id"] for signal in self.signals())

    def signals(self) -> list[dict[str, Any]]:
        """All signals on their topic."""
        client = {"bootstrap.servers": self._kafka.bootstrap}
        values = topic.read(client, self.config.signals_topic, from_beginning=True, until_end=True)
        return [msgspec.json.decode(value) for value in values]

    def skipped(self) -> float:
        """Messages that were not looked at."""
        return self.metrics.registry.get_sample_value("fast_path_skipped_total") or 0.0


MakeLine = Callable[..., Line]


@pytest.fixture
def make_line(kafka: Broker, caplog: pytest.LogCaptureFixture) -> MakeLine:
    """What makes topics of a name, for the rules that are given."""
    return partial(Line, kafka, caplog)


def test_large_trades_are_signalled_once_whatever_lies_between(make_line: MakeLine) -> None:
    line = make_line("fast-once", LargeTrade())
    line.produce([large(1)])
    taken = {3}
    with line.followed(lambda _, number: number in taken):
        poison = [b"", b"\xff\x00", b"[" * 100_000, b'{"price":"6000","quantity":"100"}', large(9)[:-1]]
        line.produce([*poison, large(2), large(2), large(3), small(4), *poison, large(5)])
        assert line.signalled(2) == [2, 5], "1 was there before, a batch has taken 3"
        line.produce([large(5), large(6)])
        assert line.signalled(3) == [2, 5, 6]


def test_one_that_was_on_the_topic_at_the_start_is_not_sent_again(make_line: MakeLine) -> None:
    line = make_line("fast-again", LargeTrade())
    with line.followed():
        line.produce([large(1)])
        line.signalled(1)
    line.sent = Sent([signal["signal_id"] for signal in line.signals()])
    with line.followed():
        line.produce([large(1), large(2)])
        assert line.signalled(2) == [1, 2]


def test_more_than_it_can_look_at_is_left_to_the_batches(make_line: MakeLine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast_path, "_MOST_A_SECOND", 2000)
    line = make_line("fast-backlog", LargeTrade())
    busy, go_on = threading.Event(), threading.Event()

    def has_taken(_key: Key, number: int) -> bool:
        if number == 0:
            busy.set()
            assert go_on.wait(60)
        return False

    with line.followed(has_taken):
        line.produce([large(0)])
        assert busy.wait(60)
        line.produce([large(number) if number in (1, 8000) else small(number) for number in range(1, 10_000)])
        go_on.set()
        wait_for("it goes to the end", line.skipped)
        line.produce([large(10_000)])
        assert line.signalled(3) == [0, 1, 10_000]
    assert 7000 <= line.skipped() <= 8000


def test_it_waits_for_a_broker_that_is_away(make_line: MakeLine, kafka: Broker) -> None:
    line = make_line("fast-away", LargeTrade())
    with line.followed():
        kafka.stop()
        try:
            wait_for("it notices", lambda: line.events()[-1] == "fast_path_waits")
        finally:
            kafka.start()
        line.produce([large(1)])
        assert line.signalled(1) == [1]
    assert line.events() == ["fast_path_follows", "fast_path_waits", "fast_path_follows"]


def test_a_failure_is_told_and_nothing_is_left_out_for_it(make_line: MakeLine) -> None:
    line = make_line("fast-failure", LargeTrade())

    def has_taken(_key: Key, _number: int) -> bool:
        raise RuntimeError("no such book")

    def fail() -> None:
        with line.followed(has_taken) as path:
            line.produce([large(1)])
            wait_for("it fails", path.check)

    with pytest.raises(FastPathError, match="no such book"):
        fail()
    with pytest.raises(DeliveryError):
        line.sent.unsent([])


def test_there_is_no_thread_where_no_rule_is_about_single_trades(make_line: MakeLine) -> None:
    line = make_line("fast-none", PriceMove())
    path = FastPath(line.config, client_config(line.config.kafka_client_config), line.sent, lambda *_: False, Metrics())
    path.start()
    assert "fast-path" not in [thread.name for thread in threading.enumerate()]
    path.check()
    path.stop()
