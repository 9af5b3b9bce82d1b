"""Rows that the driver has, as a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F  # noqa: N812 - Spark's own convention

_encoder = msgspec.json.Encoder(decimal_format="string")


def table(spark: SparkSession, rows: Iterable[Mapping[str, Any]], columns: Mapping[str, str]) -> DataFrame:
    """Rows as a table that Spark makes without Python.

    `createDataFrame` has a Python process on an executor's host read the rows, with the path that Python has on the
    driver's. Only the driver's host needs this distribution.

    Args:
        spark: The session.
        rows: Values by column; of a struct within a column, by field.
        columns: Types of the columns by their names, as in SQL.
    """
    text = F.lit(_encoder.encode(list(rows)).decode())
    return spark.range(1).coalesce(1).select(F.inline(F.from_json(text, f"array<struct<{schema(columns)}>>")))


def lines(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Rows as lines of JSON, decimals as strings with every digit."""
    return (_encoder.encode(row) + b"\n" for row in rows)


def schema(columns: Mapping[str, str]) -> str:
    """Columns by their names, with types as in SQL, as Spark takes a schema or the fields of a struct."""
    return ", ".join(f"{name} {kind}" for name, kind in columns.items())
