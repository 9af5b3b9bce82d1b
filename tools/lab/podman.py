"""Podman, set up so that its containers can run systemd on this machine."""

from __future__ import annotations

import os
import resource
import subprocess
from functools import cache
from pathlib import Path

from lab.errors import LabError
from lab.paths import STATE

_NOFILE_WANTED = 100_000


def podman(*arguments: str | Path, stdin: bytes | None = None, check: bool = True) -> str:
    """Run podman and return what it printed.

    Raises:
        LabError: podman refused; the message holds its own words.
    """
    command = [*_as_root(), "podman", *map(str, arguments)]
    done = subprocess.run(command, input=stdin, capture_output=True, check=False)
    if check and done.returncode != 0:
        raise LabError(f"podman {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout.decode(errors="replace").strip()


def succeeds(*arguments: str) -> bool:
    """Tell whether a podman command ends well, for the questions it answers by its exit code."""
    return subprocess.run([*_as_root(), "podman", *arguments], capture_output=True, check=False).returncode == 0


def ulimits() -> list[str]:
    """Flags for as many files and threads as this machine lets a container have.

    Podman's own defaults are refused where the machine's hard limits are lower.
    """
    threads = int(Path("/proc/sys/kernel/pid_max").read_text())
    return [
        f"--ulimit=nofile={_up_to(resource.RLIMIT_NOFILE, _NOFILE_WANTED)}",
        f"--ulimit=nproc={_up_to(resource.RLIMIT_NPROC, threads)}",
    ]


def _up_to(limit: int, wanted: int) -> str:
    hard = resource.getrlimit(limit)[1]
    value = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
    return f"{value}:{value}"


@cache
def _as_root() -> list[str]:
    # systemd units are sandboxed by mounts, which a rootless container may not make
    prefix = [] if os.geteuid() == 0 else ["sudo"]
    return prefix if _cgroups_are_v2() else [*prefix, "env", f"CONTAINERS_CONF={_runc_configuration()}"]


def _cgroups_are_v2() -> bool:
    return Path("/sys/fs/cgroup/cgroup.controllers").exists()


def _runc_configuration() -> Path:
    # crun, podman's default, refuses hosts that mix cgroups v1 and v2; runc takes them
    path = STATE / "containers.conf"
    path.parent.mkdir(exist_ok=True)
    path.write_text('[engine]\nruntime = "runc"\n')
    return path
