from __future__ import annotations

from pathlib import Path

import pytest

from tradestream.errors import ConfigError, DumpError
from tradestream.replay.files import Dump, find
from unit.replay.dumps import ids, line, write


def names(dumps: list[Dump]) -> list[str]:
    """Returns the names of files."""
    return [dump.path.name for dump in dumps]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory as a user has it: two pairs, days out of order, and what is no dump of trades."""
    write(tmp_path / "BTCUSDT-trades-2021-01-09.csv", ids(200, 210))
    write(tmp_path / "BTCUSDT-trades-2021-01-08.zip", ids(100, 199))
    write(tmp_path / "ETHUSDT-trades-2021-01-08.csv", ids(7, 9), header=True)
    for other in ("BTCUSDT-trades-2021-01-08.zip.CHECKSUM", "BTCUSDT-aggTrades-2021-01-08.csv", "notes.txt", "x.zip"):
        (tmp_path / other).write_text("no dump")
    return tmp_path


def test_a_directory_gives_each_symbols_dumps_by_rising_ids(folder: Path) -> None:
    found = find([folder], [])
    assert {symbol: names(dumps) for symbol, dumps in found.items()} == {
        "BTCUSDT": ["BTCUSDT-trades-2021-01-08.zip", "BTCUSDT-trades-2021-01-09.csv"],
        "ETHUSDT": ["ETHUSDT-trades-2021-01-08.csv"],
    }
    assert [dump.first_id for dump in found["BTCUSDT"]] == [100, 200]


def test_a_file_that_is_named_twice_is_one(folder: Path) -> None:
    assert names(find([folder, folder / "BTCUSDT-trades-2021-01-09.csv"], [])["BTCUSDT"]) == [
        "BTCUSDT-trades-2021-01-08.zip",
        "BTCUSDT-trades-2021-01-09.csv",
    ]


@pytest.mark.parametrize("wanted", ["BTCUSDT", "BTC-USDT", "BTC/USDT", "btcusdt"])
def test_a_symbol_is_chosen_however_it_is_written(folder: Path, wanted: str) -> None:
    assert list(find([folder], [wanted])) == ["BTCUSDT"]


def test_a_broken_dump_that_was_not_chosen_does_no_harm(folder: Path) -> None:
    (folder / "XRPUSDT-trades-2021-01-08.csv").write_text("broken\n")
    assert list(find([folder], ["BTCUSDT"])) == ["BTCUSDT"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [("DOGEUSDT", "no dump of DOGEUSDT; there are those of BTCUSDT, ETHUSDT"), ("BTC USDT", "is no pair of Binance")],
)
def test_a_symbol_without_dumps_is_refused_with_what_there_is(folder: Path, wanted: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        find([folder], ["BTCUSDT", wanted])


def test_a_file_whose_name_says_nothing_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "trades.csv", ids(1, 2))
    with pytest.raises(DumpError, match="does not say whose trades it holds: name it like"):
        find([path], [])


def test_a_directory_without_dumps_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DumpError, match="holds no dump"):
        find([tmp_path], [])


@pytest.mark.parametrize("second", ["BTCUSDT-trades-2021-01.csv", "BTCUSDT-trades-2021-01.zip"])
def test_the_same_trades_in_two_files_are_refused_before_anything_is_sent(tmp_path: Path, second: str) -> None:
    write(tmp_path / "BTCUSDT-trades-2021-01-08.csv", ids(100, 200))
    write(tmp_path / second, ids(100, 300))
    with pytest.raises(DumpError, match=r"begins at trade 100, and .* name only one of the two"):
        find([tmp_path], [])


def test_a_csv_that_goes_on_into_the_next_one_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    write(tmp_path / "BTCUSDT-trades-2021-01-08.csv", ids(100, 200))
    write(tmp_path / "BTCUSDT-trades-2021-01-09.zip", ids(200, 300))
    with pytest.raises(DumpError, match=r"2021-01-09\.zip: begins at trade 200, .*2021-01-08\.csv .* to 200"):
        find([tmp_path], [])


def test_a_torn_end_of_a_csv_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades-2021-01-08.csv"
    path.write_text(f"{line(1)}\n{line(2)[:20]}")
    with pytest.raises(DumpError, match="last line: has 3 columns instead"):
        find([path], [])


def test_dumps_of_one_name_are_told_apart(tmp_path: Path) -> None:
    spot = write(tmp_path / "spot" / "BTCUSDT-trades-2021-01-08.csv", ids(100, 200))
    futures = write(tmp_path / "futures" / "BTCUSDT-trades-2021-01-08.csv", ids(500, 600))
    (one,), (other,) = find([spot], [])["BTCUSDT"], find([futures], [])["BTCUSDT"]
    assert one.key != other.key
    moved = spot.rename(tmp_path / spot.name)
    assert find([moved], [])["BTCUSDT"][0].key == one.key
