"""Spark's own log of the query: which offsets each batch has, and which batches are done.

Spark writes ``offsets/N`` before batch N and ``commits/N`` after it, and leaves to the kernel when they reach the disk.
This job knows by its own record which batch is the last. So a batch's offsets are brought to disk before its record is
written, and at the start what Spark logged after that record is taken back: it may be torn, and has shown nowhere.
"""

from __future__ import annotations

from tradestream.analytics.files import Directory

_FIRST_LINE = b"v1\n"


class Checkpoint:
    """The directory of one query.

    Args:
        directory: Where; only Spark writes there.
    """

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    @property
    def uri(self) -> str:
        """What Spark calls checkpointLocation."""
        return self._directory.uri

    def begun(self) -> bool:
        """Whether there is any batch."""
        return bool(self._directory.names("offsets"))

    def has(self, batch_id: int) -> bool:
        """Whether the offsets of a batch are there and not torn."""
        try:
            return self._directory.read(f"offsets/{batch_id}").startswith(_FIRST_LINE)
        except OSError:
            return False

    def keep(self, batch_id: int) -> None:
        """Return when all that Spark has logged up to the offsets of this batch is on disk."""
        self._directory.sync("metadata", "sources", f"commits/{batch_id - 1}", f"offsets/{batch_id}")

    def rewind(self, batch_id: int) -> None:
        """Take back what was logged after the offsets of this batch; before the first, -1, that is everything."""
        if batch_id < 0:
            for name in self._directory.names():
                self._directory.delete(name)
        for log, first in (("offsets", batch_id + 1), ("commits", batch_id)):
            for name in self._directory.names(log):
                if name.isdigit() and int(name) >= first:
                    self._directory.delete(f"{log}/{name}")
