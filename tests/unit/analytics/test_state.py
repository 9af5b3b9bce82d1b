from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from tradestream.analytics.candles import BookState
from tradestream.analytics.layout import CANDLE
from tradestream.analytics.local_directory import LocalDirectory
from tradestream.analytics.position import Position
from tradestream.analytics.state import Record, StateError, StateStore

RECORD = Record(epoch="e", step=7, batch_id=3, position=Position("id", {0: 5, 1: 0}), stored={0: 4}, book=BookState())


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


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda _: b"", "nothing that this version wrote"),
    "zeros": (lambda content: bytes(len(content)), "nothing that this version wrote"),
    "earlier": (lambda content: content[8:], "nothing that this version wrote"),
    "half": (lambda content: content[: len(content) // 2], "checksum"),
    "header": (lambda content: content[:8], "checksum"),
    "a bit": (lambda content: content[:-1] + bytes([content[-1] ^ 1]), "checksum"),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_record_is_refused_and_the_one_before_it_is_not_taken(
    tmp_path: Path, store: StateStore, how: str
) -> None:
    for step in (6, 7):
        store.save(msgspec.structs.replace(RECORD, step=step))
    file = tmp_path / "state" / f"{7:015d}.state"
    change, told = DAMAGE[how]
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(StateError, match=rf"000000000000007.state: is damaged: .*{told}.*`tradestream repair`"):
        store.load()


FIELDS = dict.fromkeys(CANDLE, "1")
LINES = msgspec.json.encode(FIELDS) + b"\n"


def test_closed_candles_wait_beside_the_records_until_they_are_forgotten(store: StateStore) -> None:
    for step in range(1, 9):
        if step < 3:
            store.keep(step, LINES * step)
        store.save(msgspec.structs.replace(RECORD, step=step, closed=[1, 2]))
    assert store.load() == msgspec.structs.replace(RECORD, step=8, closed=[1, 2])
    assert [store.kept(step) for step in (1, 2)] == [LINES, LINES * 2]
    assert len(store.names()) == 5
    store.forget([1])
    with pytest.raises(StateError, match=r"000000000000001.closed: is damaged: .*No such file.*`tradestream repair`"):
        store.kept(1)
    assert store.kept(2) == LINES * 2


def test_what_crashes_left_is_removed(tmp_path: Path, store: StateStore) -> None:
    for step in range(3, 8):
        store.save(msgspec.structs.replace(RECORD, step=step))
    for step in (7, 8):
        store.keep(step, LINES)
    state = tmp_path / "state"
    whole = sorted([f"{7:015d}.closed", *store.names(), "another's"])
    not_dropped = f"{2:015d}.state"
    cut_short = [f".{8:015d}.{kind}.tmp" for kind in ("state", "closed")]
    for name in ("another's", not_dropped, *cut_short):
        (state / name).write_bytes(b"")
    store.clean([7])
    assert sorted(path.name for path in state.iterdir()) == whole


def test_candles_that_had_other_fields_are_refused(store: StateStore) -> None:
    """Who reads them would take what is not there for NULL."""
    store.keep(7, msgspec.json.encode({name: "1" for name in CANDLE if name not in ("vwap", "close")}) + b"\n")
    with pytest.raises(StateError, match=r"its candles have no close, vwap; `tradestream repair`"):
        store.kept(7)


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_candles_are_refused(tmp_path: Path, store: StateStore, how: str) -> None:
    store.keep(7, LINES)
    file = tmp_path / "state" / f"{7:015d}.closed"
    change, told = DAMAGE[how]
    file.write_bytes(change(file.read_bytes()))
    with pytest.raises(StateError, match=rf"000000000000007.closed: is damaged: .*{told}.*`tradestream repair`"):
        store.kept(7)


def test_a_record_that_holds_its_closed_candles_itself_is_refused(store: StateStore) -> None:
    """As those of earlier versions did while any waited."""
    store.save(msgspec.structs.replace(RECORD, closed=[["binance", "BTCUSDT"]]))
    with pytest.raises(StateError, match=r"is damaged: .*`tradestream repair`"):
        store.load()
