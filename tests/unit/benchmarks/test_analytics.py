"""What the benchmark of the analytics job makes up, reckons and prints."""

from __future__ import annotations

import json

import pytest

from benchmarks.analytics.__main__ import Measured, as_json, table
from benchmarks.analytics.catch_up import CatchUp, Sample
from benchmarks.analytics.live import Lively, shown_after
from benchmarks.analytics.market import symbols
from benchmarks.analytics.rows import ROWS

MILLION = 1_000_000


def measured(name: str, seconds: float, trades: int = MILLION, missing: int | None = None) -> Measured:
    """A row that took so many seconds for each million of trades, on both cores."""
    samples = [
        Sample(5.0 + seconds * number, number * MILLION, 1.0 + 2 * seconds * number, 600.0, 900.0 + number, 12.0)
        for number in range(trades // MILLION + 1)
    ]
    row = next(row for row in ROWS if row.name == name)
    return Measured(row, CatchUp(trades, 8.4, samples, 650.0, 950.0), missing=missing)


def test_a_row_tells_rate_and_cost_beside_the_limit() -> None:
    job = measured("job", 40.0, missing=3)
    job.lively = Lively([float(number) for number in range(1, 1000)], [20.0] * 50, 0.456, 0.123)
    assert table([measured("bare", 10.0), job])[2:] == [
        "| from_json, and nothing else | 1,000,000 |  | 8 | 100,000 | 1.00 | 20.0 | 650 | 950 |  |  |  |  |  |  |",
        "| this job | 1,000,000 | 3 | 8 | 25,000 | 0.25 | 80.0 | 650 | 950 | 500 | 990 | 20 | 20 | 0.46 | 0.12 |",
    ]


def test_several_millions_are_told_one_by_one() -> None:
    assert table([measured("job", 40.0, 2 * MILLION)])[3:] == [
        "",
        "| this job | trades/s | CPU us/trade | driver MiB | executor MiB | record KiB |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
        "| 1,000,000 | 25,000 | 80.0 | 600 | 901 | 12 |",
        "| 2,000,000 | 25,000 | 80.0 | 600 | 902 | 12 |",
    ]


def test_what_does_not_run_says_why() -> None:
    row = Measured(ROWS[0], failure="ended with 1:\nmuch more\nno such topic")
    assert table([row])[2:] == ["| from_json, and nothing else | does not run: ended with 1: no such topic |"]
    assert json.loads(as_json([row]))["bare"]["failure"] == row.failure


def test_a_trade_shows_with_the_first_candle_that_reaches_its_id() -> None:
    sent = {("A", 1): 1_000_000, ("A", 2): 2_000_000, ("A", 3): 3_000_000, ("B", 1): 0}
    reached = {"A": [(2, 5_000_000), (4, 9_000_000)], "B": [(1, 7_000_000)]}
    assert shown_after(sent, reached) == [4.0, 3.0, 6.0, 7.0]


@pytest.mark.parametrize("count", [3, 10, 1000])
def test_there_are_as_many_symbols_as_are_asked_for(count: int) -> None:
    assert len(set(symbols(count))) == count
