"""`./lab bench`: how long things take, measured on this machine in one run."""

from __future__ import annotations

import argparse
import time
from contextlib import ExitStack

from lab import ansible, hosts, ssh, verify
from lab.candles import follow
from lab.errors import UsageError
from lab.instance import Instance, Settings
from lab.inventory import topology
from lab.topology import TOPOLOGIES
from lab.verbs import Verbs


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `bench`."""
    parser = verbs.add_parser(
        "bench",
        help="measure",
        description="deploy: the time from no hosts to a verified pipeline, of a second run that finds nothing to "
        "do, and until the first candle closed, with the memory that each host then uses. "
        "It works on an instance of its own, `bench`.",
    )
    parser.add_argument("what", choices=["deploy"])
    parser.add_argument("--topology", choices=sorted(TOPOLOGIES), default="small")
    parser.set_defaults(run=run)


def run(_instance: Instance, options: argparse.Namespace) -> int:
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
