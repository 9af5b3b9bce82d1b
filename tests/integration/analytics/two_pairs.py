"""Trades of two symbols, ten a minute, by their ids, and a job that stores them when a test wants it."""

from __future__ import annotations

from integration.analytics.job import Job, trade
from tradestream.trade import Trade

START = 1_610_064_000_000
MINUTE = 60_000
# Nothing becomes Parquet before a test wants it.
NEVER = 3600


class PowerCutError(Exception):
    """The end of a run, at a place that a test chose."""


def trades(first: int, last: int) -> list[Trade]:
    """Those with ids from ``first`` to before ``last``."""
    return [
        trade(number, START + number * MINUTE // 10, symbol=symbol)
        for number in range(first, last)
        for symbol in ("BTCUSDT", "ETHUSDT")
    ]


def identities(first: int, last: int) -> list[tuple[str, int]]:
    """Their symbols and ids, sorted."""
    return sorted((each.symbol, each.trade_id) for each in trades(first, last))


def stored(job: Job) -> list[tuple[str, int]]:
    """The symbols and ids of all trades that readers see, sorted."""
    return sorted((row["symbol"], row["trade_id"]) for row in job.trades())
