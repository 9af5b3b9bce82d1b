from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tradestream.ask import output
from tradestream.ask.output import TABLE_ROWS
from unit.ask.conftest import Ask

Answer = Callable[..., Any]


def test_the_views_have_all_that_is_stored_to_the_last_digit(answer: Answer) -> None:
    rows = answer("sql", "SELECT exchange, symbol, sum(price * quantity) AS s, count(*) AS n FROM trades GROUP BY ALL")
    total = sum((Decimal(f"{100 + n % 7}.125") * Decimal(f"0.{n + 1:08}") for n in range(90)), Decimal())
    assert sorted((row["exchange"], row["symbol"], row["n"], Decimal(row["s"])) for row in rows) == [
        ("binance", "BTCUSDT", 90, total),
        ("kraken", "BTC/USD", 90, total),
    ]
    (row,) = answer("sql", "SELECT * FROM trades WHERE symbol = 'BTC/USD' AND date = '2021-01-08' AND trade_id = 101")
    assert (row["time"], row["timestamp"], row["price"]) == ("2021-01-08T00:00:20Z", "2021-01-08T00:00:20Z", "101.125")
    (row,) = answer("sql", "SELECT count(*) AS n, min(interval) AS i FROM candles WHERE interval = '5m'")
    assert row == {"n": 10, "i": "5m"}


def test_a_view_of_what_is_not_stored_yet_is_empty_with_its_columns(root: Path, answer: Answer, ask: Ask) -> None:
    before = {view: answer("sql", f"DESCRIBE {view}") for view in ("trades", "candles")}
    assert {row["column_name"] for row in answer("sql", "DESCRIBE signals")} >= {
        "signal_id",
        "rule",
        "time",
        "evidence",
    }
    shutil.rmtree(root / "candles")
    shutil.rmtree(root / "trades")
    (root / "_landing").mkdir()
    for view, described in before.items():
        assert sorted(map(str, answer("sql", f"DESCRIBE {view}"))) == sorted(map(str, described))
    assert ask("sql", "FROM trades", "--format", "csv")[1].startswith("exchange,symbol,date,time,")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("COPY trades TO '{root}/trades/x.csv'", "COPY is not allowed"),
        ("COPY (SELECT 1) TO '{root}/x.csv'", "COPY is not allowed"),
        ("WITH x AS (COPY (SELECT 1) TO '{root}/trades/x.parquet') SELECT * FROM x", "COPY is not allowed"),
        ("EXPLAIN ANALYZE COPY (SELECT 1) TO '{root}/trades/x.parquet'", "EXPLAIN is not allowed"),
        ("EXPORT DATABASE '{root}/trades/x'", "EXPORT is not allowed"),
        ("SELECT * FROM read_csv('/etc/passwd')", "read_csv() is not allowed"),
        ("SELECT * FROM read_text('{root}/checkpoint/state')", "read_text() is not allowed"),
        ("SELECT (SELECT max(content) FROM read_text('/etc/passwd'))", "read_text() is not allowed"),
        ("SELECT * FROM glob('/etc/*')", "glob() is not allowed"),
        ("SELECT * FROM query('COPY (SELECT 1) TO ''{root}/trades/x''')", "query() is not allowed"),
        (
            "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('SELECT 1'))",
            "json_execute_serialized_sql() is not allowed",
        ),
        ("SELECT * FROM '/etc/passwd'", "the file /etc/passwd is not allowed"),
        ("SELECT * FROM '{root}/trades/../checkpoint/x.csv'", "x.csv is not allowed"),
        ("SELECT * FROM '{root}/trades/exchange=binance/*/*/*.parquet'", "*.parquet is not allowed"),
        ("WITH mine AS (FROM 'x.parquet') FROM mine", "the file x.parquet is not allowed"),
        ("INSTALL httpfs", "LOAD is not allowed"),
        ("LOAD httpfs", "LOAD is not allowed"),
        ("ATTACH '{root}/trades/x.db'", "ATTACH is not allowed"),
        ("CREATE TABLE t AS SELECT 1", "CREATE is not allowed"),
        ("DROP VIEW trades", "DROP is not allowed"),
        ("INSERT INTO trades SELECT * FROM trades", "INSERT is not allowed"),
        ("SET memory_limit = '100GB'", "is not allowed"),
        ("PRAGMA database_list", "PRAGMA is not allowed"),
        ("CALL enable_logging()", "CALL is not allowed"),
        ("SELECT 1; SELECT 2", "it is 2 statements"),
        ("", "it is 0 statements"),
        ("-- nothing", "it is 0 statements"),
        ("SELCT 1", "syntax error"),
        ("SELECT nope FROM trades", 'column "nope" not found'),
        ("SELECT $1", "parameters"),
        ("SELECT 'x'::INTEGER", "Could not convert"),
        ("SELECT * FROM run", "does not exist"),
    ],
)
def test_what_is_no_question_about_the_views_is_refused_in_one_line(
    root: Path, ask: Ask, query: str, reason: str
) -> None:
    (root / "checkpoint").mkdir()
    (root / "checkpoint" / "x.csv").write_text("secret\n")
    before = sorted(root.rglob("*"))
    status, out, error = ask("sql", query.format(root=root), "--format", "csv")
    assert status == 2
    assert reason in error
    assert error.startswith("tradestream: ")
    assert error.count("\n") == 1
    assert "secret" not in out
    assert sorted(root.rglob("*")) == before


def test_a_table_ends_with_a_notice_and_csv_does_not_end(ask: Ask) -> None:
    status, out, error = ask("sql", "SELECT i FROM range(1000) t(i)")
    assert (status, len(out.splitlines())) == (0, TABLE_ROWS + 2)
    assert error == f"only the first {TABLE_ROWS} rows: --format csv or json gives all, LIMIT fewer\n"
    assert len(ask("sql", "SELECT i FROM range(100000) t(i)", "--format", "csv")[1].splitlines()) == 100_001


def test_a_damaged_file_is_named(root: Path, ask: Ask) -> None:
    for content in (b"", b"PAR1 this is none PAR1"):
        damaged = root / "trades/exchange=kraken/date=2021-01-08/symbol=BTC%2FUSD/b.parquet"
        damaged.write_bytes(content)
        status, _, error = ask("sql", "SELECT count(*), max(price) FROM trades")
        assert status == 1
        assert str(damaged) in error
        assert "that file is damaged: move it away to ask about the rest" in error
    assert ask("sql", "SELECT max(price) FROM trades WHERE exchange = 'binance'")[0] == 0


def test_a_reader_that_has_enough_ends_it_quietly(root: Path) -> None:
    command = [sys.executable, "-m", "tradestream", "sql", "SELECT i FROM range(1000000) t(i)", "--format", "csv"]
    with subprocess.Popen(
        [*command, "--storage", str(root)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"i\n"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 141


def test_a_file_that_is_gone_when_it_is_to_be_read_is_asked_for_again(
    answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched, tries = output.fetched, iter([duckdb.IOException("Cannot open file: No such file or directory")])

    def once_gone(cursor: object) -> Iterator[output.Row]:
        for gone in tries:
            raise gone
        return fetched(cursor)

    monkeypatch.setattr(output, "fetched", once_gone)
    assert answer("sql", "SELECT count(*) AS rows FROM trades") == [{"rows": 180}]
