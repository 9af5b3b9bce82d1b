"""A batch of messages on its way into a landing directory: what is a trade, and what is none."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

import duckdb
from duckdb import DuckDBPyConnection
from pyspark.sql import DataFrame, Observation
from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

from tradestream.analytics.batch import LandedBatch
from tradestream.analytics.landed import SHARE, landed_rows, parquet_files, share
from tradestream.analytics.layout import LANDED, PARQUET
from tradestream.analytics.local import schema
from tradestream.analytics.local_directory import local_path
from tradestream.analytics.produced import LONGEST, produced
from tradestream.analytics.schema import read_trades
from tradestream.analytics.storage import Storage
from tradestream.ask.database import database, listed, literal, one_line
from tradestream.logs import line

log = logging.getLogger(__name__)

# Messages of which the shares are worth their files.
_DIVIDED = 25_000


class Landed(NamedTuple):
    """What landed of a batch.

    Attributes:
        rows: Reads them: as of `schema.read_trades`, or where nothing is rejected those columns alone that
            `layout.LANDED` has. Of most batches nobody asks, and Spark takes a while to plan it.
        messages: How many there were.
        rejected: How many of them are no trades.
        oldest: When the first came to Kafka, None where there are none.
    """

    rows: Callable[[], DataFrame]
    messages: int
    rejected: int
    oldest: datetime | None


class Landing:
    """Messages read by Spark, wherever the storage is.

    Args:
        storage: Where they land.
        ahead_ms: As of `schema.read_trades`.
    """

    # What sums a batch before Spark has planned to; None where this host does not see the storage.
    _database: DuckDBPyConnection | None = None

    def __init__(self, storage: Storage, ahead_ms: int) -> None:
        self._storage = storage
        self._ahead_ms = ahead_ms

    def land(self, messages: DataFrame, name: str, tasks: int = 1) -> Landed:
        """Write what messages are as landing directory ``name``, in place of an earlier attempt's.

        Args:
            messages: The columns value, timestamp, partition and offset of Spark's Kafka source.
            name: The directory.
            tasks: In how many Spark reads and writes.
        """
        seen = Observation()
        rows = read_trades(messages.coalesce(tasks), self._ahead_ms).observe(
            seen,
            F.count("*").alias("messages"),
            F.count_if(~F.col("valid")).alias("rejected"),
            F.min("kafka_timestamp").alias("oldest"),
        )
        landed = self._storage.land(rows, name).coalesce(tasks)
        return Landed(lambda: landed, **seen.get)

    def batch(self, name: str, landed: Landed) -> LandedBatch:
        """The trades of what has landed as ``name``."""
        count = landed.messages - landed.rejected
        return LandedBatch(self._storage, name, lambda: landed.rows().where("valid"), count, self._database)


class LocalLanding(Landing):
    """Messages that Spark only hands on, of a storage that this host sees: what DuckDB takes lands if it takes all.

    Args:
        storage: Where they land.
        root: The same as a directory.
        ahead_ms: As of `schema.read_trades`.
    """

    def __init__(self, storage: Storage, root: Path, ahead_ms: int) -> None:
        super().__init__(storage, ahead_ms)
        self._root = root
        # To open one takes longer than a small batch.
        self._database: DuckDBPyConnection = _database()
        # To name a column takes Python and Java a while.
        self._seen = (
            F.count("*").alias("messages"),
            F.min("timestamp").alias("oldest"),
            F.max(F.octet_length("value")).alias("longest"),
        )

    def land(self, messages: DataFrame, name: str, tasks: int = 1) -> Landed:
        """Write what messages are as landing directory ``name``, in place of an earlier attempt's.

        Raises:
            UnseenError: Not all messages are seen that Spark handed on.
        """
        arriving, arrived = f"{name}-messages", Observation()
        self._storage.hand_on(messages.coalesce(tasks).observe(arrived, *self._seen), arriving)
        seen = arrived.get
        divided = seen["messages"] >= _DIVIDED
        taken = self._taken(arriving, name, divided=divided) if 0 < (seen["longest"] or 0) <= LONGEST else 0
        if 0 < taken == seen["messages"]:
            self._storage.sync_landed(name)
            landed = Landed(lambda: self._landed(name).coalesce(tasks), taken, 0, seen["oldest"])
        else:
            landed = super().land(self._storage.landed([arriving], messages.schema), name, tasks)
            self._storage.require_seen(arriving, landed.messages, seen["messages"])
        self._storage.forget([arriving])
        return landed

    def _landed(self, name: str) -> DataFrame:
        return self._storage.landed([name], schema(LANDED))

    def _taken(self, arriving: str, name: str, *, divided: bool) -> int:
        """Write messages as landing directory ``name``; how many are trades for sure."""
        self._storage.forget([name])
        target = self._root / "_landing" / name
        target.mkdir()
        messages = listed(parquet_files(self._storage.landing(arriving)))
        rows = produced(f"read_parquet({messages}, hive_partitioning = false)", self._ahead_ms)
        if divided:
            copy = f"""COPY (SELECT *, {share()} AS {SHARE} FROM ({rows})) TO {literal(str(target))}
                ({PARQUET}, PARTITION_BY ({SHARE}))"""
        else:
            copy = f"COPY ({rows}) TO {literal(f'{target}/messages.parquet')} ({PARQUET})"
        try:
            self._database.execute(copy)
            trades = landed_rows([self._storage.landing(name)])
            # Not a condition of that query: DuckDB would look for it first, and read each message once a field.
            ((count,),) = self._database.execute(f"SELECT count(*) FROM {trades}").fetchall()
            return int(count)
        except duckdb.Error as error:
            # Of memory it has a share, and of files what this host sees; Spark says what is wrong, if anything is.
            log.warning(line("left_to_spark", batch=name, reason=one_line(str(error))))
            # After some errors one answers nothing more.
            self._database.close()
            self._database = _database()
            return 0


def _database() -> DuckDBPyConnection:
    return database(Path(tempfile.gettempdir(), f"landing-{uuid4().hex}"))


def landing(storage: Storage, ahead_ms: int) -> Landing:
    """The quickest there is for a storage."""
    root = local_path(storage.root.uri)
    return LocalLanding(storage, root, ahead_ms) if root else Landing(storage, ahead_ms)
