"""`tradestream candles`: the closed candles of one pair."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from duckdb import DuckDBPyConnection

from tradestream.ask import chart, database, output
from tradestream.ask.output import Row
from tradestream.ask.storage import Series, Storage, bare, choose, choose_interval
from tradestream.ask.when import day, minute, moment
from tradestream.errors import ConfigError, NothingFoundError

NEWEST = 50
"""So many candles are shown where no time is named."""

_FEWEST_DAYS = 2
_SHOWN = ("open", "high", "low", "close", "volume", "vwap", "trade_count", "missing_trades")


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        symbol: the pair, in any exchange's style.
        exchange: whose; None where one alone has it.
        interval: length of the candles.
        since: from when on; None is `NEWEST` candles.
        until: to when, that moment not included.
        format: how they are shown.
    """

    symbol: str
    exchange: str | None
    interval: str
    since: str | None
    until: str | None
    format: Literal["table", "csv", "json", "chart"]


@dataclass(frozen=True)
class Found:
    """What was found: all columns, rows by rising time."""

    series: Series
    interval: str
    columns: Sequence[str]
    rows: Sequence[Row]

    def pick(self, *names: str) -> list[Row]:
        """Returns some columns of the rows."""
        at = [self.columns.index(name) for name in names]
        return [[row[index] for index in at] for row in self.rows]

    def __str__(self) -> str:
        times = [row[0] for row in self.pick("open_time")]
        what = f"{self.interval} candles of {self.series.symbol} on {self.series.exchange}"
        return f"{len(times)} closed {what}, {minute(times[0])} to {minute(times[-1])} UTC"


def run(storage: Storage, scratch: Path, question: Question) -> int:
    """Shows candles; returns the exit status.

    Raises:
        ConfigError: there is no such pair, exchange or interval, or a time is none.
        NothingFoundError: there are no candles then.
        StoredDataError: what is stored cannot be read.
    """
    now = time.time_ns() // 1_000_000
    since, until = moment("--since", question.since, now), moment("--until", question.until, now)
    if since is not None and until is not None and since >= until:
        raise ConfigError("--until: is not after --since")
    with database.connect(storage, scratch) as connection, database.explained(storage):
        database.lock(connection)
        stored = database.retried(lambda: _stored(connection, storage, question))
        series = choose(stored, question.symbol, question.exchange)
        interval = choose_interval(storage, series.exchange, question.interval)
        reader = _Reader(connection, storage, series, interval)
        found = database.retried(lambda: reader.read(since, until))
    _show(sys.stdout, found, question.format)
    if not found.rows:
        raise NothingFoundError(_nothing(found, question))
    return 0


def _stored(connection: DuckDBPyConnection, storage: Storage, question: Question) -> list[Series]:
    """Returns whose candles are stored, as far as it matters for a question.

    Raises:
        NothingFoundError: nobody's are.
    """
    # Directories of trades tell it at once; but trades may have been removed, and their candles kept.
    series = storage.series()
    exchanges = {each.exchange for each in series if bare(each.symbol) == bare(question.symbol)}
    if question.exchange in exchanges or (exchanges and not question.exchange):
        return series
    candles = database.checked(connection, storage.files("candles"), "candles")
    found = connection.execute(f"SELECT DISTINCT exchange, symbol FROM {candles}").fetchall()
    if not series and not found:
        raise NothingFoundError(f"{storage.root}: nothing is stored yet")
    return sorted({*series, *(Series(*each) for each in found)})


def _nothing(found: Found, question: Question) -> str:
    when = [f"{word} {text}" for word, text in (("since", question.since), ("until", question.until)) if text]
    what = f"no closed {found.interval} candles of {found.series.symbol} on {found.series.exchange}"
    return " ".join([what, *when])


def _show(out: TextIO, found: Found, kind: Literal["table", "csv", "json", "chart"]) -> None:
    if kind in {"csv", "json"}:
        output.write(out, kind, found.columns, found.rows)
    elif found.rows and kind == "chart":
        chart.write(out, str(found), found.pick("open_time", "open", "high", "low", "close"))
    elif found.rows:
        out.write(f"{found}\n")
        rows = [[minute(open_time), *rest] for open_time, *rest in found.pick("open_time", *_SHOWN)]
        _write_all(out, ("time", *_SHOWN), rows)


def _write_all(out: TextIO, columns: Sequence[str], rows: Sequence[Row]) -> None:
    shown, more = output.write_table(out, columns, rows)
    if more:
        sys.stderr.write(f"only the first {shown} of {len(rows)} candles: --format csv or json gives all\n")


class _Reader:
    def __init__(self, connection: DuckDBPyConnection, storage: Storage, series: Series, interval: str) -> None:
        self._connection = connection
        self._storage = storage
        self._series = series
        self._interval = interval

    def read(self, since: int | None, until: int | None) -> Found:
        """Reads the candles that open from ``since`` on and before ``until``, or the newest before that."""
        if since is not None:
            return self._read(day(since), since, until)
        dates = self._storage.dates(self._series.exchange, self._interval)
        # Most often the newest days have enough; a pair that is seldom traded needs more.
        days = _FEWEST_DAYS
        while True:
            first = dates[-days] if days < len(dates) else ""
            found = self._read(first, None, until, NEWEST)
            if len(found.rows) == NEWEST or not first:
                return found
            days *= 8

    def _read(self, first_date: str, since: int | None, until: int | None, newest: int | None = None) -> Found:
        files = self._storage.files("candles", first_date, exchange=self._series.exchange, interval=self._interval)
        source = database.checked(self._connection, files, "candles")
        result = self._connection.execute(
            f"""SELECT exchange, symbol, "interval", * EXCLUDE (exchange, symbol, "interval", "date")
                FROM {source}
                WHERE symbol = $symbol AND open_time >= coalesce($since, 0) AND open_time < coalesce($until, {2**62})
                ORDER BY open_time DESC LIMIT coalesce($newest, {2**62})""",
            {"symbol": self._series.symbol, "since": since, "until": until, "newest": newest},
        )
        columns = database.columns(result)
        return Found(self._series, self._interval, columns, result.fetchall()[::-1])
