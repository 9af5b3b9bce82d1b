from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradestream.analytics.candles import MINUTE_MS, CandleBook, Key
from tradestream.ask.check import look
from tradestream.ask.report import SeriesReport
from tradestream.ask.storage import Series, Storage
from tradestream.cli import main
from unit.ask.conftest import Ask
from unit.ask.stored import DAY, T, closed, edit, store, write_candles, write_trades

KEY = Key("binance", "BTCUSDT")
NEXT_DAY = DAY + 86_400_000
TRADES = "trades/exchange=binance/date=2021-01-08/symbol=BTCUSDT/a.parquet"
CANDLES = "candles/exchange=binance/interval={}/date=2021-01-08/a-BTCUSDT.parquet"


def checked(root: Path, since: int = 0) -> SeriesReport:
    [report] = look(Storage(root), root, [Series(*KEY)], since)
    return report


def without(column: str, value: object) -> Callable[[pa.Table], pa.Table]:
    return lambda table: table.filter(pc.not_equal(table[column], value))


def altered(column: str, row: int, value: object) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        rows = table.to_pylist()
        rows[row][column] = value
        return pa.Table.from_pylist(rows, table.schema)

    return change


def raised(column: str, row: int = 1) -> Callable[[pa.Table], pa.Table]:
    """Adds the least that the column can hold."""

    def change(table: pa.Table) -> pa.Table:
        value = table[column][row].as_py()
        step = 1 if isinstance(value, int) else value.__class__(1).scaleb(-table.schema.field(column).type.scale)
        return altered(column, row, value + step)(table)

    return change


def test_whole_data_is_whole(ask: Ask) -> None:
    status, out, error = ask("check")
    assert (status, error) == (0, "")
    assert out.splitlines() == [
        "ok   binance BTCUSDT: 90 trades, ids 100 to 189; 29 candles of 1m; 5 candles of 5m",
        "ok   kraken BTC/USD: 90 trades, ids 100 to 189; 29 candles of 1m; 5 candles of 5m",
        "whole: 2 pairs, 180 trades",
    ]


def test_missing_trades_are_named_and_so_is_their_candle(root: Path, ask: Ask) -> None:
    edit(root / TRADES, lambda table: pa.concat_tables([table.slice(0, 10), table.slice(12, 3), table.slice(16)]))
    status, out, _ = ask("check", "--symbol", "BTC-USDT")
    assert status == 1
    assert out.splitlines() == [
        "BAD  binance BTCUSDT: 87 trades, ids 100 to 189; 29 candles of 1m; 5 candles of 5m",
        "     - 3 ids are missing, in 2 ranges: 110 to 111, 115",
        "     - candles of 1m: 2 differ from their trades; the first is that of 2021-01-08 00:03 UTC",
        "not whole: 1 of 1 pair",
    ]


def test_json_tells_scripts_the_same(root: Path, ask: Ask) -> None:
    edit(root / TRADES, without("trade_id", 150))
    status, out, _ = ask("check", "--format", "json")
    found = json.loads(out)
    assert (status, found["whole"]) == (1, False)
    assert [one["whole"] for one in found["series"]] == [False, True]
    first = found["series"][0]
    assert (first["missing_trades"], first["missing_ranges"], first["duplicates"]) == (1, [[150, 150]], 0)
    assert first["candles"]["1m"]["differing"] == 1


def test_a_trade_stored_twice_is_found_across_files_and_days(root: Path) -> None:
    write_trades(root, KEY, [(0, T(100, 0, "100.125", "0.00000001", maker=True))], name="b")
    report = checked(root)
    assert report.ids is not None
    assert (report.ids.trades, report.ids.distinct, report.ids.missing) == (91, 90, 0)
    assert not report.whole


def test_a_trade_in_another_days_partition_is_found(root: Path) -> None:
    wrong = root / TRADES.replace("2021-01-08", "2021-01-09")
    wrong.parent.mkdir(parents=True)
    (root / TRADES).rename(wrong)
    assert (checked(root).places.date, checked(root).whole) == (90, False)


@pytest.mark.parametrize("place", ["exchange=okx/date=2021-01-08/symbol=BTCUSDT", "symbol"])
def test_trades_of_another_pair_are_found_by_their_event_id(root: Path, place: str) -> None:
    other = root / "trades/exchange=kraken/date=2021-01-08/symbol=BTC%2FUSD/a.parquet"
    shutil.copy(other, root / TRADES)
    assert (checked(root).places.identity, checked(root).whole) == (90, False), place


