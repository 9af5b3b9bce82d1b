"""`./lab logs`: the journal of a unit, from whichever hosts have it."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

from lab import ssh, status
from lab.errors import LabError
from lab.instance import Instance
from lab.inventory import topology
from lab.verbs import Verbs

_LINES = 50
_SSH_FAILED = 255


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `logs`."""
    parser = verbs.add_parser(
        "logs",
        help="show the journal of a unit, wherever it runs",
        description="Show the newest lines in the journal of a unit, from each host that has it; the host is in every "
        f"line. Without --since these are {_LINES} of each host.",
        epilog="example: ./lab logs trade-producer -f",
    )
    parser.add_argument("unit", help="kafka, trade-producer, trade-analytics, ...: any unit that systemd knows there")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    parser.add_argument("--since", metavar="WHEN", help="as journalctl takes it: '10 min ago', 'today', '12:30'")
    parser.set_defaults(run=run)


def run(instance: Instance, options: argparse.Namespace) -> int:
    """Show the journals one after the other, or follow all of them."""
    hosts = _hosts(instance, options.unit)
    since = [f"--since={options.since}"] if options.since else [f"--lines={_LINES}"]
    follow = ["--follow"] if options.follow else []
    command = ["journalctl", "--no-pager", "--output=short-iso", f"--unit={options.unit}", *since, *follow]
    if options.follow and len(hosts) > 1:
        return _follow([ssh.as_root(instance, host, command) for host in hosts])
    return max(ssh.attached(instance, host, command) for host in hosts)


def _hosts(instance: Instance, unit: str) -> list[str]:
    """Which hosts have a unit; those that cannot be asked are named on standard error.

    Raises:
        LabError: none has, or the instance is not up.
    """
    instance.require_up()
    hosts = topology(instance)
    with ThreadPoolExecutor(max_workers=len(hosts)) as pool:
        known = pool.map(lambda host: _has(instance, host.name, unit), hosts)
        found = [host.name for host, has in zip(hosts, known, strict=True) if has]
    if not found:
        names = sorted({name for host in hosts for name in status.units_of(host)})
        raise LabError(f"no host of instance {instance.name!r} has a unit {unit!r}; there are {', '.join(names)}")
    return found


def _has(instance: Instance, host: str, unit: str) -> bool:
    done = ssh.run(instance, host, "systemctl", "show", "--property=LoadState", "--value", "--", unit)
    if done.returncode == _SSH_FAILED:
        print(f"lab: {host} does not answer; what it has is left out", file=sys.stderr)
    return done.returncode == 0 and done.stdout.strip() == "loaded"


def _follow(commands: Sequence[list[str]]) -> int:
    """Print the lines of all of them as they come, whole; return the worst exit status."""
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(max_workers=len(commands)))
        processes = []
        for command in commands:
            process = stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            stack.callback(process.terminate)
            processes.append(process)
        return max(pool.map(_print_lines, processes))


def _print_lines(process: subprocess.Popen[str]) -> int:
    for line in process.stdout or ():
        print(line, end="", flush=True)
    return process.wait()
