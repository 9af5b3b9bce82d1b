"""What is killed at which moment; moments are seen by what the job leaves on disk."""

from __future__ import annotations

import itertools
import os
import random
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.analytics.job import Job

    Moment = Callable[[], bool]

VICTIMS = ("driver", "driver's JVM", "executor", "worker", "master", "broker")
_SECONDS = 120.0
_POLL_SECONDS = 0.0005
_LONGEST_SECONDS = 4.0


def _landing(job: Job) -> Moment:
    return lambda: any((job.storage / "_landing").glob("*/_temporary"))


def _recording(job: Job) -> Moment:
    return lambda: any((job.checkpoint / "state").glob(".*.tmp"))


def _moving(job: Job) -> Moment:
    """Some of the finished files are where readers look, and some are not."""
    seen = 0

    def begun() -> bool:
        nonlocal seen
        before, seen = seen, _finished(job.storage / "_staging")
        return 0 < seen < before

    return begun


def _publishing(job: Job) -> Moment:
    """A record is there; what it says is published next."""

    def newest() -> str:
        return max((path.name for path in (job.checkpoint / "state").glob("[0-9]*.state")), default="")

    before = newest()
    return lambda: newest() > before


def _any(_job: Job) -> Moment:
    at = time.monotonic() + random.uniform(0, _LONGEST_SECONDS)  # noqa: S311 - a moment of a test
    return lambda: time.monotonic() > at


def _finished(staging: Path) -> int:
    """How many finished files there are, while directories come and go."""
    return sum(
        name.startswith("part-")
        for folder, _, names in os.walk(staging)
        if "_temporary" not in folder
        for name in names
    )


MOMENTS = {
    "a batch lands": _landing,
    "its record is written": _recording,
    "its candles are published": _publishing,
    "finished files are moved": _moving,
    "any moment": _any,
}


def plan(kills: int, seed: int) -> list[tuple[str, str]]:
    """All victims in turn, each of them at all moments in turn, in an order that is made of the seed."""
    chance = random.Random(seed)  # noqa: S311 - a plan of a test
    of_victim = {victim: itertools.cycle(chance.sample(sorted(MOMENTS), len(MOMENTS))) for victim in VICTIMS}
    victims = (victim for _ in itertools.count() for victim in chance.sample(VICTIMS, len(VICTIMS)))
    return [(victim, next(of_victim[victim])) for victim in itertools.islice(victims, kills)]


def await_moment(name: str, job: Job) -> None:
    """Return as soon as the job is there."""
    moment = MOMENTS[name](job)
    deadline = time.monotonic() + _SECONDS
    while not _is_there(moment):
        if time.monotonic() > deadline:
            pytest.fail(f"{name}: the job was not seen there for {_SECONDS:g} s:\n{job.log()[-4000:]}", pytrace=False)
        time.sleep(_POLL_SECONDS)


def _is_there(moment: Moment) -> bool:
    try:
        return moment()
    except FileNotFoundError:  # a directory that was there a moment ago
        return False