@pytest.mark.parametrize("interval", ["1m", "5m"])
@pytest.mark.parametrize(
    "column",
    [
        "open", "high", "low", "close", "volume", "quote_volume", "buy_volume", "sell_volume", "trade_count",
        "first_trade_id", "last_trade_id", "close_time", "price_change",
    ],
)  # fmt: skip
def test_the_last_digit_of_a_candle_matters(root: Path, interval: str, column: str) -> None:
    edit(root / CANDLES.format(interval), raised(column))
    candles = checked(root).candles
    assert (candles[interval].differing, candles[interval].whole) == (1, False)


@pytest.mark.parametrize(("missing", "differing"), [(2, 0), (1, 0), (0, 1)])
def test_a_candle_misses_at_least_the_ids_between_its_first_and_last(
    tmp_path: Path, missing: int, differing: int
) -> None:
    store(tmp_path, [T(1, 0), T(2, 10), T(4, 20), T(5, 60), T(6, 900)])
    edit(tmp_path / CANDLES.format("1m"), altered("missing_trades", 0, missing))
    assert checked(tmp_path).candles["1m"].differing == differing


@pytest.mark.parametrize(("missing", "differing"), [(1, 0), (0, 0), (-1, 1)])
def test_an_id_that_another_candle_has_need_not_be_missing(tmp_path: Path, missing: int, differing: int) -> None:
    store(tmp_path, [T(1, 0), T(2, 10), T(3, 60), T(4, 20), T(5, 70), T(6, 900)])
    edit(tmp_path / CANDLES.format("1m"), altered("missing_trades", 0, missing))
    assert checked(tmp_path).candles["1m"].differing == differing


@pytest.mark.parametrize("interval", ["1m", "5m"])
def test_a_lost_candle_is_found(root: Path, interval: str) -> None:
    edit(root / CANDLES.format(interval), lambda table: pa.concat_tables([table.slice(0, 2), table.slice(3)]))
    agreement = checked(root).candles[interval]
    length = MINUTE_MS * int(interval[0])
    assert (agreement.lacking, agreement.examples) == (1, [DAY + 2 * length])
    other = checked(root).candles["5m" if interval == "1m" else "1m"]
    assert other.whole, "a longer candle without its minutes is still that of its trades"


def test_the_newest_closed_minutes_are_missed_too(root: Path) -> None:
    edit(root / CANDLES.format("1m"), lambda table: table.slice(0, 5))
    assert checked(root).candles["1m"].lacking == 19


def test_candles_that_are_all_gone_are_missed(root: Path) -> None:
    (root / CANDLES.format("1m")).unlink()
    assert checked(root).candles["1m"].lacking == 24


def test_a_candle_stored_twice_is_found(root: Path) -> None:
    shutil.copy(root / CANDLES.format("1m"), root / CANDLES.format("1m").replace("a-", "b-"))
    assert (checked(root).candles["1m"].repeated, checked(root).whole) == (29, False)


def test_a_candle_without_its_trades_is_found(root: Path) -> None:
    edit(root / TRADES, lambda table: table.slice(6))
    assert checked(root).candles["1m"].differing == 2


def test_candles_of_which_all_trades_are_gone_are_found(root: Path) -> None:
    (root / TRADES).unlink()
    report = checked(root)
    assert (report.ids, report.candles["1m"].differing) == (None, 29)
    assert not report.whole


def test_it_says_what_it_is_at(root: Path) -> None:
    said: list[tuple[str, int, int]] = []
    look(Storage(root), root, [Series(*KEY), Series("kraken", "BTC/USD")], 0, lambda *step: said.append(step))
    assert said[0] == ("binance BTCUSDT: ids", 0, 6)
    assert said[-1] == ("kraken BTC/USD: event ids", 5, 6)


def test_late_trades_are_told_and_nothing_is_wrong_with_them(tmp_path: Path) -> None:
    trades = [T(1, 0), T(2, 50), T(3, 600), T(4, 30, "7"), T(5, 120), T(6, 610), T(7, 1800)]
    assert store(tmp_path, trades) == 2
    report = checked(tmp_path)
    assert (report.candles["1m"].late, report.whole) == (2, True), "minute 2 has late trades only"
    assert "; 2 came late, after their candles were closed" in next(report.lines())
    edit(tmp_path / CANDLES.format("1m"), altered("close", 0, Decimal(7)))
    assert checked(tmp_path).candles["1m"].differing == 1


