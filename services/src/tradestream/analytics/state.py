"""What a restart needs, in one numbered file after each step.

A step is a batch, candles that an idle feed closed, or a move of data into Parquet. Its record is written before the
step shows anywhere outside. So after a crash the step either has no record, and is done again from the one before, or
has one, and only what it shows is shown again, identical.

The candles that a step closes wait in a file beside its record until they become Parquet: there may be a hundred
thousand, and each record that follows would hold them again.
"""

from __future__ import annotations

import secrets
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import msgspec

from tradestream.analytics.candles import BookState
from tradestream.analytics.files import Directory
from tradestream.analytics.layout import CANDLE
from tradestream.analytics.position import Position
from tradestream.analytics.publish import Outgoing
from tradestream.analytics.signals import EngineState, Signal
from tradestream.errors import RepairNeededError

_KEPT = 5
_RECORD, _CLOSED = ".state", ".closed"
# What a file begins with, then the CRC-32 of the rest, which is MessagePack or lines of JSON.
_MAGIC = b"TSR1"
_HEADER = len(_MAGIC) + 4

_encoder = msgspec.msgpack.Encoder()

START_AFRESH = "`tradestream repair` has the job start from what is stored and what Kafka holds"


class StateError(RepairNeededError):
    """The stored state cannot be read."""


class Record(msgspec.Struct):
    """Everything after one step.

    Attributes:
        epoch: Random name of this run of records; file names carry it, so that a new checkpoint never meets old names.
        step: Number of the step.
        batch_id: Number of the last batch done, -1 before the first.
        position: How far the topic was read.
        stored: Of each partition the offset up to which all trades are in finished files.
        book: The candle book; None where it has to be made from what is stored.
        landed: Batches whose trades wait in landing files to be moved into Parquet, by directory name.
        landed_rows: How many trades wait.
        closed: Steps whose closed candles wait to be written into Parquet, see `StateStore.keep`.
        outbox: Messages of this step; published after the record is written.
        engine: Indicators and what the rules remember.
        signals: Signals that wait to be written into Parquet.
        staged: Directory with finished Parquet files that are being moved to where readers look.
    """

    epoch: str = msgspec.field(default_factory=lambda: secrets.token_hex(4))
    step: int = 0
    batch_id: int = -1
    position: Position = Position()
    stored: dict[int, int] = {}
    book: BookState | None = None
    landed: list[str] = []
    landed_rows: int = 0
    closed: list[int] = []
    outbox: list[Outgoing] = []
    engine: EngineState = msgspec.field(default_factory=EngineState)
    signals: list[Signal] = []
    staged: str | None = None


class StateStore:
    """Records in a directory, the newest of which counts, and the closed candles that wait.

    Args:
        directory: Where; nothing else may write there.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._decoder = msgspec.msgpack.Decoder(Record)

    def load(self) -> Record | None:
        """The newest record.

        Raises:
            StateError: It cannot be read.
        """
        names = self.names()
        # If it is damaged the record before it will not do: what this one says may be published.
        return self.read(names[-1]) if names else None

    def read(self, name: str) -> Record:
        """A record.

        Raises:
            StateError: It cannot be read.
        """
        with self._readable(name):
            return self._decoder.decode(body(self._directory.read(name)))

    def save(self, record: Record) -> int:
        """Write ``record`` as the newest, on disk on return, and drop the oldest; return its size in bytes."""
        content = _framed(_encoder.encode(record))
        self._directory.write(_record(record.step), content)
        self._directory.delete(_record(record.step - _KEPT))
        return len(content)

    def keep(self, step: int, candles: bytes) -> None:
        """Write the candles that a step closes, lines of JSON, before its record; on disk on return."""
        self._directory.write(_closed(step), _framed(candles))

    def kept(self, step: int) -> bytes:
        """The candles that a step closed, as they were given to `keep`.

        Raises:
            StateError: They cannot be read, or are of a version whose candles had other fields.
        """
        with self._readable(_closed(step)):
            lines = body(self._directory.read(_closed(step)))
            # Who makes rows of them takes a field that is not there for one without a value.
            if missing := CANDLE.keys() - msgspec.json.decode(lines.partition(b"\n")[0], type=dict).keys():
                raise ValueError(f"its candles have no {', '.join(sorted(missing))}")
            return lines

    def forget(self, steps: Iterable[int]) -> None:
        """Remove the candles that steps closed."""
        for step in steps:
            self._directory.delete(_closed(step))

    def clean(self, keep: Iterable[int]) -> None:
        """Remove old records, the candles of all steps but ``keep``, and what a crash left half written.

        A step that is done again may close no candle, or meet a file system that renames onto no other file.
        """
        wanted = {*self.names()[-_KEPT:], *map(_closed, keep)}
        for name in self._directory.names():
            if name.endswith((_RECORD, _CLOSED, ".tmp")) and name not in wanted:
                self._directory.delete(name)

    def names(self) -> list[str]:
        """Files of the records, the oldest first."""
        return [name for name in self._directory.names() if name.endswith(_RECORD) and not name.startswith(".")]

    @contextmanager
    def _readable(self, name: str) -> Iterator[None]:
        try:
            yield
        except (msgspec.MsgspecError, OSError, ValueError) as error:
            raise StateError(f"{self._directory.path(name)}: is damaged: {error}; {START_AFRESH}") from error


def body(content: bytes) -> bytes:
    """The MessagePack of a record's file, or the lines of one with closed candles.

    Raises:
        ValueError: It is none, or another than was written.
    """
    header, encoded = content[:_HEADER], content[_HEADER:]
    if not header.startswith(_MAGIC):
        raise ValueError("it is nothing that this version wrote")
    if header != _header(encoded):
        raise ValueError("its checksum is that of another")
    return encoded


def _record(step: int) -> str:
    return f"{step:015d}{_RECORD}"


def _closed(step: int) -> str:
    return f"{step:015d}{_CLOSED}"


def _framed(encoded: bytes) -> bytes:
    return _header(encoded) + encoded


def _header(encoded: bytes) -> bytes:
    return _MAGIC + zlib.crc32(encoded).to_bytes(4)
