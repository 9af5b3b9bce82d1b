"""`tradestream check`: whether what is stored is whole, proved from the trades' ids."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeAlias

from duckdb import DuckDBPyConnection

from tradestream.ask import database
from tradestream.ask.agree import Comparison
from tradestream.ask.ids import ids, places
from tradestream.ask.progress import Waiting
from tradestream.ask.report import Report, SeriesReport
from tradestream.ask.storage import Series, Storage, choose_series
from tradestream.ask.when import day, midnight, moment
from tradestream.errors import NothingFoundError, TradestreamError

_DAY_MS = 86_400_000
_TRIES = 5
_PARTS = ("ids", "candles", "event ids")

Step: TypeAlias = Callable[[str, int, int], None]
"""Is told what is next, how many parts are done, and of how many."""


@dataclass(frozen=True)
class Question:
    """What is to be checked.

    Attributes:
        symbol: of which pair, in any style; None is all.
        exchange: of which exchange; None is all.
        since: from when on; None is all.
        format: how it is told.
    """

    symbol: str | None
    exchange: str | None
    since: str | None
    format: Literal["text", "json"]


@dataclass(frozen=True)
class _Files:
    """The files of one series at one moment.

    Attributes:
        trades: from the day before the first that is asked for.
        candles: of each interval.
        both_from: when the first day begins (ms) of which trades and candles are stored: old ones are removed by day.
    """

    trades: list[str]
    candles: dict[str, list[str]]
    both_from: int


def run(storage: Storage, scratch: Path, question: Question) -> int:
    """Checks and tells; returns the exit status.

    Raises:
        ConfigError: there is no such pair or exchange, or a time is none.
        NothingFoundError: nothing is stored.
    """
    since = moment("--since", question.since, time.time_ns() // 1_000_000) or 0
    series = choose_series(storage.series(), question.symbol, question.exchange)
    if not series:
        raise NothingFoundError(f"{storage.root}: no trades are stored yet")
    with Waiting() as waiting:
        report = Report(str(storage.root), look(storage, scratch, series, since, waiting.step))
    sys.stdout.write(f"{report.as_json() if question.format == 'json' else report}\n")
    return 0 if report.whole else 1


def look(
    storage: Storage, scratch: Path, series: list[Series], since: int, step: Step | None = None
) -> list[SeriesReport]:
    """Checks each series.

    Args:
        storage: where it is stored.
        scratch: a directory to sort in.
        series: whose trades.
        since: from when on (ms).
        step: is told what is next, how many parts are done, and of how many.
    """
    files = _listed(storage, series, since)

    def say(one: Series, part: int) -> None:
        if step:
            done = series.index(one) * len(_PARTS) + part
            step(f"{one.exchange} {one.symbol}: {_PARTS[part]}", done, len(series) * len(_PARTS))

    return [_Check(storage, scratch, one, since, partial(say, one)).report(files[one]) for one in series]


def _listed(storage: Storage, series: list[Series], since: int) -> dict[Series, _Files]:
    """Lists the files of a moment in which none were being moved: a step's trades and candles belong together."""
    for _ in range(_TRIES):
        left = storage.settle()
        before = storage.moves()
        candles = {exchange: _candles(storage, exchange, since) for exchange in {one.exchange for one in series}}
        # The first day last: when it is removed meanwhile, a file of it is gone, and all is listed anew.
        files = {
            one: _Files(_trades(storage, one, since), candles[one.exchange], _both_from(storage, one)) for one in series
        }
        still = before == storage.moves()
        if left or still:
            break
    if left:
        sys.stderr.write(f"{left}: is half moved, trade-analytics does the rest when it starts; this may look wrong\n")
    elif not still:
        sys.stderr.write("files are moved faster than they can be listed: the newest minute may look wrong\n")
    return files


def _trades(storage: Storage, series: Series, since: int) -> list[str]:
    # An id next to one of the first day may be that of a trade just before midnight.
    before = day(max(0, since - _DAY_MS))
    return storage.files("trades", before, exchange=series.exchange, symbol=series.symbol)


def _candles(storage: Storage, exchange: str, since: int) -> dict[str, list[str]]:
    return {
        interval: storage.files("candles", day(since), exchange=exchange, interval=interval)
        for interval in storage.intervals(exchange)
    }


def _both_from(storage: Storage, series: Series) -> int:
    stored = [storage.trade_dates(series)]
    stored += [storage.dates(series.exchange, interval) for interval in storage.intervals(series.exchange)[:1]]
    return max(min(_midnights(dates), default=0) for dates in stored)


def _midnights(dates: list[str]) -> Iterator[int]:
    for date in dates:
        with suppress(ValueError):  # a directory that is not the job's
            yield midnight(date)


class _Check:
    """The check of one series."""

    def __init__(self, storage: Storage, scratch: Path, series: Series, since: int, say: Callable[[int], None]) -> None:
        self._storage = storage
        self._scratch = scratch
        self._series = series
        self._since = since
        self._say = say

    def report(self, files: _Files) -> SeriesReport:
        """Looks at these files, or at those that are there in place of them when some have gone."""
        listed = [files]

        def ask() -> SeriesReport:
            now = listed.pop() if listed else _listed(self._storage, [self._series], self._since)[self._series]
            return self._found(connection, now)

        try:
            with (
                database.connect(self._storage, self._scratch) as connection,
                database.explained(self._storage),
            ):
                return database.retried(ask)
        except TradestreamError as error:
            return SeriesReport(self._series, damage=str(error))

    def _found(self, connection: DuckDBPyConnection, files: _Files) -> SeriesReport:
        self._say(0)
        every = database.checked(connection, files.trades, "trades")
        trades = f"(SELECT * FROM {every} WHERE trade_time >= {self._since})"
        (first,) = connection.execute(f"SELECT min(trade_id) FROM {trades}").fetchone() or (None,)
        found = ids(connection, f"(SELECT * FROM {every} WHERE trade_id >= {first})") if first is not None else None
        self._say(1)
        candles = {interval: self._candles(connection, own) for interval, own in files.candles.items()}
        since = max(self._since, files.both_from)
        comparison = Comparison(
            connection,
            f"(SELECT * FROM {trades} WHERE trade_time >= {since})",
            {interval: f"(SELECT * FROM {own} WHERE open_time >= {since})" for interval, own in candles.items()},
            since,
            self._storage.watermark_ms,
        )
        agreements = comparison.agreements()
        all_compared = not any(_has_before(connection, rows, since) for rows in (trades, *candles.values()))
        self._say(2)
        return SeriesReport(
            self._series,
            found,
            places(connection, trades, self._series),
            agreements,
            compared_from=None if all_compared else since,
        )

    def _candles(self, connection: DuckDBPyConnection, files: list[str]) -> str:
        """SQL for the series' own among all candles of its exchange."""
        every, symbol = database.checked(connection, files, "candles"), database.literal(self._series.symbol)
        return f"(SELECT * FROM {every} WHERE symbol = {symbol} AND open_time >= {self._since})"


def _has_before(connection: DuckDBPyConnection, rows: str, time_ms: int) -> bool:
    """Whether there are rows of a day before that."""
    older = f"""SELECT 1 FROM {rows} WHERE "date" < '{day(time_ms)}' LIMIT 1"""
    return connection.execute(older).fetchone() is not None
