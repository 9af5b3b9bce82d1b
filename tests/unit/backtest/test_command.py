"""The command over dumps and over what is stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from candle import candles as plain_candles
from data.make_dump import write_dump
from data.shared import real
from tradestream.analytics.candles import CandleBook, Key
from tradestream.analytics.publish import message
from tradestream.backtest import dumps, service, stored
from tradestream.cli import main
from unit.ask.stored import DAY, T, closed, store, write_trades
from unit.replay.dumps import ids, line, write

MINUTE = 60_000
Run = Callable[..., tuple[dict[str, Any], list[bytes], list[bytes]]]


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command; its report, and the lines of candles and of signals."""

    def run(*arguments: object) -> tuple[dict[str, Any], list[bytes], list[bytes]]:
        output = tmp_path / "output"
        assert main(["backtest", *map(str, arguments), "--json", "--output", str(output)]) == 0
        assert sorted(path.name for path in output.iterdir()) == ["candles.jsonl", "signals.jsonl"]
        report = json.loads(capsys.readouterr().out)
        return report, *(
            sorted((output / name).read_bytes().splitlines()) for name in ("candles.jsonl", "signals.jsonl")
        )

    return run


def rules(folder: Path, *lines: str) -> Path:
    path = folder / "rules.yml"
    path.write_text("rules:\n" + "".join(f"  - {line}\n" for line in lines))
    return path


def market(folder: Path, name: str = "BTCUSDT-trades-2021-01-08.csv", prices: tuple[int, ...] = ()) -> Path:
    """A dump with one trade at the begin of each minute."""
    rows = [f"{n + 1},{price}.0,1.0,1.0,{DAY + n * MINUTE},True,True\n" for n, price in enumerate(prices)]
    path = folder / name
    path.write_text("".join(rows))
    return path


def test_real_trades_give_the_candle_that_is_computed_from_the_file(run: Run) -> None:
    dump = real("BTCUSDT-trades-2021-01-08.csv")
    report, candles, _ = run(dump)
    assert (report["trades"], report["late"], report["duplicates"], report["candles"]) == (
        2001,
        0,
        0,
        {"1m": 1, "5m": 1},
    )
    for minutes, written in zip((1, 5), candles, strict=True):
        (wanted,) = plain_candles(dump, minutes).values()
        found = json.loads(written)
        assert found["is_closed"] is True
        assert {name: found[name] for name in wanted} == {
            name: int(value) if isinstance(found[name], int) else _plain(value) for name, value in wanted.items()
        }


