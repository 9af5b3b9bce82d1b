"""`./lab faults`: each fault that can befall a part of the pipeline, and what became of the trades."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET

from lab import ansible
from lab.instance import Instance
from lab.paths import ROOT
from lab.suite import environment
from lab.verbs import Verbs

_COLUMNS = ("trades", "fetched", "dropped", "missing", "peak MiB", "seconds")


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `faults`."""
    parser = verbs.add_parser(
        "faults",
        help="break things, and count the trades",
        description="feed: each fault of the simulated exchanges, of a producer and of its broker, with a real Kafka. "
        "What Kafka has in the end is compared, trade by trade, with what the exchange made; a table tells how many "
        "trades there were, how many were fetched over REST, dropped as duplicates and missing, and the most memory "
        "that the producer used. Exit status 0 only if none is missing.",
    )
    parser.add_argument("what", choices=["feed"])
    parser.add_argument(
        "--outage-seconds",
        type=float,
        default=20,
        metavar="S",
        help="how long the broker is away in the fault of that name (default: %(default)s)",
    )
    parser.set_defaults(run=run)


def run(instance: Instance, options: argparse.Namespace) -> int:
    """Run the tests of one part's faults, and print their table."""
    ansible.playbook(instance, "tests/testbed.yml")
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.xml")
        outage = f"--outage-seconds={options.outage_seconds}"
        command = ["pytest", f"tests/faults/{options.what}", outage, f"--junit-xml={report}"]
        done = subprocess.run(command, cwd=ROOT, env=environment(), check=False)
        if report.exists():
            print("\n".join(table(report)))
    sys.stdout.flush()
    return min(done.returncode, 1)


def table(report: Path) -> list[str]:
    """Rows of a Markdown table, one a test of a JUnit report."""
    lines = [f"| fault | {' | '.join(_COLUMNS)} | |", f"| --- |{' ---: |' * len(_COLUMNS)} --- |"]
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        name = case.attrib["name"].partition("[")[2].rstrip("]")
        found = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
        failed = case.find("failure") is not None or case.find("error") is not None
        figures = " | ".join(found.get(column, "") for column in _COLUMNS)
        lines.append(f"| {name} | {figures} | {'FAILED' if failed else 'passed'} |")
    return lines
