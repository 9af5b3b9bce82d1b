"""Trades of Binance's public dumps, some hundred thousand at a time.

A block of lines goes to a file of its own, whether it comes out of a zip or not, and DuckDB reads that with all cores.
What a line has to look like `tradestream.dump` says, for both; where DuckDB finds one that is otherwise, Python reads
the block again and says what is wrong, in the words in which a replay says it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import duckdb
from duckdb import DuckDBPyConnection

from tradestream import dump
from tradestream.analytics.table_batch import TableBatch
from tradestream.ask.database import literal, one_line
from tradestream.backtest.source import Part, Window
from tradestream.errors import DumpError
from tradestream.replay.files import Dump, check_order
from tradestream.replay.tape import Cursor
from tradestream.trade import ABOVE_ZERO, MOST_AMOUNT, NEWEST_MS, OLDEST_MS

EXCHANGE = "binance"
_BLOCK_BYTES = 32 << 20
# DuckDB's regular expressions cannot look ahead; that numbers are above zero is asked of the numbers.
_LINE = dump.LINE_PATTERN.replace(ABOVE_ZERO, "")
_COLUMNS = {
    "trade_id": "BIGINT",
    "price": "DECIMAL(22,12)",
    "quantity": "DECIMAL(22,8)",
    "quote_quantity": "VARCHAR",
    "time": "BIGINT",
    "buyer_is_maker": "BOOLEAN",
    "best_match": "VARCHAR",
}
_PLAIN = "header = false, auto_detect = false, quote = '', escape = ''"
_CHECK = f"""WITH lines AS (
        SELECT count(*) AS lines, count(*) FILTER (regexp_full_match(line, {literal(_LINE)})) AS good
        FROM read_csv($file, {_PLAIN}, delim = '\x01', columns = {{'line': 'VARCHAR'}})),
    ids AS (SELECT trade_id, trade_id > lag(trade_id) OVER (ORDER BY rowid) AS rises FROM block)
    SELECT lines, good, (SELECT count(*) FROM block), (SELECT min(trade_id) FROM block),
        (SELECT max(trade_id) FROM block), (SELECT bool_and(coalesce(rises, true)) FROM ids),
        (SELECT bool_and(price > 0 AND quantity > 0 AND price * ceil(quantity) <= {MOST_AMOUNT}
            AND trade_time >= {OLDEST_MS}) FROM block) FROM lines"""


class Block(NamedTuple):
    """Some lines of a dump.

    Attributes:
        dump: Whose.
        content: They, without a header.
        first: The number of the first line in the file.
        lines: How many there are.
        read: Bytes of the file, as it lies on the disk, that were read up to their end.
    """

    dump: Dump
    content: bytes
    first: int
    lines: int
    read: int


class Dumps:
    """All dumps as batches: a symbol after the other, its trades by rising id.

    Attributes:
        total: Bytes of all files.

    Args:
        connection: Where the batches' table is made.
        dumps: Those of each symbol, in their order.
        window: Which trades.
        folder: For a block at a time.
    """

    def __init__(
        self,
        connection: DuckDBPyConnection,
        dumps: Mapping[str, Sequence[Dump]],
        window: Window,
        folder: Path,
    ) -> None:
        self._connection = connection
        self._dumps = dumps
        self._window = window
        self._file = folder / "block.csv"
        self.total = sum(one.size for own in dumps.values() for one in own)

    def __iter__(self) -> Iterator[Part]:
        """Yields batches; each may be used until the next one is asked for.

        Raises:
            DumpError: says the file, the line and what is wrong with it.
        """
        done = 0
        for own in self._dumps.values():
            before, last_id = None, -1
            for one in own:
                if before is not None:  # of a zip only its end tells where it ends
                    check_order(before, last_id, one)
                for block in _blocks(one):
                    last_id = self._load(block, last_id)
                    yield Part(TableBatch(self._connection, self._rows(one.symbol)), done + block.read)
                before, done = one, done + one.size

    def _rows(self, symbol: str) -> str:
        since, until = self._window
        return f"""(SELECT '{EXCHANGE}' AS exchange, {literal(symbol)} AS symbol, trade_id, price, quantity, trade_time,
            buyer_is_maker, trade_id AS arrival, NULL::BIGINT AS received FROM block
            WHERE trade_time >= {since} AND trade_time < {until})"""

    def _load(self, block: Block, last_id: int) -> int:
        """Makes a table of a block; returns its last id."""
        self._file.write_bytes(block.content)
        try:
            self._connection.execute(_load(block.content), {"file": str(self._file)})
            checked = self._connection.execute(_CHECK, {"file": str(self._file)}).fetchone() or ()
        except duckdb.Error as error:
            raise _refused(block, last_id, one_line(str(error))) from error
        lines, good, rows, first, last, rising, fitting = checked
        if not (block.lines == lines == good == rows and last_id < first and rising and fitting):
            raise _refused(block, last_id, "")
        return int(last)


def _load(content: bytes) -> str:
    """SQL that makes a table of a block; by its first line, as futures' files lack the last column."""
    count = content.partition(b"\n")[0].count(b",") + 1
    columns = dict(list(_COLUMNS.items())[: max(count, len(_COLUMNS) - 1)])
    return f"""CREATE OR REPLACE TEMP TABLE block AS
        SELECT trade_id, price, quantity, if(time > {NEWEST_MS}, time // 1000, time) AS trade_time, buyer_is_maker
        FROM read_csv($file, {_PLAIN}, delim = ',', columns = {columns})"""


def _blocks(one: Dump) -> Iterator[Block]:
    with dump.opened(one.path) as (raw, text):
        content, number = text.buffer, 1
        while lines := content.read(_BLOCK_BYTES):
            lines += content.readline()
            if number == 1 and dump.is_header(lines[: lines.find(b"\n")].decode("ascii", "replace")):
                number, lines = 2, lines[lines.find(b"\n") + 1 :]
            block = Block(one, lines, number, lines.count(b"\n") + (not lines.endswith(b"\n")), raw.tell())
            number += block.lines
            yield block


def _refused(block: Block, last_id: int, reason: str) -> DumpError:
    """What is wrong with a block, as a replay says it."""
    cursor = Cursor(block.dump, None)
    try:
        for number, line in enumerate(io.BytesIO(block.content), block.first):
            where = f"{block.dump.path}: line {number}"
            row = dump.parse(line.decode("ascii", "replace").rstrip("\r\n"), where)
            last_id = dump.require_above(last_id, row.trade_id, where)
            cursor.message(row, 0)
    except DumpError as error:
        return error
    return DumpError(f"{block.dump.path}: lines {block.first} to {number}: cannot be read: {reason or 'not alike'}")
