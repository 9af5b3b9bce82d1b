from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tradestream.analytics.alone import alone
from tradestream.errors import BusyError, ConfigError

TRY = """
import sys
from pathlib import Path
from tradestream.analytics.alone import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def other(state: Path) -> subprocess.Popen[bytes]:
    """Another process that holds the directory until its standard input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", TRY, state],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"PYTHONPATH": _sources()},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"held\n"
    return process


def _sources() -> str:
    return str(Path(__file__).parents[3] / "services" / "src")


def test_another_process_is_kept_out_until_this_one_ends_however_it_does(tmp_path: Path) -> None:
    state = tmp_path / "checkpoint" / "state"
    with other(state) as process:
        with pytest.raises(BusyError, match="systemctl stop trade-analytics"), alone(state):
            pass
        process.kill()
    with alone(state):
        pass


def test_a_directory_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="cannot be written"), alone(tmp_path / "file" / "state"):
        pass
