"""kill -9 of each part at any moment: the job goes on, and in the end all is there once."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable

import msgspec
import pytest

from faults.analytics.flow import tick
from faults.analytics.moments import await_moment
from faults.analytics.scene import SECONDS, Scene
from tradestream.analytics.candles import Update
from tradestream.analytics.config import load
from tradestream.analytics.evidence import BigTrade
from tradestream.analytics.publish import message
from tradestream.analytics.signals import Engine
from tradestream.analytics.signals import message as signal_message
from unit.analytics.oracle import Tick, expected

pytestmark = pytest.mark.timeout(2 * SECONDS)


def test_it_goes_on(scene: Scene, victim: str, moment: str, record_property: Callable[[str, object], None]) -> None:
    pid = scene.pid(victim)
    await_moment(moment, scene.job)
    killed = time.monotonic()
    scene.kill(pid)
    scene.goes_on()
    record_property("seconds", round(time.monotonic() - killed))
    record_property("trades", scene.job.taken())


def test_all_is_there_once(scene: Scene, record_property: Callable[[str, object], None]) -> None:
    sent, job = scene.flow.stop(), scene.job
    scene.end()
    topic = [tick(value) for value in job.messages(job.topic)]
    assert set(topic) == set(sent), "what the broker has is what was sent"
    config = load(job.config)
    wanted = expected(topic, config.intervals_ms, config.lateness_ms)
    assert wanted.late > 0
    assert wanted.duplicates > 0
    updates = [
        Update(key, length, candle, is_closed=True) for (key, length, _), candle in sorted(wanted.closed.items())
    ]

    trades = [(row["exchange"], row["symbol"], row["trade_id"]) for row in job.trades()]
    assert_each_once(trades, ((*each.key, each.trade_id) for each in set(sent)))
    rows = [(row["exchange"], row["symbol"], row["interval"], row["open_time"]) for row in job.stored_candles()]
    assert_each_once(rows, (candle_at(message(update).value) for update in updates))

    published = defaultdict(set)
    for value in job.messages(job.candles):
        if b'"is_closed":true' in value:
            published[candle_at(value)].add(value)
    again = {at: values for at, values in published.items() if len(values) > 1}
    assert not again, "a candle that is published again is the same to the byte"
    assert {at: values.pop() for at, values in published.items()} == {
        candle_at(value): value for value in (message(update).value for update in updates)
    }

    engine = Engine(config.rules, config.indicators)
    signals = [*engine.closed(updates), *engine.traded({big(each) for each in topic})]
    assert_each_once(job.messages(job.signals), (signal_message(each).value for each in signals))
    assert_each_once([row["signal_id"] for row in job.stored_signals()], (each.signal_id for each in signals))
    record_property("trades", len(trades))
    record_property("candles", len(rows))
    record_property("signals", len(signals))


def assert_each_once(found: Iterable[Hashable], wanted: Iterable[Hashable]) -> None:
    """All of these and no others, each of them once."""
    counts, once = Counter(found), set(wanted)
    twice = [each for each, number in counts.items() if number > 1]
    missing, others = [each for each in once if each not in counts], [each for each in counts if each not in once]
    assert (len(twice), len(missing), len(others)) == (0, 0, 0), f"{twice[:3]=} {missing[:3]=} {others[:3]=}"


def candle_at(value: bytes) -> tuple[str, str, str, int]:
    """Which candle a message is about."""
    candle = msgspec.json.decode(value)
    return candle["exchange"], candle["symbol"], candle["interval"], candle["open_time"]


def big(tick: Tick) -> BigTrade:
    return BigTrade(tick.key, tick.trade_id, tick.price, tick.quantity, tick.trade_time, tick.buyer_is_maker)
