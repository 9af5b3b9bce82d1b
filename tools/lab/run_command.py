"""`./lab exec`: a command on a host."""

from __future__ import annotations

import argparse

from lab import ssh
from lab.instance import Instance
from lab.verbs import Verbs


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `exec`."""
    parser = verbs.add_parser(
        "exec",
        help="run a command on a host",
        description="Run a command on a host as root, over SSH; its exit status is that of the command. "
        "One word is a line for the host's shell, several are a program and its arguments.",
        epilog="example: ./lab exec spark1 'journalctl -u trade-analytics -n 50 | cat'",
    )
    parser.add_argument("host", help="kafka1, spark1, monitor1, app1, ...")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the command; without one, a shell")
    parser.set_defaults(run=run)


def run(instance: Instance, options: argparse.Namespace) -> int:
    """Run the command with this terminal's input and output."""
    command = options.command[1:] if options.command[:1] == ["--"] else options.command
    return ssh.attached(instance, options.host, command or ["bash"])
