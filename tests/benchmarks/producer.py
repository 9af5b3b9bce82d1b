"""The producer beside a bare loop and others' producers, all reading the same trades on the same machine.

`./lab bench producer` runs it, with Kafka's jars in KAFKA_LIBS.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.rows import ROWS, Row
from benchmarks.run import BenchmarkError, Result, run
from integration.broker import Broker, libraries

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HEADER = ("", "trades", "missing", "trades/s", "CPU us/trade", "CPU / floor", "peak MiB")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints the table."""
    options = parser().parse_args(arguments)
    rows = [row for row in ROWS if not options.row or row.name in options.row]
    try:
        with tempfile.TemporaryDirectory() as folder:
            kafka = Broker(libraries(), Path(folder))
            try:
                kafka.start()
                results = _measure(rows, kafka, options.trades, options.runs)
            finally:
                kafka.stop()
    except BenchmarkError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    print(_json(results) if options.json else "\n".join(table(results)))
    return 0


def parser() -> argparse.ArgumentParser:
    """Returns what the command line may say; `./lab bench producer --help` tells what it means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--row", action="append", choices=[row.name for row in ROWS])
    parser.add_argument("--json", action="store_true")
    return parser


def _measure(rows: Sequence[Row], kafka: Broker, trades: int, runs: int) -> dict[Row, list[Result]]:
    """Runs each row in turn, several times, so that what else the machine does befalls all alike."""
    results: dict[Row, list[Result]] = {row: [] for row in rows}
    for number in range(runs):
        for row in rows:
            result = run(row, kafka, min(trades, row.most or trades))
            results[row].append(result)
            say(f"{number + 1}/{runs} {row.label}: {result.rate:,.0f} trades/s, {result.cpu_us:.1f} us each")
    return results


def table(results: Mapping[Row, Sequence[Result]]) -> list[str]:
    """Returns the lines of the Markdown table; each figure is the median of the runs, the missing are all."""
    floor = next((_median(runs, "cpu_us") for row, runs in results.items() if row.name == "floor"), None)
    lines = [_line(_HEADER), f"| --- |{' ---: |' * (len(_HEADER) - 1)}"]
    for row, runs in results.items():
        cpu = _median(runs, "cpu_us")
        cells = (
            row.label,
            f"{len(runs)} x {runs[0].trades:,}",
            f"{sum(result.missing for result in runs):,}",
            f"{_median(runs, 'rate'):,.0f}",
            f"{cpu:.1f}",
            f"{cpu / floor:.2f}" if floor else "",
            f"{_median(runs, 'peak'):.0f}",
        )
        lines.append(_line(cells))
    return lines


def _json(results: Mapping[Row, Sequence[Result]]) -> str:
    return json.dumps({row.name: [_figures(result) for result in runs] for row, runs in results.items()}, indent=2)


def _figures(result: Result) -> dict[str, float]:
    names = ("trades", "missing", "rate", "cpu_us", "peak")
    return {name: getattr(result, name) for name in names}


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _median(runs: Sequence[Result], figure: str) -> float:
    return float(statistics.median(getattr(result, figure) for result in runs))


def say(text: str) -> None:
    """Tells how far it is."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
