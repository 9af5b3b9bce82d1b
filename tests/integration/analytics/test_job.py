"""The whole job against a real broker: golden replay, dead letters, crashes."""

from __future__ import annotations

import csv
import random
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest

from candle import candles
from data.make_dump import KEPT
from data.shared import real
from integration.analytics.job import Job, message, trade
from integration.broker import Broker
from tradestream.analytics.candles import Key
from tradestream.trade import encode
from unit.analytics.oracle import Expected, Tick

pytestmark = pytest.mark.timeout(900)

MINUTE = 60_000


def started(folder: Path, kafka: Broker, name: str, **settings: Any) -> Job:  # noqa: ANN401
    job = Job(folder, kafka, name, **settings)
    kafka.create_topics(job.topics)
    return job


def candle_of(path: Path) -> dict[str, Any]:
    """The one-minute candle of a dump whose trades all lie in one minute, straight from its text."""
    [candle] = candles(path, minutes=1).values()
    return {"exchange": "binance", "symbol": "BTCUSDT", "interval": "1m", **candle}


def numbers(values: dict[str, Any]) -> dict[str, Any]:
    """A message with its decimals as numbers."""
    names = {"exchange", "symbol", "interval"}
    return {
        name: Decimal(value) if isinstance(value, str) and name not in names else value
        for name, value in values.items()
        if name != "is_closed"
    }


POISON = [
    (b"not json", "not a JSON object"),
    (b"[1, 2]", "not a JSON object"),
    (b"", "the message is empty"),
    (b"{}", "event_type is missing"),
    (b"\x01" * 900_000, "not a JSON object"),  # six times as long where it is escaped in a letter
]
LETTER_BYTES = 131_072


def poison() -> list[tuple[bytes, str]]:
    """Messages that are no trades, each with the reason that must be given."""
    good = msgspec.json.decode(encode(trade(1, 1_610_064_000_000)))
    changes: list[tuple[str, Any, str]] = [
        ("event_type", "ticker", "event_type is not trade"),
        ("price", None, "price is missing"),
        ("price", "0", "price is not positive"),
        ("price", "-1", "price is not a decimal"),
        ("price", "1e3", "price is not a decimal"),
        ("price", "0.1234567890123", "price is not a decimal of at most 10 integer and 12"),
        ("price", 1.5, "price is not a string"),
        ("quantity", "0.123456789", "quantity is not a decimal of at most 14 integer and 8"),
        ("quantity", "99999999999999", "price times the quantity rounded up is above 1000000000000"),
        ("trade_id", "7", "trade_id is not an integer of 0 to 4611686018427387903"),
        ("trade_id", 2**62, "trade_id is not an integer of 0 to 4611686018427387903"),
        ("trade_id", 2**63, "trade_id is not an integer of 0 to 4611686018427387903"),
        ("trade_time", 1_610_064_000, "trade_time is not an integer of milliseconds"),
        ("trade_time", 1_610_064_000_000_000, "trade_time is later than"),
        ("trade_time", 4_102_444_800_000, "trade_time is later than"),
        ("trade_time_us", "x", "trade_time_us is not"),
        ("buyer_is_maker", "yes", "buyer_is_maker is not true or false"),
        ("timestamp", "yesterday", "timestamp is not an ISO 8601 time"),
        ("timestamp", "12345-01-01T00:00:00Z", "timestamp is not an ISO 8601 time"),
        ("symbol", "../../etc", "symbol is not a name"),
    ]
    cases = [(msgspec.json.encode({**good, name: value}), reason) for name, value, reason in changes]
    return [*POISON, *cases]


