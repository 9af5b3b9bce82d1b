"""A signal ends a question at whatever moment: quietly, with the status that a shell expects, and nothing is left."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
ENDLESS = {
    "a join": "SELECT count(*) FROM range(10000000) a(i), range(10000000) b(j) WHERE hash(i, j) % 7 = 1",
    "no row for long": "SELECT i FROM range(10000000) a(i), range(10000000) b(j) WHERE hash(i, j) = 1",
    "many rows": "SELECT i FROM range(10000000) a(i), range(10000000) b(j)",
}
SORT = "SELECT i FROM range(1000000000) a(i) ORDER BY hash(i)"
PROGRAM = ("-m", "tradestream")
ERASED_WITH_CURSOR = b"\r\x1b[2K\x1b[?25h"

STEPPING = """\
import os, runpy, signal, sys, threading
from pathlib import Path

step, told = int(sys.argv.pop(1)), Path(sys.argv.pop(1))
taken = set()

def trace(frame, event, _):
    if "/tradestream/ask/" not in frame.f_code.co_filename:
        return None
    where = (frame.f_code.co_filename, frame.f_lineno)
    if event == "line" and where not in taken:
        taken.add(where)
        told.write_text(str(len(taken)))
        if len(taken) == step:
            os.kill(os.getpid(), signal.SIGINT)
    return trace

sys.settrace(trace)
threading.settrace(trace)
runpy.run_module("tradestream", run_name="__main__", alter_sys=True)
"""
"""Runs the command, and sends it a signal before the n-th line of its code that was not run before."""

UNNOTICED = """\
import runpy, signal, sys, threading

def trace(frame, event, _):
    if frame.f_code.co_filename.endswith("/tradestream/ask/sql.py"):
        sys.settrace(None)
        threading.settrace(None)
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)

threading.settrace(trace)
runpy.run_module("tradestream", run_name="__main__", alter_sys=True)
"""
"""Runs the command, and when it asks sends a signal that does not end the main thread's wait.

So does one that comes just before that wait, in C, after Python's last look at signals.
"""


@pytest.fixture(autouse=True)
def _hangups_are_not_ignored() -> Iterator[None]:
    """What is ignored where the tests are started, as nohup has it, would be by the commands too."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@contextmanager