def _plain(value: object) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def test_neither_zips_nor_blocks_nor_days_change_a_byte(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_dump(tmp_path / "BTCUSDT-trades-2024-12-31.csv", 150_000)
    some = rules(tmp_path, "{type: large_trade, amount: 3000}", "{type: rsi}", "{type: bollinger}")
    report, *wanted = run(whole, "--rules", some)
    assert (report["trades"], len(wanted[0])) == (150_000, report["candles"]["1m"] + report["candles"]["5m"])
    assert {fired["rule"] for fired in report["rules"] if fired["signals"]} == {"large_trade", "rsi", "bollinger"}
    lines = whole.read_text().splitlines(keepends=True)
    folder = tmp_path / "days"
    folder.mkdir()
    (folder / "BTCUSDT-trades-a.csv").write_text("".join(lines[:50_000]))
    (folder / "BTCUSDT-trades-b.csv").write_text(
        "id,price,qty,quote_qty,time,is_buyer_maker\n" + "".join(lines[50_000:])
    )
    monkeypatch.setattr(dumps, "_BLOCK_BYTES", 500_000)
    assert run(folder, "--rules", some)[1:] == tuple(wanted)


def test_a_known_market_has_the_hits_that_one_counts(run: Run, tmp_path: Path) -> None:
    # Up 10 % and on; up 10 % and back; up 10 % and unchanged; down 10 % and on; the last one is not judged.
    prices = (100, 110, 121, 121, 133, 120, 120, 132, 132, 118, 100, 110)
    some = rules(tmp_path, "{type: price_move, percent: 9, symbols: [BTCUSDT]}", "{type: volume_anomaly}")
    report, _, signals = run(market(tmp_path, prices=prices), "--rules", some, "--after", "1,2")
    move, volume = report["rules"]
    told = [json.loads(signal) for signal in signals]
    assert [(each["evidence"]["direction"], (each["time"] - DAY) // MINUTE) for each in sorted(told, key=_time)] == [
        ("up", 2), ("up", 3), ("up", 5), ("down", 6), ("up", 8), ("down", 10), ("down", 11), ("up", 12),
    ]  # fmt: skip
    after = {each["minutes"]: each for each in move["after"]}
    # Of eight the last one has no price after it: +10 %, 0, -9.8 %, 0, 0, +15.3 %, -10 %.
    assert (move["signals"], after[1]["judged"], after[1]["hits"]) == (8, 7, 2)
    moves = [10, 0, 100 * (120 / 133 - 1), 0, 0, -100 * (100 / 118 - 1), -100 * (110 / 100 - 1)]
    assert after[1]["mean_move_percent"] == pytest.approx(sum(moves) / 7)
    assert after[1]["hit_rate"] == pytest.approx(2 / 7)
    assert volume == {
        "rule": "volume_anomaly",
        "signals": 0,
        "after": [
            {"minutes": minutes, "judged": 0, "hits": 0, "mean_move_percent": None, "hit_rate": None}
            for minutes in (1, 2)
        ],
    }


def _time(signal: dict[str, Any]) -> int:
    time: int = signal["time"]
    return time


def test_a_large_trade_is_judged_from_its_own_price(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades-2021-01-08.csv"
    path.write_text(
        f"1,100.0,9.0,1.0,{DAY + 30_000},False,True\n"  # bought at 100
        f"2,105.0,1.0,1.0,{DAY + 40_000},True,True\n"
        f"3,90.0,1.0,1.0,{DAY + 61_000},True,True\n"
        f"4,90.0,1.0,1.0,{DAY + 300_000},True,True\n"
    )
    report, _, _ = run(path, "--rules", rules(tmp_path, "{type: large_trade, amount: 900}"), "--after", "1,2")
    first, second = report["rules"][0]["after"]
    # A minute after 00:00:30 the last candle is that of 00:00, which closed at 105; two minutes after it that of 00:01.
    assert (first["judged"], first["hits"], second["judged"], second["hits"]) == (1, 1, 1, 0)
    assert first["mean_move_percent"] == pytest.approx(5)
    assert second["mean_move_percent"] == pytest.approx(-10)


def test_only_whole_candles_of_the_time_that_was_named(run: Run, tmp_path: Path) -> None:
    dump = market(tmp_path, prices=tuple(range(100, 130)))
    everything = run(dump)[1]
    report, candles, _ = run(dump, "--since", "2021-01-08T00:06", "--until", "2021-01-08T00:14")
    times = {(each["interval"], each["open_time"]) for each in map(json.loads, candles)}
    assert times == {("1m", DAY + n * MINUTE) for n in range(5, 15)} | {("5m", DAY + n * MINUTE) for n in (5, 10)}
    assert report["candles"] == {"1m": 10, "5m": 2}
    assert {_without_missing(each) for each in candles} <= {_without_missing(each) for each in everything}


def _without_missing(candle: bytes) -> str:
    return json.dumps({**json.loads(candle), "missing_trades": 0})


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("2,1e3,1,1,1610064000010,True,True", "line 2: price cannot be '1e3'"),
        ("2,0.0,1,1,1610064000010,True,True", "line 2: price cannot be '0.0'"),
        ("2,1.0000000000001,1,1,1610064000010,True,True", "line 2: price cannot be '1.0000000000001'"),
        ("1,1,1,1,1610064000010,True,True", "line 2: trade id 1 is not above 1 before it"),
        ("2,1,1,1,1010064000010,True,True", "time 1010064000010 is before 2009"),
        ("2,9999999999,9999999999,1,1610064000010,True,True", "trade 2: "),
        ("2,1,1,1,1610064000010,maybe,True", "line 2: buyer is maker cannot be 'maybe'"),
        ("2,1,1", "line 2: has 3 columns instead of 7"),
        ("", "line 2: has 1 columns instead of 7"),
        ("2,\u00e9,1,1,1610064000010,True,True", "line 2: price cannot be"),
    ],
)
def test_a_broken_dump_is_refused_as_a_replay_refuses_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], wrong: str, told: str
) -> None:
    dump = tmp_path / "BTCUSDT-trades-2021-01-08.csv"
    dump.write_text(f"{line(1)}\n{wrong}\n{line(3)}\n")
    output = tmp_path / "output"
    assert main(["backtest", str(dump), "--output", str(output)]) == 2
    assert f"tradestream: {dump}: {told}" in capsys.readouterr().err.replace("trade 2: time", "time")
    assert not list(output.iterdir()), "no half of an answer is left"


