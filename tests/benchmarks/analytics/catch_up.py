"""How quickly a program takes what waits in the topic, and at what cost.

Spark notes each batch of a query in the query's checkpoint, and the job in its record of state; so every program is
looked at from outside.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.run import MILLION, BenchmarkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.analytics.rows import Program

_POLL_SECONDS = 0.1
_START_SECONDS = 120.0
_SILENCE_SECONDS = 180.0
_SHOWN = 6000


@dataclass(frozen=True)
class Sample:
    """A program at one moment.

    Attributes:
        at: when, in seconds of the monotonic clock.
        taken: trades that each of its queries was done with.
        cpu: seconds of a CPU that driver and executors had used.
        driver: MiB that the driver had resident, Python and JVM.
        executors: MiB that the executors had.
        record: KiB of what the job would go on from after a crash; 0 where there is none.
    """

    at: float
    taken: int
    cpu: float
    driver: float
    executors: float
    record: float


@dataclass(frozen=True)
class CatchUp:
    """What came of it.

    Attributes:
        trades: how many waited.
        start: seconds from the program's start to its first batch.
        samples: at the beginning of the first batch, and each time that more trades were done.
        driver_peak: the most MiB that the driver ever had resident.
        executors_peak: the most MiB that the executors ever had.
    """

    trades: int
    start: float
    samples: Sequence[Sample] = field(repr=False)
    driver_peak: float
    executors_peak: float

    @property
    def rate(self) -> float:
        """Trades a second."""
        return self.trades / (self.samples[-1].at - self.samples[0].at)

    @property
    def cpu_us(self) -> float:
        """Microseconds of a CPU for each trade."""
        return (self.samples[-1].cpu - self.samples[0].cpu) / self.trades * 1e6

    @property
    def millions(self) -> Sequence[Sample]:
        """The first sample at or after each whole million of trades, from none on."""
        marks = range(0, self.trades + 1, MILLION)
        return [next(sample for sample in self.samples if sample.taken >= mark) for mark in marks]


def catch_up(program: Program, trades: int) -> CatchUp:
    """Lets a program that was just started take the trades that wait.

    Raises:
        BenchmarkError: it ended, or takes no more.
    """
    _wait(program, "no batch began", _START_SECONDS, lambda: program.has_begun)
    samples = [_sample(program, 0)]
    start = samples[0].at - program.started
    while samples[-1].taken < trades:
        more = functools.partial(_more, program, samples[-1].taken)
        _wait(program, f"{samples[-1].taken:,} trades and no more", _SILENCE_SECONDS, more)
        samples.append(_sample(program, program.taken()))
    return CatchUp(trades, start, samples, program.driver().peak, program.executors().peak)


def _more(program: Program, before: int) -> bool:
    return program.taken() > before


def _wait(program: Program, otherwise: str, seconds: float, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if program.ended is not None:
            raise BenchmarkError(f"{program.row.label} ended with {program.ended}:\n{program.log()[-_SHOWN:]}")
        if time.monotonic() > deadline:
            raise BenchmarkError(f"{program.row.label}: {otherwise} after {seconds:g} s:\n{program.log()[-_SHOWN:]}")
        time.sleep(_POLL_SECONDS)


def _sample(program: Program, done: int) -> Sample:
    driver, executors = program.driver(), program.executors()
    records = sorted((program.checkpoint / "state").glob("[0-9]*.state"))
    record = records[-1].stat().st_size / 1024 if records else 0.0
    used = driver.cpu + executors.cpu
    return Sample(time.monotonic(), done, used, driver.resident, executors.resident, record)
