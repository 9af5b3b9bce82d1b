"""`tradestream check`: whether what is stored is whole, proved from the trades' ids."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import duckdb

from tradestream.analytics.config import interval_ms
from tradestream.ask import database
from tradestream.ask.agree import Agreement, Comparison
from tradestream.ask.ids import ids, places
from tradestream.ask.progress import Waiting
from tradestream.ask.report import Report, SeriesReport
from tradestream.ask.storage import Series, Storage, choose_series
from tradestream.ask.when import day, moment
from tradestream.errors import NothingFoundError, TradestreamError

_DAY_MS = 86_400_000
_TRIES = 5


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


def look(
    storage: Storage, series: list[Series], since: int, step: Callable[[str, int, int], None] | None = None
) -> list[SeriesReport]:
    """Checks each series.

    Args:
        storage: where it is stored.
        series: whose trades.
        since: from when on (ms).
        step: is told which series is next, how many are done, and of how many.
    """
    files = _listed(storage, series, since)
    reports = []
    for done, one in enumerate(series):
        if step:
            step(f"{one.exchange} {one.symbol}", done, len(series))
        reports.append(_check(storage, one, files[one], since))
    return reports


def _listed(storage: Storage, series: list[Series], since: int) -> dict[Series, _Files]:
    """Lists the files of a moment in which none were being moved: a step's trades and candles belong together."""
    for _ in range(_TRIES):
        left = storage.settle()
        before = storage.moves()
        files = {one: _files(storage, one, since) for one in series}
        if left or before == storage.moves():
            break
    if left:
        sys.stderr.write(f"{left}: is half moved, trade-analytics does the rest when it starts; this may look wrong\n")
    return files


def _files(storage: Storage, series: Series, since: int) -> _Files:
    # An id next to one of the first day may be that of a trade just before midnight.
    first, before = day(since), day(max(0, since - _DAY_MS))
    exchange, symbol = series
    candles = {
        interval: storage.files("candles", first, exchange=exchange, interval=interval)
        for interval in storage.intervals(exchange)
    }
    return _Files(storage.files("trades", before, exchange=exchange, symbol=symbol), candles)


def _check(storage: Storage, series: Series, files: _Files, since: int) -> SeriesReport:
    listed = iter([files])

    def ask() -> SeriesReport:
        again = next(listed, None) or _listed(storage, [series], since)[series]
        return _found(connection, storage, series, again, since)

    try:
        with database.connect(storage) as connection, database.explained(storage):
            return database.retried(ask)
    except TradestreamError as error:
        return SeriesReport(series, damage=str(error))


def _found(
    connection: duckdb.DuckDBPyConnection, storage: Storage, series: Series, files: _Files, since: int
) -> SeriesReport:
    if not files.trades:
        return SeriesReport(series)
    every = database.parquet(files.trades, "trades")
    trades = f"(SELECT * FROM {every} WHERE trade_time >= {since})"
    (first,) = connection.execute(f"SELECT min(trade_id) FROM {trades}").fetchone() or (None,)
    if first is None:
        return SeriesReport(series)
    found = ids(connection, f"(SELECT * FROM {every} WHERE trade_id >= {first})")
    comparison = Comparison(connection, trades, storage.watermark_ms)
    agreements = {
        interval: _compare(comparison, series, files.candles[interval], interval, since)
        for interval in sorted(files.candles, key=interval_ms)
    }
    return SeriesReport(series, found, places(connection, trades, series), agreements)


def _compare(comparison: Comparison, series: Series, files: list[str], interval: str, since: int) -> Agreement:
    rows = database.parquet(files, "candles") if files else database.nothing("candles")
    own = f"(SELECT * FROM {rows} WHERE symbol = {database.literal(series.symbol)})"
    return comparison.compare(own, interval, since)
