"""The command line: one verb, one module."""

from __future__ import annotations

import argparse
import os
import sys

from lab import (
    bench,
    dashboards,
    deploy,
    faults,
    logs,
    reference,
    run_command,
    screenshots,
    status,
    suite,
    verify,
    watch,
)
from lab.errors import LabError, UsageError
from lab.instance import Instance

_EPILOG = """\
examples:
  ./lab up                                  the whole pipeline on this machine
  ./lab up --topology cluster               three brokers, two Spark workers
  ./lab up --replay BTCUSDT-trades.zip      play a Binance public dump instead of live trades
  ./lab exec kafka1 kafka-topics --list     run a command on a host, as root
  ./lab --instance second up                another lab beside the first

exit status: 0 done, 1 it failed, 2 the command line or its input is wrong
"""


def main(arguments: list[str] | None = None) -> int:
    """Run one verb; return its exit status."""
    options = command_line().parse_args(arguments)
    try:
        status_code: int = options.run(Instance(options.instance), options)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # the reader of our output has gone: nobody is left to tell anything
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return status_code


def command_line() -> argparse.ArgumentParser:
    """The whole command line, with its verbs."""
    parser = argparse.ArgumentParser(
        prog="./lab",
        description="The whole pipeline on this machine, in systemd containers that Ansible treats as VMs.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--instance",
        default=os.environ.get("LAB_INSTANCE", "lab"),
        metavar="NAME",
        help="which lab, where there are several (default: $LAB_INSTANCE, else lab)",
    )
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", required=True)
    seeing = (status, verify, watch, logs, run_command)
    making = (suite, faults, bench, dashboards, reference, screenshots)
    for module in (deploy, *seeing, *making):
        module.add_parsers(verbs)
    return parser
