"""From a Kafka message to a row, or to the reason why it is none: built-in SQL functions only, nothing leaves the JVM.

What a trade is, `tradestream.trade` says: the checks are made from its definitions, and a property test holds the two
against each other. Only the time of arrival in Kafka is looked at here alone. What does not fit is refused with the
reason, never rounded.

It is as strict as Spark's parser: of a field that is there twice the last value counts, and what follows the first
object is not looked at.

``from_json`` turns what it cannot read into NULL. So every row is held against `_VALID`; only a message that fails is
looked at again by `explained`. That is a query of its own because the JVM never compiles a method of more than 8,000
bytes: with the reasons in it, the code that Spark makes for every row would be interpreted for ever.
"""

from __future__ import annotations

from typing import NamedTuple

from pyspark.sql import DataFrame

from tradestream import trade
from tradestream.trade import PRICE_DIGITS, QUANTITY_DIGITS, Digits

_MESSAGE = """event_id string, event_type string, exchange string, symbol string, price string, quantity string,
    trade_time bigint, trade_time_us bigint, timestamp string, buyer_is_maker boolean, trade_id bigint,
    damaged string"""


_STRICT = """map('columnNameOfCorruptRecord', 'damaged', 'allowSingleQuotes', 'false',
    'allowNonNumericNumbers', 'false')"""


class _Check(NamedTuple):
    """What must be true of a field, in SQL, and what is said where it is not; of what is ``of_form`` see `_FORMS`."""

    field: str
    test: str
    otherwise: str
    of_form: bool = False


def _matches(field: str, pattern: str) -> str:
    # \z is Java's very end of a text; $ would let a line end pass.
    return rf"rlike(j.{field}, r'^(?:{pattern})\z')"


def _text(field: str) -> _Check:
    # from_json takes a number for a string and does not tell.
    return _Check(field, rf"""rlike(text, r'"{field}"\s*:\s*"')""", "is not a string", of_form=True)


def _name(field: str) -> list[_Check]:
    test = _matches(field, trade.NAME_PATTERN)
    return [_text(field), _Check(field, test, "is not a name of up to 64 letters, digits and . _ / : -", of_form=True)]


def _decimal(field: str, digits: Digits) -> list[_Check]:
    limits = f"is not a decimal of at most {digits.whole} integer and {digits.fraction} fractional digits"
    return [
        _text(field),
        _Check(field, _matches(field, digits.pattern), limits, of_form=True),
        _Check(field, f"{field} > 0", "is not positive"),
    ]


_NO_TIME = "is not an ISO 8601 time in UTC"

_CHECKS = [
    _Check("event_type", "j.event_type = 'trade'", "is not trade"),
    *_name("exchange"),
    *_name("symbol"),
    *_decimal("price", PRICE_DIGITS),
    *_decimal("quantity", QUANTITY_DIGITS),
    # decimal(22,12) times decimal(15,0) has 38 digits: nothing is rounded.
    _Check(
        "price",
        f"price * ceil(quantity) <= {trade.MOST_AMOUNT}",
        f"times the quantity rounded up is above {trade.MOST_AMOUNT}",
    ),
    _Check("trade_id", f"j.trade_id between 0 and {trade.MOST_ID}", f"is not an integer of 0 to {trade.MOST_ID}"),
    _Check("buyer_is_maker", "j.buyer_is_maker is not null", "is not true or false"),
    _Check("timestamp", _matches("timestamp", trade.TIMESTAMP_PATTERN), _NO_TIME, of_form=True),
    _Check("timestamp", "year(received) between 2009 and 9998", _NO_TIME),
    _Check(
        "trade_time",
        f"j.trade_time >= {trade.OLDEST_MS}",
        "is not an integer of milliseconds since 1970",
    ),
    _Check(
        "trade_time",
        f"j.trade_time <= least(unix_millis(timestamp) + ahead, {trade.NEWEST_MS})",
        "is later than its arrival at Kafka and the watermark allow",
    ),
    _Check("event_id", f"j.event_id = {trade.EVENT_ID_SQL}", "is not that of this trade"),
]
_MICROSECONDS = "j.trade_time_us between 0 and 99999999999999999"

# One look at all fields instead of one at each; no pattern has the mark between them.
_PATTERNS = {
    "exchange": trade.NAME_PATTERN,
    "symbol": trade.NAME_PATTERN,
    "price": PRICE_DIGITS.pattern,
    "quantity": QUANTITY_DIGITS.pattern,
    "timestamp": trade.TIMESTAMP_PATTERN,
}
_FIELDS = ", ".join(f"j.{name}" for name in _PATTERNS)
_FORM = '"'.join(_PATTERNS.values())
_FORMS = rf"""rlike(concat_ws('"', {_FIELDS}), r'^{_FORM}\z')"""

