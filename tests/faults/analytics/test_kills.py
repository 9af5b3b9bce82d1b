"""kill -9 of each part at any moment: the job goes on, and in the end all is there once."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from typing import NamedTuple

import msgspec
import pytest

from faults.analytics.flow import tick
from faults.analytics.moments import await_moment
from faults.analytics.scene import SECONDS, Scene
from tradestream.analytics.candles import Update
from tradestream.analytics.config import load
from tradestream.analytics.evidence import BigTrade
from tradestream.analytics.publish import message
from tradestream.analytics.signals import Engine, Signal
from tradestream.analytics.signals import message as signal_message
from unit.analytics.oracle import Expected, Tick

Record = Callable[[str, object], None]

pytestmark = pytest.mark.timeout(2 * SECONDS)


class Outcome(NamedTuple):
    """What there has to be in the end.

    Attributes:
        trades: Each of them.
        closed: Closed candles, in order of time for each series and interval.
        signals: Each of them.
    """

    trades: set[Tick]
    closed: list[Update]
    signals: list[Signal]


def test_it_goes_on(scene: Scene, victim: str, moment: str, record_property: Record) -> None:
    pid = scene.pid(victim)
    await_moment(moment, scene.job)
    killed = time.monotonic()
    scene.kill(pid)
    scene.goes_on()
    record_property("seconds", round(time.monotonic() - killed))
    record_property("trades", scene.job.taken())


@pytest.fixture(scope="module")
def outcome(scene: Scene) -> Outcome:
    """What there has to be when the last trade was taken."""
    sent = scene.flow.stop()
    scene.end()
    topic = [tick(value) for value in scene.job.messages(scene.job.topic)]
    assert set(topic) == set(sent), "what the broker has is what was sent"
    config = load(scene.job.config)
    wanted = Expected(config.intervals_ms, config.lateness_ms)
    for each in topic:
        wanted.batch([each])
    assert wanted.late > 0
    assert wanted.duplicates > 0
    closed = [
        Update(at.key, at.interval, candle, missing, is_closed=True)
        for at, (candle, missing) in sorted(wanted.closed.items())
    ]
    engine = Engine(config.rules, config.indicators)
    return Outcome(
        set(sent), closed, [*engine.closed(closed, lambda _key, _interval: None), *engine.traded(map(big, set(sent)))]
    )


def test_each_trade_is_stored_once(scene: Scene, outcome: Outcome, record_property: Record) -> None:
    stored = [(row["exchange"], row["symbol"], row["trade_id"]) for row in scene.job.trades()]
    record_property("trades", len(stored))
    assert_each_once(stored, ((*each.key, each.trade_id) for each in outcome.trades))


def test_each_closed_candle_is_what_its_trades_say(scene: Scene, outcome: Outcome, record_property: Record) -> None:
    stored = [(row["exchange"], row["symbol"], row["interval"], row["open_time"]) for row in scene.job.stored_candles()]
    record_property("candles", len(stored))
    wanted = {candle_at(value): value for value in (message(update).value for update in outcome.closed)}
    assert_each_once(stored, wanted)
    published = defaultdict(set)
    for value in scene.job.messages(scene.job.candles):
        if b'"is_closed":true' in value:
            published[candle_at(value)].add(value)
    # One that is published again is the same to the byte.
    assert published == {at: {value} for at, value in wanted.items()}


def test_each_signal_left_once(scene: Scene, outcome: Outcome, record_property: Record) -> None:
    published = scene.job.messages(scene.job.signals)
    record_property("signals", len(published))
    assert_each_once(published, (signal_message(each).value for each in outcome.signals))
    stored = [row["signal_id"] for row in scene.job.stored_signals()]
    assert_each_once(stored, (each.signal_id for each in outcome.signals))


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
    return BigTrade(tick.key, tick.trade_id, tick.price, tick.quantity, tick.trade_time, tick.buyer_is_maker, 0)
