"""The environment of others' producers, which must not mix with the services' own."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROOT = Path(__file__).parents[2]
_LOCK = _ROOT / "requirements" / "peers.txt"
_FOLDER = _ROOT / ".lab" / "peers"
_FROM_SOURCE = re.compile(r"^cryptofeed==(?:.*\\\n)*.*\n", re.MULTILINE)
_SHOWN_LINES = 15


class PeersError(Exception):
    """Others' producers could not be installed."""


def python() -> Path:
    """Returns the environment's interpreter; makes the environment where the lock is not the one that it was made of.

    Raises:
        PeersError: pip failed; says what pip said.
    """
    digest = hashlib.sha256(_LOCK.read_bytes()).hexdigest()
    mark, interpreter = _FOLDER / ".lock-digest", _FOLDER / "bin" / "python"
    if not mark.exists() or mark.read_text() != digest:
        print("bench: making the environment of others' producers", file=sys.stderr)
        shutil.rmtree(_FOLDER, ignore_errors=True)
        venv.create(_FOLDER, with_pip=True)
        wheels = _FOLDER / "wheels.txt"
        wheels.write_text(_FROM_SOURCE.sub("", _LOCK.read_text()))
        _install(interpreter, ["--only-binary", ":all:", "-r", str(wheels)])
        # Its build finds Cython where it was just installed, not where pip would get it.
        _install(interpreter, ["--no-build-isolation", "-r", str(_LOCK)])
        mark.write_text(digest)
    return interpreter


def _install(interpreter: Path, what: Sequence[str]) -> None:
    command = [str(interpreter), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    done = subprocess.run([*command, *what], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join(f"{done.stdout}{done.stderr}".strip().splitlines()[-_SHOWN_LINES:])
        raise PeersError(
            f"pip failed; cryptofeed is built here, which needs a C compiler and Python's headers:\n{said}"
        )
