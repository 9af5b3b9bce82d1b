"""Spark's own log of the query: which offsets each batch has, and which batches are done.

What a restart needs is in the job's own record (`state`), the offsets included. So this log lives no longer than the
query, on the driver's own disk: whatever happens to it, a start makes a new one.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path


class Checkpoint:
    """The directory of one query, which is removed when the query ends."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="trade-analytics-", ignore_cleanup_errors=True)

    @property
    def uri(self) -> str:
        """What Spark calls checkpointLocation."""
        return Path(self._folder.name).as_uri()

    def offsets(self, batch_id: int) -> dict[int, int]:
        """Of each partition the offset after the last message of a batch that has begun."""
        return end_offsets(Path(self._folder.name, "offsets", str(batch_id)).read_bytes())

    def remove(self) -> None:
        """Remove it."""
        self._folder.cleanup()


def end_offsets(log: bytes) -> dict[int, int]:
    """Read what Spark writes before a batch: a version, settings of the query, and a line for the one source.

    Raises:
        ValueError: It is something else.
    """
    version, _, source = log.decode().split("\n")
    if version != "v1":
        raise ValueError(f"offsets of version {version!r}")
    ((_, offsets),) = json.loads(source).items()
    return {int(partition): offset for partition, offset in offsets.items()}
