"""A connection to DuckDB that a signal ends at once.

While DuckDB works for the main thread it looks for signals only between its own steps, and one step of a join can take
for ever. What another thread interrupts it notices soon. So a thread asks while the main one waits; whatever ends that
wait, `close` ends the question.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Self, TypeVar

import duckdb

_LOOK_SECONDS = 0.05

ResultT = TypeVar("ResultT")


class Connection:
    """A database in memory."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        # In the thread, which has begun then: `close` would not know of one that a signal surprises at its beginning.
        # With replacements a name in SQL could mean a variable of this program.
        self._connection = self._run(lambda: duckdb.connect(config={"python_enable_replacements": "false"}))

    def close(self) -> None:
        """Ends what is still being asked, as after Ctrl-C, and forgets all."""
        ended = self._thread.submit(lambda: None)
        # Again and again, as an interrupt before a statement has begun is forgotten.
        while not ended.done():
            self._connection.interrupt()
            wait([ended], _LOOK_SECONDS)
        self._thread.shutdown()
        self._connection.close()

    def execute(self, sql: str, parameters: object = None) -> Self:
        """Begins with a statement; its rows are read with the methods below."""
        self._run(lambda: self._connection.execute(sql, parameters))
        return self

    @property
    def columns(self) -> list[str]:
        """The names of the result's columns."""
        return [str(column[0]) for column in self._connection.description or ()]

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row."""
        return self._run(self._connection.fetchone)

    def fetchmany(self, size: int) -> list[tuple[Any, ...]]:
        """The next rows."""
        return self._run(lambda: self._connection.fetchmany(size))

    def fetchall(self) -> list[tuple[Any, ...]]:
        """All rows that are left."""
        return self._run(self._connection.fetchall)

    def statements(self, sql: str) -> list[duckdb.Statement]:
        """What a text consists of."""
        return self._connection.extract_statements(sql)

    def progress(self) -> float:
        """How far the statement is, in percent, or less than 0 where that is not known."""
        return self._connection.query_progress()

    def _run(self, work: Callable[[], ResultT]) -> ResultT:
        return self._thread.submit(work).result()
