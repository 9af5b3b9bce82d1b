"""The producer beside a bare loop and others' producers, all reading the same trades on the same machine.

`./lab bench producer` runs it, with Kafka's jars in KAFKA_LIBS.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.latency import latencies
from benchmarks.peers import PeersError
from benchmarks.rows import ROWS, Row
from benchmarks.run import MILLION, BenchmarkError, Result, run
from integration.broker import Broker, libraries

if TYPE_CHECKING:
    from collections.abc import Sequence

_HEADER = ("", "trades", "missing", "trades/s", "CPU us/trade", "CPU / floor", "peak MiB", "p50 ms", "p99 ms")


@dataclass
class Measured:
    """What is known of a row.

    Attributes:
        row: the row.
        results: of each run.
        latencies: of each run at 1,000 trades a second, the milliseconds that each trade took into Kafka.
        failure: why there are none of these.
    """

    row: Row
    results: list[Result] = field(default_factory=list)
    latencies: list[Sequence[float]] = field(default_factory=list)
    failure: str | None = None

    def median(self, figure: str) -> float:
        """Returns the median of the runs."""
        return float(statistics.median(getattr(result, figure) for result in self.results))

    def percentile(self, number: int) -> float | None:
        """Returns the median of the runs' percentiles of latency; None where nothing is written."""
        found = [statistics.quantiles(run, n=100)[number - 1] for run in self.latencies]
        return statistics.median(found) if found else None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints the table; returns 0 if every row ran and no trade is missing."""
    options = parser().parse_args(arguments)
    measured = [Measured(row) for row in ROWS if not options.row or row.name in options.row]
    with tempfile.TemporaryDirectory() as folder:
        kafka = Broker(libraries(), Path(folder))
        try:
            kafka.start()
            _measure(measured, kafka, options.trades, options.runs)
        finally:
            kafka.stop()
    print(as_json(measured) if options.json else "\n".join(table(measured)))
    return 1 if any(one.failure or any(result.missing for result in one.results) for one in measured) else 0


def parser() -> argparse.ArgumentParser:
    """Returns what the command line may say; `./lab bench producer --help` tells what it means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--row", action="append", choices=[row.name for row in ROWS])
    parser.add_argument("--json", action="store_true")
    return parser


def _measure(measured: Sequence[Measured], kafka: Broker, trades: int, runs: int) -> None:
    """Runs each row in turn, several times, so that what else the machine does befalls all alike."""
    for number in range(runs):
        for one in measured:
            if one.failure is None:
                _run(one, kafka, trades, f"{number + 1} of {runs}")


def _run(one: Measured, kafka: Broker, trades: int, number: str) -> None:
    try:
        result = run(one.row, kafka, min(trades, one.row.most or trades))
        _say(f"{one.row.label}, run {number}: {result.rate:,.0f} trades/s, {result.cpu_us:.1f} us each")
        one.results.append(result)
        if one.row.writes:
            one.latencies.append(latencies(one.row, kafka))
            _say(f"{one.row.label}, run {number}: p99 {statistics.quantiles(one.latencies[-1], n=100)[-1]:.1f} ms")
    except (BenchmarkError, PeersError) as error:
        one.failure = str(error)
        _say(one.failure)


def table(measured: Sequence[Measured]) -> list[str]:
    """Returns the lines of the Markdown table: medians of the runs, but the missing trades of all."""
    floor = next((one for one in measured if one.row.name == "floor" and one.results), None)
    floor_us = floor.median("cpu_us") if floor else None
    long = any(result.trades > MILLION for one in measured for result in one.results)
    header = (*_HEADER, "first million MiB", "last million MiB") if long else _HEADER
    rows = [_cells(one, floor_us, long=long) for one in measured]
    return [_line(header), f"| --- |{' ---: |' * (len(header) - 1)}", *map(_line, rows)]


def _cells(one: Measured, floor_us: float | None, *, long: bool) -> list[str]:
    if one.failure:
        first, *_, last = [*one.failure.splitlines()[:1], *one.failure.splitlines()]
        return [one.row.label, f"does not run: {first}" if first == last else f"does not run: {first} {last}"]
    cpu = one.median("cpu_us")
    half, most = one.percentile(50), one.percentile(99)
    cells = [
        one.row.label,
        f"{len(one.results)} x {one.results[0].trades:,}",
        f"{sum(result.missing for result in one.results):,}",
        f"{one.median('rate'):,.0f}",
        f"{cpu:.1f}",
        f"{cpu / floor_us:.2f}" if floor_us else "",
        f"{one.median('peak'):.0f}",
        "" if half is None else f"{half:.1f}",
        "" if most is None else f"{most:.1f}",
    ]
    return [*cells, f"{one.median('first_million'):.0f}", f"{one.median('last_million'):.0f}"] if long else cells


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def as_json(measured: Sequence[Measured]) -> str:
    """Returns the figures of every run."""
    names = ("trades", "missing", "rate", "cpu_us", "peak", "first_million", "last_million")
    return json.dumps(
        {
            one.row.name: {
                "runs": [{name: getattr(result, name) for name in names} for result in one.results],
                "p50_ms": one.percentile(50),
                "p99_ms": one.percentile(99),
                "failure": one.failure,
            }
            for one in measured
        },
        indent=2,
    )


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
