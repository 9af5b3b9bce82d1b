from __future__ import annotations

import io
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradestream.ask import chart
from tradestream.ask.output import Row

PRICES = st.decimals(min_value="0.00000001", max_value=10**6, places=8)


def candle(minute: int, *prices: str) -> Row:
    return [1_610_064_000_000 + 60_000 * minute, *map(Decimal, prices)]


@pytest.fixture(autouse=True)
def size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "14")


def drawn(candles: list[Row], encoding: str = "utf-8") -> list[str]:
    raw = io.BytesIO()
    out = io.TextIOWrapper(raw, encoding=encoding)
    chart.write(out, "title", candles)
    out.flush()
    return raw.getvalue().decode(encoding).splitlines()


def test_rising_and_falling_are_told_apart_without_colour() -> None:
    lines = drawn([candle(0, "1", "4", "1", "4"), candle(1, "4", "4", "1", "1")])
    body = "\n".join(lines[1:11])
    assert lines[0] == "title"
    assert "┃█" in body
    assert "\x1b" not in body
    assert "2021-01-08 00:00 to 2021-01-08 00:01" in lines[11]
    assert lines[1].split()[0] == "4.00"


def test_wicks_reach_from_high_to_low() -> None:
    lines = [line.rstrip()[-1:] for line in drawn([candle(0, "5", "10", "1", "6")])[1:11]]
    assert lines[0] == "│"
    assert lines[9] == "│"
    assert any(line in "┃╽╿╻╹" for line in lines[3:7])


def test_what_does_not_fit_is_left_out_and_that_is_said() -> None:
    lines = drawn([candle(n, "1", "2", "1", "2") for n in range(100)])
    assert "the newest 34 fit, a longer --interval shows more" in lines[0]
    assert max(map(len, lines[1:12])) <= 40


def test_a_terminal_that_knows_ascii_only_gets_ascii() -> None:
    assert any("O#" in line for line in drawn([candle(0, "1", "4", "1", "4"), candle(1, "4", "4", "1", "1")], "ascii"))


@given(st.lists(st.lists(PRICES, min_size=4, max_size=4), min_size=1, max_size=50))
def test_any_candles_can_be_drawn(prices: list[list[Decimal]]) -> None:
    candles: list[Row] = [
        [60_000 * n, opened, max(four), min(four), closed]
        for n, four in enumerate(prices)
        for opened, closed in [(four[0], four[3])]
    ]
    assert len(drawn(candles)) == 13
