"""`./lab watch`: candles as they change."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from datetime import UTC, datetime

from rich.console import Console
from rich.live import Live
from rich.table import Table

from lab.candles import Candle, follow
from lab.instance import Instance
from lab.verbs import Verbs

_COLUMNS = ("open", "high", "low", "close", "volume", "vwap", "trade_count")


def add_parsers(verbs: Verbs) -> None:
    """Add the verb `watch`."""
    parser = verbs.add_parser(
        "watch",
        help="show candles as they change",
        description="Show the newest candle of each symbol as it changes; one line for each change "
        "where the output is no terminal. Ctrl-C ends it.",
    )
    parser.add_argument("--interval", default="1m", help="which candles (default: %(default)s)")
    parser.add_argument("--max", type=int, metavar="N", help="end after N changes")
    parser.set_defaults(run=run)


def run(instance: Instance, options: argparse.Namespace) -> int:
    """Follow the topic of candles until the user, or --max, ends it."""
    candles = (candle for candle in follow(instance) if candle["interval"] == options.interval)
    limited = (candle for _, candle in zip(range(options.max), candles, strict=False)) if options.max else candles
    if sys.stdout.isatty():
        _show_table(limited)
    else:
        for candle in limited:
            print(_line(candle), flush=True)
    return 0


def _line(candle: Candle) -> str:
    fields = " ".join(f"{name}={candle[name]}" for name in _COLUMNS)
    return (
        f"{_clock(candle)} {candle['symbol']} {candle['interval']} {fields}{' closed' if candle['is_closed'] else ''}"
    )


def _show_table(candles: Iterator[Candle]) -> None:
    newest: dict[str, Candle] = {}
    with Live(console=Console(), refresh_per_second=4) as live:
        for candle in candles:
            newest[str(candle["symbol"])] = candle
            live.update(_table(newest))


def _table(newest: dict[str, Candle]) -> Table:
    table = Table("symbol", "minute", *_COLUMNS)
    for symbol, candle in sorted(newest.items()):
        table.add_row(symbol, _clock(candle), *(str(candle[name]) for name in _COLUMNS))
    return table


def _clock(candle: Candle) -> str:
    return datetime.fromtimestamp(int(str(candle["open_time"])) / 1000, UTC).strftime("%H:%M")
