from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from tradestream.analytics.candles import BookState, Candle, Key, Update
from tradestream.analytics.local_directory import LocalDirectory
from tradestream.analytics.position import Position
from tradestream.analytics.state import Record, StateError, StateStore, packed, unpacked

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
    "empty": (lambda _: b"", "no record of this version"),
    "zeros": (lambda content: bytes(len(content)), "no record of this version"),
    "earlier": (lambda content: content[8:], "no record of this version"),
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


def test_a_closed_candle_waits_in_record_after_record_as_it_was(store: StateStore) -> None:
    price = Decimal("0.000000000001")
    candle = Candle(60_000, price, price, price, price, Decimal(3), 3 * price, Decimal(0), 2, 5, 6)
    closed = Update(Key("binance", "BTCUSDT"), 60_000, candle, 0, is_closed=True)
    for step in (1, 2):
        record = store.load() or Record()
        store.save(msgspec.structs.replace(record, step=step, closed=[*record.closed, packed(closed)]))
    loaded = store.load()
    assert loaded
    assert [*map(unpacked, loaded.closed)] == [closed, closed]


def test_a_record_with_a_closed_candle_of_another_version_is_refused(store: StateStore) -> None:
    store.save(msgspec.structs.replace(RECORD, closed=[msgspec.Raw(msgspec.msgpack.encode({"key": 1}))]))
    with pytest.raises(StateError, match=r"is damaged: .*`tradestream repair`"):
        store.load()