def test_a_trade_that_came_after_the_clock_closed_its_minute_is_late(tmp_path: Path) -> None:
    before, late, after = [T(1, 0)], T(2, 120, received=1500), [T(3, 1510), T(4, 2400)]
    book = CandleBook([MINUTE_MS, 5 * MINUTE_MS], 5 * MINUTE_MS)
    candles = [*closed(book, "BTCUSDT", before), *book.advance(1_400_000), *closed(book, "BTCUSDT", [late, *after])]
    write_candles(tmp_path, candles)
    write_trades(tmp_path, KEY, enumerate([*before, late, *after]))
    assert checked(tmp_path).whole
    write_trades(tmp_path, KEY, enumerate([*before, late._replace(received=130), *after]))
    assert checked(tmp_path).candles["1m"].lacking == 1, "it came in time"


def test_a_whole_candle_may_be_stored_while_an_older_one_is_open(tmp_path: Path) -> None:
    trades = [T(1, 0), T(2, 70), T(4, 80), T(5, 130), T(6, 190)]
    candles = closed(CandleBook([MINUTE_MS], 0), "BTCUSDT", trades)
    write_trades(tmp_path, KEY, enumerate(trades))
    write_candles(tmp_path, [one for one in candles if one.candle.first_trade_id == 5])
    assert (checked(tmp_path).candles["1m"].candles, checked(tmp_path).candles["1m"].whole) == (1, True)
    write_trades(tmp_path, KEY, enumerate([*trades, T(7, 500)]))
    assert checked(tmp_path).candles["1m"].lacking == 2, "five minutes close what is not whole too"


def test_a_trade_of_a_longer_candle_that_was_whole_is_late_though_its_minute_is_empty(tmp_path: Path) -> None:
    before, late, after = [T(1, 0), T(2, 310), T(3, 320), T(4, 600)], T(5, 480), [T(6, 620), T(7, 1800)]
    book = CandleBook([MINUTE_MS, 5 * MINUTE_MS], 5 * MINUTE_MS)
    write_candles(tmp_path, closed(book, "BTCUSDT", [*before, *after]))
    write_trades(tmp_path, KEY, enumerate([*before, late, *after]))
    report = checked(tmp_path)
    assert (report.candles["1m"].late, report.whole) == (1, True)
    write_trades(tmp_path, KEY, enumerate([*before[:3], late, *before[3:], *after]))
    assert checked(tmp_path).candles["1m"].lacking == 1, "it came in time"


def test_a_longer_candle_made_anew_from_all_stored_trades_is_right_too(tmp_path: Path) -> None:
    trades = [T(1, 0), T(2, 400), T(3, 30), T(4, 700), T(5, 1300)]
    assert store(tmp_path, trades) == 1
    book = CandleBook([5 * MINUTE_MS], 3_600_000)
    all_trades = [*trades, T(6, 90_000)]
    rebuilt = [one for one in closed(book, "BTCUSDT", all_trades) if one.candle.open_time < DAY + 900_000]
    shutil.rmtree(tmp_path / "candles/exchange=binance/interval=5m")
    write_candles(tmp_path, rebuilt)
    assert [one.candle.trade_count for one in rebuilt if one.candle.open_time == DAY] == [2]
    assert checked(tmp_path).whole


def test_since_leaves_out_what_was_before(root: Path, ask: Ask) -> None:
    edit(root / TRADES, without("trade_id", 110))
    assert ask("check")[0] == 1
    status, out, _ = ask("check", "--since", "2021-01-08T00:04:30")
    assert (status, out.splitlines()[0]) == (
        0,
        "ok   binance BTCUSDT: 76 trades, ids 114 to 189; 24 candles of 1m; 4 candles of 5m",
    )


def test_an_id_next_to_one_of_the_first_day_is_no_gap_though_it_was_traded_before_it(tmp_path: Path) -> None:
    store(tmp_path, [T(1, -90), T(2, 1), T(3, -1), T(4, 2)])
    assert checked(tmp_path, since=DAY).whole


@pytest.fixture
def two_days(tmp_path: Path) -> Path:
    """A trade each ten minutes, from 23:00 on to 01:30 of the next day, of two exchanges."""
    root = tmp_path / "two days"
    for exchange in ("binance", "kraken"):
        store(root, [T(n, 82_800 + 600 * n, f"{100 + n}") for n in range(16)], exchange=exchange)
    return root


def remove(root: Path, *tables: str) -> None:
    """Removes the first day of one exchange, as `tradestream compact` does."""
    for table in tables:
        for directory in list((root / table).glob("exchange=binance/**/date=2021-01-08")):
            shutil.rmtree(directory)


