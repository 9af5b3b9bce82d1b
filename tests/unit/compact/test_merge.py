from __future__ import annotations

import random
import shutil
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradestream.analytics.candles import Key
from tradestream.ask.check import look
from tradestream.ask.storage import Storage
from tradestream.compact.merge import merge
from tradestream.compact.workshop import Workshop
from tradestream.disk import exchange
from unit.ask.stored import T, write_trades
from unit.compact.conftest import Compact, names, seen

KEY = Key("binance", "BTCUSDT")
DAY_OF_PAIR = "trades/exchange=binance/date=2021-01-08/symbol=BTCUSDT"
LATE = [(900, T(900, 61, "99.5"))]


def per_directory(root: Path, table: str = "trades") -> Counter[str]:
    return Counter(name.rpartition("/")[0] for name in names(root, table))


def test_each_partition_becomes_one_sorted_file_with_the_same_rows(root: Path, compact: Compact) -> None:
    before = {table: seen(root, table) for table in ("trades", "candles")}
    schemas = {table: ds.dataset(root / table, partitioning="hive").schema.names for table in before}
    assert compact() == 0
    for table, rows in before.items():
        assert seen(root, table) == rows
        assert set(per_directory(root, table).values()) == {1}
        assert ds.dataset(root / table, partitioning="hive").schema.names == schemas[table]
    for path in (root / "trades").rglob("*.parquet"):
        assert pq.ParquetFile(path).read(["trade_id"])[0].to_pylist() == sorted(
            pq.ParquetFile(path).read(["trade_id"])[0].to_pylist()
        )
    storage = Storage(root)
    assert all(report.whole for report in look(storage, root, storage.series(), 0))


def test_the_columns_keep_their_types(root: Path, compact: Compact) -> None:
    assert compact() == 0
    (merged,) = (root / DAY_OF_PAIR).glob("*.parquet")
    types = dict(zip(pq.read_schema(merged).names, pq.read_schema(merged).types, strict=True))
    assert types["price"] == pa.decimal128(22, 12)
    assert types["quantity"] == pa.decimal128(22, 8)
    assert types["kafka_partition"] == pa.int32()
    assert types["timestamp"] == pa.timestamp("us", tz="UTC"), "as Spark writes it"
    assert pq.ParquetFile(merged).metadata.row_group(0).column(0).compression == "ZSTD"


@pytest.mark.parametrize(("hours", "days"), [(24.0, 0), (24 + 4.9 / 60, 0), (24 + 5.1 / 60, 1), (48.5, 2)])
def test_a_day_is_closed_once_its_late_trades_are(root: Path, compact: Compact, hours: float, days: int) -> None:
    assert compact(hours) == 0
    merged = {directory for directory in per_directory(root) if any((root / "trades" / directory).glob("merged-*"))}
    assert {directory.split("/")[1] for directory in merged} == {f"date=2021-01-{8 + n:02}" for n in range(days)}


def test_a_second_time_nothing_changes(root: Path, compact: Compact) -> None:
    assert compact() == 0
    merged = names(root), names(root, "candles")
    assert compact() == 0
    assert (names(root), names(root, "candles")) == merged


def test_what_comes_after_the_merge_is_merged_the_next_time(root: Path, compact: Compact) -> None:
    compact()
    write_trades(root, KEY, LATE, "e-late")
    rows = seen(root)
    assert compact() == 0
    assert seen(root) == rows
    assert per_directory(root)[DAY_OF_PAIR.removeprefix("trades/")] == 1


