"""The one definition of a trade.

Producer, Spark job, simulator and tools use this; on the wire it is JSON:

    {"event_id":"c8859203-b60f-83da-8000-000020fa7f87","event_type":"trade","exchange":"binance","symbol":"BTCUSDT",
     "price":"39432.48000000","quantity":"0.00026300","trade_time":1610064000278,
     "timestamp":"2021-01-08T00:00:00.301877Z","buyer_is_maker":true,"trade_id":553287559}

A trade is identified by (exchange, symbol, trade_id), and `event_id` is made of nothing else, so two
copies of a trade carry the same one whoever read it and whenever; its last 16 digits are the trade id, see `event_id`.
"""

from __future__ import annotations

import hashlib
import math
import re
from datetime import UTC, datetime
from decimal import Context, Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

import msgspec

from tradestream.errors import RejectedError

if TYPE_CHECKING:
    from collections.abc import Callable

NAMESPACE = "tradestream.trade"
"""What the names begin with whose hashes event ids have."""

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}"
"""An exchange or a symbol, for a whole match: names become directories, so they hold nothing that surprises there."""

TIMESTAMP_PATTERN = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z"
"""ISO 8601 in UTC, to the microsecond at most, for a whole match."""

OLDEST_MS = 1_230_768_000_000
"""2009-01-01: before any trade of a crypto currency, and above any plausible time in seconds."""

NEWEST_MS = 10**14 - 1
"""The year 5138: above are microseconds, see `split_time`."""

MOST_ID = 2**62 - 1
"""A trade id is at most this: an `event_id` has 62 bits for it."""

ABOVE_ZERO = r"(?=[0.]*[1-9])"
"""What a plain decimal above zero begins with."""


class Digits(NamedTuple):
    """At most how many digits a number has before and after its point."""

    whole: int
    fraction: int

    @property
    def pattern(self) -> str:
        """A plain decimal with at most so many digits, for a whole match."""
        return rf"[0-9]{{1,{self.whole}}}(?:\.[0-9]{{1,{self.fraction}}})?"


# With these three, each product and each sum of a candle fits the 38 digits of Spark and Parquet, see analytics.rows.
PRICE_DIGITS = Digits(10, 12)
QUANTITY_DIGITS = Digits(14, 8)
MOST_AMOUNT = 10**12
"""A price times its quantity, rounded up to a whole number, is at most this."""

Name = Annotated[str, msgspec.Meta(pattern=rf"^{NAME_PATTERN}\Z")]
Price = Annotated[str, msgspec.Meta(pattern=rf"^{ABOVE_ZERO}{PRICE_DIGITS.pattern}\Z")]
Quantity = Annotated[str, msgspec.Meta(pattern=rf"^{ABOVE_ZERO}{QUANTITY_DIGITS.pattern}\Z")]
Id = Annotated[int, msgspec.Meta(ge=0, le=MOST_ID)]
Milliseconds = Annotated[int, msgspec.Meta(ge=OLDEST_MS, le=NEWEST_MS)]
Microseconds = Annotated[int, msgspec.Meta(ge=0, lt=10**17)]
Timestamp = Annotated[str, msgspec.Meta(pattern=rf"^{TIMESTAMP_PATTERN}\Z")]


class Trade(msgspec.Struct, frozen=True, gc=False):
    """One trade as an exchange reported it.

    Attributes:
        event_id: UUID of the trade, the same each time the trade is seen.
        event_type: tells trades from whatever else a topic may carry one day.
        exchange: the exchange's name in lower case.
        symbol: the pair as the exchange writes it.
        price: price in the quote asset, every digit as the exchange wrote it.
        quantity: amount of the base asset, every digit as the exchange wrote it.
        trade_time: when the exchange matched it, in milliseconds since 1970.
        timestamp: when it was received, ISO 8601 in UTC.
        buyer_is_maker: true when the taker sold.
        trade_id: the exchange's number of the trade, counting up for each symbol.
        trade_time_us: trade_time in microseconds, present where the exchange gives them.
    """

    event_id: str
    event_type: Literal["trade"]
    exchange: Name
    symbol: Name
    price: Price
    quantity: Quantity
    trade_time: Milliseconds
    timestamp: Timestamp
    buyer_is_maker: bool
    trade_id: Id
    trade_time_us: Microseconds | msgspec.UnsetType = msgspec.UNSET

    @property
    def time_us(self) -> int:
        """When it was matched, in microseconds since 1970, whichever unit the exchange gave."""
        exact = self.trade_time_us
        return exact if isinstance(exact, int) else self.trade_time * 1000


_MOST_AMOUNT_DIGITS = len(str(MOST_AMOUNT)) - 1
# With a point, and nothing to try a second time (+): so a look at both takes two thirds of the time.
_usual = re.compile(
    rf"{ABOVE_ZERO}[0-9]{{1,6}}+\.[0-9]{{1,{PRICE_DIGITS.fraction}}}+ "
    rf"{ABOVE_ZERO}[0-9]{{1,6}}+\.[0-9]{{1,{QUANTITY_DIGITS.fraction}}}+"
).fullmatch
_is_price = re.compile(ABOVE_ZERO + PRICE_DIGITS.pattern).fullmatch
_is_quantity = re.compile(ABOVE_ZERO + QUANTITY_DIGITS.pattern).fullmatch
_EXACT = Context(prec=sum(PRICE_DIGITS) + QUANTITY_DIGITS.whole + 1)
_YEARS = range(2009, 9999)
_decoder = msgspec.json.Decoder(Trade)