@pytest.mark.parametrize("removed", ["trades", "candles"])
def test_days_of_which_only_either_are_stored_are_not_compared_and_it_says_so(
    two_days: Path, capsys: pytest.CaptureFixture[str], removed: str
) -> None:
    remove(two_days, removed)
    assert main(["check", "--storage", str(two_days)]) == 0
    first, note, *rest = capsys.readouterr().out.splitlines()
    assert first.endswith("; 9 candles of 1m; 9 candles of 5m"), "those of the second day"
    assert note == (
        "     candles are compared from 2021-01-09 00:00 UTC on: of older days only trades or only candles are stored"
    )
    assert len(rest) == 2, "nothing of the kind is said of the other exchange"
    assert main(["check", "--storage", str(two_days), "--format", "json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["candles_compared_from"] for one in told["series"]] == [NEXT_DAY, None]


@pytest.mark.parametrize("since", [NEXT_DAY, NEXT_DAY + 900_000])
def test_it_says_nothing_of_days_that_are_not_asked_for(two_days: Path, since: int) -> None:
    remove(two_days, "trades")
    assert (checked(two_days, since).whole, checked(two_days, since).compared_from) == (True, None)


def test_it_says_nothing_where_both_are_removed(two_days: Path) -> None:
    remove(two_days, "trades", "candles")
    assert (checked(two_days).whole, checked(two_days).compared_from) == (True, None)


def test_a_fault_of_the_first_day_that_has_both_is_found(two_days: Path) -> None:
    remove(two_days, "trades")
    next_day = two_days / TRADES.replace("01-08", "01-09")
    edit(next_day, lambda table: table.slice(1))
    report = checked(two_days)
    assert (report.candles["1m"].differing, report.compared_from) == (1, NEXT_DAY)
    next_day.unlink()
    assert checked(two_days).candles["1m"].differing == 9, "its directory says that there were trades"


def test_a_directory_that_is_no_day_is_no_first_day(two_days: Path) -> None:
    (two_days / "trades/exchange=binance/date=1/symbol=BTCUSDT").mkdir(parents=True)
    remove(two_days, "trades")
    assert (checked(two_days).whole, checked(two_days).compared_from) == (True, NEXT_DAY)


def test_a_damaged_file_is_named_and_the_others_are_checked(root: Path, ask: Ask) -> None:
    (root / TRADES).write_bytes(b"")
    status, out, _ = ask("check")
    assert status == 1
    assert str(root / TRADES) in out
    assert "ok   kraken BTC/USD" in out


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--exchange", "okx"], "nothing of okx is stored; there are binance, kraken"),
        (["--symbol", "DOGE"], "nothing of symbol DOGE is stored; there are BTC/USD, BTCUSDT"),
        (["--since", "x"], "--since: 'x' is no time"),
    ],
)
def test_a_wrong_question_exits_2(ask: Ask, arguments: list[str], reason: str) -> None:
    status, out, error = ask("check", *arguments)
    assert (status, out) == (2, "")
    assert reason in error


def test_a_move_under_way_is_waited_for_and_an_interrupted_one_told(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Storage, "settle", lambda self, seconds=0.0: str(self.root / "_staging/e-1"))  # noqa: ARG005
    status, _, error = ask("check")
    assert status == 0
    assert "_staging/e-1: is half moved, trade-analytics does the rest when it starts" in error


def test_files_that_are_merged_meanwhile_are_listed_anew(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = Storage.files

    def files(self: Storage, table: str, since: str = "", **fixed: str) -> list[str]:
        found = listed(self, table, since, **fixed)
        if table == "trades" and (root / TRADES).exists():
            (root / TRADES).rename((root / TRADES).with_name("merged.parquet"))
        return found

    monkeypatch.setattr(Storage, "files", files)
    report = checked(root)
    assert report.whole
    assert report.ids is not None
    assert report.ids.trades == 90


ARRIVALS = st.lists(st.tuples(st.integers(0, 1500), st.integers(1, 9)), min_size=1, max_size=40)


@settings(max_examples=60)
@given(arrivals=ARRIVALS, order=st.randoms(use_true_random=False), data=st.data())
def test_whatever_the_book_makes_of_any_arrivals_is_whole_until_something_is_taken_away(
    arrivals: list[tuple[int, int]],
    order: Random,
    data: st.DataObject,
) -> None:
    numbers = list(range(len(arrivals)))
    order.shuffle(numbers)
    trades = [T(number, second, str(price)) for number, (second, price) in zip(numbers, arrivals, strict=True)]
    with TemporaryDirectory() as folder:
        root = Path(folder)
        late = store(root, trades)
        report = checked(root)
        assert report.whole, list(report.lines())
        if "1m" in report.candles:
            assert report.candles["1m"].late == late
        if len(trades) > 2:
            lost = data.draw(st.integers(1, len(trades) - 2), label="lost")
            edit(root / TRADES, without("trade_id", lost))
            assert not checked(root).whole
