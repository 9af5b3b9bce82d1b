"""What is stored is in Parquet as it was, whatever it holds and whoever writes it."""

from __future__ import annotations

import resource
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pyspark.sql import DataFrame, SparkSession

from tradestream.analytics.candles import MINUTE_MS, Candle, Key, Update
from tradestream.analytics.layout import CANDLE
from tradestream.analytics.publish import fields, message
from tradestream.analytics.signals import Signal, row
from tradestream.analytics.staging import SparkStaging
from tradestream.analytics.storage import Storage, StorageError, UnwritableError
from tradestream.ask.storage import Storage as AskedStorage

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


def _line(update: Update) -> bytes:
    return message(update).value + b"\n"


def _signal(evidence: dict[str, object]) -> Signal:
    return Signal("id", "my rule", "move", *_KEY, "1m", 1_700_000_040_000, 1_700_000_099_999, evidence)


def _trades(spark: SparkSession) -> DataFrame:
    """Four series of two exchanges over midnight, in no order, with what is no trade between them."""
    return (
        spark.range(0, 20_000, numPartitions=3)
        .selectExpr(
            "id % 7 <> 0 as valid",
            "if(id % 2 = 0, 'binance', 'kraken') as exchange",
            "if(id % 3 = 0, 'BTC/USDT', 'A-b_c.d:E') as symbol",
            "concat('é', id) as event_id",
            "(id * 7919) % 20011 as trade_id",
            "cast(9999999999.999999999999 - id as decimal(22, 12)) as price",
            "cast((id + 1) / 100000000 as decimal(22, 8)) as quantity",
            "1610150399000 + id as trade_time",
            "if(id % 5 = 0, null, 1610150399000000 + id) as trade_time_us",
            "id % 11 < 5 as buyer_is_maker",
            "timestamp_micros(1610150399000000 + id) as timestamp",
            "cast(id % 6 as int) as kafka_partition",
            "id as kafka_offset",
        )
        .repartition(2, "kafka_offset")
    )


def _stored(folder: Path, table: str) -> dict[str, tuple[list[tuple[str, str]], list[tuple[Any, ...]]]]:
    """Columns, and rows in their order, of the one file that each directory has."""
    stored = {}
    for file in (folder / table).rglob("*.parquet"):
        found = duckdb.read_parquet(str(file), hive_partitioning=False)
        directory = str(file.parent.relative_to(folder))
        assert directory not in stored
        stored[directory] = [*zip(found.columns, map(str, found.types), strict=True)], found.fetchall()
    return stored


def _storage(spark: SparkSession, folder: Path, kind: str) -> Storage:
    storage = Storage(spark, folder.as_uri())
    if kind == "spark":
        storage._staging = SparkStaging(spark, storage.root)  # noqa: SLF001 - as where this host does not see the storage
    return storage


@pytest.fixture(params=["spark", "local"])
def storage(request: pytest.FixtureRequest, spark: SparkSession, tmp_path: Path) -> Storage:
    return _storage(spark, tmp_path, request.param)


def test_whoever_sorts_trades_into_files_they_are_the_same(spark: SparkSession, tmp_path: Path) -> None:
    made = {}
    for kind in ("spark", "local"):
        storage = _storage(spark, tmp_path / kind, kind)
        for batch in (0, 1):
            storage.land(_trades(spark).where(f"kafka_offset % 2 = {batch}"), str(batch))
        storage.stage("a", ["0", "1"], 17_142, [], [])
        storage.move("a")
        made[kind] = _stored(tmp_path / kind, "trades")
    assert made["local"] == made["spark"]
    assert len(made["local"]) == 8
    series = duckdb.read_parquet(f"{tmp_path}/local/trades/**/*.parquet", hive_partitioning=True)
    assert len(series.select("hash(exchange, symbol) % 2").distinct().fetchall()) == 2, "both writers had some"
    for columns, rows in made["local"].values():
        ids = [row[columns.index(("trade_id", "BIGINT"))] for row in rows]
        assert ids == sorted(ids)


