"""Processes, as the kernel knows them."""

from __future__ import annotations

import os
import subprocess
import sys

from benchmarks.processes import descendants, find, together, usage

PARENT = """
import subprocess, sys
child = subprocess.Popen(["sleep", "7654"])
print(child.pid, flush=True)
sys.stdin.read()
child.kill()
"""


def test_what_a_process_started_is_found_and_counted_with_it() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        assert parent.pid in descendants(os.getpid())
        assert child in descendants(os.getpid())
        assert descendants(parent.pid) == [child] == find(parent.pid, "7654")
        alone, both = usage(parent.pid), together([parent.pid, child])
        assert alone is not None
        assert both.resident > alone.resident > 1
        parent.stdin.close()


def test_what_has_ended_takes_nothing() -> None:
    with subprocess.Popen(["true"]) as process:
        process.wait()
    assert usage(process.pid) is None
    assert together([process.pid]).resident == 0
