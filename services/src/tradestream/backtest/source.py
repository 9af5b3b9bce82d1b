"""What all sources of trades have in common."""

from __future__ import annotations

from typing import NamedTuple

from tradestream.analytics.table_batch import TableBatch


class Window(NamedTuple):
    """Which trades: those from ``since`` to before ``until``, ms since 1970."""

    since: int = 0
    until: int = 2**62


class Part(NamedTuple):
    """A batch, to be used before the next one is asked for, and how far it is: ``done`` of the source's ``total``."""

    batch: TableBatch
    done: int
