"""The stored files as they are beside a Delta table: what a batch costs to write, and what all of it costs to read.

    python -m benchmarks.storage

Both take the same landed batches, with the same sort, on two local cores; `storage_writer` is the program that does it.
SPARK_HOME names the tests' Spark; Delta's jars and the other readers' packages are fetched once.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from artifacts.cache import directory_for, exclusive, fill
from artifacts.locks import read_sums
from artifacts.sources import maven
from benchmarks import peers
from integration.analytics.job import python_path, spark_environment, spark_home

_HERE = Path(__file__).parent
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tradestream"
_DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.databricks.delta.retentionDurationCheck.enabled": "false",
    # As many tasks as cores to read its log, not 50.
    "spark.databricks.delta.snapshotPartitions": "2",
}
_ROWS = {
    "batch": "a batch of {trades:,} trades, s (median)",
    "slowest": "the slowest batch after the first, s",
    "files": "files after {batches} batches",
    "mib": "MiB",
    "spark": "Spark reads all, s",
    "duckdb": "DuckDB reads all, s",
    "polars": "Polars reads all, s",
    "compaction": "merging, and removing what was merged, s",
    "plain_rows": "rows that a reader of plain Parquet sees in between, of {rows:,}",
    "files_merged": "files after that",
    "mib_merged": "MiB",
    "spark_merged": "Spark reads all, s",
    "duckdb_merged": "DuckDB reads all, s",
    "polars_merged": "Polars reads all, s",
}


def main() -> None:
    """Measures, and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batches", type=int, default=60, metavar="N", help="how many (default: %(default)s)")
    parser.add_argument("--trades", type=int, default=60_000, metavar="N", help="of each (default: %(default)s)")
    options = parser.parse_args()
    results = {}
    for kind in ("plain", "delta"):
        with tempfile.TemporaryDirectory() as folder:
            results[kind] = measure(kind, Path(folder), options.batches, options.trades)
    figures = {**vars(options), "rows": options.batches * options.trades}
    print("|  | Parquet | Delta |\n| --- | ---: | ---: |")
    for key, text in _ROWS.items():
        cells = " | ".join(_cell(results[kind].get(key)) for kind in results)
        print(f"| {text.format(**figures)} | {cells} |")


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{value:.2f}"


def measure(kind: str, folder: Path, batches: int, trades: int) -> dict[str, Any]:
    """Writes and reads in one of the two ways; returns the figures by the names above."""
    jars = [spark_home() / "connectors", *([_delta()] if kind == "delta" else [])]
    settings = {
        "spark.driver.extraClassPath": ":".join(f"{place}/*" for place in jars),
        **(_DELTA if kind == "delta" else {}),
    }
    environment = {**os.environ, **spark_environment(), "PYTHONPATH": os.pathsep.join([*python_path(), *sys.path])}
    submit = " ".join(f"--conf {key}={value}" for key, value in settings.items())
    environment["PYSPARK_SUBMIT_ARGS"] = (
        f"--master local[2] --driver-memory 2g --conf spark.ui.enabled=false {submit} pyspark-shell"
    )
    command = [sys.executable, "-m", "benchmarks.storage_writer", kind, str(folder), str(batches), str(trades)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        found = _told(writer.stdout)
        found |= _read(kind, folder, "")
        writer.stdin.write("\n")
        writer.stdin.flush()
        found |= _told(writer.stdout)
        found |= _read(kind, folder, "_merged")
    return found


def _told(lines: Iterable[str]) -> dict[str, Any]:
    """The next line of figures; Delta says on a line of its own what it removed."""
    figures: dict[str, Any] = json.loads(next(line for line in lines if line.startswith("{")))
    return figures


def _read(kind: str, folder: Path, when: str) -> dict[str, float]:
    """What the readers need that are not Spark."""
    table = folder / "trades"
    if kind == "delta":  # DuckDB needs an extension for it, which is fetched from a server of its own
        return {f"polars{when}": _seconds(peers.python(), "polars-delta", table)}
    return {
        f"polars{when}": _seconds(peers.python(), "polars", table),
        f"duckdb{when}": _seconds(Path(sys.executable), "duckdb", table),
    }


def _seconds(python: Path, reader: str, table: Path) -> float:
    environment = {**os.environ, "POLARS_MAX_THREADS": "2"}
    command = [str(python), str(_HERE / "storage_reader.py"), reader, str(table)]
    return float(subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout)


def _delta() -> Path:
    """The directory with Delta's jars, held against their digests."""
    pom = _HERE / "delta" / "pom.xml"
    lock = read_sums(pom.with_name("SHA256SUMS"))
    with exclusive(_CACHE):
        directory = directory_for(_CACHE, "delta", lock.path.read_text())
        fill(directory, lock, maven(pom, lambda text: print(text, file=sys.stderr)))
    return directory


if __name__ == "__main__":
    main()
