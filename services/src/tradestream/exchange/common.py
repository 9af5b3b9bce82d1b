"""What the adapters share: reading JSON strictly, telling what was wrong with it, and making a trade of it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, TypeVar
from urllib.parse import urlsplit

import msgspec

from tradestream.errors import RejectedError
from tradestream.exchange.repair import Gap, Page
from tradestream.trade import Trade, event_id, iso_utc, numbers_fit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

UNREADABLE = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""What msgspec raises for bytes that are not what they should be."""

UtcTime = Annotated[datetime, msgspec.Meta(tz=True)]

Times = tuple[int, int | msgspec.UnsetType]
"""A trade's time in milliseconds since 1970, and in microseconds where the exchange gives them."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_END_US = 10**17
_PAIR = re.compile(r"([A-Z0-9]+)[-/]([A-Z0-9]+)")

T = TypeVar("T")


def read(decode: Callable[[bytes], T], data: bytes) -> T:
    """Reads an answer of an exchange's REST interface.

    Raises:
        RejectedError: it is not what `decode` expects.
    """
    try:
        return decode(data)
    except UNREADABLE as error:
        raise rejected(error) from error


def read_object(frame: bytes, error: Exception) -> dict[str, object]:
    """Reads a frame that is no trade as an object, for the caller to see what else it is.

    Args:
        frame: the text of the frame.
        error: why it is no trade.

    Raises:
        RejectedError: it is not even an object.
    """
    message = read(msgspec.json.decode, frame)
    if not isinstance(message, dict):
        raise RejectedError("wrong_type", "the message is not an object") from error
    return message


def rejected(error: Exception) -> RejectedError:
    """Returns msgspec's error with the word for it that the metric has."""
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return RejectedError("malformed_json", text)
    if "missing required field" in text:
        return RejectedError("missing_field", text)
    return RejectedError("wrong_type" if ", got " in text else "invalid_value", text)


def at(time: datetime) -> Times:
    """Returns a time that was RFC 3339 text; see `at_us`."""
    return at_us((time - _EPOCH) // _MICROSECOND)


def at_us(time: int) -> Times:
    """Returns a time in microseconds since 1970 as a trade has it.

    Raises:
        RejectedError: it is not between 1970 and 5138.
    """
    if not 0 < time < _END_US:
        raise RejectedError("invalid_value", f"the trade's time is {time} us since 1970")
    return time // 1000, time


def new_trade(  # noqa: PLR0913 - a trade has as many parts
    exchange: str,
    symbol: str,
    trade_id: int,
    *,
    price: str,
    quantity: str,
    times: Times,
    buyer_is_maker: bool,
    received_ns: int,
) -> Trade:
    """Returns a trade; all but its numbers must have been checked.

    Args:
        exchange: the exchange's name.
        symbol: the pair as the exchange writes it.
        trade_id: the exchange's number of the trade.
        price: every digit as the exchange wrote it; it and the quantity are checked here.
        quantity: likewise.
        times: when it was matched.
        buyer_is_maker: true when the taker sold.
        received_ns: when it was received, in nanoseconds since 1970.

    Raises:
        RejectedError: no trade may have these numbers.
    """
    if not numbers_fit(price, quantity):
        raise bad_numbers(price, quantity)
    return Trade(
        event_id(exchange, symbol, trade_id),
        "trade",
        exchange,
        symbol,
        price,
        quantity,
        times[0],
        iso_utc(received_ns),
        buyer_is_maker,
        trade_id,
        times[1],
    )


def bad_numbers(price: str, quantity: str) -> RejectedError:
    """Returns what to say of a price and a quantity that `numbers_fit` refuses."""
    return RejectedError("invalid_value", f"no trade has the price {price[:40]!r} and the quantity {quantity[:40]!r}")


def halves(symbol: str) -> tuple[str, str] | None:
    """Returns base and quote of BTC-USDT or BTC/USDT; None where the pair is not written so."""
    match = _PAIR.fullmatch(symbol)
    return (match[1], match[2]) if match else None


def rest_base(base: str, hosts: Mapping[str, str]) -> str:
    """Returns the REST address that belongs to a WebSocket's: of `hosts`, else the same host and port."""
    parts = urlsplit(base)
    host = hosts.get(parts.hostname or "", parts.netloc)
    return f"{'https' if parts.scheme == 'wss' else 'http'}://{host}"


def check_beginning(gap: Gap, trades: Sequence[Trade]) -> None:
    """Lets an answer pass that begins at or before the gap's first id, or is empty.

    For exchanges that are not asked from that id on: only where the trade before the gap is in the answer, or the first
    id itself, is an id that is not in it known to be none.

    Raises:
        RejectedError: it begins later.
    """
    first_id = min((trade.trade_id for trade in trades), default=gap.first_id)
    if first_id > gap.first_id:
        raise RejectedError("invalid_value", f"the answer begins at {first_id}, the gap at {gap.first_id}")


def page(gap: Gap, rows: Sequence[Trade], cursor_us: int | None = None) -> Page:
    """Returns the page of an answer that holds *every* trade from the gap's first id to the highest of its own.

    So an id below its highest that is not in it was never issued, and what is above is left to ask about.

    Args:
        gap: what was asked about.
        rows: the answer, in any order; it may hold trades outside the gap.
        cursor_us: the rest's `since_us`, where it is not the time of the newest trade that is known.
    """
    known = sorted((row for row in rows if row.trade_id >= gap.first_id), key=lambda row: row.trade_id)
    inside = [trade for trade in known if trade.trade_id <= gap.last_id]
    if known and known[-1].trade_id >= gap.last_id:
        return Page(inside, None)
    first_id, since_us = (known[-1].trade_id + 1, known[-1].time_us) if known else (gap.first_id, gap.since_us)
    return Page(inside, Gap(gap.symbol, first_id, gap.last_id, since_us if cursor_us is None else cursor_us))
