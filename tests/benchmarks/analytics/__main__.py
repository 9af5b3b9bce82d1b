"""The analytics job beside the least that Spark can do, and beside a query for each output.

`./lab bench analytics` runs it, with Kafka's jars in KAFKA_LIBS and Spark in SPARK_HOME.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.analytics.catch_up import CatchUp, catch_up
from benchmarks.analytics.live import Lively, lively
from benchmarks.analytics.market import Market, symbols
from benchmarks.analytics.rows import ROWS, Program, Row
from benchmarks.run import MILLION, BenchmarkError
from integration.broker import Broker, libraries
from integration.cluster import Cluster

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_HEADER = (
    "",
    "trades",
    "missing",
    "start s",
    "trades/s",
    "/ bare",
    "CPU us/trade",
    "driver MiB",
    "executor MiB",
    "candle p50 ms",
    "candle p99 ms",
    "signal p50 ms",
    "signal p99 ms",
    "live CPUs",
    "idle CPUs",
)


@dataclass
class Measured:
    """What is known of a row.

    Attributes:
        row: the row.
        result: how it took what waited.
        lively: how it took what came after.
        missing: trades that are not stored, below 0 where some are stored twice; None of a row that stores none.
        failure: why there is none of this.
    """

    row: Row
    result: CatchUp | None = None
    lively: Lively | None = None
    missing: int | None = None
    failure: str | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, and prints the table; returns 0 if every row ran and no trade is missing."""
    options = parser().parse_args(arguments)
    measured = [Measured(row) for row in ROWS if not options.row or row.name in options.row]
    with tempfile.TemporaryDirectory() as scratch, ExitStack() as stack:
        folder = Path(scratch)
        kafka = Broker(libraries(), folder)
        stack.callback(kafka.stop)
        kafka.start()
        kinds = {(one.row.symbols, one.row.rate) for one in measured}
        markets = {kind: _filled(kafka, *kind, options.trades) for kind in sorted(kinds)}

        def measure(one: Measured) -> None:
            market = markets[one.row.symbols, one.row.rate]
            # Not removed with each row: where many files were just deleted, ext4 is slow to make new ones.
            into = folder / one.row.name
            with Cluster(into / "spark") as cluster, Program(one.row, into, kafka, cluster, market.topic) as program:
                _measure(one, program, market, options)

        if options.together:
            with ThreadPoolExecutor(len(measured)) as pool:
                list(pool.map(measure, measured))
        else:
            for one in measured:
                measure(one)
    print(as_json(measured) if options.json else "\n".join(table(measured)))
    return 1 if any(one.failure or one.missing for one in measured) else 0


def parser() -> argparse.ArgumentParser:
    """Returns what the command line may say; `./lab bench analytics --help` tells what it means."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trades", type=int, default=2 * MILLION)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--row", action="append", choices=[row.name for row in ROWS])
    parser.add_argument("--together", action="store_true")
    parser.add_argument("--json", action="store_true")
    return parser


def _filled(kafka: Broker, count: int, rate: int, trades: int) -> Market:
    topic = f"trades-of-{count}-at-{rate}"
    kafka.create_topics([topic])
    market = Market(symbols(count), kafka.bootstrap, topic, rate)
    _say(f"{trades:,} trades of {count:,} symbols go into a topic, {rate:,} a second by their own time")
    market.fill(trades)
    return market


def _measure(one: Measured, program: Program, market: Market, options: argparse.Namespace) -> None:
    sent = options.trades
    try:
        one.result = catch_up(program, sent)
        _say(f"{one.row.label}: {one.result.rate:,.0f} trades/s, {one.result.cpu_us:.1f} us each")
        if one.row.live and not options.together:
            _say(f"{one.row.label}: trades come live for {options.seconds} s, and then none")
            one.lively, live = lively(program, market, options.seconds)
            sent += live
    except BenchmarkError as error:
        one.failure = str(error)
        _say(one.failure)
    program.stop()
    if one.row.stores and one.failure is None:
        one.missing = sent - program.stored()


def table(measured: Sequence[Measured]) -> list[str]:
    """Returns the lines of the Markdown tables: one of all rows, and one for each row of several millions of trades."""
    bare = next((one.result.rate for one in measured if one.row.name == "bare" and one.result), None)
    lines = _markdown(_HEADER, [_cells(one, bare) for one in measured])
    for one in measured:
        if one.result and one.result.trades > MILLION:
            lines += ["", *_markdown((one.row.label, *_MILLIONS), _millions(one.result))]
    return lines


_MILLIONS = ("trades/s", "CPU us/trade", "driver MiB", "executor MiB", "record KiB")


def _cells(one: Measured, bare: float | None) -> Sequence[str]:
    if one.failure or not one.result:
        first, *_, last = [*f"{one.failure}".splitlines()[:1], *f"{one.failure}".splitlines()]
        return [one.row.label, f"does not run: {first}" if first == last else f"does not run: {first} {last}"]
    result, lively = one.result, one.lively
    return [
        one.row.label,
        f"{result.trades:,}",
        "" if one.missing is None else f"{one.missing:,}",
        f"{result.start:.0f}",
        f"{result.rate:,.0f}",
        f"{result.rate / bare:.2f}" if bare else "",
        f"{result.cpu_us:.1f}",
        f"{result.driver_peak:.0f}",
        f"{result.executors_peak:.0f}",
        *([f"{each:.0f}" for each in _percentiles(lively)] if lively else [""] * 4),
        *([f"{lively.busy:.2f}", f"{lively.idle:.2f}"] if lively else [""] * 2),
    ]


def _percentiles(lively: Lively) -> Sequence[float]:
    """Returns p50 and p99 of trade to candle, then of large trade to signal."""
    found = [statistics.quantiles(each, n=100) for each in (lively.candles, lively.signals)]
    return [each[number - 1] for each in found for number in (50, 99)]


def _millions(result: CatchUp) -> list[Sequence[str]]:
    samples = result.millions
    return [
        (
            f"{after.taken:,}",
            f"{(after.taken - before.taken) / (after.at - before.at):,.0f}",
            f"{(after.cpu - before.cpu) / (after.taken - before.taken) * 1e6:.1f}",
            f"{after.driver:.0f}",
            f"{after.executors:.0f}",
            f"{after.record:.0f}",
        )
        for before, after in itertools.pairwise(samples)
    ]


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (header, ("---", *["---:"] * (len(header) - 1)), *rows)]


def as_json(measured: Sequence[Measured]) -> str:
    """Returns all figures."""
    return json.dumps({one.row.name: _figures(one) for one in measured}, indent=2)


def _figures(one: Measured) -> Mapping[str, Any]:
    if one.failure or not one.result:
        return {"failure": one.failure}
    names = ("candle_p50_ms", "candle_p99_ms", "signal_p50_ms", "signal_p99_ms")
    latencies = dict(zip(names, _percentiles(one.lively), strict=True)) if one.lively else {}
    return {
        "rate": one.result.rate,
        "cpu_us": one.result.cpu_us,
        **asdict(one.result),
        "missing": one.missing,
        **latencies,
        "live_cpus": one.lively.busy if one.lively else None,
        "idle_cpus": one.lively.idle if one.lively else None,
        "failure": None,
    }


def _say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
