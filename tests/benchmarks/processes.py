"""What processes take of the machine, as the kernel counts it."""

from __future__ import annotations

import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """Of one process, or of several together.

    Attributes:
        cpu: seconds of a CPU that it had used, user and system.
        resident: its memory in MiB.
        peak: the most that this ever was.
    """

    cpu: float
    resident: float
    peak: float

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.cpu + other.cpu, self.resident + other.resident, self.peak + other.peak)


def usage(pid: int) -> Usage | None:
    """Returns what a process has taken; None of one that has ended."""
    of_process = Path("/proc", str(pid))
    try:
        times = _stat(of_process)
        status = dict(line.split(":", 1) for line in (of_process / "status").read_text().splitlines())
    except (FileNotFoundError, ProcessLookupError):
        return None
    if "VmRSS" not in status:  # a process that has ended has no memory
        return None
    resident, peak = (int(status[key].split()[0]) / 1024 for key in ("VmRSS", "VmHWM"))
    return Usage((int(times[11]) + int(times[12])) / _TICKS, resident, peak)


def together(pids: Iterable[int]) -> Usage:
    """Returns what those of the processes that run have taken."""
    return sum(filter(None, map(usage, pids)), Usage(0.0, 0.0, 0.0))


def descendants(pid: int) -> list[int]:
    """Returns the processes that a process started, and those that these did."""
    children = defaultdict(list)
    for of_process in Path("/proc").glob("[0-9]*"):
        try:
            children[int(_stat(of_process)[1])].append(int(of_process.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = list(children[pid])
    for each in found:  # which grows
        found += children[each]
    return found


def find(pid: int, word: str) -> list[int]:
    """Returns those descendants of a process that have a word in their command line."""
    return [each for each in descendants(pid) if word in _command_line(each)]


def _command_line(pid: int) -> str:
    try:
        return Path("/proc", str(pid), "cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _stat(of_process: Path) -> list[str]:
    # The name of the program, in parentheses, may hold blanks.
    return (of_process / "stat").read_text().rpartition(")")[2].split()