# Strings in the order in which the producer writes them, or in any.
_STRINGS = ("exchange", "symbol", "price", "quantity")
_PRODUCED = ", ',', ".join(f"""'"{name}":"', j.{name}, '"'""" for name in _STRINGS)
_TEXTS = f"(contains(text, concat({_PRODUCED})) or {' and '.join(_text(name).test for name in _STRINGS)})"

_VALID = f"""coalesce(j.damaged is null and {_TEXTS} and {_FORMS}
    and {" and ".join(check.test for check in _CHECKS if not check.of_form)}
    and (j.trade_time_us is null or {_MICROSECONDS}), false)"""


def _wrong(check: _Check) -> list[tuple[str, str]]:
    """For a field that is absent and for one that fails its test: SQL that is true then, and the reason."""
    return [
        (f"get_json_object(text, '$.{check.field}') is null", f"{check.field} is missing"),
        (f"not coalesce({check.test}, false)", f"{check.field} {check.otherwise}"),
    ]


_REASONS = [
    ("coalesce(length(value), 0) = 0", "the message is empty"),
    ("json_object_keys(text) is null", "not a JSON object"),
    *(wrong for check in _CHECKS for wrong in _wrong(check)),
    (
        f"get_json_object(text, '$.trade_time_us') is not null and not coalesce({_MICROSECONDS}, false)",
        "trade_time_us is not an integer of microseconds since 1970",
    ),
    ("true", "a field has the wrong type"),
]

REASONS = list(dict.fromkeys(reason for _, reason in _REASONS))
"""What may be said of a message that is no trade; what is wrong with a field begins with the field's name."""

_REASON = "\n".join(["case", *(f"when {test} then '{reason}'" for test, reason in _REASONS), "end"])


def _parsed(messages: DataFrame, ahead_ms: int) -> DataFrame:
    """``messages`` with the columns that the checks look at; ``value`` and ``timestamp`` are as Kafka has them."""
    read = messages.selectExpr("*", "cast(value as string) as text").selectExpr(
        "*", f"from_json(text, '{_MESSAGE}', {_STRICT}) as j"
    )
    return read.selectExpr(
        "*",
        f"try_cast(j.price as decimal({sum(PRICE_DIGITS)},{PRICE_DIGITS.fraction})) as price",
        f"try_cast(j.quantity as decimal({sum(QUANTITY_DIGITS)},{QUANTITY_DIGITS.fraction})) as quantity",
        "try_cast(j.timestamp as timestamp) as received",
        *trade.event_id_parts("sha2({}, 256)", "j.exchange", "j.symbol", "j.trade_id"),
        f"{ahead_ms} as ahead",
    )


def read_trades(messages: DataFrame, ahead_ms: int) -> DataFrame:
    """Rows of messages: trades with ``valid`` true, and what is none with its ``raw`` value.

    Args:
        messages: As Spark's Kafka source gives them.
        ahead_ms: How far a trade time may be ahead of the message's Kafka timestamp. One clock gone wrong would
            otherwise carry a symbol's watermark past trades that are still to come.

    Returns:
        Columns event_id, exchange, symbol, trade_id, price, quantity, trade_time (ms), trade_time_us, buyer_is_maker,
        timestamp, kafka_timestamp, kafka_partition, kafka_offset, valid, raw.
    """
    return (
        _parsed(messages, ahead_ms)
        .selectExpr("*", f"{_VALID} as valid")
        .selectExpr(
            "j.event_id",
            "j.exchange",
            "j.symbol",
            "j.trade_id",
            "price",
            "quantity",
            "j.trade_time",
            "j.trade_time_us",
            "j.buyer_is_maker",
            "received as timestamp",
            "timestamp as kafka_timestamp",
            "partition as kafka_partition",
            "offset as kafka_offset",
            "valid",
            "if(valid, null, value) as raw",
        )
    )


def explained(rejected: DataFrame, ahead_ms: int) -> DataFrame:
    """The rows of `read_trades` that are no trades, as kafka_partition, kafka_offset, raw and the ``reason``."""
    messages = rejected.selectExpr("raw as value", "kafka_timestamp as timestamp", "kafka_partition", "kafka_offset")
    return _parsed(messages, ahead_ms).selectExpr(
        "kafka_partition", "kafka_offset", "value as raw", f"{_REASON} as reason"
    )
