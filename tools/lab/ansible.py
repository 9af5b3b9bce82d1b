"""Playbooks, run against an instance with their output shown as it comes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.errors import LabError
from lab.instance import Instance
from lab.paths import ROOT

_RECAP_LINE = re.compile(r"^(\S+)\s+: ok=\d+\s+changed=(\d+)\s+unreachable=(\d+)\s+failed=(\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Recap:
    """How a play ended: for each host, how many tasks changed something."""

    changed: dict[str, int]

    @property
    def total_changed(self) -> int:
        """Changed tasks over all hosts."""
        return sum(self.changed.values())


def playbook(instance: Instance, path: str, *flags: str) -> Recap:
    """Run a playbook, named by its path in the checkout, against an instance.

    Raises:
        LabError: a task failed; Ansible has already said which and why.
    """
    return _run(ROOT / "inventory" / "lab", path, *flags, LAB_INSTANCE=instance.name)


def testbed() -> None:
    """Unpack what tests on this machine need, whether or not an instance is up.

    Raises:
        LabError: a task failed; Ansible has already said which and why.
    """
    _run("localhost,", "tests/testbed.yml")


def _run(inventory: Path | str, path: str, *flags: str, **variables: str) -> Recap:
    command = ["ansible-playbook", "-i", str(inventory), path, *flags]
    environment = {**os.environ, **variables}
    if sys.stdout.isatty():
        environment["ANSIBLE_FORCE_COLOR"] = "1"
    output = []
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stdout or ():
            print(line, end="", flush=True)
            output.append(line)
    if process.returncode != 0:
        raise LabError(f"{path} failed (exit status {process.returncode}): the task at fault is shown above")
    return recap("".join(output))


def recap(output: str) -> Recap:
    """Read the closing lines of ansible-playbook."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", output)
    return Recap({host: int(changed) for host, changed, _, _ in _RECAP_LINE.findall(plain)})
