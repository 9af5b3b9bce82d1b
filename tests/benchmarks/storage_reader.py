"""Prints how many seconds a reader takes for all rows of a table; in an environment that has only that reader.

Arguments: duckdb or polars, both of plain Parquet, or polars-delta; the table's directory.
"""

from __future__ import annotations

import sys
import time


def duckdb(table: str) -> None:
    """Plain Parquet."""
    import duckdb  # noqa: PLC0415

    connection = duckdb.connect(config={"threads": 2})
    rows = connection.read_parquet(f"{table}/**/*.parquet", hive_partitioning=True)
    rows.aggregate("symbol, count(*), sum(quantity)").fetchall()


def polars(table: str, *, delta: bool = False) -> None:
    """Plain Parquet, or a Delta table."""
    import polars as pl  # noqa: PLC0415

    rows = pl.scan_delta(table) if delta else pl.scan_parquet(table, hive_partitioning=True)
    rows.group_by("symbol").agg(pl.len(), pl.col("quantity").sum()).collect()


if __name__ == "__main__":
    begun = time.monotonic()
    reader, table = sys.argv[1:]
    if reader == "duckdb":
        duckdb(table)
    else:
        polars(table, delta=reader == "polars-delta")
    print(time.monotonic() - begun)
