"""What the topics hold, as far as it is shown."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeAlias

import msgspec

from tradestream import trade
from tradestream.analytics.rules import RuleName
from tradestream.ask.output import printable
from tradestream.errors import RejectedError
from tradestream.topics import CANDLES, SIGNALS, TRADES
from tradestream.trade import Milliseconds, Name, Trade

_Figure = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,40}(?:\.[0-9]{1,40})?\Z")]
_Count = Annotated[int, msgspec.Meta(ge=0)]
_Interval = Annotated[str, msgspec.Meta(pattern=r"^[1-9][0-9]{0,3}[mhd]\Z")]


class Candle(msgspec.Struct, frozen=True):
    """A candle as its topic has it; times in ms, figures with every digit."""

    exchange: Name
    symbol: Name
    interval: _Interval
    open_time: Milliseconds
    open: _Figure
    high: _Figure
    low: _Figure
    close: _Figure
    volume: _Figure
    trade_count: _Count
    missing_trades: _Count
    is_closed: bool


class Signal(msgspec.Struct, frozen=True):
    """A signal as its topic has it; ``time`` is in ms."""

    rule: RuleName
    exchange: Name
    symbol: Name
    interval: _Interval
    time: Milliseconds
    evidence: dict[str, str | int | float | bool | None]

    @property
    def figures(self) -> str:
        """The evidence as ``name=value ...``."""
        return printable(" ".join(f"{name}={value}" for name, value in self.evidence.items()))


Event: TypeAlias = Trade | Candle | Signal

_DECODE: dict[str, Callable[[bytes], Event]] = {
    TRADES: trade.decode,
    CANDLES: msgspec.json.Decoder(Candle).decode,
    SIGNALS: msgspec.json.Decoder(Signal).decode,
}


def read(kind: str, value: bytes) -> Event | None:
    """Returns what a message of a kind says; None where it cannot be read."""
    try:
        return _DECODE[kind](value)
    except (RejectedError, msgspec.DecodeError, UnicodeError, RecursionError):
        return None
