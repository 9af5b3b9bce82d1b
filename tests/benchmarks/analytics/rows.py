"""What is compared: programs that read the same trades, on the same Spark."""

from __future__ import annotations

import os
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pyarrow.dataset as ds

from benchmarks.analytics.market import RATE
from benchmarks.processes import Usage, descendants, together
from integration.analytics.job import Job
from integration.cluster import defaults
from integration.programs import wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence

    from integration.broker import Broker
    from integration.cluster import Cluster

_TESTS = Path(__file__).parents[2]
# What the role writes into the job's configuration, as it has it by default.
_SETTINGS = ("intervals", "indicators", "rules", "watermark_minutes", "trigger_seconds", "max_offsets_per_trigger")


@dataclass(frozen=True)
class Row:
    """One program, over trades of some symbols.

    Attributes:
        name: as it is chosen.
        label: as the table calls it.
        program: what Python runs.
        symbols: how many pairs trade.
        rate: how many trades a second, of all together.
        queries: how many queries of Spark it is, where it is not the job.
        stores: whether it stores each trade.
        live: whether it is also looked at while trades come one by one, and while none come.
    """

    name: str
    label: str
    program: Sequence[str] = Job.program
    symbols: int = 10
    rate: int = RATE
    queries: int = 0
    stores: bool = True
    live: bool = False


ROWS = (
    Row("bare", "from_json, and nothing else", ("-m", "benchmarks.analytics.bare"), queries=1, stores=False),
    Row("queries", "a query for each output", ("-m", "benchmarks.analytics.four_queries"), queries=4),
    Row("symbols", "this job, 1,000 symbols", symbols=1000, live=True),
    # Each of these symbols is as busy as one of ten, so its candles have as many trades.
    Row("busy", "this job, 1,000 symbols, 100,000 trades/s", symbols=1000, rate=100 * RATE),
    Row("job", "this job", live=True),
)


class Program(Job):
    """A row's program, with a configuration as a host has it.

    Args:
        row: the row.
        folder: where its files go.
        kafka: the broker.
        cluster: the Spark that it runs on.
        trades: the topic that it reads.

    Attributes:
        started: when it was, in seconds of the monotonic clock.
    """

    started = 0.0

    def __init__(self, row: Row, folder: Path, kafka: Broker, cluster: Cluster, trades: str) -> None:
        role = defaults("analytics")
        settings: dict[str, Any] = {name: role[f"analytics_{name}"] for name in _SETTINGS}
        super().__init__(folder, kafka, f"{row.name}-{uuid.uuid4()}", topic=trades, flush_seconds=60, **settings)
        kafka.create_topics(self.topics)
        self.row, self.program = row, row.program
        environment = cluster.driver_environment()
        self.environment = {**environment, "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], str(_TESTS)])}
        self.bootstrap = kafka.bootstrap
        self._cluster = cluster

    def start(self) -> None:
        """Start it."""
        self.started = time.monotonic()
        super().start()

    @property
    def has_begun(self) -> bool:
        """Whether it reads."""
        return any(self.checkpoint.glob("*/offsets/0")) if self.row.queries else "event=started" in self.log()

    def taken(self) -> int:
        """Returns how many trades it is done with, with each of its queries."""
        if not self.row.queries:
            return super().taken()
        queries = [log.parent for log in self.checkpoint.glob("*/offsets")]
        return min(map(_messages_taken, queries)) if len(queries) == self.row.queries else 0

    def stored(self) -> int:
        """Returns how many trades there are in Parquet."""
        rows: int = ds.dataset(self.storage / "trades", format="parquet").count_rows()
        return rows

    def stop(self) -> None:
        """Ends it as an operator would, and waits until its executors are gone too."""
        self.terminate()
        wait_for("the executors' end", lambda: not descendants(self._cluster.worker.pid))

    def driver(self) -> Usage:
        """Returns what Python and its JVM have taken."""
        return together([self.pid, *descendants(self.pid)])

    def executors(self) -> Usage:
        """Returns what the executors have taken."""
        return together(descendants(self._cluster.worker.pid))


def _messages_taken(query: Path) -> int:
    """Returns how many messages the batches have that are done, by the checkpoint that Spark keeps of a query."""
    batches = [int(path.name) for path in (query / "commits").glob("[0-9]*")]
    if not batches:
        return 0
    offsets = (query / "offsets" / str(max(batches))).read_text().splitlines()[-1]
    return sum(sum(of_topic.values()) for of_topic in msgspec.json.decode(offsets).values())
