from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.make_dump import KEPT, KEPT_ROWS, write_dump
from tradestream import dump
from tradestream.dump import Row
from tradestream.errors import DumpError

GOOD = "553287559,39432.48000000,0.00026300,10.37074224,1610064000278,True,True"
NEXT = "553287560,39439.44000000,0.00437600,172.58698944,1610064000310,False,True"


def write(folder: Path, *lines: str) -> Path:
    """Writes a dump of these lines."""
    path = folder / "BTCUSDT-trades-2021-01-08.csv"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def refused(path: Path) -> str:
    """Returns what is said about a dump that cannot be read."""
    with pytest.raises(DumpError) as error:
        dump.check(path)
    assert str(error.value).startswith(f"{path}: ")
    return str(error.value).removeprefix(f"{path}: ")


def test_the_kept_dump_is_what_its_generator_makes(tmp_path: Path) -> None:
    made = write_dump(tmp_path / "dump.csv", KEPT_ROWS)
    assert made.read_bytes() == KEPT.read_bytes()


def test_a_dump_has_2001_consecutive_trades(dump_file: Path) -> None:
    rows = list(dump.read(dump_file))
    assert len(rows) == 2_001
    assert [row.trade_id for row in rows] == list(range(rows[0].trade_id, rows[0].trade_id + 2_001))


def test_rows_are_written_back_byte_for_byte(dump_file: Path) -> None:
    lines = [",".join(map(str, row)) for row in dump.read(dump_file)]
    assert "\n".join(lines) == dump_file.read_text().rstrip("\n")


@pytest.mark.parametrize(
    "lines",
    [
        [GOOD],
        ["id,price,qty,quote_qty,time,is_buyer_maker,is_best_match", GOOD],
        [GOOD.replace("True", "true")],
        [f"{GOOD}\r"],
        [GOOD.removesuffix(",True")],
    ],
    ids=["plain", "header", "lower case", "CRLF", "futures"],
)
def test_the_kinds_of_dumps_are_read(tmp_path: Path, lines: list[str]) -> None:
    (row,) = dump.read(write(tmp_path, *lines))
    assert row == Row(553287559, "39432.48000000", "0.00026300", "10.37074224", 1610064000278, True, True)  # noqa: FBT003


def test_microseconds_are_read(tmp_path: Path) -> None:
    (row,) = dump.read(write(tmp_path, GOOD.replace("1610064000278", "1735689600000123")))
    assert row.time == 1735689600000123


def test_a_zip_is_read(tmp_path: Path) -> None:
    path = tmp_path / "BTCUSDT-trades-2021-01-08.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("BTCUSDT-trades-2021-01-08.csv", f"{GOOD}\n{NEXT}\n")
    assert [row.trade_id for row in dump.read(path)] == [553287559, 553287560]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (NEXT.replace("39439.44000000", "dear"), "line 2: price cannot be 'dear'"),
        (NEXT.replace("39439.44000000", "0.00000000"), "line 2: price cannot be '0.00000000'"),
        (NEXT.replace("0.00437600", "-1"), "line 2: quantity cannot be '-1'"),
        (NEXT.replace("1610064000310", "1610064000"), "line 2: time cannot be '1610064000'"),
        (NEXT.replace("False", "0"), "line 2: buyer is maker cannot be '0'"),
        (NEXT.replace("553287560", "five"), "line 2: trade id cannot be 'five'"),
        ("553287560,1,2", "line 2: has 3 columns instead of 7"),
        (f"{NEXT},more", "line 2: has 8 columns instead of 7"),
        ("", "line 2: has 1 columns instead of 7"),
        (GOOD, "line 2: trade id 553287559 is not above 553287559 before it"),
        ("id,price,qty,quote_qty,time,is_buyer_maker,is_best_match", "line 2: trade id cannot be 'id'"),
    ],
)
def test_a_broken_line_is_named_with_its_reason(tmp_path: Path, bad: str, reason: str) -> None:
    assert refused(write(tmp_path, GOOD, bad)) == reason


def test_bytes_that_are_no_text_are_named(tmp_path: Path) -> None:
    path = tmp_path / "dump.csv"
    path.write_bytes(GOOD.encode() + b"\n\xff\xfe\n")
    assert refused(path).startswith("line 2: ")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert refused(tmp_path / "gone.csv") == "cannot be read: No such file or directory"


@pytest.mark.parametrize("lines", [[], ["id,price,qty,quote_qty,time,is_buyer_maker,is_best_match"]])
def test_an_empty_dump_is_refused(tmp_path: Path, lines: list[str]) -> None:
    assert refused(write(tmp_path, *lines)) == "holds no trade"


def _zip(*names: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name in names:
            archive.writestr(name, f"{GOOD}\n")
    return data.getvalue()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"no zip", "is not a good zip: File is not a zip file"),
        (_zip(), "should hold one .csv, holds nothing"),
        (_zip("a.csv", "b.csv"), "should hold one .csv, holds a.csv, b.csv"),
        (_zip("a.csv").replace(b"39432", b"39433", 1), "is not a good zip: Bad CRC-32 for file 'a.csv'"),
    ],
    ids=["no zip", "empty", "two files", "damaged"],
)
def test_a_broken_zip_is_refused(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "dump.zip"
    path.write_bytes(content)
    assert refused(path) == reason


@given(st.text(max_size=80))
def test_an_arbitrary_line_is_read_or_refused(text: str) -> None:
    try:
        assert dump.parse(text, "here").price in text
    except DumpError as error:
        assert str(error).startswith("here: ")  # noqa: PT017


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("BTCUSDT-trades-2021-01-08.csv", "BTCUSDT"),
        ("1INCHUSDT-trades-2024-01.zip", "1INCHUSDT"),
        ("trades.csv", None),
        ("btcusdt-trades-2021-01-08.csv", None),
    ],
)
def test_the_symbol_is_read_from_the_name(name: str, symbol: str | None) -> None:
    assert dump.symbol_of(Path(name)) == symbol


@given(above=st.integers(-1, 12), ids=st.sets(st.integers(0, 10), min_size=1))
def test_a_dump_read_from_an_id_on_gives_what_is_above_it(
    tmp_path_factory: pytest.TempPathFactory, above: int, ids: set[int]
) -> None:
    lines = [GOOD.replace("553287559", str(number)) for number in sorted(ids)]
    path = write(tmp_path_factory.mktemp("dump"), *lines)
    reader = dump.Reader(path, above)
    assert [row.trade_id for row in reader] == sorted(number for number in ids if number > above)
    assert reader.bytes_read == path.stat().st_size
    assert dump.first(path).trade_id == min(ids)
    assert dump.last_id(path) == max(ids)


def test_how_much_of_a_file_was_read_grows_to_its_size(tmp_path: Path) -> None:
    recorded = write_dump(tmp_path / "BTCUSDT-trades-2024-12-31.csv", 5_000)
    path = recorded.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(recorded, recorded.name)
    for file in (recorded, path):
        reader = dump.Reader(file)
        assert reader.bytes_read == 0
        steps = [reader.bytes_read for _ in reader]
        assert steps == sorted(steps)
        assert 0 < steps[0] < file.stat().st_size / 2 < reader.bytes_read <= file.stat().st_size
    assert dump.last_id(path) is None


def test_a_torn_last_line_is_seen_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD, NEXT[:30])
    with pytest.raises(DumpError, match="last line: has 3 columns"):
        dump.last_id(path)
