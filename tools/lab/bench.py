"""`./lab bench`: how long things take, measured on this machine in one run."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from contextlib import ExitStack, redirect_stdout

from lab import ansible, hosts, ssh, verify
from lab.candles import follow
from lab.deploy import positive_int
from lab.errors import UsageError
from lab.instance import Instance, Settings
from lab.inventory import topology
from lab.paths import ROOT
from lab.suite import environment
from lab.topology import TOPOLOGIES
from lab.verbs import Verbs


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `bench`."""
    parser = verbs.add_parser("bench", help="measure", description="Measure on this machine; print tables.")
    whats = parser.add_subparsers(title="what", metavar="WHAT", required=True)
    _add_deploy(whats)
    _add_producer(whats)
    _add_analytics(whats)


def _add_deploy(whats: Verbs) -> None:
    parser = whats.add_parser(
        "deploy",
        help="from no hosts to the first candle",
        description="The time from no hosts to a verified pipeline, of a second run that finds nothing to "
        "do, and until the first candle closed, with the memory that each host then uses. "
        "It works on an instance of its own, `bench`.",
    )
    parser.add_argument("--topology", choices=sorted(TOPOLOGIES), default="small")
    parser.set_defaults(run=deploy)


def _add_producer(whats: Verbs) -> None:
    parser = whats.add_parser(
        "producer",
        help="trades a second, and at what cost, beside others",
        description="The producer beside a bare loop and others' producers: all read the same trades from the same "
        "exchange into the same Kafka, one after the other, and each trade is counted in the end. Exit status 0 only "
        "if every row ran and no trade is missing.",
    )
    trades = "how many each reads, the slow ones fewer (default: %(default)s); 10000000 shows that memory stays flat"
    parser.add_argument("--trades", type=positive_int, default=1_000_000, metavar="N", help=trades)
    runs = "how often, of which the median is told (default: %(default)s)"
    parser.add_argument("--runs", type=positive_int, default=3, metavar="N", help=runs)
    parser.add_argument("--row", action="append", default=[], metavar="NAME", help="only this row; may be repeated")
    parser.add_argument("--json", action="store_true", help="print every run's figures as JSON instead of the table")
    parser.set_defaults(run=producer)


def _add_analytics(whats: Verbs) -> None:
    parser = whats.add_parser(
        "analytics",
        help="the same of the analytics job, and how soon a trade shows",
        description="The analytics job beside the least that Spark can do, and beside a query for each output as the "
        "job once had: on a standalone Spark with one executor of two cores, as the roles configure it, all take the "
        "same trades out of the same Kafka, one after the other. Then trades come to the job live, 1,000 a second, and "
        "then none. Exit status 0 only if every row ran and no trade is missing in Parquet.",
    )
    trades = (
        "how many wait in the topic (default: %(default)s); of more than a million there is a table with a line each, "
        "and 10000000 with --row symbols shows that memory and state stay flat"
    )
    parser.add_argument("--trades", type=positive_int, default=2_000_000, metavar="N", help=trades)
    seconds = "for how long trades come live, after 20 s that are not counted (default: %(default)s)"
    parser.add_argument("--seconds", type=positive_int, default=60, metavar="S", help=seconds)
    row = "only this row: bare, queries, symbols, busy, job; may be repeated"
    parser.add_argument("--row", action="append", default=[], metavar="NAME", help=row)
    together = (
        "all rows at the same time, each on a Spark of its own, and none live: where a machine's speed changes it "
        "changes for all alike, so what a trade takes of a CPU can be compared, and only that"
    )
    parser.add_argument("--together", action="store_true", help=together)
    parser.add_argument("--json", action="store_true", help="print all figures as JSON instead of the table")
    parser.set_defaults(run=analytics)


def producer(_instance: Instance, options: argparse.Namespace) -> int:
    """Run the benchmark of the producer with the tests' Kafka."""
    return _measure("benchmarks.producer", options, f"--runs={options.runs}")


def analytics(_instance: Instance, options: argparse.Namespace) -> int:
    """Run the benchmark of the analytics job with the tests' Kafka and Spark."""
    together = ["--together"] if options.together else []
    return _measure("benchmarks.analytics", options, f"--seconds={options.seconds}", *together)


def _measure(module: str, options: argparse.Namespace, *flags: str) -> int:
    with redirect_stdout(sys.stderr):
        ansible.testbed()
    command = [sys.executable, "-m", module, f"--trades={options.trades}", *flags]
    command += [f"--row={name}" for name in options.row] + (["--json"] if options.json else [])
    sources = os.pathsep.join(str(ROOT / each) for each in ("tests", "services/src"))
    return subprocess.run(command, env={**environment(), "PYTHONPATH": sources}, check=False).returncode


def deploy(_instance: Instance, options: argparse.Namespace) -> int:
    """Measure on an instance made for this, and remove it."""
    instance = Instance("bench")
    if instance.settings:
        raise UsageError("an instance named 'bench' is here already: ./lab --instance bench down")
    started = time.monotonic()
    marks: list[tuple[str, float]] = []

    def mark(name: str) -> None:
        marks.append((name, time.monotonic() - started - sum(seconds for _, seconds in marks)))

    with ExitStack() as stack:
        stack.enter_context(instance.alone())
        stack.callback(hosts.remove, instance)
        instance.save_settings(Settings(topology=options.topology, variables={"pipeline_feed": "simulator"}))
        hosts.ensure(instance, topology(instance))
        mark("hosts")
        ansible.playbook(instance, "playbooks/site.yml", "--skip-tags", "verify")
        mark("site.yml")
        verify.run(instance, options)
        mark("playbooks/verify.yml")
        changed = ansible.playbook(instance, "playbooks/site.yml").total_changed
        mark(f"second run (changed={changed})")
        next(candle for candle in follow(instance, "--from-beginning") if candle["is_closed"])
        mark("until the first candle closed")
        memory = {host.name: resident_mebibytes(instance, host.name) for host in topology(instance)}
    print("\n| step | seconds |\n| --- | --- |")
    for name, seconds in [*marks, ("all of it", sum(seconds for _, seconds in marks))]:
        print(f"| {name} | {seconds:.0f} |")
    print("\n| host | resident MiB |\n| --- | --- |")
    for name, mebibytes in [*memory.items(), ("all", sum(memory.values()))]:
        print(f"| {name} | {mebibytes:.0f} |")
    return 0


def resident_mebibytes(instance: Instance, host: str) -> float:
    """Resident memory of a host's processes."""
    return sum(map(int, ssh.run(instance, host, "ps", "-eo", "rss=").stdout.split())) / 1024
