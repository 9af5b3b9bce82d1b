"""`./lab faults`: each fault that can befall a part of the pipeline, and what became of the trades."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

from lab import ansible
from lab.deploy import positive_int
from lab.instance import Instance
from lab.paths import ROOT
from lab.suite import environment
from lab.verbs import Verbs

_FEED = ("trades", "fetched", "dropped", "missing", "peak MiB", "seconds")
_ANALYTICS = ("trades", "candles", "signals", "seconds")


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `faults`."""
    parser = verbs.add_parser(
        "faults", help="break things, and count the trades", description="Break things, and count the trades."
    )
    whats = parser.add_subparsers(title="what", metavar="WHAT", required=True)
    _add_feed(whats)
    _add_analytics(whats)


def _add_feed(whats: Verbs) -> None:
    parser = whats.add_parser(
        "feed",
        help="of the exchanges, of a producer and of its broker",
        description="Each fault of the simulated exchanges, of a producer and of its broker, with a real Kafka. "
        "What Kafka has in the end is compared, trade by trade, with what the exchange made; a table tells how many "
        "trades there were, how many were fetched over REST, dropped as duplicates and missing, and the most memory "
        "that the producer used. Exit status 0 only if none is missing.",
    )
    parser.add_argument(
        "--outage-seconds",
        type=float,
        default=20,
        metavar="S",
        help="how long the broker is away in the fault of that name (default: %(default)s)",
    )
    parser.set_defaults(run=feed)


def _add_analytics(whats: Verbs) -> None:
    parser = whats.add_parser(
        "analytics",
        help="kill -9 of each part of the job, at any moment",
        description="Trades flow into the job on a standalone Spark of its own, and again and again one part is killed "
        "(kill -9): the driver, its JVM, the executor, the worker, the master, the broker; while a batch lands, while "
        "its record is written, while its candles are published, while finished files are moved, at any moment. What "
        "systemd would start again is started again. In the end each trade is in Parquet once, each closed candle is "
        "what its trades say wherever it was stored or published, and each signal left once; a table tells how many "
        "seconds it took after each kill until the job took new trades. Exit status 0 only if all of that is so.",
    )
    kills = "how many (default: %(default)s, which takes about half an hour)"
    parser.add_argument("--kills", type=positive_int, default=40, metavar="N", help=kills)
    seed = "what the order of the kills and the trades are made of (default: %(default)s)"
    parser.add_argument("--seed", type=int, default=1, metavar="N", help=seed)
    parser.set_defaults(run=analytics)


def feed(_instance: Instance, options: argparse.Namespace) -> int:
    """Break the feed, and print the table."""
    return _run("feed", _FEED, f"--outage-seconds={options.outage_seconds}")


def analytics(_instance: Instance, options: argparse.Namespace) -> int:
    """Kill the job's parts, and print the table."""
    return _run("analytics", _ANALYTICS, f"--kills={options.kills}", f"--seed={options.seed}")


def _run(what: str, columns: Sequence[str], *flags: str) -> int:
    ansible.testbed()
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "report.xml")
        command = ["pytest", f"tests/faults/{what}", *flags, f"--junit-xml={report}"]
        done = subprocess.run(command, cwd=ROOT, env=environment(), check=False)
        if report.exists():
            print("\n".join(table(report, columns)))
    sys.stdout.flush()
    return min(done.returncode, 1)


def table(report: Path, columns: Sequence[str]) -> list[str]:
    """Rows of a Markdown table, one a test of a JUnit report."""
    lines = [f"| fault | {' | '.join(columns)} | |", f"| --- |{' ---: |' * len(columns)} --- |"]
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - pytest wrote it
        test, _, parameters = case.attrib["name"].partition("[")
        name = parameters.rstrip("]") or test.removeprefix("test_").replace("_", " ")
        found = {each.attrib["name"]: each.attrib["value"] for each in case.iter("property")}
        failed = case.find("failure") is not None or case.find("error") is not None
        figures = " | ".join(found.get(column, "") for column in columns)
        lines.append(f"| {name} | {figures} | {'FAILED' if failed else 'passed'} |")
    return lines
