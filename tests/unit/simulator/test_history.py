from __future__ import annotations

from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradestream.dump import Row
from tradestream.simulator.history import History


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


@settings(deadline=None)
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
