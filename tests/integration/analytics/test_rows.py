"""Sums by Spark, and of what it landed, against plain Python, with numbers as large and as fine as a trade may have."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import DataFrame, SparkSession

from tradestream.analytics.batch import LandedBatch
from tradestream.analytics.candles import MINUTE_MS, Cut, Key, Partial, Update
from tradestream.analytics.evidence import BigTrade
from tradestream.analytics.layout import CANDLE
from tradestream.analytics.local import table
from tradestream.analytics.publish import fields
from tradestream.analytics.rows import (
    ids,
    newest,
    newest_times,
    since,
    stored_after,
    summarise,
    without_late,
    without_seen,
)
from tradestream.analytics.storage import Storage, UnseenError
from tradestream.ask.database import database
from tradestream.trade import MOST_ID, amount_fits
from unit.analytics.oracle import Tick, candle, intervals, partials

pytestmark = pytest.mark.timeout(300)

START = 1_610_064_000_000
RECEIVED = datetime(2021, 1, 8, tzinfo=UTC)
BTC, ETH, KRAKEN = Key("binance", "BTCUSDT"), Key("binance", "ETHUSDT"), Key("kraken", "BTCUSDT")
# The largest, the finest, and what reaches the bound of price times quantity.
PAIRS = [
    ("9999999999.999999999999", "0.99999999"),
    ("9999999999.999999999999", "99.99999999"),
    ("0.01", "99999999999999.99999999"),
    ("0.000000000001", "0.00000001"),
    ("39432.48", "0.000263"),
]
COLUMNS = """exchange string, symbol string, trade_id bigint, price decimal(22,12), quantity decimal(22,8),
    trade_time bigint, buyer_is_maker boolean, timestamp timestamp, kafka_partition int, kafka_offset bigint"""


def ticks(count: int) -> list[Tick]:
    chance = random.Random(1)  # noqa: S311 - test data
    assert all(amount_fits(*pair) for pair in PAIRS)
    made = []
    for _ in range(count):
        price, quantity = chance.choice(PAIRS)
        key, time = chance.choice([BTC, ETH, KRAKEN]), START + chance.randrange(4 * MINUTE_MS)
        taker_sold = chance.random() < 0.5
        made.append(Tick(key, chance.randrange(count), Decimal(price), Decimal(quantity), time, taker_sold))
    return made


def rows(spark: SparkSession, topic: list[Tick]) -> DataFrame:
    values = [
        (*tick.key, tick.trade_id, tick.price, tick.quantity, tick.trade_time, tick.buyer_is_maker, RECEIVED, 0, offset)
        for offset, tick in enumerate(topic)
    ]
    return spark.createDataFrame(values, COLUMNS).repartition(3)


def in_order(found: list[Partial]) -> list[Partial]:
    return sorted(found, key=lambda partial: (partial.key, partial.candle.open_time))


def once(topic: Iterable[tuple[int, Tick]]) -> list[tuple[int, Tick]]:
    """The first of each series and id, with its offset."""
    first: dict[tuple[Key, int], tuple[int, Tick]] = {}
    for offset, tick in topic:
        first.setdefault((tick.key, tick.trade_id), (offset, tick))
    return list(first.values())


@pytest.mark.parametrize("by_duckdb", [False, True], ids=["spark", "duckdb"])
def test_what_landed_is_summed_alike_by_spark_and_in_this_process(
    spark: SparkSession, tmp_path: Path, *, by_duckdb: bool
) -> None:
    topic = ticks(600)
    valid = [(offset, tick) for offset, tick in enumerate(topic) if offset % 7]
    storage = Storage(spark, f"file://{tmp_path}/exchange=x/it's")
    landed = storage.land(rows(spark, topic).selectExpr("*", "kafka_offset % 7 != 0 as valid"), "a").where("valid")
    duckdb = database(tmp_path / "spill") if by_duckdb else None
    batch = LandedBatch(storage, "a", lambda: landed, len(valid), duckdb)
    summary = batch.summarise(1e11)
    assert in_order(summary.partials) == in_order(partials(valid))
    assert summary.oldest == dict.fromkeys([BTC, ETH, KRAKEN], RECEIVED.timestamp())
    large = [(tick.key, tick.trade_id) for _, tick in valid if tick.price * tick.quantity >= 10**11]
    assert sorted((each.key, each.trade_id) for each in summary.big) == sorted(large)
    assert {each.received for each in summary.big} == {int(RECEIVED.timestamp()) * 1_000_000}
    distinct = once(valid)
    assert summary.repeated.total() == len(valid) - len(distinct) > 0

    left = batch.without_seen({BTC: [(0, 300)]})
    wanted = [(offset, tick) for offset, tick in distinct if tick.key != BTC or tick.trade_id > 300]
    assert in_order(left.summarise(None).partials) == in_order(partials(wanted))
    assert storage.root.names("_landing") == [left.name]
    with pytest.raises(UnseenError, match=f"{len(wanted)} of {len(valid)} rows are seen"):
        LandedBatch(
            storage, left.name, lambda: storage.landed([left.name], landed.schema), len(valid), duckdb
        ).summarise(None)


def test_sums_are_exact_and_ids_complete(spark: SparkSession) -> None:
    topic = ticks(600)
    distinct = once(enumerate(topic))
    summary = summarise(rows(spark, topic))
    keys = {tick.key for tick in topic}
    assert summary.ids == {key: intervals({tick.trade_id for tick in topic if tick.key == key}) for key in keys}
    assert summary.repeated == {
        key: sum(tick.key == key for tick in topic) - sum(tick.key == key for _, tick in distinct) for key in keys
    }
    assert summary.oldest == dict.fromkeys(keys, RECEIVED.timestamp())
    cleaned = summarise(without_seen(rows(spark, topic), {}))
    assert in_order(cleaned.partials) == in_order(partials(distinct))
    assert cleaned.repeated.total() == 0


def test_intervals_of_ids_pass_over_the_bounds_of_words(spark: SparkSession) -> None:
    runs = [(0, 0), (2, 62), (64, 64), (127, 128), (191, 400), (MOST_ID - 200, MOST_ID - 130), (MOST_ID, MOST_ID)]
    numbers = [number for first, last in runs for number in range(first, last + 1)]
    topic = [Tick(BTC, number, Decimal(1), Decimal(1), START) for number in [*numbers, *numbers[:70]]]
    topic.reverse()
    assert ids(rows(spark, topic)) == {BTC: runs}
    assert summarise(rows(spark, topic)).repeated == {BTC: 70}


def test_large_trades_come_one_by_one_however_they_are_batched(spark: SparkSession) -> None:
    topic = [tick for _, tick in once(enumerate(ticks(300)))]
    least = 999_999_999_999.0
    received = round(RECEIVED.timestamp() * 1_000_000)
    wanted = sorted(
        BigTrade(tick.key, tick.trade_id, tick.price, tick.quantity, tick.trade_time, tick.buyer_is_maker, received)
        for tick in topic
        if tick.price * tick.quantity >= least
    )
    assert 0 < len(wanted) < len(topic)
    assert sorted(summarise(rows(spark, topic), least).big) == wanted
    halves = [summarise(rows(spark, half), least).big for half in (topic[:100], topic[100:])]
    assert sorted([*halves[0], *halves[1]]) == wanted
    assert summarise(rows(spark, topic)).big == []


def test_what_was_seen_or_is_late_or_stored_is_left_out(spark: SparkSession) -> None:
    topic = ticks(300)
    seen = {BTC: [(0, 99), (200, 250)]}
    fresh = [
        (offset, tick)
        for offset, tick in once(enumerate(topic))
        if tick.key != BTC or not (tick.trade_id < 100 or 200 <= tick.trade_id <= 250)
    ]
    assert in_order(summarise(without_seen(rows(spark, topic), seen)).partials) == in_order(partials(fresh))
    all_rows = list(enumerate(topic))
    cut = Cut(ETH, START, 150)
    early = [
        (offset, tick)
        for offset, tick in all_rows
        if (tick.key, tick.trade_time // MINUTE_MS * MINUTE_MS) != cut[:2] or offset < 150
    ]
    assert offsets(without_late(rows(spark, topic), [cut])) == sorted(offset for offset, _ in early)
    left = [offset for offset, tick in all_rows if tick.key != KRAKEN or tick.trade_time >= START + MINUTE_MS]
    assert offsets(since(rows(spark, topic), {KRAKEN: START + MINUTE_MS, BTC: 0})) == left
    newest = {key: max(tick.trade_time for tick in topic if tick.key == key) for key in (BTC, ETH, KRAKEN)}
    assert newest_times(rows(spark, topic)) == newest


def test_stored_candles_that_end_after_the_watermark(spark: SparkSession) -> None:
    windows = [(BTC, 1, minute) for minute in range(4)] + [(BTC, 5, 0), (ETH, 1, 0), (KRAKEN, 1, 3)]
    values = [
        (*key, START + start * MINUTE_MS, START + (start + length) * MINUTE_MS - 1) for key, length, start in windows
    ]
    candles = spark.createDataFrame(values, "exchange string, symbol string, open_time bigint, close_time bigint")
    found = stored_after(candles, {BTC: START + 2 * MINUTE_MS, ETH: START + MINUTE_MS})
    assert {at: sorted(starts) for at, starts in found.items()} == {
        (BTC, MINUTE_MS): [START + 2 * MINUTE_MS, START + 3 * MINUTE_MS],
        (BTC, 5 * MINUTE_MS): [START],
        (ETH, MINUTE_MS): [],
    }


def test_the_newest_candles_come_a_share_of_the_series_at_once(spark: SparkSession) -> None:
    series = [Key("binance", f"S{number}USDT") for number in range(9)]
    one = Tick(BTC, 1, Decimal(2), Decimal(3), START)
    stored = [
        Update(key, MINUTE_MS, candle([one], START + minute * MINUTE_MS), 0, is_closed=True)
        for minute in (3, 1, 2, 0)
        for key in series
    ]
    shares = list(newest(table(spark, map(fields, stored), CANDLE), 3, 4))
    assert [len({each.key for each in share}) for share in shares] == [len(share) // 3 for share in shares]
    assert max(map(len, shares)) < 3 * len(series)
    for key in series:
        (own,) = [found for share in shares if (found := [each for each in share if each.key == key])]
        assert own == sorted((each for each in stored if each.key == key), key=lambda each: each.candle.open_time)[1:]


def offsets(trades: DataFrame) -> list[int]:
    """The Kafka offsets of rows, ascending."""
    return sorted(row.kafka_offset for row in trades.select("kafka_offset").collect())
