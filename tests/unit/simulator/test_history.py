from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradestream.dump import Row
from tradestream.simulator.history import History, Lag


def rows(*ids: int) -> list[Row]:
    """Returns trades with these ids."""
    return [Row(number, "97000.00000000", "0.10000000", "9700.00000000", 1735603200000, True) for number in ids]  # noqa: FBT003


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    with closing(History(tmp_path, "BTCUSDT")) as history:
        history.append(rows(1, 2, 3))
    with closing(History(tmp_path, "BTCUSDT")) as history:
        assert history.last == rows(3)[0]
        assert history.since(2, 10) == rows(2, 3)


def test_a_line_that_a_crash_tore_is_cut_off(tmp_path: Path) -> None:
    with closing(History(tmp_path, "BTCUSDT")) as history:
        history.append(rows(1, 2))
    with (tmp_path / "BTCUSDT.csv").open("a") as file:
        file.write("3,97000.00")
    with closing(History(tmp_path, "BTCUSDT")) as history:
        assert history.last == rows(2)[0]
        history.append(rows(3))
        assert history.since(0, 10) == rows(1, 2, 3)


@given(st.sets(st.integers(0, 5_000), max_size=400), st.integers(0, 5_001), st.integers(1, 50))
def test_trades_are_found_by_id_whatever_was_skipped(ids: set[int], from_id: int, limit: int) -> None:
    ordered = sorted(ids)
    with TemporaryDirectory() as folder, closing(History(Path(folder), "BTCUSDT")) as history:
        history.append(rows(*ordered))
        expected = [number for number in ordered if number >= from_id][:limit]
        assert [row.trade_id for row in history.since(from_id, limit)] == expected


def test_an_old_part_is_kept_once_and_read(tmp_path: Path) -> None:
    with closing(History(tmp_path, "BTCUSDT", max_bytes=10_000)) as history:
        for number in range(1, 1_001):
            history.append(rows(number))
        assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 20_200
        kept = history.since(0, 1_000)
        assert kept == rows(*range(kept[0].trade_id, 1_001))
        assert len(kept) > 120
    with closing(History(tmp_path, "BTCUSDT", max_bytes=10_000)) as history:
        assert history.last == rows(1_000)[0]


def test_the_last_trade_is_known_when_a_new_part_was_just_begun(tmp_path: Path) -> None:
    with closing(History(tmp_path, "BTCUSDT", max_bytes=1)) as history:
        history.append(rows(7))
    assert (tmp_path / "BTCUSDT.csv").stat().st_size == 0
    with closing(History(tmp_path, "BTCUSDT", max_bytes=1)) as history:
        assert history.last == rows(7)[0]


@pytest.mark.parametrize(("limit", "expected"), [(2, [3, 4]), (10, [1, 2, 3, 4])])
def test_the_newest_trades_are_the_last_ones(tmp_path: Path, limit: int, expected: list[int]) -> None:
    with closing(History(tmp_path, "BTCUSDT")) as history:
        history.append(rows(1, 2, 3, 4))
        assert [row.trade_id for row in history.newest(limit)] == expected


def test_a_cleared_log_is_empty(tmp_path: Path) -> None:
    with closing(History(tmp_path, "BTCUSDT")) as history:
        history.append(rows(1))
        history.clear()
        assert history.last is None
        assert history.newest(1) == []


@given(
    st.sets(st.integers(0, 5_000), max_size=400),
    st.integers(-1, 5_001),
    st.none() | st.integers(0, 5_001),
    st.integers(1, 500),
)
def test_the_newest_between_two_ids_are_found_whatever_was_skipped(
    ids: set[int], above: int, below: int | None, limit: int
) -> None:
    ordered = sorted(ids)
    with TemporaryDirectory() as folder, closing(History(Path(folder), "BTCUSDT", max_bytes=8_000)) as history:
        for number in ordered:
            history.append(rows(number))
        kept = [row.trade_id for row in history.since(0, 5_000)]
        expected = [number for number in kept if above < number and (below is None or number < below)][-limit:]
        assert [row.trade_id for row in history.newest(limit, above=above, below=below)] == expected


def test_trades_are_found_by_time_in_either_unit(tmp_path: Path) -> None:
    times = [1735603200000, 1735603200001, 1735603200001500, 1735603200001500, 1735603200002000]
    with closing(History(tmp_path, "BTCUSDT")) as history:
        history.append([row._replace(time=at) for row, at in zip(rows(1, 2, 3, 4, 5), times, strict=True)])
        found = {
            begin: [row.trade_id for row in history.since_time(begin)]
            for begin in (1735603200001000, 1735603200001001, 1735603200001501, 1735603200002001)
        }
    assert list(found.values()) == [[2, 3, 4, 5], [3, 4, 5], [5], []]


@pytest.mark.parametrize(
    ("symbol", "path"),
    [("BTCUSDT", "BTCUSDT.csv"), ("BTC-USD", "coinbase/BTC-USD.csv"), ("BTC/USD", "kraken/BTC-USD.csv")],
)
def test_each_market_has_a_file_of_its_own(tmp_path: Path, symbol: str, path: str) -> None:
    with closing(History(tmp_path, symbol)) as history:
        history.append(rows(1))
    assert (tmp_path / path).stat().st_size > 0


def test_a_lag_keeps_new_trades_back_until_their_time(tmp_path: Path) -> None:
    now = 0.0
    with closing(History(tmp_path, "BTCUSDT")) as history:
        history.append(rows(1))
        history.lag = Lag(5.0, 60.0, 1, clock=lambda: now)
        history.append(rows(2, 3))
        now = 4.0
        history.append(rows(4))
        known = []
        for now in (4.9, 5.0, 9.0):  # noqa: B007 - the clock reads it
            known.append([row.trade_id for row in history.since(0, 10)])
            assert known[-1] == [row.trade_id for row in history.newest(10)]
        assert known == [[1], [1, 2, 3], [1, 2, 3, 4]]
        history.append(rows(5))
        now = 60.0
        assert [row.trade_id for row in history.newest(1)] == [5]
        assert history.lag is None
