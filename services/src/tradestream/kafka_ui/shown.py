"""Bytes of strangers as text that a person can read and a browser cannot mistake for anything else."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import cast

import msgspec
from confluent_kafka import Message as KafkaMessage

from tradestream.visible import visible

_LIST_BYTES = 2048
_KEY_BYTES = 256
_MOST_HEADERS = 20
_HEX_BYTES = 512
_SPACES = "\n\t"
_MOST_SPACES = 2 * 1024 * 1024
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_MARK = re.compile(r"[][{},]")


class Text(msgspec.Struct, frozen=True):
    """Bytes, shown.

    Attributes:
        text: what is shown.
        is_binary: whether it is no text, and shown in hex.
        bytes: how many there are.
        is_cut: whether there are more than are shown.
    """

    text: str
    is_binary: bool
    bytes: int
    is_cut: bool


class Message(msgspec.Struct, frozen=True):
    """A message, shown.

    Attributes:
        partition: where it is.
        offset: where it is.
        time: its timestamp, milliseconds since 1970; -1 where it has none.
        key: its key; None where it has none.
        value: its value; None where it is a tombstone.
        headers: name and value of each header.
    """

    partition: int
    offset: int
    time: int
    key: Text | None
    value: Text | None
    headers: list[tuple[str, Text | None]]

    @property
    def clock(self) -> str:
        """When it was made, ISO 8601 in UTC."""
        return clock(self.time)


def clock(milliseconds: int) -> str:
    """Returns a time since 1970 as ISO 8601 in UTC, a dash where there is none."""
    try:
        at = datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError):
        return f"{milliseconds} ms"
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z") if milliseconds >= 0 else "-"


def message(found: KafkaMessage, most: int = _LIST_BYTES, *, indent: bool = False) -> Message:
    """Returns a message as it is shown.

    Args:
        found: the message.
        most: how many bytes of its value are shown.
        indent: whether JSON gets a line for each field.
    """
    return Message(
        found.partition() or 0,
        found.offset() or 0,
        found.timestamp()[1],
        _shown(found.key(), _KEY_BYTES),
        _shown(found.value(), most, indent=indent),
        [(visible(name[:_KEY_BYTES], keep=_SPACES), _shown(value, _KEY_BYTES)) for name, value in _headers(found)],
    )


def _headers(found: KafkaMessage) -> list[tuple[str, bytes | None]]:
    try:
        headers = found.headers() or []
    except SystemError:  # so Kafka's client fails
        return [("a name that is no UTF-8: no header can be shown", None)]
    return cast("list[tuple[str, bytes | None]]", headers)[:_MOST_HEADERS]


def _shown(data: bytes | str | None, most: int, *, indent: bool = False) -> Text | None:
    if data is None:
        return None
    raw = data.encode(errors="surrogateescape") if isinstance(data, str) else data
    is_cut = len(raw) > most
    try:
        text = _decoded(raw, most)
    except UnicodeDecodeError:
        return Text(raw[:_HEX_BYTES].hex(" "), is_binary=True, bytes=len(raw), is_cut=len(raw) > _HEX_BYTES)
    if indent and not is_cut and text.lstrip().startswith(("{", "[")):
        text = _indented(text)
    return Text(visible(text, keep=_SPACES), is_binary=False, bytes=len(raw), is_cut=is_cut)


def _decoded(raw: bytes, most: int) -> str:
    """Returns the beginning of a text; the last character may be what the cut has left of one."""
    try:
        return raw[:most].decode()
    except UnicodeDecodeError as error:
        if error.start < most - 3:
            raise
        return raw[: error.start].decode()


def _indented(text: str) -> str:
    """Returns JSON with a line for each field, or as it is where that is too much, or no JSON."""
    if _spaces(text) > _MOST_SPACES:
        return text
    try:
        return msgspec.json.format(text, indent=2)
    except (msgspec.DecodeError, RecursionError):
        return text


def _spaces(text: str) -> int:
    """Returns how much longer JSON gets with a line for each field, or something beyond `_MOST_SPACES`.

    What is deep within brackets has hundreds of spaces before it: a megabyte can become a gigabyte.
    """
    depth = spaces = 0
    for mark in _MARK.finditer(_STRING.sub("", text)):
        depth += (mark[0] in "[{") - (mark[0] in "]}")
        spaces += 1 + 2 * depth
        if spaces > _MOST_SPACES:
            break
    return spaces
