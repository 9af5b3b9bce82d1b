"""`tradestream check`: whether what is stored is whole, proved from the trades' ids."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from tradestream.analytics.config import interval_ms
from tradestream.ask import database
from tradestream.ask.agree import Agreement, Comparison
from tradestream.ask.connection import Connection
from tradestream.ask.ids import ids, places
from tradestream.ask.progress import Waiting
from tradestream.ask.report import Report, SeriesReport
from tradestream.ask.storage import Series, Storage, choose_series
from tradestream.ask.when import day, moment
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
    """The files of one series at one moment."""

    trades: list[str]
    candles: dict[str, list[str]]


def run(storage: Storage, question: Question) -> int:
    """Checks and tells; returns the exit status.

    Raises:
        ConfigError: there is no such pair or exchange, or a time is none.
        NothingFoundError: nothing is stored.
    """
    since = moment("--since", question.since, time.time_ns() // 1_000_000) or 0
    series = choose_series(storage, question.symbol, question.exchange)
    if not series:
        raise NothingFoundError(f"{storage.root}: no trades are stored yet")
    with Waiting() as waiting:
        report = Report(str(storage.root), look(storage, series, since, waiting.step))
    sys.stdout.write(f"{report.as_json() if question.format == 'json' else report}\n")
    return 0 if report.whole else 1


def look(storage: Storage, series: list[Series], since: int, step: Step | None = None) -> list[SeriesReport]:
    """Checks each series.

    Args:
        storage: where it is stored.
        series: whose trades.
        since: from when on (ms).
        step: is told what is next, how many parts are done, and of how many.
    """
    files = _listed(storage, series, since)
    reports = []
    for done, one in enumerate(series):

        def say(part: int, one: Series = one, done: int = done) -> None:
            if step:
                name = f"{one.exchange} {one.symbol}: {_PARTS[part]}"
                step(name, done * len(_PARTS) + part, len(series) * len(_PARTS))

        reports.append(_Check(storage, one, since, say).report(files[one]))
    return reports


def _listed(storage: Storage, series: list[Series], since: int) -> dict[Series, _Files]:
    """Lists the files of a moment in which none were being moved: a step's trades and candles belong together."""
    for _ in range(_TRIES):
        left = storage.settle()
        before = storage.moves()
        candles = {exchange: _candles(storage, exchange, since) for exchange in {one.exchange for one in series}}
        files = {one: _Files(_trades(storage, one, since), candles[one.exchange]) for one in series}
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


class _Check:
    """The check of one series."""

    def __init__(self, storage: Storage, series: Series, since: int, say: Callable[[int], None]) -> None:
        self._storage = storage
        self._series = series
        self._since = since
        self._say = say

    def report(self, files: _Files) -> SeriesReport:
        """Looks at these files, or at those that are there in place of them when some have gone."""
        listed = iter([files])

        def ask() -> SeriesReport:
            again = next(listed, None) or _listed(self._storage, [self._series], self._since)[self._series]
            return self._found(connection, again)

        try:
            with database.connect(self._storage) as connection, database.explained(self._storage):
                return database.retried(ask)
        except TradestreamError as error:
            return SeriesReport(self._series, damage=str(error))

    def _found(self, connection: Connection, files: _Files) -> SeriesReport:
        self._say(0)
        every = _source("trades", files.trades)
        trades = f"(SELECT * FROM {every} WHERE trade_time >= {self._since})"
        (first,) = connection.execute(f"SELECT min(trade_id) FROM {trades}").fetchone() or (None,)
        found = ids(connection, f"(SELECT * FROM {every} WHERE trade_id >= {first})") if first is not None else None
        self._say(1)
        comparison = Comparison(connection, trades, self._storage.watermark_ms)
        agreements = {
            interval: self._compare(comparison, interval, files.candles[interval])
            for interval in sorted(files.candles, key=interval_ms)
        }
        self._say(2)
        return SeriesReport(self._series, found, places(connection, trades, self._series), agreements)

    def _compare(self, comparison: Comparison, interval: str, files: list[str]) -> Agreement:
        own = f"(SELECT * FROM {_source('candles', files)} WHERE symbol = {database.literal(self._series.symbol)})"
        return comparison.compare(own, interval, self._since)


def _source(table: str, files: list[str]) -> str:
    return database.parquet(files, table) if files else database.nothing(table)
