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


def test_what_it_sorts_on_disk_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MEMORY", "60MiB")
    monkeypatch.setattr(database, "spill_directory", lambda: str(tmp_path))
    with database.connect(Storage(tmp_path)) as connection:
        query = "SELECT count(*) FROM (SELECT lag(i) OVER (ORDER BY hash(i)) FROM range(6000000) t(i))"
        assert connection.execute(query).fetchone() == (6_000_000,)
        spilled = connection.execute("SELECT count(*) FROM duckdb_temporary_files()").fetchone()
        assert list(tmp_path.iterdir()), spilled
    assert list(tmp_path.iterdir()) == []
