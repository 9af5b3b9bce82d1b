from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradestream.errors import DumpError
from tradestream.replay import tape
from tradestream.replay.files import find
from tradestream.replay.progress import Mark
from tradestream.replay.tape import Cursor
from tradestream.trade import decode, event_id
from unit.replay.dumps import START_MS, ids, line, write

NOW_NS = 1_700_000_000_123_456_789
SYMBOLS = ("BTCUSDT", "ETHUSDT", "XRPUSDT")


def cursors(folder: Path, marks: dict[str, Mark] | None = None) -> list[list[Cursor]]:
    """Returns the cursors of all dumps in a directory."""
    known = marks or {}
    return [[Cursor(dump, known.get(dump.key)) for dump in dumps] for dumps in find([folder], []).values()]


def played(symbols: list[list[Cursor]], count: int | None = None) -> list[tuple[str, int, int]]:
    """Plays at most `count` trades as a replay does; returns symbol, id and time of each."""
    sent = []
    with tape.play(symbols) as items:
        for time_us, row, cursor in islice(items, count):
            cursor.last_id = row.trade_id
            sent.append((cursor.dump.symbol, row.trade_id, time_us))
    return sent


def test_a_symbols_dumps_follow_each_other(tmp_path: Path) -> None:
    write(tmp_path / "BTCUSDT-trades-2021-01-09.zip", ids(200, 210), header=True)
    write(tmp_path / "BTCUSDT-trades-2021-01-08.csv", ids(100, 199))
    all_cursors = cursors(tmp_path)
    assert [trade_id for _, trade_id, _ in played(all_cursors)] == list(range(100, 211))
    assert [cursor.mark for cursor in all_cursors[0]] == [
        Mark(199, all_cursors[0][0].dump.size),
        Mark(210, all_cursors[0][1].dump.size),
    ]


def test_symbols_are_merged_by_time_in_whichever_unit(tmp_path: Path) -> None:
    write(tmp_path / "BTCUSDT-trades-2024-12-31.csv", [(1, START_MS), (2, START_MS + 20)])
    write(tmp_path / "ETHUSDT-trades-2025-01-01.csv", [(9, (START_MS + 10) * 1000 + 5), (10, (START_MS + 20) * 1000)])
    assert [(symbol, trade_id) for symbol, trade_id, _ in played(cursors(tmp_path))] == [
        ("BTCUSDT", 1),
        ("ETHUSDT", 9),
        ("BTCUSDT", 2),
        ("ETHUSDT", 10),
    ]


Days = list[list[tuple[int, int]]]


@st.composite
def _days(draw: st.DrawFn) -> Days:
    """One to three dumps of a symbol: ids rise, with holes; times are what they are."""
    numbers = sorted(draw(st.sets(st.integers(0, 1000), min_size=3, max_size=20)))
    rows = [(number, START_MS + draw(st.integers(0, 50))) for number in numbers]
    cuts = sorted(draw(st.sets(st.integers(1, len(rows) - 1), max_size=2)))
    return [rows[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(rows)], strict=True)]


@given(symbols=st.lists(_days(), min_size=1, max_size=3), stops=st.lists(st.integers(0, 30), max_size=3))
def test_whatever_stops_it_each_symbols_trades_are_sent_once_and_by_rising_id(
    tmp_path_factory: pytest.TempPathFactory, symbols: Sequence[Days], stops: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("dumps")
    for symbol, days in zip(SYMBOLS, symbols, strict=False):
        for number, rows in enumerate(days):
            kind = "zip" if number % 2 else "csv"
            write(folder / f"{symbol}-trades-2021-01-0{number + 1}.{kind}", rows)
    marks: dict[str, Mark] = {}
    sent = []
    for stop in [*stops, None]:
        now = cursors(folder, marks)
        sent += played(now, stop)
        marks |= {cursor.dump.key: cursor.mark for each in now for cursor in each if cursor.last_id >= 0}
    for symbol, days in zip(SYMBOLS, symbols, strict=False):
        assert [trade_id for name, trade_id, _ in sent if name == symbol] == [row[0] for rows in days for row in rows]
    assert played(cursors(folder, marks)) == []


def test_a_zip_that_goes_on_into_the_next_one_ends_before_that(tmp_path: Path) -> None:
    write(tmp_path / "BTCUSDT-trades-2021-01-08.zip", ids(100, 200))
    write(tmp_path / "BTCUSDT-trades-2021-01-09.csv", ids(150, 300))
    all_cursors = cursors(tmp_path)
    with pytest.raises(DumpError, match=r"begins at trade 150, .* to 200: name only one"):
        played(all_cursors)
    assert [cursor.last_id for cursor in all_cursors[0]] == [200, -1]


def test_a_broken_line_ends_it_after_the_trade_before(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades-2021-01-08.csv"
    path.write_text(f"{line(1)}\n{line(2)}\n3,free,1,1,1610064000000,True,True\n{line(4)}\n")
    ((cursor,),) = cursors(tmp_path)
    with pytest.raises(DumpError, match="line 3: price cannot be 'free'"):
        played([[cursor]])
    assert cursor.mark == Mark(2)


def test_a_dump_that_is_done_is_not_read_again(tmp_path: Path) -> None:
    write(tmp_path / "BTCUSDT-trades-2021-01-08.zip", ids(1, 3))
    ((before,),) = cursors(tmp_path)
    played([[before]])
    ((after,),) = cursors(tmp_path, {before.dump.key: before.mark})
    assert played([[after]]) == []
    assert (after.bytes_read, after.mark) == (0, before.mark)


def test_a_dump_that_has_grown_since_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades-2021-01-08.csv"
    write(path, ids(1, 3))
    before = cursors(tmp_path)
    played(before)
    marks = {before[0][0].dump.key: before[0][0].mark}
    write(path, ids(1, 5))
    assert [trade_id for _, trade_id, _ in played(cursors(tmp_path, marks))] == [4, 5]


def test_a_message_is_the_trade_as_the_producer_sends_it(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades-2025-01-01.csv"
    write(path, [(7, 1_735_689_600_000_123)])
    ((cursor,),) = cursors(tmp_path)
    (item,) = cursor.rows()
    trade = decode(cursor.message(item.row, NOW_NS))
    assert (trade.event_id, trade.exchange, trade.symbol) == (event_id("binance", "BTCUSDT", 7), "binance", "BTCUSDT")
    assert (trade.price, trade.quantity, trade.buyer_is_maker) == ("39432.48000000", "0.00026300", True)
    assert (trade.trade_time, trade.trade_time_us) == (1_735_689_600_000, 1_735_689_600_000_123)
    assert trade.timestamp == "2023-11-14T22:13:20.123456Z"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (line(1, 1_100_000_000_000), "trade 1: time 1100000000000 is before 2009"),
        ("1,9999999999,99999999999999,1,1610064000000,True,True", "trade 1: no trade has the price"),
    ],
)
def test_what_nothing_downstream_could_take_is_refused(tmp_path: Path, bad: str, reason: str) -> None:
    (tmp_path / "BTCUSDT-trades-2021-01-08.csv").write_text(f"{bad}\n")
    ((cursor,),) = cursors(tmp_path)
    (item,) = cursor.rows()
    with pytest.raises(DumpError, match=reason):
        cursor.message(item.row, NOW_NS)
