"""How the suite ends before its jobs do."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from integration.programs import wait_for
from lab import suite
from lab.suite import Job, run_all

# Tidies up as pytest does: when it is interrupted.
_TIDY = """
import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
pathlib.Path("child").write_text(str(child.pid))
try:
    pathlib.Path("started").touch()
    time.sleep(600)
except KeyboardInterrupt:
    pathlib.Path("tidied").touch()
"""
_STUBBORN = """
import pathlib, signal, time
signal.signal(signal.SIGINT, signal.SIG_IGN)
pathlib.Path("started").touch()
time.sleep(600)
"""


def job(script: str) -> Job:
    return Job("it", ((sys.executable, "-c", script), ("touch", "next")), "a job", ("touch", "removed"))


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(suite, "ROOT", tmp_path)
    monkeypatch.setattr(suite, "_LOGS", tmp_path)
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def terminate_when_started(place: Path) -> threading.Thread:
    def wait_and_terminate() -> None:
        wait_for("the job's start", (place / "started").exists)
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    thread = threading.Thread(target=wait_and_terminate)
    thread.start()
    return thread


@pytest.mark.parametrize("fails", [True, False])
def test_jobs_tidy_up_when_the_suite_is_terminated(tmp_path: Path, *, fails: bool) -> None:
    thread = terminate_when_started(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run_all([job(_TIDY + "    raise SystemExit(1)\n" * fails), job(_TIDY)], 1)
    thread.join()
    assert (tmp_path / "tidied").exists()
    assert (tmp_path / "removed").exists() == fails
    assert not (tmp_path / "next").exists(), "neither its next command nor the next job began"
    child = int((tmp_path / "child").read_text())
    wait_for("the end of what it started", lambda: not is_alive(child))


@pytest.mark.parametrize("interrupted", [True, False])
def test_a_job_that_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, interrupted: bool
) -> None:
    monkeypatch.setattr(suite, "_TIDY_SECONDS", 0.2)
    if interrupted:
        thread = terminate_when_started(tmp_path)
        with pytest.raises(KeyboardInterrupt):
            run_all([job(_STUBBORN)], 1)
        thread.join()
    else:
        monkeypatch.setattr(suite, "_JOB_SECONDS", 1)
        assert run_all([job(_STUBBORN)], 1) == ["it"]
        assert "the job took more than 1 s" in (tmp_path / "it.log").read_text()
    assert not (tmp_path / "next").exists()
