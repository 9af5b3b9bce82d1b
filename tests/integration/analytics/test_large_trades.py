"""A large trade's signal from the whole job: at once, once, and only of what the job takes for a trade."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from integration.analytics.job import Job, message, trade
from integration.analytics.test_schema import AHEAD, ARRIVED
from integration.analytics.test_schema import kafka as as_messages
from integration.broker import Broker
from tradestream.analytics.indicators import IndicatorConfig
from tradestream.analytics.large_trades import LargeTrades
from tradestream.analytics.rules import AnyRule, LargeTrade
from tradestream.analytics.signals import Engine
from tradestream.analytics.signals import message as signal_message
from tradestream.trade import encode

pytestmark = pytest.mark.timeout(900)

START = 1_610_064_000_000
RULES = [{"type": "large_trade"}]
# The batch at the start is the only one before the year 2027.
NEVER = 1e8


def large(number: int) -> tuple[str, bytes]:
    return message(trade(number, START + number, "6000", "100"))


def signalled(job: Job) -> list[int]:
    return sorted(signal["evidence"]["trade_id"] for signal in job.signalled())


def stored(job: Job) -> list[int]:
    return sorted(json.loads(signal["evidence"])["trade_id"] for signal in job.stored_signals())


def change(job: Job, **changes: Any) -> None:  # noqa: ANN401
    job.config.write_text(yaml.safe_dump({**yaml.safe_load(job.config.read_text()), **changes}))


def test_it_leaves_before_any_batch_and_once_after_a_kill_and_the_batch(tmp_path: Path, kafka: Broker) -> None:
    job = Job(tmp_path, kafka, "large-trade", rules=RULES, trigger_seconds=NEVER)
    kafka.create_topics(job.topics)
    job.produce([message(trade(1, START))])
    with job:
        candles = job.until("the only batch", lambda: kafka.count(job.candles))
        job.until("the fast path", lambda: "event=fast_path_follows" in job.log())
        job.produce([large(2), large(2), large(3)])
        job.until("two signals", lambda: kafka.count(job.signals) >= 2)
        job.produce([large(4)])
        job.until("the third", lambda: kafka.count(job.signals) >= 3)
        assert signalled(job) == [2, 3, 4]
        assert job.metric("trade_to_signal_latency_seconds_count") == 3
        assert kafka.count(job.candles) == candles, "no batch has run"
        job.kill()
        change(job, trigger_seconds=1)
        job.start()
        job.until("the batch", lambda: stored(job) == [2, 3, 4])
        assert signalled(job) == [2, 3, 4]
        assert job.metric("trade_to_signal_latency_seconds_count") == 0
        job.until("the fast path", lambda: "event=fast_path_follows" in job.log())
        job.produce([large(3), large(5)])
        job.until("a duplicate", lambda: job.metric("events_duplicate_total") >= 1)
        job.until("the fifth", lambda: stored(job) == [2, 3, 4, 5])
        assert job.terminate() == 0
    assert signalled(job) == [2, 3, 4, 5]


def test_a_signal_that_cannot_leave_ends_the_job(tmp_path: Path, kafka: Broker) -> None:
    job = Job(tmp_path, kafka, "large-trade-lost", rules=RULES, trigger_seconds=NEVER)
    kafka.create_topics(job.topics)
    with job:
        job.until("the fast path", lambda: "event=fast_path_follows" in job.log())
        admin = kafka.admin()  # a client that nobody holds is ended with its requests
        admin.delete_topics([job.signals])[job.signals].result(timeout=30)
        job.produce([large(1)])
        assert job.wait() == 1
    assert "the fast path ended: topic" in job.log()


# How a message may be odd: JSON that readers differ about, or none. The first is not odd.
ODD: list[Callable[[str], str]] = [
    lambda text: text,
    lambda text: text.replace(":", ": ").replace(",", " ,\n"),
    lambda text: text[:-1] + ',"note":{"price":"1","x":[1,2]}}',
    lambda text: text[:-1] + ',"price":"7000"}',
    lambda text: text[:-1] + ',"price":7000}',
    lambda text: text[:-1] + ',"price":null}',
    lambda text: text[:-1] + ',"Price":"7000"}',
    lambda text: text[:-1] + ',"trade_id":1.5}',
    lambda text: '{"trade_id":1,' + text[1:],
    lambda text: '{"quantity":"1",' + text[1:],
    lambda text: '{"quantity":1,' + text[1:],
    lambda text: text.replace('"price"', '"pr\\u0069ce"'),
    lambda text: text.replace("BTCUSDT", "BTCUSD\\u0054"),
    lambda text: text.replace('"price"', "'price'"),
    lambda text: text.replace(':"6', ':"06'),
    lambda text: text.replace(':"6000"', ":6000"),
    lambda text: text.replace(":false", ":False"),
    lambda text: text.replace('"trade_time":', '"trade_time":0'),
    lambda text: text.replace(",", "/**/,", 1),
    lambda text: "\ufeff" + text,
    lambda text: text + " ",
    lambda text: text + "\x00",
    lambda text: text + text,
    lambda text: "[" + text + "]",
]
DAMAGE = st.one_of(st.none(), st.none(), st.tuples(st.integers(0, 1000), st.integers(0, 255)))


def value(number: int, change: Callable[[str], str], damage: tuple[int, int] | None) -> bytes:
    """The message of a large trade, odd, and perhaps with one byte that is another."""
    text = bytearray(change(encode(trade(number, START, "6000", "100")).decode()).encode())
    if damage is not None:
        text[damage[0] % len(text)] = damage[1]
    return bytes(text)


@given(st.lists(st.tuples(st.sampled_from(ODD), DAMAGE), min_size=100, max_size=100))
@settings(max_examples=6, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_the_fast_path_signals_what_a_batch_does_and_nothing_else(spark: SparkSession, drawn: list[Any]) -> None:
    from tradestream.analytics.rows import summarise  # noqa: PLC0415 - after PySpark is on the path
    from tradestream.analytics.schema import read_trades  # noqa: PLC0415

    rules: list[AnyRule] = [LargeTrade(amount=1000)]
    engine, fast_path = Engine(rules, IndicatorConfig()), LargeTrades(rules, AHEAD)
    messages = [value(number, *each) for number, each in enumerate(drawn)]
    rows = read_trades(as_messages(spark, messages), AHEAD)
    by_batch = {each.trade_id: each for each in summarise(rows.where("valid"), engine.least_amount).big}
    arrived = int(ARRIVED.timestamp() * 1000)
    for number, each in enumerate(messages):
        found = fast_path.find(each, arrived)
        assert found is not None or drawn[number] != (ODD[0], None), each
        if found is not None:
            assert found[0] == by_batch.get(number), each
            wanted = [signal_message(signal).value for signal in engine.traded([by_batch[number]])]
            assert [signal_message(signal).value for signal in found[1]] == wanted
