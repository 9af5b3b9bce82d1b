"""A lab whose hosts are stand-ins: what is run there runs here, with programs that say how they were called."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from lab.instance import Instance, Settings

_PROGRAMS = {
    "ssh": 'for last; do :; done; [ "$1" = -t ] && shift && echo "on a terminal"; HOST=$3 exec sh -c "$last"',
    "sudo": 'shift 2; exec "$@"',
    "systemctl": 'case "$HOST $5" in kafka*\\ kafka | app1\\ trade-producer) echo loaded;; *) echo not-found;; esac',
    "journalctl": 'echo "$HOST says $*"',
    "tradestream": 'echo "$HOST tradestream $* ${NO_COLOR+without colour}"; exit 143',
}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Instance:
    """An instance `unit` of three brokers."""
    monkeypatch.setattr("lab.instance.STATE", tmp_path)
    monkeypatch.delenv("NO_COLOR", raising=False)
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, body in _PROGRAMS.items():
        (programs / name).write_text(f"#!/bin/sh\n{body}\n")
        (programs / name).chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    instance = Instance("unit")
    instance.save_settings(Settings(topology="cluster"))
    instance.ssh_config.parent.mkdir(parents=True)
    instance.ssh_config.touch()
    return instance
