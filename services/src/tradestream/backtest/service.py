"""`tradestream backtest`: candles and signals of trades of the past, and what became of the signals."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from duckdb import DuckDBPyConnection

from tradestream.analytics.answers import Answers
from tradestream.analytics.candles import MINUTE_MS, CandleBook
from tradestream.analytics.config import AnalyticsConfig
from tradestream.analytics.intervals import interval_name
from tradestream.analytics.signals import Engine
from tradestream.ask.database import explained, opened
from tradestream.ask.storage import CONFIG, Series, Storage, bare, choose_series, locate
from tradestream.ask.when import moment
from tradestream.backtest import hits, plot
from tradestream.backtest.dumps import EXCHANGE, Dumps
from tradestream.backtest.output import Output
from tradestream.backtest.report import Report
from tradestream.backtest.settings import settings
from tradestream.backtest.source import Window
from tradestream.backtest.stored import Stored
from tradestream.errors import ConfigError, NothingFoundError
from tradestream.replay import checksum, files
from tradestream.replay.show import Show


@dataclass(frozen=True)
class Options:
    """What to look at, and how.

    Attributes:
        paths: Dumps, and directories of dumps; none means what the job has stored.
        storage: Where that is; None means where the configuration says.
        symbols: Whose trades; empty means all.
        exchange: Of which exchange; None means all.
        since: From when on; None means from the first trade.
        until: To when; None means to the last.
        config: The job's configuration; None means that of this host, if there is one.
        rules: Rules to try instead of its own.
        after: After how many minutes signals are judged.
        output: Where candles and signals are kept; None means nowhere.
        chart: Whether each pair is drawn.
        json: Whether the report is for a script.
    """

    paths: Sequence[Path]
    storage: str | None
    symbols: Sequence[str]
    exchange: str | None
    since: str | None
    until: str | None
    config: Path | None
    rules: Path | None
    after: Sequence[int]
    output: Path | None
    chart: bool
    json: bool


def run(options: Options, scratch: Path) -> int:
    """Does it and tells; returns the exit status.

    Args:
        options: what to look at.
        scratch: for what memory does not take.

    Raises:
        ConfigError: something cannot be used: says what is allowed.
        DumpError: a dump cannot be read.
        NothingFoundError: there are no trades.
        StoredDataError: what is stored cannot be read.
    """
    config = settings(options.config, options.rules)
    shortest = min(config.intervals_ms)
    for minutes in options.after:
        if minutes * MINUTE_MS % shortest:
            name = interval_name(shortest)
            raise ConfigError(f"--after: {minutes} minutes are no multiple of {name}, the shortest interval there is")
    window = _window(options, config)
    # What comes after the end still tells what of before it came too late.
    reach = window._replace(until=window.until + config.lateness_ms + MINUTE_MS)
    with opened(scratch / "spill") as connection, Show() as show:
        begin = time.monotonic()
        source = (
            _dumps(options, reach, Workspace(connection, scratch), show)
            if options.paths
            else _stored(options, reach, connection)
        )
        with Output(options.output or scratch, window) as output:
            counts = _replay(source, config, output, show)
        seconds = time.monotonic() - begin
        candles = hits.read(connection, output.directory, interval_name(shortest))
        first, last = connection.execute("SELECT min(open_time), max(ended) FROM candles").fetchone() or (None, None)
        fired = hits.hits(connection, [rule.called for rule in config.rules], options.after)
        by_interval = {interval: candles.get(interval, 0) for interval in config.intervals}
        report = Report(*counts, first, last, round(seconds, 3), by_interval, fired)
        if not report.trades:
            raise NothingFoundError("there are no trades of that time")
        show.close()
        sys.stdout.write(f"{report.as_json() if options.json else report}\n")
        if options.chart:
            for key in plot.pairs(connection):
                plot.write(sys.stdout, connection, key)
    return 0


def _replay(source: Dumps | Stored, config: AnalyticsConfig, output: Output, show: Show) -> tuple[int, int, int, int]:
    """Takes all trades; returns how many pairs, trades, duplicates and late trades there were."""
    answers = Answers(CandleBook(config.intervals_ms, config.lateness_ms), Engine(config.rules, config.indicators))
    show.begin("replaying", source.total)
    pairs: set[tuple[str, str]] = set()
    trades = duplicates = late = newest = 0
    for part in source:
        answer = answers.take(part.batch)
        output.write(answer.updates, [*answer.large, *answer.closing])
        pairs.update(answer.summary.ids)
        trades += answer.summary.trades.total()
        duplicates += answer.duplicates.total()
        late += answer.late.total()
        newest = max([newest, *(partial.max_time for partial in answer.summary.partials)])
        show.update(part.done, trades, newest * 1000)
    # As the job does it by the clock, once nothing more comes.
    output.write(*answers.advance(config.lateness_ms + max(config.intervals_ms) + MINUTE_MS))
    return len(pairs), trades, duplicates, late


def _dumps(options: Options, window: Window, workspace: Workspace, show: Show) -> Dumps:
    dumps = files.find(options.paths, options.symbols)
    checksum.verify_all([dump for own in dumps.values() for dump in own], show, lambda: None)
    return Dumps(workspace.connection, dumps, window, workspace.folder)


def _stored(options: Options, window: Window, connection: DuckDBPyConnection) -> Stored:
    if not (options.storage or options.config or CONFIG.exists()):
        raise ConfigError("no trades: name dumps, or stored trades with --storage DIR, or run it where the job runs")
    storage = locate(options.storage, options.config or CONFIG)
    with explained(storage):
        return Stored(connection, storage, _chosen(storage, options), window)


def _chosen(storage: Storage, options: Options) -> list[Series]:
    stored = storage.series()
    series = choose_series(stored, None, options.exchange)
    for symbol in options.symbols:
        choose_series(stored, symbol, options.exchange)  # refuses what is not there
    wanted = {bare(symbol) for symbol in options.symbols}
    return [one for one in series if not wanted or bare(one.symbol) in wanted]


def _window(options: Options, config: AnalyticsConfig) -> Window:
    """Whole candles of the longest interval, as a part of one would be another candle than the job's."""
    if options.paths and options.storage:
        raise ConfigError("--storage: name either dumps or a storage")
    if options.paths and options.exchange not in (None, EXCHANGE):
        raise ConfigError(f"--exchange: dumps are of {EXCHANGE}")
    now, longest = time.time_ns() // 1_000_000, max(config.intervals_ms)
    since, until = moment("--since", options.since, now) or 0, moment("--until", options.until, now)
    if until is None:
        return Window(since // longest * longest)
    if since >= until:
        raise ConfigError("--until: is not after --since")
    return Window(since // longest * longest, -(-until // longest) * longest)


class Workspace(NamedTuple):
    """A database in memory, and a directory for what it does not take."""

    connection: DuckDBPyConnection
    folder: Path