def test_what_an_earlier_version_landed_without_a_column_has_none_in_it(
    spark: SparkSession, storage: Storage, tmp_path: Path
) -> None:
    storage.land(_trades(spark).drop("trade_time_us"), "1")
    storage.stage("a", ["1"], 17_142, [], [])
    storage.move("a")
    for columns, rows in _stored(tmp_path, "trades").values():
        assert {row[columns.index(("trade_time_us", "BIGINT"))] for row in rows} == {None}


def test_another_number_of_trades_than_landed_is_refused(spark: SparkSession, storage: Storage) -> None:
    storage.land(_trades(spark), "1")
    with pytest.raises(StorageError, match=r"holds 17142 trades instead of 17143; .*repair"):
        storage.stage("a", ["1"], 17_143, [], [])


def test_a_file_that_is_torn_inside_is_named(spark: SparkSession, storage: Storage, tmp_path: Path) -> None:
    storage.land(_trades(spark), "1")
    torn = min((tmp_path / "_landing/1").glob("*.parquet"))
    content = torn.read_bytes()
    torn.write_bytes(content[:4] + bytes(len(content) - 8) + content[-4:])
    with pytest.raises(StorageError, match=rf"{torn.name}.*repair"):
        storage.stage("a", ["1"], 17_142, [], [])


@pytest.mark.parametrize("what", ["trades", "candles"])
def test_where_nothing_can_be_written_what_landed_is_not_called_damaged(
    spark: SparkSession, tmp_path: Path, what: str
) -> None:
    storage = Storage(spark, tmp_path.as_uri())
    storage.land(_trades(spark), "1")
    trades = (["1"], 17_142, []) if what == "trades" else ([], 0, [_line(_closed(Decimal(2), Decimal(1), Decimal(2)))])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # As with a disk that is full, but for this process alone.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(UnwritableError, match=r"_staging: cannot be written: .*File too large.*space left"):
            storage.stage("a", *trades, [])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    storage.stage("a", *trades, [])
    storage.move("a")
    assert len(_stored(tmp_path, what)) > 0


def test_candles_and_signals_are_stored_to_the_digit(storage: Storage, tmp_path: Path) -> None:
    closed = [
        _closed(_MOST, Decimal("9999999999.99999999"), Decimal("123456789012345678.12345678901234567890")),
        _closed(_LEAST, Decimal("1E-8"), Decimal("1E-20")),
    ]
    signals = [_signal({"text": '"\\,\n\r\u2028 é 𝄞', "value": None}), _signal({})]
    storage.stage("a", [], 0, [*map(_line, closed)], signals)
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


def test_directories_are_kept_for_the_next_move_while_they_are_needed(spark: SparkSession, tmp_path: Path) -> None:
    storage = _storage(spark, tmp_path, "local")
    trades = _trades(spark)
    spare, moved = [], []
    for name, rows in {"a": trades, "b": trades.where("exchange = 'kraken'"), "c": trades}.items():
        landed = storage.land(rows, name)
        storage.stage(name, [name], landed.where("valid").count(), [], [])
        storage.move(name)
        assert AskedStorage(tmp_path).settle(0) is None, "nothing is on its way"
        kept = sorted((tmp_path / "_spare").rglob("*"))
        assert all(each.is_dir() for each in kept)
        spare.append([each.name for each in kept if each.name.startswith("symbol=")])
        moved.append(len([*(tmp_path / "trades").rglob(f"{name}-*.parquet")]))
    assert moved == [8, 4, 8]
    assert [*map(len, spare)] == moved
    storage.move("c")  # once more, as after a crash
    assert len([*(tmp_path / "trades").rglob("*.parquet")]) == sum(moved)
    storage.clean([])
    assert not (tmp_path / "_spare").exists()
