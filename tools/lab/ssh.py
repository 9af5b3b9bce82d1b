"""Commands on the hosts, over SSH as on real machines."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence

from lab.errors import LabError
from lab.instance import Instance
from lab.inventory import topology


def as_root(instance: Instance, host: str, command: Sequence[str], *, terminal: bool = False) -> list[str]:
    """The local command that runs a command as root on a host.

    One word is a line for the host's shell; several are a program and its arguments, passed on as they are.

    Raises:
        LabError: the instance has no such host, or is not up.
    """
    names = [each.name for each in topology(instance)]
    if host not in names:
        raise LabError(f"no host {host!r} in instance {instance.name!r}; it has {', '.join(names)}")
    instance.require_up()
    remote = ["sh", "-c", command[0]] if len(command) == 1 else list(command)
    flags = ["-t"] if terminal else []
    return ["ssh", *flags, "-F", str(instance.ssh_config), host, f"sudo -n -- {shlex.join(remote)}"]


def attached(instance: Instance, host: str, command: Sequence[str]) -> int:
    """Run a command as root on a host with this terminal's input and output; return its exit status.

    Raises:
        LabError: the instance has no such host, or is not up.
    """
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return subprocess.run(as_root(instance, host, command, terminal=terminal), check=False).returncode


def run(instance: Instance, host: str, *command: str, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a command as root on a host and return how it ended; it has no standard input."""
    return subprocess.run(
        as_root(instance, host, command),
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
    )
