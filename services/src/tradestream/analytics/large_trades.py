"""Which messages of the topic hold a large trade, told one by one in Python: for the fast path.

It signals what a batch will signal too, so it may take no message for a trade that the batch will not; what it is not
sure of it leaves to the batch. Most messages are no large trade, and that is told by their two numbers alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import msgspec

from tradestream.analytics.candles import Key
from tradestream.analytics.evidence import BigTrade
from tradestream.analytics.rules import AnyRule, LargeTrade, in_doubles, least_amount
from tradestream.analytics.signals import Signal, traded
from tradestream.errors import RejectedError
from tradestream.trade import Trade, decode


class _Glance(msgspec.Struct, gc=False):
    price: str
    quantity: str


_glance = msgspec.json.Decoder(_Glance).decode


class LargeTrades:
    """The rules about single trades.

    Args:
        rules: All rules.
        ahead_ms: How far a trade time may be ahead of the message's Kafka timestamp, see `schema.read_trades`.
    """

    def __init__(self, rules: Iterable[AnyRule], ahead_ms: int) -> None:
        self._rules = [rule for rule in rules if isinstance(rule, LargeTrade)]
        least = least_amount(self._rules)
        self._least = float("inf") if least is None else in_doubles(least)
        self._ahead_ms = ahead_ms

    def __bool__(self) -> bool:
        return bool(self._rules)

    def find(self, value: bytes, arrived_ms: int) -> tuple[BigTrade, list[Signal]] | None:
        """The large trade that a message is, and its signals.

        Args:
            value: The message.
            arrived_ms: Its Kafka timestamp.
        """
        try:
            glance = _glance(value)
            if float(glance.price) * float(glance.quantity) < self._least:
                return None
            trade = decode(value)
        except (msgspec.MsgspecError, ValueError, RecursionError, RejectedError):
            return None
        if not _is_plain(value) or trade.trade_time > arrived_ms + self._ahead_ms:
            return None
        large = _big(trade)
        signals = traded(self._rules, large)
        return (large, signals) if signals else None


def _is_plain(value: bytes) -> bool:
    """Whether all readers of JSON read it alike: no escapes, and no bytes that may be no UTF-8."""
    return value.isascii() and b"\\" not in value


def _big(trade: Trade) -> BigTrade:
    return BigTrade(
        key=Key(trade.exchange, trade.symbol),
        trade_id=trade.trade_id,
        price=Decimal(trade.price),
        quantity=Decimal(trade.quantity),
        trade_time=trade.trade_time,
        buyer_is_maker=trade.buyer_is_maker,
        received=round(datetime.fromisoformat(trade.timestamp).timestamp() * 1_000_000),
    )