def asking(
    query: str, root: Path, *program: str, stderr: int = subprocess.PIPE, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The command with a directory of its own for what it leaves; it is not left behind itself."""
    command = [sys.executable, *(program or PROGRAM), "sql", query, "--format", "csv", "--storage", str(root)]
    spill(root).mkdir(exist_ok=True)
    with subprocess.Popen(
        command,
        env={**os.environ, "TMPDIR": str(spill(root)), **environment},
        stdout=subprocess.PIPE,
        stderr=stderr,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def spill(root: Path) -> Path:
    return root / "spill"


def wait_for(condition: Callable[[], object]) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)


def is_at_work(process: subprocess.Popen[bytes]) -> bool:
    """Whether it has begun to write, or has computed for longer than it takes to start."""
    user, system = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    seconds = (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
    assert process.stdout is not None
    return bool(select.select([process.stdout], [], [], 0)[0]) or seconds > 2


def ending(process: subprocess.Popen[bytes], root: Path) -> tuple[int, bytes, list[Path]]:
    """How it ended, what it said, and what is left; nobody has read what it printed."""
    status = process.wait(60)
    assert process.stderr is not None
    return status, process.stderr.read(), list(spill(root).iterdir())


@pytest.mark.parametrize("query", ENDLESS.values(), ids=ENDLESS)
def test_a_signal_ends_it_at_work(root: Path, query: str) -> None:
    with asking(query, root) as process:
        wait_for(lambda: is_at_work(process))
        process.send_signal(signal.SIGTERM)
        assert ending(process, root) == (143, b"", [])


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_it_as_soon_as_there_is_something_to_remove(root: Path, number: signal.Signals) -> None:
    with asking(ENDLESS["a join"], root) as process:
        wait_for(lambda: list(spill(root).iterdir()))
        process.send_signal(number)
        assert ending(process, root) == (128 + number, b"", [])


def test_a_signal_that_does_not_end_the_wait_ends_the_question(root: Path) -> None:
    with asking(ENDLESS["a join"], root, "-c", UNNOTICED) as process:
        assert ending(process, root) == (130, b"", [])


def test_many_signals_end_a_sort_on_disk_as_one_does(root: Path) -> None:
    with asking(SORT, root) as process:
        wait_for(lambda: any(spill(root).glob("*/*/*.tmp")))
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
        assert ending(process, root) == (130, b"", [])


def test_a_signal_at_any_line_ends_it(root: Path, tmp_path: Path) -> None:
    told, query = tmp_path / "told", "SELECT i FROM range(5000) t(i)"
    whole = "".join(f"{line}\n" for line in ["i", *range(5000)]).encode()
    with asking(query, root, "-c", STEPPING, "0", str(told)) as process:
        assert process.communicate(timeout=60) == (whole, b"")
    lines = int(told.read_text())
    assert lines > 150
    statuses = set()
    for step in range(1, lines + 1, lines // 15):
        with asking(query, root, "-c", STEPPING, str(step), str(told)) as process:
            printed, said = process.communicate(timeout=60)
        # Killed where nothing is to be removed yet, or no longer; with 0 the answer was out.
        assert process.returncode in (130, -signal.SIGINT, 0), step
        assert whole.startswith(printed), step
        assert printed == whole or process.returncode != 0, step
        assert (said, list(spill(root).iterdir())) == (b"", []), step
        statuses.add(process.returncode)
    assert 130 in statuses


@pytest.mark.parametrize("module", ["confluent_kafka", "duckdb"])
def test_ctrl_c_among_imports_ends_it_without_a_trace(root: Path, tmp_path: Path, module: str) -> None:
    modules, reached = tmp_path / "modules", tmp_path / "reached"
    modules.mkdir()
    (modules / f"{module}.py").write_text(
        f"import pathlib, time\npathlib.Path({str(reached)!r}).touch()\ntime.sleep(60)\n"
    )
    path = os.pathsep.join([str(modules), os.environ.get("PYTHONPATH", "")])
    with asking("SELECT 1", root, PYTHONPATH=path) as process:
        wait_for(reached.exists)
        process.send_signal(signal.SIGINT)
        assert ending(process, root) == (-signal.SIGINT, b"", [])


def test_what_was_ignored_stays_so(root: Path) -> None:
    ignoring = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); os.execv(sys.executable, {})"
    program = ("-c", ignoring.format(f"[sys.executable, *{PROGRAM}, *sys.argv[1:]]"))
    with asking(ENDLESS["many rows"], root, *program) as process:
        wait_for(lambda: is_at_work(process))
        process.send_signal(signal.SIGHUP)
        assert process.stdout is not None
        assert len(process.stdout.read(1_000_000)) == 1_000_000, "far more than it can have printed before"
        process.send_signal(signal.SIGTERM)
        assert ending(process, root) == (143, b"", [])


def test_the_bar_on_a_terminal_goes_away(root: Path) -> None:
    ours, terminal = pty.openpty()
    shown = b""

    def is_shown(what: bytes) -> bool:
        nonlocal shown
        if select.select([ours], [], [], 0)[0]:
            shown += os.read(ours, 4096)
        return what in shown

    with asking(ENDLESS["a join"], root, stderr=terminal, TERM="xterm") as process:
        wait_for(lambda: is_shown(b"reading"))
        process.send_signal(signal.SIGINT)
        wait_for(lambda: is_shown(ERASED_WITH_CURSOR))
        assert process.wait(60) == 130
    os.close(ours)
    os.close(terminal)
