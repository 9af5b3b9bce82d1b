"""Signals of the whole job on their topic and in Parquet: once, whatever happens to the job."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from integration.analytics.job import Job, message, trade
from integration.broker import Broker
from tradestream.trade import Trade

pytestmark = pytest.mark.timeout(900)

MINUTE = 60_000
START = 1_610_064_000_000 // MINUTE * MINUTE
RULES = [
    {"type": "price_move", "exchanges": ["binance"]},
    {"type": "large_trade", "amount": 6000},
    {"type": "cross_exchange_spread", "percent": 1},
]


def dump() -> list[Trade]:
    """Half an hour of a calm market with a move of 3 % within minute 10, and a trade of 6,000 in minute 20."""
    minutes = [(minute, 100 if minute < 10 else 103) for minute in range(30)]
    prices = [(minute * MINUTE + second * 1000, price) for minute, price in minutes for second in (1, 30)]
    return [
        trade(number, START + time, str(price), "60" if time == 20 * MINUTE + 1000 else "1")
        for number, (time, price) in enumerate(prices)
    ]


def elsewhere() -> list[Trade]:
    """The same pair on another exchange, 2 % above from minute 5 to 7; fees take a half."""
    return [
        trade(
            minute,
            START + minute * MINUTE,
            str((100 if minute < 10 else 103) + 2 * (5 <= minute <= 7)),
            exchange="kraken",
            symbol="BTC/USDT",
        )
        for minute in range(30)
    ]


def about(signals: list[dict[str, Any]]) -> list[tuple[str, str, int]]:
    return sorted((each["rule"], each["exchange"], (each["open_time"] - START) // MINUTE) for each in signals)


WANTED = [("cross_exchange_spread", "binance", 5), ("large_trade", "binance", 20), ("price_move", "binance", 10)]


def test_each_signal_leaves_once_over_kills_and_a_lost_checkpoint(tmp_path: Path, kafka: Broker) -> None:
    job = Job(tmp_path, kafka, "signals", rules=RULES, flush_seconds=3600)
    kafka.create_topics(job.topics)
    job.produce(map(message, [*dump(), *elsewhere()]))
    with job:
        job.until("the signals", lambda: kafka.count(job.signals) >= len(WANTED))
        job.until("the candles", lambda: job.metric("candles_closed_total") > 0)
        for _ in range(2):
            candles = kafka.count(job.candles)
            job.kill()
            job.start()
            # What the newest record has to publish is published again: the candles of its step, and no signal.
            job.until("candles again", lambda candles=candles: kafka.count(job.candles) > candles)
            job.until("started", lambda: "event=started" in job.log())
        assert about(job.signalled()) == WANTED
        figures = job.metric("candle_sma"), job.metric("candle_ema")
        assert all(figures)
        job.kill()
        shutil.rmtree(job.checkpoint)
        job.start()
        job.until("started", lambda: "event=started" in job.log())
        # Nothing is stored yet: the topic is read from its beginning, and every candle closes a second time.
        job.until("the same figures", lambda: job.metric("candle_ema") == figures[1])
        assert job.terminate() == 0
        assert about(job.signalled()) == WANTED
        assert about(job.stored_signals()) == WANTED
        shutil.rmtree(job.checkpoint)
        job.start()
        job.until("started", lambda: "event=started" in job.log())
        assert (job.metric("candle_sma"), job.metric("candle_ema")) == figures, "stored candles warm the indicators"
        assert job.terminate() == 0
    assert about(job.signalled()) == WANTED
    assert about(job.stored_signals()) == WANTED
    published = {each["signal_id"]: each for each in job.signalled()}
    for stored in job.stored_signals():
        stored.pop("date")
        assert {**stored, "evidence": msgspec.json.decode(stored["evidence"])} == published[stored["signal_id"]]


def test_a_record_of_a_version_without_signals_is_read() -> None:
    from tradestream.analytics.state import Record  # noqa: PLC0415 - after PySpark is on the path

    older = {"epoch": "e", "step": 7, "batch_id": 3, "outbox": [(b"key", b"value")]}
    record = msgspec.msgpack.decode(msgspec.msgpack.encode(older), type=Record)
    assert (record.step, record.outbox[0].kind, record.engine.entries, record.signals) == (7, "candle", [], [])
