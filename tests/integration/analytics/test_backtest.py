"""A backtest says what the job has said, byte for byte, whatever the job's batches were."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyspark.sql import SparkSession

from integration.analytics.job import Job, message, trade
from integration.broker import Broker
from tradestream.analytics.table_batch import TableBatch
from tradestream.cli import main
from tradestream.trade import Trade

pytestmark = pytest.mark.timeout(900)

MINUTE = 60_000
START = 1_610_064_000_000 // MINUTE * MINUTE
END = START + 60 * MINUTE
OUTAGE = range(START + 20 * MINUTE + 30_000, START + 22 * MINUTE)
REPAIRED = START + 26 * MINUTE + 45_000
RULES: list[dict[str, Any]] = [
    {"type": "price_move", "percent": 0.5},
    {"type": "rsi", "above": 55, "below": 45},
    {"type": "bollinger"},
    {"type": "moving_average_cross", "fast": 3, "slow": 8},
    {"type": "volume_anomaly", "zscore": 2},
    {"type": "large_trade", "amount": 250},
    {"type": "cross_exchange_spread", "percent": 0.1, "fees": {}, "other_fee": 0},
]


def trades(exchange: str, symbol: str) -> list[Trade]:
    """Fifty minutes with a trade each two seconds and some ids missing, and one that closes them all."""
    numbers, price, given = random.Random(exchange), 100.0, []  # noqa: S311 - prices
    for number in range(1_500):
        price *= 1 + numbers.gauss(0, 0.001)
        given.append(
            trade(
                number + 10,
                START + 2_000 * number,
                f"{price:.12f}",
                f"{numbers.random() ** 3 * 3 + 1e-8:.8f}",
                exchange=exchange,
                symbol=symbol,
                buyer_is_maker=numbers.random() < 0.5,
            )
        )
    closing = trade(2_000, END, exchange=exchange, symbol=symbol)
    return [each for each in given if each.trade_id % 400] + [closing]


def shuffled(given: list[Trade]) -> list[Trade]:
    """Some come eight minutes late, some twice."""
    result = list(given)
    for at in range(200, 1_200, 100):
        result.insert(at + 240, result.pop(at))
        result.insert(at + 50, result[at + 40])
    return result


def jumbled(given: list[Trade]) -> list[Trade]:
    """Each is on its way for up to three minutes, a tenth come again up to ten minutes after.

    Those of an outage come when minute 20 has closed without them, and minute 21 has not.
    """
    numbers = random.Random(len(given))  # noqa: S311 - delays
    arrivals = [
        (REPAIRED if each.trade_time in OUTAGE else each.trade_time + numbers.randrange(3 * MINUTE), each)
        for each in given
    ]
    again = [(time + numbers.randrange(10 * MINUTE), each) for time, each in arrivals if each.trade_id % 10 == 0]
    return [each for _, each in sorted(arrivals + again, key=itemgetter(0))]


def dump(path: Path, given: list[Trade]) -> Path:
    path.write_text(
        "".join(
            f"{each.trade_id},{each.price},{each.quantity},1,{each.trade_time},{each.buyer_is_maker},True\n"
            for each in given
        )
    )
    return path


def told(lines: list[bytes], wanted: Callable[[dict[str, Any]], bool]) -> list[bytes]:
    """Closed candles of before the end, or signals about such."""
    read = [(line, json.loads(line)) for line in lines]
    return sorted(
        line for line, each in read if each.get("is_closed", True) and each["open_time"] < END and wanted(each)
    )


@pytest.mark.parametrize("batch", [150, 200_000])
def test_it_says_what_the_job_has_said(
    tmp_path: Path, kafka: Broker, capsys: pytest.CaptureFixture[str], batch: int
) -> None:
    ordered, late = trades("binance", "BTCUSDT"), shuffled(trades("kraken", "BTC/USDT"))
    mixed = jumbled(trades("coinbase", "BTC-USDT"))
    chunks = [own[begin : begin + 500] for begin in range(0, len(mixed), 500) for own in (ordered, late, mixed)]
    sent = [each for chunk in chunks for each in chunk]
    repaired = next(
        place for place, each in enumerate(sent) if each.exchange == "coinbase" and each.trade_time in OUTAGE
    )
    job = Job(tmp_path, kafka, f"backtest-{batch}", rules=RULES, max_offsets_per_trigger=batch)
    kafka.create_topics(job.topics)
    with job:
        if batch < repaired:  # and no batch has both what closed a minute and what came after it
            job.produce(map(message, sent[:repaired]))
            job.until("batches that are done", lambda: job.taken() == repaired)
            job.produce(map(message, sent[repaired:]))
        else:
            job.produce(map(message, sent))
        stored = len({(each.exchange, each.trade_id) for each in sent})
        job.until("trades in Parquet", lambda: len(job.trades()) == stored)
        late_trades = job.metric("events_late_total")
        assert late_trades > 5
        assert job.metric("events_duplicate_total") == len(sent) - stored
        assert job.terminate() == 0

    candles, signals = job.messages(job.candles), job.messages(job.signals)
    assert {json.loads(each)["rule"] for each in signals} == {rule["type"] for rule in RULES}
    path = dump(tmp_path / "BTCUSDT-trades-2021-01-08.csv", ordered)
    for arguments, wanted in (
        ([], lambda _: True),
        ([str(path)], lambda each: each["exchange"] == "binance" and each.get("rule") != "cross_exchange_spread"),
    ):
        output = tmp_path / "output"
        assert main(["backtest", *arguments, "--config", str(job.config), "--output", str(output), "--json"]) == 0
        report = json.loads(capsys.readouterr().out)
        found = [(output / name).read_bytes().splitlines() for name in ("candles.jsonl", "signals.jsonl")]
        assert told(found[0], wanted) == told(candles, wanted)
        assert told(found[1], wanted) == told(signals, wanted)
        assert len(told(found[0], wanted)) >= 50 + 10
        assert report["late"] == (0 if arguments else late_trades)


def test_its_sums_are_those_of_spark(spark: SparkSession) -> None:
    from tradestream.analytics.local import table  # noqa: PLC0415 - after PySpark is on the path
    from tradestream.analytics.rows import summarise  # noqa: PLC0415

    numbers = random.Random(7)  # noqa: S311 - prices
    rows = [
        {
            "exchange": exchange,
            "symbol": symbol,
            "trade_id": number * (1 + number // 300),
            "price": f"{numbers.random() * 10 ** numbers.randint(-6, 5) + 1e-12:.12f}",
            "quantity": f"{numbers.random() * 10 ** numbers.randint(-3, 5) + 1e-8:.8f}",
            "trade_time": START + numbers.randint(0, 10 * MINUTE),
            "buyer_is_maker": numbers.random() < 0.5,
            "kafka_offset": number,
        }
        for exchange, symbol in (("binance", "BTCUSDT"), ("kraken", "X'/USD"))
        for number in range(500)
    ]
    kinds = ["string", "string", "bigint", "decimal(22,12)", "decimal(22,8)", "bigint", "boolean", "bigint"]
    columns = dict(zip(rows[0], kinds, strict=True))
    given = table(spark, rows, columns).selectExpr("*", f"timestamp_seconds({START // 1000}) as timestamp")
    wanted = summarise(given, 1000.0)
    connection = duckdb.connect()
    listed = ", ".join(str(tuple(row.values())).replace('"X\'/USD"', "'X''/USD'") for row in rows)
    casts = ", ".join(f"{name}::{kind} AS {name}" for name, kind in columns.items() if name != "kafka_offset")
    more = f"kafka_offset AS arrival, {START * 1000} AS received"
    query = f"(SELECT {casts}, {more} FROM (VALUES {listed}) AS t({', '.join(columns)}))"  # noqa: S608
    found = TableBatch(connection, query).summarise(1000.0)
    connection.close()
    assert sorted(found.partials, key=repr) == sorted(wanted.partials, key=repr)
    assert (found.ids, found.repeated, found.oldest) == (wanted.ids, wanted.repeated, wanted.oldest)
    assert sorted(found.big) == sorted(wanted.big)