encode: Callable[[Trade], bytes] = msgspec.json.Encoder().encode
"""Returns a trade as JSON."""


def decode(data: bytes | str) -> Trade:
    """Reads a trade from JSON and checks every field.

    Raises:
        RejectedError: with reason `malformed_json` or `invalid_trade`.
    """
    try:
        trade = _decoder.decode(data)
    except msgspec.ValidationError as error:
        raise RejectedError("invalid_trade", str(error)) from error
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise RejectedError("malformed_json", str(error)) from error
    if trade.event_id != event_id(trade.exchange, trade.symbol, trade.trade_id):
        raise RejectedError("invalid_trade", f"event_id {trade.event_id} is not that of this trade")
    if not amount_fits(trade.price, trade.quantity):
        raise RejectedError("invalid_trade", f"price times the quantity rounded up is above {MOST_AMOUNT}")
    if not _is_time(trade.timestamp):
        raise RejectedError("invalid_trade", f"timestamp {trade.timestamp} is no time of {_YEARS[0]} to {_YEARS[-1]}")
    return trade


def numbers_fit(price: str, quantity: str) -> bool:
    """Whether a trade may have them: plain decimals above zero with so many digits, and so much in all."""
    # One look tells it of nearly all trades: with six whole digits each at most, their product fits too.
    if _usual(f"{price} {quantity}"):
        return True
    return _is_price(price) is not None and _is_quantity(quantity) is not None and amount_fits(price, quantity)


def amount_fits(price: str, quantity: str) -> bool:
    """Whether a trade's price times its quantity, rounded up, is at most `MOST_AMOUNT`."""
    # A number of n whole digits is at most 10**n, rounded up too: of nearly all trades the lengths tell.
    if len(price.partition(".")[0]) + len(quantity.partition(".")[0]) <= _MOST_AMOUNT_DIGITS:
        return True
    return _EXACT.multiply(Decimal(price), math.ceil(Decimal(quantity))) <= MOST_AMOUNT


def _is_time(timestamp: str) -> bool:
    try:
        return datetime.fromisoformat(timestamp).year in _YEARS
    except ValueError:
        return False


EVENT_ID_SQL = """concat(substr(sha, 1, 8), '-', substr(sha, 9, 4), '-8', substr(sha, 13, 3), '-',
    substr(digits, 1, 4), '-', substr(digits, 5))"""
"""`event_id` for Spark and DuckDB, of the two columns of `event_id_parts`."""


def event_id_parts(sha256: str, exchange: str, symbol: str, trade_id: str) -> tuple[str, str]:
    """Returns what `EVENT_ID_SQL` is made of, in SQL: the hash of the series, and the last 16 digits.

    Args:
        sha256: the function whose value is a text's SHA-256 in hex, the text left open, as in `sha256({})`.
        exchange: SQL of the exchange's name.
        symbol: SQL of the pair.
        trade_id: SQL of a number that is no more than `MOST_ID`.
    """
    series = f"concat('{NAMESPACE} ', {exchange}, ' ', {symbol})"
    # The one bit that is not in the greatest number marks the layout of RFC 9562; no trade id reaches it.
    return f"{sha256.format(series)} as sha", f"lower(hex({trade_id} | ~{2**63 - 1})) as digits"


def event_id(exchange: str, symbol: str, trade_id: int) -> str:
    """Returns the UUID of a trade.

    It is of version 8, whose bits are the application's own (RFC 9562, section 5.8): custom_a and custom_b, 60 bits,
    are the first of the SHA-256 of the series' names, which hold no space; custom_c, 62 bits, is the trade id. So no
    trade needs a hash of its own, and the event ids of a series sort and compress as its numbers do.

    Args:
        exchange: the exchange's name.
        symbol: the pair as the exchange writes it.
        trade_id: the exchange's number of the trade, at most `MOST_ID`.

    Raises:
        ValueError: the number is below 0 or above `MOST_ID`.
    """
    return f"{_beginning(exchange, symbol, trade_id >> 48)}{trade_id & 0xFFFF_FFFF_FFFF:012x}"


@lru_cache(maxsize=4096)
def _beginning(exchange: str, symbol: str, high: int) -> str:
    """Returns an event id up to the last 48 bits, of the bits of a trade id above these."""
    if not 0 <= high <= MOST_ID >> 48:
        raise ValueError(f"a trade id is between 0 and {MOST_ID}")
    sha = hashlib.sha256(f"{NAMESPACE} {exchange} {symbol}".encode()).hexdigest()
    return f"{sha[:8]}-{sha[8:12]}-8{sha[12:15]}-{0x8000 | high:x}-"


@lru_cache(maxsize=1)
def iso_utc(nanoseconds: int) -> str:
    """Returns a time since 1970 as ISO 8601 in UTC with microseconds; many trades may be received at the same time."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{_iso_second(seconds)}.{rest // 1000:06d}Z"


@lru_cache(maxsize=8)
def _iso_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def split_time(value: int) -> tuple[int, int | msgspec.UnsetType]:
    """Tells milliseconds from microseconds, as exchanges have changed from one to the other.

    The two cannot be confused: above `NEWEST_MS`, the year 5138, are microseconds, of March 1973 and later.

    Args:
        value: a time since 1970 in either unit.

    Returns:
        Milliseconds, and microseconds where the value had them.
    """
    if value <= NEWEST_MS:
        return value, msgspec.UNSET
    return value // 1000, value
