from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tradestream.analytics.candles import BookState
from tradestream.analytics.local_directory import LocalDirectory
from tradestream.analytics.position import Position
from tradestream.analytics.state import Record, StateError, StateStore

RECORD = Record(epoch="e", step=7, batch_id=3, position=Position("id", {0: 5, 1: 0}), stored={0: 4}, book=BookState())
SPARKS = 'v1\n{"batchWatermarkMs":0}\n{"trades":{"0":17,"1":4}}'


@pytest.fixture
def store(tmp_path: Path) -> StateStore:
    (tmp_path / "state").mkdir()
    return StateStore(LocalDirectory(tmp_path / "state"))


def test_the_newest_record_counts_and_five_are_kept(store: StateStore) -> None:
    assert store.load() is None
    for step in range(1, 8):
        assert store.save(msgspec.structs.replace(RECORD, step=step)) > 0
    assert store.load() == RECORD
    assert [int(name.partition(".")[0]) for name in store.names()] == [3, 4, 5, 6, 7]


def earlier(folder: Path) -> None:
    """A record of a version whose offsets only Spark's checkpoint had, and that checkpoint."""
    fields: dict[str, Any] = msgspec.to_builtins(RECORD)
    del fields["position"], fields["stored"]
    (folder / "state" / "000000000000007.state").write_bytes(msgspec.msgpack.encode(fields))
    log = folder / "spark" / "offsets" / "3"
    log.parent.mkdir(parents=True)
    log.write_text(SPARKS)


def test_a_record_of_an_earlier_version_goes_on_where_spark_s_checkpoint_says(
    tmp_path: Path, store: StateStore
) -> None:
    earlier(tmp_path)
    record = store.load()
    assert record is not None
    assert record.position == Position("", {0: 17, 1: 4})


@pytest.mark.parametrize("log", ["", "\0" * len(SPARKS), SPARKS[:30], None], ids=["empty", "zeros", "half", "gone"])
def test_such_a_record_without_it_is_damaged(tmp_path: Path, store: StateStore, log: str | None) -> None:
    earlier(tmp_path)
    file = tmp_path / "spark" / "offsets" / "3"
    if log is None:
        file.unlink()
    else:
        file.write_text(log)
    with pytest.raises(StateError, match=r"000000000000007.state: is damaged.*`tradestream repair`"):
        store.load()
