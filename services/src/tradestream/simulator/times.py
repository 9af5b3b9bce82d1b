"""The units of times: a log has them as its dump or the clock gave them, in milliseconds or microseconds."""

from __future__ import annotations

from tradestream.trade import iso_utc

_FIRST_MICROSECONDS = 10**14
"""See `tradestream.trade.split_time`."""


def microseconds(value: int) -> int:
    """Returns a time of either unit in microseconds."""
    return value if value >= _FIRST_MICROSECONDS else value * 1000


def milliseconds(value: int) -> int:
    """Returns a time of either unit in milliseconds."""
    return value // 1000 if value >= _FIRST_MICROSECONDS else value


def iso(value: int) -> str:
    """Returns a time of either unit as in 2020-01-31T20:03:41.158814Z."""
    return iso_utc(microseconds(value) * 1000)
