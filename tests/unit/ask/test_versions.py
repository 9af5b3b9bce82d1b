"""Files that other versions have written: with fewer columns, with more, with columns of another type."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from unit.ask.conftest import Ask
from unit.ask.stored import edit

Answer = Callable[..., Any]
Change = Callable[[pa.Table], pa.Table]

PLACES = {
    "trades": "trades/exchange=binance/date=2021-01-08/symbol=BTCUSDT",
    "candles": "candles/exchange=binance/interval=1m/date=2021-01-08",
}


def split(root: Path, table: str, first: Change, second: Change) -> None:
    """Makes two files of one: half of the rows each."""
    [file] = (root / PLACES[table]).iterdir()
    other = file.with_name(f"b-{file.name}")
    shutil.copy(file, other)
    edit(file, lambda rows: first(rows.slice(0, 12)))
    edit(other, lambda rows: second(rows.slice(12)))


def same(rows: pa.Table) -> pa.Table:
    return rows


def lacking(column: str) -> Change:
    return lambda rows: rows.drop_columns([column])


def having(column: str) -> Change:
    return lambda rows: rows.append_column(column, pa.array(["x"] * rows.num_rows))


def typed(column: str, kind: pa.DataType) -> Change:
    def change(rows: pa.Table) -> pa.Table:
        return rows.set_column(rows.column_names.index(column), column, rows[column].cast(kind))

    return change


def each_order(older: Change) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("changes", [(older, same), (same, older)], ids=["older first", "newer first"])


@each_order(lacking("kafka_partition"))
def test_a_column_that_some_trades_lack_is_null_in_these(
    root: Path, answer: Answer, changes: tuple[Change, Change]
) -> None:
    columns = answer("sql", "DESCRIBE trades")
    split(root, "trades", *changes)
    assert answer("sql", "DESCRIBE trades") == columns
    (row,) = answer("sql", "SELECT count(*) AS n, count(kafka_partition) AS k FROM trades WHERE exchange = 'binance'")
    assert (row["n"], row["k"]) == (90, 78 if changes[1] is same else 12)
    assert answer("check")["whole"]


@each_order(lacking("price_change_percent"))
def test_a_column_that_some_candles_lack_is_null_in_these(
    root: Path, answer: Answer, changes: tuple[Change, Change]
) -> None:
    before = answer("candles", "BTCUSDT")
    split(root, "candles", *changes)
    lack = range(12) if changes[1] is same else range(12, 24)
    for number in lack:
        before[number]["price_change_percent"] = None
    assert answer("candles", "BTCUSDT") == before
    assert answer("check")["whole"]


def test_a_column_that_no_file_has_is_null(root: Path, answer: Answer) -> None:
    for exchange in ("binance", "kraken"):
        for file in (root / "trades" / f"exchange={exchange}").rglob("*.parquet"):
            edit(file, lacking("trade_time_us"))
    assert answer("sql", "SELECT count(trade_time_us) AS n, count(time) AS t FROM trades") == [{"n": 0, "t": 180}]


@each_order(having("later"))
def test_a_column_that_this_version_does_not_know_is_left_out(
    root: Path, answer: Answer, changes: tuple[Change, Change]
) -> None:
    columns = answer("sql", "DESCRIBE trades")
    split(root, "trades", *changes)
    split(root, "candles", *changes)
    assert answer("sql", "DESCRIBE trades") == columns
    assert "later" not in answer("candles", "BTCUSDT")[0]
    assert answer("check")["whole"]


def test_a_candle_without_what_its_trades_say_is_none_of_them(root: Path, ask: Ask) -> None:
    split(root, "candles", lacking("buy_volume"), same)
    status, out, _ = ask("check", "--exchange", "binance")
    assert (status, "candles of 1m: 12 differ from their trades" in out) == (1, True)


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.timestamp("us", "UTC"), pa.timestamp("ms")], ids=str)
def test_any_timestamp_is_one(root: Path, answer: Answer, kind: pa.DataType) -> None:
    before = answer("sql", "FROM trades ORDER BY ALL")
    split(root, "trades", typed("timestamp", kind), same)
    assert answer("sql", "FROM trades ORDER BY ALL") == before


WRONG = {
    "trades": [
        ("price", pa.float64(), "DOUBLE and not DECIMAL(22,12)"),
        ("quantity", pa.decimal128(38, 18), "DECIMAL(38,18) and not DECIMAL(22,8)"),
        ("trade_id", pa.string(), "VARCHAR and not BIGINT"),
        ("trade_time", pa.timestamp("ms"), "TIMESTAMP and not BIGINT"),
        ("kafka_offset", pa.int32(), "INTEGER and not BIGINT"),
    ],
    "candles": [
        ("volume", pa.float64(), "DOUBLE and not DECIMAL(38,8)"),
        ("trade_count", pa.string(), "VARCHAR and not BIGINT"),
    ],
}


@pytest.mark.parametrize(
    ("table", "question"),
    [
        ("trades", ["sql", "SELECT max(time) FROM Trades WHERE exchange = 'binance'"]),
        ("trades", ["check"]),
        ("candles", ["sql", "DESCRIBE candles"]),
        ("candles", ["candles", "BTCUSDT"]),
        ("candles", ["check"]),
    ],
)
def test_a_column_of_another_type_is_named_with_its_file(root: Path, ask: Ask, table: str, question: list[str]) -> None:
    [original] = (root / PLACES[table]).iterdir()
    for column, kind, said in WRONG[table]:
        file = original.with_name("b.parquet")
        shutil.copy(original, file)
        edit(file, typed(column, kind))
        status, out, error = ask(*question)
        assert status == 1
        assert f"{file}: its column {column} is {said}" in (out if question == ["check"] else error)
        assert ("ok   kraken BTC/USD" in out) == (question == ["check"])


def test_what_is_not_asked_for_may_be_of_another_type(root: Path, answer: Answer) -> None:
    split(root, "trades", same, typed("price", pa.float64()))
    assert answer("sql", "SELECT count(*) AS n FROM candles WHERE exchange = 'binance' AND interval = '1m'") == [
        {"n": 24}
    ]
    assert len(answer("candles", "BTCUSDT")) == 24
