"""`tradestream sql`: one SELECT over the views trades, candles and signals, and nothing else.

DuckDB's own lock (see `database.connect`) keeps it from files other than the stored ones. It does not keep it from
writing among these: COPY TO can stand in a WITH clause. So the parsed statement is looked at: what is not known to
only read is refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import duckdb
import msgspec
from duckdb import DuckDBPyConnection

from tradestream.analytics.layout import PARTITIONS
from tradestream.ask import database, output
from tradestream.ask.output import TABLE_ROWS, Format, Row
from tradestream.ask.progress import Waiting
from tradestream.ask.storage import Storage
from tradestream.errors import QueryError

_READING = {"SELECT_NODE", "SET_OPERATION_NODE", "RECURSIVE_CTE_NODE", "CTE_NODE"}
_FUNCTIONS = {"range", "generate_series", "unnest", "json_each", "json_tree", "histogram", "histogram_values"}
_ALLOWED = f"allowed is one SELECT (or FROM, VALUES, DESCRIBE, SUMMARIZE) over the views {', '.join(PARTITIONS)}"


def run(storage: Storage, scratch: Path, query: str, kind: Format) -> int:
    """Answers a question; returns the exit status.

    Raises:
        QueryError: it is no question, or not allowed.
        StoredDataError: what is stored cannot be read.
    """
    with database.connect(storage, scratch) as connection, database.explained(storage):
        require_reading(connection, query)
        database.create_views(connection, storage)
        database.lock(connection)
        with Waiting(connection.query_progress) as waiting:
            require_types(connection, storage, query)
            connection.execute("BEGIN TRANSACTION READ ONLY")
            columns, first, rows = database.retried(lambda: _begun(connection, query))
        waiting.close()
        _, more = output.write(sys.stdout, kind, columns, _again(first, rows))
    if more:
        sys.stderr.write(f"only the first {TABLE_ROWS} rows: --format csv or json gives all, LIMIT fewer\n")
    return 0


def _begun(connection: DuckDBPyConnection, query: str) -> tuple[list[str], Row | None, Iterator[Row]]:
    """The columns of an answer, its first row, and the others."""
    result = connection.execute(query)
    rows = output.fetched(result)
    return database.columns(result), next(rows, None), rows


def _again(first: Any, rest: Iterator[Any]) -> Iterator[Any]:  # noqa: ANN401 - a row of whatever was asked for
    if first is not None:
        yield first
        yield from rest


def require_types(connection: DuckDBPyConnection, storage: Storage, query: str) -> None:
    """Looks at the columns of the tables that a query names.

    Raises:
        StoredDataError: one has another type than it should.
    """
    for table in PARTITIONS:
        if table in query.lower():
            for directory in sorted({Path(file).parent for file in storage.files(table)}):
                # A file that cannot be read is the query's own matter: its conditions may leave it out.
                with suppress(duckdb.Error):
                    database.require_types(connection, [f"{directory}/*.parquet"], table)


def require_reading(connection: DuckDBPyConnection, query: str) -> None:
    """Lets a query pass that is one statement which only reads.

    Raises:
        QueryError: it is not, or is no SQL.
    """
    statements = connection.extract_statements(query)
    if len(statements) != 1:
        raise QueryError(f"it is {len(statements)} statements; {_ALLOWED}")
    kind = statements[0].type
    if kind != duckdb.StatementType.SELECT:
        raise QueryError(f"{kind.name} is not allowed; {_ALLOWED}")
    (answer,) = connection.execute("SELECT json_serialize_sql(?)", [query]).fetchone() or ("",)
    parsed = msgspec.json.decode(answer)
    if parsed["error"]:
        raise QueryError(f"{parsed.get('error_message', 'it is no SELECT')}; {_ALLOWED}")
    for refused in _refused(parsed["statements"]):
        raise QueryError(f"{refused} is not allowed; {_ALLOWED}")


def _refused(parsed: Any) -> Iterator[str]:  # noqa: ANN401 - JSON
    """What of a parsed statement is not known to only read the views."""
    if isinstance(parsed, list):
        for part in parsed:
            yield from _refused(part)
    elif isinstance(parsed, dict):
        kind = parsed.get("type")
        if isinstance(kind, str) and kind.endswith("_NODE") and kind not in _READING:
            yield kind.removesuffix("_QUERY_NODE").removesuffix("_NODE")
        # DuckDB takes a name that there is not for that of a file.
        if kind == "BASE_TABLE" and not {"/", "."}.isdisjoint(name := parsed["table_name"]):
            yield f"the file {name}"
        if kind == "TABLE_FUNCTION" and (name := _name(parsed)) not in _FUNCTIONS:
            yield f"{name}()"
        for part in parsed.values():
            yield from _refused(part)


def _name(table_function: dict[str, Any]) -> str:
    function = table_function.get("function") or {}
    return str(function.get("function_name", "this function")).lower()
