"""Running Maven, pip and the wheel builder, saying every few seconds how far they are."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from artifacts.errors import ArtifactError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Say = Callable[[str], None]

_INTERVAL_SECONDS = 3.0
_TAIL_LINES = 15


def run(label: str, command: Sequence[str], scratch: Path, say: Say) -> None:
    """Run a program with ``scratch`` as its temporary directory, whose growth is the progress reported.

    Raises:
        ArtifactError: the program is not installed or fails; the message ends with its last lines.
    """
    environment = {**os.environ, "TMPDIR": str(scratch), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    say(f"{label}: {' '.join(command[:4])} ...")
    try:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
        )
    except FileNotFoundError as error:
        raise ArtifactError(f"{label}: {command[0]} is not installed here, on the controller. Install it.") from error
    lines: list[str] = []
    with process:
        reader = threading.Thread(target=_collect, args=(process, lines), daemon=True)
        reader.start()
        started = time.monotonic()
        while _still_running(process):
            elapsed, megabytes = time.monotonic() - started, _size(scratch) / 1e6
            say(f"{label}: {elapsed:.0f} s, {megabytes:.0f} MB, {lines[-1][:100] if lines else 'starting'}")
        reader.join()
    if process.returncode:
        tail = "\n".join(lines[-_TAIL_LINES:])
        raise ArtifactError(f"{label}: {' '.join(command)} failed with {process.returncode}:\n{tail}")


def _collect(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdout  # noqa: S101 - it was asked for as a pipe
    for line in process.stdout:
        lines += [stripped] if (stripped := line.strip()) else []


def _still_running(process: subprocess.Popen[str]) -> bool:
    try:
        process.wait(_INTERVAL_SECONDS)
    except subprocess.TimeoutExpired:
        return True
    return False


def _size(directory: Path) -> int:
    """Return the bytes under a directory whose files come and go while they are counted."""
    total = 0
    for parent, _, names in os.walk(directory):
        for name in names:
            try:
                total += (Path(parent) / name).stat().st_size
            except FileNotFoundError:
                continue
    return total
