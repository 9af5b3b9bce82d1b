"""What a service says of its own process."""

from __future__ import annotations

import time
from pathlib import Path

from tradestream.process import OwnProcess


def test_it_says_since_when_it_runs_where_a_sandbox_hides_all_but_processes(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to("/proc/self")
    told = {metric.name: metric.samples[0].value for metric in OwnProcess(proc=str(tmp_path), registry=None).collect()}
    assert 0 <= time.time() - told["process_start_time_seconds"] < 24 * 3600
    assert told["process_resident_memory_bytes"] > 1024 * 1024
