"""What the driver knows is in Parquet as it was, whatever it holds."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from pyspark.sql import SparkSession

from tradestream.analytics.candles import MINUTE_MS, Candle, Key, Update
from tradestream.analytics.layout import CANDLE
from tradestream.analytics.publish import fields
from tradestream.analytics.signals import Signal, row
from tradestream.analytics.storage import Storage

_KEY = Key("binance", "BTC/USDT")
_MOST = Decimal("9999999999.999999999999")
_LEAST = Decimal("0.000000000001")


def _closed(price: Decimal, volume: Decimal, quote: Decimal) -> Update:
    candle = Candle(
        open_time=1_700_000_040_000,
        open=price,
        high=price,
        low=price,
        close=price,
        volume=volume,
        quote_volume=quote,
        buy_volume=Decimal(0),
        trade_count=2**53 + 1,
        first_trade_id=0,
        last_trade_id=2**62 - 1,
    )
    return Update(_KEY, MINUTE_MS, candle, 7, is_closed=True)


def _signal(evidence: dict[str, object]) -> Signal:
    return Signal("id", "my rule", "move", *_KEY, "1m", 1_700_000_040_000, 1_700_000_099_999, evidence)


def test_candles_and_signals_are_stored_to_the_digit(spark: SparkSession, tmp_path: Path) -> None:
    closed = [
        _closed(_MOST, Decimal("9999999999.99999999"), Decimal("123456789012345678.12345678901234567890")),
        _closed(_LEAST, Decimal("1E-8"), Decimal("1E-20")),
    ]
    signals = [_signal({"text": '"\\,\n\r\u2028 é 𝄞', "value": None}), _signal({})]
    storage = Storage(spark, tmp_path.as_uri())
    storage.stage("a", [], 0, closed, signals)
    storage.move("a")

    def stored(table: str, columns: str) -> list[tuple[object, ...]]:
        return (
            duckdb.read_parquet(f"{tmp_path}/{table}/**/*.parquet", hive_partitioning=True).select(columns).fetchall()
        )

    wanted = [tuple(fields(each)[name] for name in CANDLE) for each in closed]
    assert sorted(stored("candles", ", ".join(CANDLE)), reverse=True) == wanted
    assert sorted(stored("signals", "signal_id, evidence")) == sorted(("id", row(each)["evidence"]) for each in signals)
    assert not (tmp_path / "handed.json").exists()


def test_files_have_the_usual_mode_by_a_class_that_starts_no_program_for_it(
    spark: SparkSession, tmp_path: Path
) -> None:
    Storage(spark, tmp_path.as_uri()).land(spark.range(10).coalesce(1), "a")
    landed = list((tmp_path / "_landing" / "a").glob("*.parquet"))
    assert [path.stat().st_mode & 0o777 for path in landed] == [0o644]
    jvm: Any = spark._jvm  # noqa: SLF001 - the gateway to the JVM has no public name
    settings = spark._jsc.hadoopConfiguration()  # noqa: SLF001
    files = jvm.org.apache.hadoop.fs.Path(tmp_path.as_uri()).getFileSystem(settings)
    assert files.getClass().getSimpleName() == "BareLocalFileSystem"
