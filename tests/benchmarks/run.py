"""One run of one program: how quickly, at what cost, and whether each trade arrived."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING

from benchmarks.processes import usage
from benchmarks.rows import HERE, WARM_UP, Ends, Row
from integration.broker import end

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from integration.broker import Broker

_POLL_SECONDS = 0.1
_SILENCE_SECONDS = 20.0
_STOP_SECONDS = 20.0
MILLION = 1_000_000


class BenchmarkError(Exception):
    """A program could not be measured."""


@dataclass(frozen=True)
class Sample:
    """A program at one moment.

    Attributes:
        at: when, in seconds of the monotonic clock.
        taken: trades that it was done with.
        cpu: seconds of a CPU that it had used, user and system.
        resident: its memory in MiB.
        peak: the most that this ever was.
    """

    at: float
    taken: int
    cpu: float
    resident: float
    peak: float


@dataclass(frozen=True)
class Result:
    """What came of a run.

    Attributes:
        trades: those that were sent after the warm-up.
        missing: those of all that were sent that Kafka does not have; below 0 where it has some twice.
        samples: from the beginning of the measured trades to their end.
    """

    trades: int
    missing: int
    samples: Sequence[Sample] = field(repr=False)

    @property
    def rate(self) -> float:
        """Trades a second."""
        return (self.samples[-1].taken - self.samples[0].taken) / (self.samples[-1].at - self.samples[0].at)

    @property
    def cpu_us(self) -> float:
        """Microseconds of a CPU for each trade."""
        spent = self.samples[-1].cpu - self.samples[0].cpu
        return spent / (self.samples[-1].taken - self.samples[0].taken) * 1e6

    @property
    def peak(self) -> float:
        """The most memory that was resident, in MiB."""
        return self.samples[-1].peak

    @property
    def first_million(self) -> float:
        """The most memory that a sample of the first million trades saw, in MiB."""
        return max(sample.resident for sample in self.samples if sample.taken <= MILLION)

    @property
    def last_million(self) -> float:
        """The most memory that a sample of the last million trades saw, in MiB."""
        return max(sample.resident for sample in self.samples if sample.taken > self.samples[-1].taken - MILLION)


class Client:
    """A program that reads the feed."""

    def __init__(self, row: Row, ends: Ends, process: subprocess.Popen[bytes], log: Path) -> None:
        self._row = row
        self._ends = ends
        self._process = process
        self._log = log

    def taken(self) -> int:
        """Returns how many trades it is done with: those in Kafka, or those that it said it received."""
        if self._row.writes:
            return self._ends.kafka.count(self._ends.topic)
        said = self.log().split()
        return int(said[-1]) if said else 0

    def sample(self) -> Sample:
        """Looks at it.

        Raises:
            BenchmarkError: it has ended.
        """
        taken = self.taken()
        used = usage(self._process.pid)
        if used is None:
            raise BenchmarkError(f"{self._row.label} ended with {self._process.wait()}:\n{self.log()}")
        return Sample(time.monotonic(), taken, used.cpu, used.resident, used.peak)

    def follow(self, trades: int) -> list[Sample]:
        """Looks at it until it has had so many trades, or no more come."""
        samples = [self.sample()]
        while samples[-1].taken < trades:
            time.sleep(_POLL_SECONDS)
            sample = self.sample()
            if sample.taken > samples[-1].taken:
                samples.append(sample)
            elif sample.at - samples[-1].at > _SILENCE_SECONDS:
                break
        return samples

    def log(self) -> str:
        """Returns what it said."""
        return self._log.read_text(errors="replace")

    def stop(self) -> None:
        """Ends it as an operator would."""
        end(self._process, _STOP_SECONDS)


@contextmanager
def feed(folder: Path, trades: int, rate: float | None) -> Iterator[tuple[str, IO[str]]]:
    """Starts the exchange; yields its address, and where a line makes it send what is measured."""
    command = [sys.executable, str(HERE / "feed.py"), str(folder), f"--trades={trades}", f"--warm-up={WARM_UP}"]
    pace = [] if rate is None else [f"--rate={rate}"]
    with subprocess.Popen([*command, *pace], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield f"ws://127.0.0.1:{process.stdout.readline().strip()}", process.stdin
        finally:
            process.kill()


@contextmanager
def client(row: Row, ends: Ends) -> Iterator[Client]:
    """Starts a program."""
    log = ends.folder / "log"
    with log.open("wb") as output, subprocess.Popen(row.command(ends), stdout=output, stderr=output) as process:
        one = Client(row, ends, process, log)
        try:
            yield one
        finally:
            one.stop()


@contextmanager
def warm(row: Row, kafka: Broker, trades: int, rate: float | None) -> Iterator[tuple[Client, Ends, Callable[[], None]]]:
    """Starts a program and lets it have the trades of the warm-up; with it comes what begins the others.

    Raises:
        BenchmarkError: it does not run, or does not take them.
    """
    topic = f"{row.name}-{uuid.uuid4()}"
    kafka.create_topics([topic, f"{topic}-dlq"])
    with tempfile.TemporaryDirectory() as scratch, feed(Path(scratch), trades, rate) as (url, line):

        def go() -> None:
            line.write("\n")
            line.flush()

        ends = Ends(url, kafka, topic, Path(scratch), trades)
        with client(row, ends) as one:
            if one.follow(WARM_UP)[-1].taken != WARM_UP:
                raise BenchmarkError(f"{row.label} did not take the trades of the warm-up:\n{one.log()}")
            yield one, ends, go


def run(row: Row, kafka: Broker, trades: int) -> Result:
    """Lets a program have so many trades as quickly as it takes them.

    Raises:
        BenchmarkError: it does not run, or takes nothing.
    """
    with warm(row, kafka, trades, None) as (one, _, go):
        begin = one.sample()
        go()
        samples = [begin, *one.follow(WARM_UP + trades)]
        one.stop()
        return Result(trades, WARM_UP + trades - one.taken(), samples)
