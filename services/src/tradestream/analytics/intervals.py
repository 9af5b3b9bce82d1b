"""Lengths of candles: their names, as people write them, and their milliseconds."""

from __future__ import annotations

import re
from functools import cache

_DAY_MS = 86_400_000
_UNITS = {"d": _DAY_MS, "h": 3_600_000, "m": 60_000}


def interval_ms(name: str) -> int:
    """``5m`` as 300000.

    Raises:
        ValueError: It is no number of minutes, hours or days, or does not divide a day.
    """
    match = re.fullmatch(r"([1-9][0-9]{0,3})([mhd])", name)
    length = int(match[1]) * _UNITS[match[2]] if match else 0
    if not length or _DAY_MS % length:
        raise ValueError(f"intervals: {name!r} is not a length such as 1m, 5m, 1h or 1d that divides a day")
    return length


@cache
def interval_name(interval: int) -> str:
    """``60000`` as ``1m``, in the largest unit of m, h and d that divides it."""
    unit = next(unit for unit, length in _UNITS.items() if interval % length == 0)
    return f"{interval // _UNITS[unit]}{unit}"
