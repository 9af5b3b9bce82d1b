from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tradestream.ask import database
from tradestream.ask.storage import Storage
from tradestream.errors import StoredDataError, TradestreamError


def failing(times: int, error: duckdb.Error) -> Callable[[], str]:
    left = [error] * times

    def ask() -> str:
        if left:
            raise left.pop()
        return "answer"

    return ask


GONE = duckdb.IOException('IO Error: Cannot open file "/s/trades/a.parquet": No such file or directory')


def test_a_file_that_vanished_is_asked_for_again_and_at_last_explained(tmp_path: Path) -> None:
    assert database.retried(failing(2, GONE)) == "answer"
    with (
        pytest.raises(StoredDataError, match="files are being merged or removed: ask again"),
        database.explained(Storage(tmp_path)),
    ):
        database.retried(failing(3, GONE))


def test_another_error_is_not_tried_again() -> None:
    ask = failing(1, duckdb.IOException("IO Error: disk"))
    with pytest.raises(duckdb.IOException, match="disk"):
        database.retried(ask)


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (duckdb.OutOfMemoryException("Out of Memory Error: x"), "ask for less at a time"),
        (duckdb.BinderException('Binder Error: no\ncolumn\n\nLINE 1: select "no"'), "^Binder Error: no column$"),
    ],
)
def test_errors_are_one_line(tmp_path: Path, error: duckdb.Error, text: str) -> None:
    with pytest.raises(TradestreamError, match=text), database.explained(Storage(tmp_path)):
        raise error


def test_what_it_sorts_on_disk_is_where_it_shall_be_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "MEMORY", "100MiB")
    with database.connect(Storage(tmp_path), tmp_path) as connection:
        connection.execute("SELECT i FROM range(12000000) t(i) ORDER BY hash(i)").fetchone()
        assert list((tmp_path / "spill").iterdir())
    assert list(tmp_path.iterdir()) == []


def test_what_it_sorts_in_may_be_removed_and_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "MEMORY", "100MiB")
    scratch = tmp_path / "scratch"
    with (
        database.connect(Storage(tmp_path), scratch) as connection,
        pytest.raises(StoredDataError, match="No such file or directory"),
        database.explained(Storage(tmp_path)),
    ):
        connection.execute("SELECT i FROM range(12000000) t(i) ORDER BY hash(i)").fetchone()
    assert not scratch.exists()
