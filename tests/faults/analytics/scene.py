"""A job on a cluster of its own, all of it kept running, and trades that go on."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack
from typing import TYPE_CHECKING, Self

from benchmarks.processes import find
from faults.analytics.flow import LARGE, Flow
from faults.analytics.kept import Kept
from integration.analytics.job import Job
from integration.cluster import Cluster
from integration.programs import wait_for

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from integration.broker import Broker

SECONDS = 300.0
"""What has not recovered after so long never will: the watchdog of the unit would have ended it long before."""

RULES = [{"type": "large_trade", "amount": LARGE}, {"type": "price_move", "percent": 1.5}, {"type": "rsi"}]


class KeptJob(Job):
    """A job that is started again and again, and all that it ever logged."""

    earlier = ""

    def start(self) -> None:
        """Start it."""
        if self._process is not None:
            self.earlier += self.log()
        super().start()


class Scene:
    """Everything, running while one is inside.

    Args:
        folder: Where files go.
        kafka: The broker.
        seed: What the trades are made of.

    Attributes:
        job: The job.
        flow: The trades.
    """

    def __init__(self, folder: Path, kafka: Broker, seed: int) -> None:
        self.job = KeptJob(folder, kafka, "kills", flush_seconds=4, rules=RULES)
        kafka.create_topics(self.job.topics)
        self.flow = Flow(kafka.bootstrap, self.job.topic, seed)
        self._kafka = kafka
        self._cluster = Cluster(folder / "spark")
        self._kept_job = Kept(self.job)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for daemon in (self._cluster.master, self._cluster.worker):
                stack.enter_context(Kept(daemon))
            self._cluster.wait()
            self.job.environment = self._cluster.driver_environment()
            stack.enter_context(self._kept_job)
            stack.enter_context(self.flow)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def pid(self, victim: str) -> int:
        """Waits until a victim runs and returns its process id."""
        find_it = {
            "driver": lambda: [self.job.pid],
            "driver's JVM": lambda: find(self.job.pid, "org.apache.spark.deploy.SparkSubmit"),
            "executor": lambda: find(self._cluster.worker.pid, "CoarseGrainedExecutorBackend"),
            "worker": lambda: [self._cluster.worker.pid],
            "master": lambda: [self._cluster.master.pid],
            "broker": lambda: [self._kafka.pid],
        }[victim]
        found: list[int] = wait_for(victim, find_it, SECONDS)
        return found[0]

    def kill(self, pid: int) -> None:
        """Ends a program without a chance to tidy up, and sees to it that all that systemd keeps runs again."""
        os.kill(pid, signal.SIGKILL)
        if pid == self._kafka.pid:
            self._kafka.kill()
            self._kafka.start()

    def goes_on(self) -> None:
        """Waits until the job has taken trades that are in the topic only now."""
        count = self._kafka.count(self.job.topic)
        wait_for(f"more than {count} trades taken", lambda: self.job.taken() > count, SECONDS)

    def end(self) -> None:
        """Lets the job take all that there is, and ends it as an operator would."""
        count = self._kafka.count(self.job.topic)
        wait_for(f"all {count} trades taken", lambda: self.job.taken() == count, SECONDS)
        self._kept_job.let_go()
        assert self.job.terminate() == 0
