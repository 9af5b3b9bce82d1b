"""What a page of messages may be asked for, as its address says it."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import NamedTuple

from tradestream.ask.when import moment
from tradestream.errors import ConfigError

MOST_PARTITIONS = 2_000
"""Of so many partitions an address has room for an offset each."""

MOST_ADDRESS = 65_536
"""How many bytes an address may have."""

_KEY_LENGTH = 1000
_PLACE = "[0-9]{1,6}:[0-9]{1,18}"
_PLACES = re.compile(f"{_PLACE}(,{_PLACE}){{0,{MOST_PARTITIONS - 1}}}")
_NUMBER = re.compile(r"[0-9]{1,18}")


class Question(NamedTuple):
    """What is looked for, and from where on.

    Attributes:
        key: the key that messages must have, to the byte; None for any.
        partition: the only partition to look at; None for all.
        offset: look onwards from here, in every partition; None for elsewhere.
        since: look onwards from this time, milliseconds since 1970; None for elsewhere.
        newer: look onwards from these offsets by partition; empty for elsewhere.
        older: look back from these; empty for elsewhere. With nothing given, back from the end.
    """

    key: str | None
    partition: int | None
    offset: int | None
    since: int | None
    newer: dict[int, int]
    older: dict[int, int]


def read(query: Mapping[str, str]) -> Question:
    """Reads a question.

    Raises:
        ConfigError: says which part of it cannot be used.
    """
    given = {name: text.strip() for name, text in query.items() if text.strip()}
    if len([name for name in ("time", "offset", "newer", "older") if name in given]) > 1:
        raise ConfigError("give a time or an offset, not both")
    key = query.get("key") or None
    if key is not None and len(key) > _KEY_LENGTH:
        raise ConfigError(f"key: is longer than {_KEY_LENGTH} characters")
    return Question(
        key,
        _number("partition", given.get("partition")),
        _number("offset", given.get("offset")),
        moment("time", given.get("time"), int(time.time() * 1000)),
        _offsets("newer", given.get("newer")),
        _offsets("older", given.get("older")),
    )


def written(offsets: Mapping[int, int]) -> str:
    """Returns offsets by partition as an address has them."""
    return ",".join(f"{partition}:{offset}" for partition, offset in sorted(offsets.items()))


def _number(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not _NUMBER.fullmatch(text):
        raise ConfigError(f"{name}: {text[:40]!r} is no number")
    return int(text)


def _offsets(name: str, text: str | None) -> dict[int, int]:
    if text is None:
        return {}
    if not _PLACES.fullmatch(text):
        raise ConfigError(f"{name}: is no list of offsets, as 0:120,1:98 is")
    pairs = (pair.split(":") for pair in text.split(","))
    return {int(partition): int(offset) for partition, offset in pairs}
