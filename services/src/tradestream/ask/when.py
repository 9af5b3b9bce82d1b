"""Moments, as people write them on a command line."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from tradestream.errors import ConfigError

_UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_DAY_MS = _UNITS_MS["d"]
_HOW = "write a length of time before now, as 90m, 2h or 7d, or a time in UTC, as 2021-01-08 or 2021-01-08T12:30"


def moment(option: str, text: str | None, now_ms: int) -> int | None:
    """Returns milliseconds since 1970 for ``2h`` (before now) or ``2021-01-08T12:30`` (UTC); None stays None.

    Raises:
        ConfigError: it is neither, which is said together with the option's name.
    """
    if text is None:
        return None
    length = re.fullmatch(r"([0-9]{1,9})([smhdw])", text)
    if length:
        then = now_ms - int(length[1]) * _UNITS_MS[length[2]]
        if then < 0:
            raise ConfigError(f"{option}: {text} is longer ago than 1970; {_HOW}")
        return then
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{option}: {text[:40]!r} is no time; {_HOW}") from None
    at = time if time.tzinfo else time.replace(tzinfo=UTC)
    return max(0, round(at.timestamp() * 1000))


def day(time_ms: int) -> str:
    """Returns the date in UTC, as partitions are named."""
    return date.fromordinal(date(1970, 1, 1).toordinal() + time_ms // _DAY_MS).isoformat()


def midnight(day: str) -> int:
    """Returns when a date of a partition begins.

    Raises:
        ValueError: it is none.
    """
    return (date.fromisoformat(day).toordinal() - date(1970, 1, 1).toordinal()) * _DAY_MS


def minute(time_ms: int) -> str:
    """Returns a time as ``2021-01-08 12:30``."""
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")
