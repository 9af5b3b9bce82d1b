"""What a restart needs, in one numbered file after each step.

A step is a batch, candles that an idle feed closed, or a move of data into Parquet. Its record is written before the
step shows anywhere outside. So after a crash the step either has no record, and is done again from the one before, or
has one, and only what it shows is shown again, identical.
"""

from __future__ import annotations

import secrets

import msgspec

from tradestream.analytics.candles import BookState, Update
from tradestream.analytics.files import Directory
from tradestream.analytics.publish import Outgoing
from tradestream.analytics.signals import EngineState, Signal
from tradestream.errors import FatalError

_KEPT = 5

START_AFRESH = "move the whole checkpoint directory away: the job then starts from what is stored and what Kafka holds"


class StateError(FatalError):
    """The stored state does not fit Spark's checkpoint, or cannot be read."""


class Record(msgspec.Struct):
    """Everything after one step.

    Attributes:
        epoch: Random name of this run of records; file names carry it, so that a new checkpoint never meets old names.
        step: Number of the step.
        batch_id: Spark's id of the last batch done, -1 before the first.
        book: The candle book.
        landed: Batches whose trades wait in landing files to be moved into Parquet, by directory name.
        landed_rows: How many trades wait.
        closed: Closed candles that wait to be written into Parquet.
        outbox: Messages of this step; published after the record is written.
        engine: Indicators and what the rules remember.
        signals: Signals that wait to be written into Parquet.
        staged: Directory with finished Parquet files that are being moved to where readers look.
    """

    epoch: str = msgspec.field(default_factory=lambda: secrets.token_hex(4))
    step: int = 0
    batch_id: int = -1
    book: BookState = msgspec.field(default_factory=BookState)
    landed: list[str] = []
    landed_rows: int = 0
    closed: list[Update] = []
    outbox: list[Outgoing] = []
    engine: EngineState = msgspec.field(default_factory=EngineState)
    signals: list[Signal] = []
    staged: str | None = None


class StateStore:
    """Records in a directory, the newest of which counts.

    Args:
        directory: Where; nothing else may write there.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(Record)

    def load(self) -> Record | None:
        """The newest record.

        Raises:
            StateError: It cannot be read.
        """
        names = self._names()
        if not names:
            return None
        try:
            return self._decoder.decode(self._directory.read(names[-1]))
        except (msgspec.MsgspecError, OSError) as error:
            # The record before it will not do: what this one says may be published.
            raise StateError(f"{self._directory.path(names[-1])}: is damaged: {error}; {START_AFRESH}") from error

    def save(self, record: Record) -> None:
        """Write ``record`` as the newest, on disk on return, and drop the oldest."""
        self._directory.write(f"{record.step:015d}.state", self._encoder.encode(record))
        for name in self._names()[:-_KEPT]:
            self._directory.delete(name)

    def _names(self) -> list[str]:
        return [name for name in self._directory.names() if name.endswith(".state") and not name.startswith(".")]