def test_a_few_files_where_one_would_be_too_large(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = seen(root)
    for part in range(3):  # a file ends with a row group, which holds some 100,000 rows
        ids = range(part, 400_000, 3)
        write_trades(root, KEY, ((n, T(1000 + n, n // 10)) for n in ids), f"e-more-{part}")
    monkeypatch.setattr("tradestream.compact.merge.LARGEST", 150_000)
    merged = merge(root, "trades", root / DAY_OF_PAIR, Workshop(root))
    assert merged.rows == 400_000 + 96
    assert 1 < merged.files_after < 8
    bounds = sorted(
        (min(ids), max(ids), path.stat().st_size)
        for path in (root / DAY_OF_PAIR).glob("*.parquet")
        for ids in [pq.ParquetFile(path).read(["trade_id"])[0].to_pylist()]
    )
    assert all(before[1] < after[0] for before, after in pairwise(bounds))
    assert all(size < 2 * 2_000_000 for _, _, size in bounds)
    assert len(seen(root)) == len(rows) + 400_000


def test_files_that_are_not_the_jobs_stay(root: Path, compact: Compact) -> None:
    for name in ("notes.txt", ".e-000000000000-00000.parquet.crc", "_SUCCESS"):
        (root / DAY_OF_PAIR / name).write_text(name)
    assert compact() == 0
    (merged,) = (root / DAY_OF_PAIR).glob("*.parquet")
    there = {path.name for path in (root / DAY_OF_PAIR).iterdir()}
    assert there == {merged.name, "notes.txt", "_SUCCESS"}, "a checksum goes with its file"


def test_a_directory_keeps_its_mode(root: Path, compact: Compact) -> None:
    (root / DAY_OF_PAIR).chmod(0o751)
    assert compact() == 0
    assert (root / DAY_OF_PAIR).stat().st_mode & 0o7777 == 0o751


def test_a_damaged_file_is_named_and_the_rest_is_merged(
    root: Path, compact: Compact, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = root / DAY_OF_PAIR / "e-000000000003-00000.parquet"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    before = names(root)
    assert compact() == 1
    (error,) = (record.getMessage() for record in caplog.records if record.levelname == "ERROR")
    assert error.startswith("merge_failed table=trades")
    assert str(damaged) in error
    own = DAY_OF_PAIR.removeprefix("trades/")
    assert [name for name in names(root) if name.startswith(own)] == [name for name in before if name.startswith(own)]
    assert set(per_directory(root).values()) == {8, 1}


def test_a_file_with_a_column_of_another_type_is_named_and_no_digit_is_lost(
    root: Path, compact: Compact, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    day = root / DAY_OF_PAIR
    before = {path.name: path.read_bytes() for path in day.glob("*.parquet")}
    foreign = pq.ParquetFile(next(day.glob("*.parquet"))).read()
    price = foreign.schema.get_field_index("price")
    doubles = foreign.set_column(price, "price", foreign["price"].cast(pa.float64()))
    pq.write_table(doubles, day / "foreign.parquet")
    assert compact() == 1
    assert "its column price is DOUBLE and not DECIMAL(22,12)" in caplog.text + capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in day.glob("*.parquet")} == {
        **before,
        "foreign.parquet": (day / "foreign.parquet").read_bytes(),
    }


def spoil(monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]) -> None:
    """Meddles with the merged files before they are compared."""
    from tradestream.compact import merge as module  # noqa: PLC0415

    fingerprint = module._fingerprint  # noqa: SLF001

    def spoilt(connection: object, rows: str) -> tuple[int, int]:
        if "merged-" in rows:
            change(Path(rows.split("'")[1]))
        return fingerprint(connection, rows)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_fingerprint", spoilt)


def one_lost(rows: list[dict[str, object]]) -> None:
    rows.pop()


def one_twice(rows: list[dict[str, object]]) -> None:
    rows[0] = rows[1]


def last_digit(rows: list[dict[str, object]]) -> None:
    rows[0]["price"] = Decimal("100.125000000001")


def swapped(rows: list[dict[str, object]]) -> None:
    rows[0]["kafka_offset"], rows[1]["kafka_offset"] = rows[1]["kafka_offset"], rows[0]["kafka_offset"]


@pytest.mark.parametrize("change", [one_lost, one_twice, last_digit, swapped])
def test_nothing_is_changed_where_the_merged_rows_are_others(
    root: Path, compact: Compact, monkeypatch: pytest.MonkeyPatch, change: Callable[[list[dict[str, object]]], None]
) -> None:
    def rewrite(path: Path) -> None:
        table = pq.ParquetFile(path).read()
        rows = table.to_pylist()
        change(rows)
        pq.write_table(pa.Table.from_pylist(rows, table.schema), path)

    shutil.rmtree(root / "candles")
    before = names(root), seen(root)
    spoil(monkeypatch, rewrite)
    assert compact() == 1
    assert (names(root), seen(root)) == before


def during(monkeypatch: pytest.MonkeyPatch, step: str, act: Callable[[], None]) -> None:
    """Acts once, just before a step."""
    from tradestream.compact import merge as module  # noqa: PLC0415

    original, todo = getattr(module, step), [act]

    def wrapped(*arguments: object) -> object:
        if todo:
            todo.pop()()
        return original(*arguments)

    monkeypatch.setattr(module, step, wrapped)


@pytest.mark.parametrize("step", ["sync_tree", "exchange"])
def test_a_file_that_comes_meanwhile_is_carried_over(
    root: Path, compact: Compact, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    rows = seen(root)
    during(monkeypatch, step, lambda: write_trades(root, KEY, LATE, "e-late"))
    assert compact() == 0
    assert (root / DAY_OF_PAIR / "e-late.parquet").exists()
    assert len(seen(root)) == len(rows) + 1


def test_a_file_that_came_meanwhile_is_never_away(
    root: Path, compact: Compact, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = []

    def counting(one: Path, other: Path) -> None:
        exchange(one, other)
        counts.append(len(seen(root)))

    rows = len(seen(root))
    during(monkeypatch, "sync_tree", lambda: write_trades(root, KEY, LATE, "e-late"))
    monkeypatch.setattr("tradestream.compact.merge.exchange", counting)
    assert compact() == 0
    assert set(counts) == {rows + 1}


@pytest.mark.parametrize("step", ["sync_tree", "locked"])
def test_a_file_that_goes_meanwhile_does_not_come_back(
    root: Path, compact: Compact, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    gone = root / DAY_OF_PAIR / "e-000000000003-00000.parquet"
    during(monkeypatch, step, gone.unlink)
    assert compact() == 1
    assert not any(gone.parent.glob("merged-*"))
    assert compact() == 0, "the next time it is merged without"


def test_a_file_of_an_earlier_version_may_lack_a_column(root: Path, compact: Compact) -> None:
    path = root / DAY_OF_PAIR / "e-000000000000-00000.parquet"
    table = pq.ParquetFile(path).read()
    pq.write_table(table.drop_columns(["kafka_offset"]), path)
    assert compact() == 0
    (merged,) = (root / DAY_OF_PAIR).glob("*.parquet")
    offsets = pq.ParquetFile(merged).read(["kafka_offset"])[0]
    assert (len(offsets), offsets.null_count) == (96, table.num_rows)


@given(st.lists(st.lists(st.integers(0, 50), max_size=20), min_size=2, max_size=5), st.randoms())
@settings(max_examples=30)
def test_however_rows_are_spread_over_files_they_stay(ids: list[list[int]], numbers: random.Random) -> None:
    """Also rows that are there twice: to find these is the check's business."""
    with TemporaryDirectory() as folder:
        root = Path(folder) / "stored"
        for part, each in enumerate(ids):
            rows = [(n, T(n, n, f"{numbers.random():.12f}")) for n in [*each, 51]]
            write_trades(root, KEY, rows, f"e-{part}")
        before = seen(root)
        merge(root, "trades", root / DAY_OF_PAIR, Workshop(root))
        assert seen(root) == before
        (merged,) = (root / DAY_OF_PAIR).glob("*.parquet")
        assert pq.ParquetFile(merged).read(["trade_id"])[0].to_pylist() == sorted(
            n for each in ids for n in [*each, 51]
        )
