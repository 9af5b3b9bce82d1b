"""A job on a cluster of its own, all of it kept running, and trades that go on."""

from __future__ import annotations

import os
import signal
import socket
import time
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Any, Self

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

WATCHDOG_SECONDS = 180.0
"""As the unit trade-analytics has it."""

SECONDS = 600.0
"""What has not recovered after so long never will: a batch may take two minutes until the job pings no more, then the
watchdog waits, and a start takes a while."""

RULES = [{"type": "large_trade", "amount": LARGE}, {"type": "price_move", "percent": 1.5}, {"type": "rsi"}]


class KeptJob(Job):
    """A job that is started again and again, and all that it ever logged.

    It is ended where it pings no more: a master that was killed may forget, when it is back, that an application has
    no executor, and then its batch would wait for ever.
    """

    earlier = ""

    def __init__(self, folder: Path, kafka: Broker, topic: str, **settings: Any) -> None:  # noqa: ANN401
        super().__init__(folder, kafka, topic, **settings)
        self.notified = folder / "notify"
        self._pings = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._pings.bind(str(self.notified))
        self._pinged = 0.0

    def start(self) -> None:
        """Start it."""
        if self._process is not None:
            self.earlier += self.log()
        self._pinged = time.monotonic()
        super().start()

    @property
    def ended(self) -> int | None:
        """The exit status, or None while it runs and pings."""
        with suppress(BlockingIOError):
            while self._pings.recv(64):
                self._pinged = time.monotonic()
        if time.monotonic() - self._pinged > WATCHDOG_SECONDS:
            self.kill()
        return super().ended

    def close(self) -> None:
        """Hear no more pings."""
        self._pings.close()


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
        self.job = KeptJob(folder, kafka, "kills", flush_seconds=2, rules=RULES)
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
            stack.callback(self.job.close)
            self.job.environment = {**self._cluster.driver_environment(), "NOTIFY_SOCKET": str(self.job.notified)}
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
