"""What Kafka has already, so that a start goes on where the last one, or another producer, ended."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import msgspec

from tradestream import tail
from tradestream.ids import FAR, IdIntervals
from tradestream.logs import line

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

log = logging.getLogger(__name__)

_FIRST_WINDOW, _GROWTH, _LAST_WINDOW = 20_000, 5, 500_000
"""Messages to read from a partition's end; more, while a symbol was not found, up to the last."""


@dataclass
class Seen:
    """The newest trades of a symbol in Kafka.

    Attributes:
        ids: theirs; where the numbering changed, those of the newest numbering.
        last_time_us: time of the one with the highest id, in microseconds since 1970.
    """

    ids: IdIntervals = field(default_factory=IdIntervals)
    last_time_us: int = 0

    def add(self, trade_id: int, time_us: int) -> None:
        """Adds a trade, in the order of Kafka's offsets."""
        ids = self.ids
        if ids.ends and not ids.starts[0] - FAR <= trade_id <= ids.ends[-1] + FAR:
            ids = self.ids = IdIntervals()
        if not ids.ends or trade_id > ids.ends[-1]:
            self.last_time_us = time_us
        ids.add(trade_id, trade_id)


class _Trade(msgspec.Struct):
    exchange: str
    symbol: str
    trade_id: int
    trade_time: int


_decode = msgspec.json.Decoder(_Trade).decode


def newest(client: Mapping[str, str], topic: str, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], Seen]:
    """Reads the end of a topic; returns what it has of each exchange and symbol, without those not among its newest.

    Memory is bounded by the window's holes, and time by 500,000 messages a partition.

    Raises:
        KafkaUnavailableError: no broker answers.
    """
    found: dict[tuple[str, str], Seen] = {}
    window = _FIRST_WINDOW
    started = time.monotonic()
    with tail.opened(client, topic) as end:
        while True:
            found = {}
            for value in end.newest(window):
                _add(found, value, wanted)
            if len(found) == len(wanted) or window >= min(end.length, _LAST_WINDOW):
                break
            window = min(window * _GROWTH, _LAST_WINDOW)
    log.info(line("resumed", symbols=len(found), seconds=f"{time.monotonic() - started:.1f}"))
    return found


def _add(found: dict[tuple[str, str], Seen], value: bytes, wanted: Collection[tuple[str, str]]) -> None:
    try:
        trade = _decode(value)
    except msgspec.MsgspecError:
        return  # not a trade of this producer's
    identity = (trade.exchange, trade.symbol)
    if identity in wanted:
        found.setdefault(identity, Seen()).add(trade.trade_id, trade.trade_time * 1000)
