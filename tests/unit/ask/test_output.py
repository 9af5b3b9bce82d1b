from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tradestream.ask.output import TABLE_ROWS, write

COLUMNS = ["name", "price", "at", "flag"]
ROWS = [
    ("a,b", Decimal("0.10000000"), datetime(2021, 1, 8, tzinfo=UTC), True),
    (None, Decimal("12345678901234567890.12345678"), None, False),
]


def written(kind: str, rows: object = ROWS) -> str:
    out = io.StringIO()
    write(out, kind, COLUMNS, rows)  # type: ignore[arg-type]
    return out.getvalue()


def test_csv_keeps_every_digit_and_quotes_what_it_must() -> None:
    assert written("csv") == (
        'name,price,at,flag\n"a,b",0.1,2021-01-08T00:00:00Z,true\n,12345678901234567890.12345678,,false\n'
    )


def test_json_is_an_array_with_decimals_as_strings() -> None:
    assert json.loads(written("json")) == [
        {"name": "a,b", "price": "0.1", "at": "2021-01-08T00:00:00Z", "flag": True},
        {"name": None, "price": "12345678901234567890.12345678", "at": None, "flag": False},
    ]
    assert written("json").count("\n") == 4
    assert json.loads(written("json", [])) == []


def test_json_has_something_for_whatever_sql_gives() -> None:
    row = [float("nan"), {"a": [Decimal("1.0")]}, date(2021, 1, 8), b"\x01"]
    assert list(json.loads(written("json", [row]))[0].values()) == ["nan", {"a": ["1"]}, "2021-01-08", "01"]


def test_a_table_is_aligned_and_says_whether_there_is_more() -> None:
    lines = written("table").splitlines()
    assert lines[0] == f"name  {'price':>29}  {'at':20}  flag"
    assert lines[3] == f"      12345678901234567890.12345678  {'':20}  false"
    out = io.StringIO()
    assert write(out, "table", ["n"], ([n] for n in range(TABLE_ROWS + 1))) == (TABLE_ROWS, True)
    assert len(out.getvalue().splitlines()) == TABLE_ROWS + 2
    assert write(io.StringIO(), "table", ["n"], ([n] for n in range(TABLE_ROWS))) == (TABLE_ROWS, False)


def test_a_table_lets_no_text_steer_the_terminal() -> None:
    out = io.StringIO()
    write(out, "table", ["x"], [["\x1b[31mred\n"]])
    assert "\x1b" not in out.getvalue()
    assert len(out.getvalue().splitlines()) == 3


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_rows_are_written_as_they_come(kind: str) -> None:
    out = io.StringIO()

    def rows() -> object:
        yield ["first"]
        assert "first" in out.getvalue()
        yield ["second"]

    write(out, kind, ["x"], rows())  # type: ignore[arg-type]
    assert "second" in out.getvalue()
