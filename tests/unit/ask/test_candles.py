from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tradestream.analytics.candles import MINUTE_MS, CandleBook
from tradestream.analytics.publish import message
from tradestream.cli import main
from unit.ask.conftest import Ask
from unit.ask.stored import DAY, T, closed, store

Answer = Callable[..., Any]


def test_json_is_what_the_topic_of_candles_has(root: Path, answer: Answer) -> None:
    trades = [T(number, 13 * number, f"{number}.5", "0.10000001") for number in range(1, 90)]
    store(root, trades, symbol="ETHUSDT")
    book = CandleBook([MINUTE_MS], 5 * MINUTE_MS)
    wanted = [json.loads(message(update).value) for update in closed(book, "ETHUSDT", trades)]
    for each in wanted:
        assert each.pop("is_closed")
    in_order = sorted(wanted, key=lambda candle: candle["open_time"])
    assert answer("candles", "ETH-USDT", "--since", "2021-01-08") == in_order


def test_csv_keeps_every_digit(ask: Ask) -> None:
    status, out, _ = ask("candles", "BTCUSDT", "--interval", "5m", "--since", "2021-01-08", "--format", "csv")
    rows = list(csv.DictReader(out.splitlines()))
    assert (status, len(rows)) == (0, 5)
    quantities = [Decimal(f"0.{n + 1:08}") for n in range(15)]
    assert Decimal(rows[0]["volume"]) == sum(quantities)
    assert Decimal(rows[0]["quote_volume"]) == sum(
        (Decimal(f"{100 + n % 7}.125") * quantity for n, quantity in enumerate(quantities)), Decimal()
    )


def test_a_table_says_what_it_is(ask: Ask) -> None:
    status, out, _ = ask("candles", "BTCUSDT", "--interval", "5m")
    lines = out.splitlines()
    assert status == 0
    assert lines[0] == "5 closed 5m candles of BTCUSDT on binance, 2021-01-08 00:00 to 2021-01-08 00:20 UTC"
    assert " ".join(lines[1].split()) == "time open high low close volume vwap trade_count missing_trades"
    assert lines[3].startswith("2021-01-08 00:00  100.125  106.125  100.125")


def test_a_chart_is_drawn(ask: Ask) -> None:
    status, out, _ = ask("candles", "BTC/USD", "--format", "chart")
    assert (status, "closed 1m candles of BTC/USD on kraken" in out) == (0, True)
    assert "\x1b" not in out


def test_since_is_included_and_until_is_not(answer: Answer) -> None:
    rows = answer("candles", "BTCUSDT", "--since", "2021-01-08T00:02", "--until", "2021-01-08T00:05")
    assert [(row["open_time"] - DAY) // MINUTE_MS for row in rows] == [2, 3, 4]


def test_without_since_it_is_the_newest_however_long_ago(root: Path, answer: Answer) -> None:
    trades = [T(number, 20 * 3600 * number) for number in range(120)]
    store(root, trades, symbol="RARE")
    rows = answer("candles", "RARE")
    assert [row["first_trade_id"] for row in rows] == list(range(69, 119))
    rows = answer("candles", "RARE", "--until", "2021-01-09")
    assert [row["first_trade_id"] for row in rows] == [0, 1]


@pytest.mark.parametrize(("kind", "out"), [("json", "[]\n"), ("table", ""), ("chart", "")])
def test_no_candles_then_is_1_with_a_message(ask: Ask, kind: str, out: str) -> None:
    status, printed, error = ask("candles", "BTCUSDT", "--since", "2h", "--format", kind)
    assert (status, printed) == (1, out)
    assert error == "tradestream: no closed 1m candles of BTCUSDT on binance since 2h\n"


def test_no_candles_as_csv_are_the_names_of_the_columns(ask: Ask) -> None:
    status, out, _ = ask("candles", "BTCUSDT", "--since", "2h", "--format", "csv")
    _, some, _ = ask("candles", "BTCUSDT", "--format", "csv")
    assert (status, out) == (1, some.splitlines()[0] + "\n")


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["DOGE"], "nothing of symbol DOGE is stored; there are BTC/USD, BTCUSDT"),
        (["BTCUSDT", "--interval", "7m"], "no candles of 7m are stored of binance; there are 1m, 5m"),
        (["BTCUSDT", "--exchange", "kraken"], "nothing of symbol BTCUSDT is stored of kraken; there are BTC/USD"),
        (["BTCUSDT", "--since", "soon"], "--since: 'soon' is no time; write a length of time"),
        (["BTCUSDT", "--since", "2h", "--until", "3h"], "--until: is not after --since"),
    ],
)
def test_a_wrong_question_exits_2_with_what_is_allowed(ask: Ask, arguments: list[str], reason: str) -> None:
    status, out, error = ask("candles", *arguments)
    assert (status, out) == (2, "")
    assert reason in error


def test_trades_without_candles_yet_are_told(root: Path, ask: Ask) -> None:
    shutil.rmtree(root / "candles")
    assert ask("candles", "BTCUSDT")[2].endswith("no candles of 1m are stored of binance; there are none at all yet\n")


def test_candles_outlive_their_trades(root: Path, answer: Answer, ask: Ask) -> None:
    before = answer("candles", "BTCUSDT")
    store(root, [T(1, 0), T(2, 3600), T(3, 7200)], symbol="ETHUSDT")
    shutil.rmtree(root / "trades" / "exchange=binance")
    assert answer("candles", "BTC-USDT") == before
    store(root, [T(1, 0), T(2, 3600), T(3, 7200)], exchange="kraken", symbol="BTC/USDT")
    assert answer("candles", "BTC-USDT", "--exchange", "binance") == before
    shutil.rmtree(root / "candles" / "exchange=kraken")
    shutil.rmtree(root / "trades")
    assert answer("candles", "BTCUSDT") == before
    status, _, error = ask("candles", "DOGEUSDT")
    assert (status, error) == (
        2,
        "tradestream: nothing of symbol DOGEUSDT is stored; there are BTCUSDT, ETHUSDT\n",
    )


def test_nothing_stored_yet_is_said_with_where(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "candles").mkdir()
    assert main(["candles", "BTCUSDT", "--storage", str(tmp_path)]) == 1
    assert capsys.readouterr().err == f"tradestream: {tmp_path}: nothing is stored yet\n"