def test_lines_may_end_as_windows_ends_them(run: Run, tmp_path: Path) -> None:
    dump = tmp_path / "BTCUSDT-trades-2021-01-08.csv"
    dump.write_bytes("".join(f"{line(n)}\r\n" for n in (1, 2)).encode())
    assert run(dump)[0]["trades"] == 2


def test_a_checksum_that_is_not_the_dumps_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump = write(tmp_path / "BTCUSDT-trades-2021-01-08.zip", ids(1, 9))
    beside = tmp_path / f"{dump.name}.CHECKSUM"
    beside.write_text(f"{hashlib.sha256(dump.read_bytes()).hexdigest()}  {dump.name}\n")
    assert main(["backtest", str(dump)]) == 0
    beside.write_text(f"{'0' * 64}  {dump.name}\n")
    assert main(["backtest", str(dump)]) == 2
    assert "its SHA-256 is" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--symbols", "ETHUSDT"], "--symbols: no dump of ETHUSDT"),
        (["--exchange", "kraken"], "--exchange: dumps are of binance"),
        (["--storage", "/tmp"], "--storage: name either dumps or a storage"),  # noqa: S108 - is not used
        (["--since", "2d", "--until", "3d"], "--until: is not after --since"),
        (["--rules", "{folder}/none.yml"], "none.yml: cannot be read"),
        (["--config", "{folder}/none.yml"], "none.yml: cannot be read"),
        (["--since", "2030-01-01"], "there are no trades of that time"),
    ],
)
def test_what_cannot_be_used_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    dump = write(tmp_path / "BTCUSDT-trades-2021-01-08.csv", ids(1, 9))
    assert main(["backtest", str(dump), *(each.format(folder=tmp_path) for each in arguments)]) in {1, 2}
    assert told in capsys.readouterr().err