@pytest.mark.parametrize("source", ["generated", "real"])
def test_a_replayed_dump_gives_its_trades_and_its_candle(tmp_path: Path, kafka: Broker, source: str) -> None:
    path = KEPT if source == "generated" else real("BTCUSDT-trades-2021-01-08.csv")
    with path.open() as file:
        rows = list(csv.reader(file))
    trades = [trade(int(row[0]), int(row[4]), row[1], row[2], buyer_is_maker=row[5] == "True") for row in rows]
    wanted = candle_of(path)
    poisoned = poison()
    job = started(tmp_path, kafka, f"golden-{source}")
    messages = [message(each) for each in trades]
    job.produce([*messages[:700], *(("BTCUSDT", value) for value, _ in poisoned), *messages[500:]])
    with job:
        job.until("2,001 trades in Parquet", lambda: len(job.trades()) >= 2001)
        job.produce([message(trade(trades[-1].trade_id + 1, int(wanted["open_time"]) + 20 * MINUTE))])
        job.until("candles in Parquet", lambda: len(job.stored_candles()) == 2)
        assert job.metric("events_duplicate_total") == 200
        assert job.metric("events_processed_total") == 2002
        assert job.metric("events_rejected_total") == len(poisoned)
        assert 'rejected reason="price is missing" messages=1' in job.log()
        assert job.terminate() == 0
    stored = {row["trade_id"]: row for row in job.trades()}
    assert len(job.trades()) == len(stored) == 2002
    for each in trades:
        row = stored[each.trade_id]
        assert (row["event_id"], row["price"], row["quantity"], row["trade_time"], row["buyer_is_maker"]) == (
            each.event_id,
            Decimal(each.price),
            Decimal(each.quantity),
            each.trade_time,
            each.buyer_is_maker,
        )
    # The two may be in two partitions.
    closed = sorted((values for values in job.published() if values["is_closed"]), key=lambda each: each["close_time"])
    assert [values["interval"] for values in closed] == ["1m", "5m"]
    assert numbers(closed[0]) == wanted
    candles = {row["interval"]: row for row in job.stored_candles()}
    assert {name: candles["1m"][name] for name in wanted} == wanted
    letters = job.rejected()
    reasons = {values["raw"].encode(): values["reason"] for values in letters}
    assert len(letters) == len(poisoned)
    assert all(values["topic"] == job.topic for values in letters)
    assert [reasons[raw[:LETTER_BYTES]][: len(reason)] for raw, reason in poisoned] == [
        reason for _, reason in poisoned
    ]
    shutil.rmtree(job.checkpoint)
    with job:
        job.until("started", lambda: "event=started" in job.log())
        job.until("the topic read again", lambda: job.metric("events_duplicate_total") == 2202)
        assert job.terminate() == 0
    assert len(job.trades()) == 2002, "what is stored is known without a checkpoint"
    assert len(job.stored_candles()) == 2


def test_killed_at_any_moment_it_neither_loses_nor_doubles(tmp_path: Path, kafka: Broker) -> None:
    chance = random.Random(7)  # noqa: S311 - test data
    start = 1_700_000_100_000
    keys = [Key("binance", "BTCUSDT"), Key("binance", "ETHUSDT"), Key("kraken", "BTCUSDT")]
    ticks = [
        Tick(
            keys[number % 3],
            number // 3,
            Decimal(chance.randrange(1, 10**9)) / 1000,
            Decimal(chance.randrange(1, 10**6)) / 10**8,
            start + number * 120,
            chance.random() < 0.5,
        )
        for number in range(9000)
    ]
    # Up to nine minutes on their way: with a watermark of five some are late.
    ways = [chance.choice([0] * 40 + [1, 9]) * chance.randrange(MINUTE) for _ in ticks]
    arrivals = sorted(zip(ways, ticks, strict=True), key=lambda arrival: arrival[0] + arrival[1].trade_time)
    topic = [tick for _, tick in arrivals] + chance.sample(ticks, 300)
    job = started(tmp_path, kafka, "crash", max_offsets_per_trigger=1500, flush_seconds=3)
    job.produce(
        message(
            trade(
                tick.trade_id,
                tick.trade_time,
                str(tick.price),
                f"{tick.quantity:f}",
                exchange=tick.key.exchange,
                symbol=tick.key.symbol,
                buyer_is_maker=tick.buyer_is_maker,
            )
        )
        for tick in topic
    )
    records = job.checkpoint / "state"
    with job:
        for kill in (3, 7):
            job.until(f"step {kill}", lambda kill=kill: any(int(f.stem) >= kill for f in records.glob("[0-9]*.state")))
            job.kill()
            job.start()
        job.until("all trades in Parquet", lambda: len(job.trades()) >= len(ticks))
        assert job.terminate() == 0
    wanted = Expected([MINUTE, 5 * MINUTE], 5 * MINUTE)
    for tick in topic:
        wanted.batch([tick])
    assert wanted.late > 0
    assert {missing > 0 for _, missing in wanted.closed.values()} == {True, False}
    stored = [(row["exchange"], row["symbol"], row["trade_id"]) for row in job.trades()]
    assert len(stored) == len(set(stored)) == len(ticks)
    closed: dict[tuple[Any, ...], dict[str, Any]] = {}
    for values in job.published():
        if values["is_closed"]:
            at = (values["exchange"], values["symbol"], values["interval"], values["open_time"])
            assert closed.setdefault(at, values) == values, "a candle that is closed again is the same"
    names = {MINUTE: "1m", 5 * MINUTE: "5m"}
    assert {at: (found["trade_count"], Decimal(found["quote_volume"])) for at, found in closed.items()} == {
        (*key, names[interval], open_time): (candle.trade_count, candle.quote_volume)
        for (key, interval, open_time), (candle, _) in wanted.closed.items()
    }
    rows = [(row["exchange"], row["symbol"], row["interval"], row["open_time"]) for row in job.stored_candles()]
    assert sorted(rows) == sorted(closed)


def test_what_is_missing_is_named_before_anything_is_written(tmp_path: Path, kafka: Broker) -> None:
    job = Job(tmp_path, kafka, "nowhere")
    with job:
        assert job.wait() == 2
    assert "no topic nowhere, nowhere-dlq, nowhere-candles, nowhere-signals" in job.log()
    assert not job.storage.exists()
