"""Readers and the job at the same time as the merge."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pytest

from tradestream.analytics.candles import Key
from tradestream.analytics.layout import LOCK
from tradestream.disk import locked
from unit.ask.stored import T, write_trades
from unit.compact.conftest import compacting

_DAYS = 40
GONE = "No such file or directory"


def by_duckdb(root: Path) -> object:
    rows = f"read_parquet('{root}/trades/**/*.parquet', hive_partitioning = true)"
    query = f"SELECT count(*), count(DISTINCT event_id), sum(trade_id), sum(price) FROM {rows}"  # noqa: S608
    return duckdb.connect().execute(query).fetchone()


def by_arrow(root: Path) -> object:
    table = ds.dataset(root / "trades", partitioning="hive").to_table(["event_id", "trade_id", "price"])
    return table.num_rows, pc.count_distinct(table["event_id"]), pc.sum(table["trade_id"]), pc.sum(table["price"])


def told(read: Callable[[Path], object], root: Path) -> object:
    try:
        return read(root)
    except (FileNotFoundError, duckdb.IOException) as error:
        return GONE if GONE in str(error) else error


@pytest.mark.parametrize("read", [by_duckdb, by_arrow])
def test_a_reader_always_sees_the_same(tmp_path: Path, read: Callable[[Path], object]) -> None:
    root = tmp_path / "stored"
    for part in range(6):
        numbers = range(part, 12 * _DAYS, 6)
        write_trades(root, Key("binance", "BTCUSDT"), ((n, T(n, n * 7200)) for n in numbers), f"e-{part}")
    expected, answers = read(root), []
    with compacting(root) as process:
        while process.poll() is None:
            answers.append(told(read, root))
        assert process.returncode == 0
    assert answers.count(expected) > 3
    assert set(answers) <= {expected, GONE}, "or is told that a file is gone, and asks again"
    assert read(root) == expected
    assert len(list((root / "trades").rglob("*.parquet"))) == _DAYS


@contextmanager
def about_to_exchange(root: Path) -> Iterator[tuple[subprocess.Popen[bytes], ExitStack]]:
    """The command where it waits for the lock that the job has; and what lets go of the lock."""
    with ExitStack() as job:
        job.enter_context(locked(root / LOCK))
        with compacting(root) as process:
            while not any(name.startswith("merged-") for *_, files in os.walk(root / "_compact") for name in files):
                assert process.poll() is None
            yield process, job


def test_the_merge_waits_for_the_job_and_takes_what_came_with_it(root: Path) -> None:
    directory = root / "trades/exchange=binance/date=2021-01-08/symbol=BTCUSDT"
    with about_to_exchange(root) as (process, job):
        write_trades(root, Key("binance", "BTCUSDT"), [(900, T(900, 61))], "e-late")
        before = by_duckdb(root)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        assert len(list(directory.iterdir())) == 9
        job.close()
        assert process.wait(30) == 0
    assert by_duckdb(root) == before
    assert {path.name[:6] for path in directory.iterdir()} == {"merged", "e-late"}


def test_only_one_is_at_work(root: Path) -> None:
    with about_to_exchange(root) as (first, job):
        with compacting(root) as second:
            _, error = second.communicate(timeout=30)
            assert second.returncode == 1
            assert b"another tradestream compact is at work" in error
        job.close()
        assert first.wait(30) == 0