def test_without_any_trades_it_says_where_it_takes_them_from(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(service, "CONFIG", tmp_path / "analytics.yml")
    assert main(["backtest"]) == 2
    assert "name dumps, or stored trades with --storage DIR" in capsys.readouterr().err


def test_rules_are_held_against_the_configuration(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump = write(tmp_path / "BTCUSDT-trades-2021-01-08.csv", ids(1, 9))
    for text, told in (
        ("{type: rsi, interval: 2m}", "rules[0] (rsi): interval: there are no candles of '2m'"),
        ("{type: rsi, abvoe: 70}", "unknown key `abvoe`; allowed here:"),
    ):
        path = rules(tmp_path, text)
        assert main(["backtest", str(dump), "--rules", str(path)]) == 2
        error = capsys.readouterr().err
        assert error.startswith(f"tradestream: {path}: ")
        assert told in error


def test_intervals_and_indicators_can_be_tried_with_the_rules(run: Run, tmp_path: Path) -> None:
    dump = market(tmp_path, prices=(100, 101) * 60)
    some = rules(tmp_path, "{type: bollinger, interval: 2m}")
    some.write_text(f"{some.read_text()}intervals: [1m, 2m]\nindicators: {{bollinger: 10}}\n")
    report, _, _ = run(dump, "--rules", some)
    assert report["candles"] == {"1m": 120, "2m": 60}
    some.write_text(some.read_text().replace("10", "3"))
    assert (
        main(["backtest", str(dump), "--rules", str(some)]) == 2
    )  # two deviations are never passed with three candles


def test_minutes_have_to_be_a_multiple_of_the_shortest_candle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dump = write(tmp_path / "BTCUSDT-trades-2021-01-08.csv", ids(1, 9))
    config = tmp_path / "analytics.yml"
    config.write_text("kafka_client_config: /x\nstorage: file:///x\ncheckpoint: file:///x\nintervals: [5m]\n")
    assert main(["backtest", str(dump), "--config", str(config), "--after", "5,7"]) == 2
    assert "--after: 7 minutes are no multiple of 5m" in capsys.readouterr().err


def test_people_get_a_table_and_a_chart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dump = market(tmp_path, prices=tuple(100 + 20 * (n > 5) for n in range(30)))
    some = rules(tmp_path, "{type: price_move}")
    assert main(["backtest", str(dump), "--rules", str(some), "--chart"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].startswith("30 trades of 1 pair, 2021-01-08 00:00 to 2021-01-08 00:30 UTC, in ")
    assert out[1] == "30 candles of 1m; 6 candles of 5m; 1 signal"
    assert out[4].split() == ["price_move", "1", "1", "0.0%", "+0.000%"]
    marks = next(each for each in out if each.strip() == "^")
    assert marks.index("^") - len(out[6].partition(" ")[0]) > 5, "below the minute in which the price rose"
    assert main(["backtest", str(dump)]) == 0
    assert "no rules, so no signals" in capsys.readouterr().out


def lates() -> list[T]:
    """Two hours; every hundredth trade comes seven minutes late, some ids are missing."""
    given = [T(n, 3 * n, f"{100 + n % 7}.125", f"0.{n + 1:08}", maker=n % 3 == 0) for n in range(2_400) if n % 333]
    for at in range(100, 2_200, 100):
        given.insert(at + 140, given.pop(at))
    return given


@pytest.mark.parametrize(("trades", "minutes"), [(500_000, 1_440), (700, 1_440), (500_000, 7), (1, 1)])
def test_stored_trades_give_the_candles_that_the_job_has_stored(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trades: int, minutes: int
) -> None:
    monkeypatch.setattr(stored, "_STEP_TRADES", trades)
    monkeypatch.setattr(stored, "_STEP_MINUTES", minutes)
    given, root = lates(), tmp_path / "storage"
    late = store(root, given)
    store(root, given[:50], exchange="kraken", symbol="BTC/USD")
    report, candles, _ = run("--storage", root, "--exchange", "binance")
    book = CandleBook([MINUTE, 5 * MINUTE], 5 * MINUTE)
    wanted = {message(update).value for update in closed(book, "BTCUSDT", given)}
    assert wanted
    assert late > 10
    assert wanted <= set(candles)
    assert [report[name] for name in ("trades", "late", "duplicates", "pairs")] == [len(given), late, 0, 1]
    last = sorted(set(candles) - wanted)
    assert all(json.loads(each)["close_time"] > DAY + 3_000 * 2_300 for each in last), "what was still open"


def test_a_trade_that_is_stored_twice_counts_once(run: Run, tmp_path: Path) -> None:
    given = [T(n, 20 * n) for n in range(90)]
    store(tmp_path / "storage", given)
    once = run("--storage", tmp_path / "storage")[1]
    write_trades(tmp_path / "storage", Key("binance", "BTCUSDT"), [(1_000, given[5]), (7, given[7])], "again")
    report, candles, _ = run("--storage", tmp_path / "storage")
    assert (report["trades"], report["duplicates"], candles) == (90, 2, once)


def test_pairs_of_a_storage_are_chosen_in_any_style(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "storage"
    for exchange, symbol in (("binance", "BTCUSDT"), ("kraken", "BTC/USD"), ("binance", "ETHUSDT")):
        store(root, [T(n, 20 * n) for n in range(90)], exchange, symbol)
    assert run("--storage", root, "--symbols", "btc-usdt,BTCUSD")[0]["pairs"] == 2
    assert main(["backtest", "--storage", str(root), "--symbols", "XRPUSDT"]) == 2
    assert "nothing of symbol XRPUSDT is stored" in capsys.readouterr().err
    assert main(["backtest", "--storage", str(root), "--since", "2030-01-01"]) == 1
    assert "there are no trades" in capsys.readouterr().err
