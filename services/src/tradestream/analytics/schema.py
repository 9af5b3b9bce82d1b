"""From a Kafka message to a row, or to the reason why it is none: built-in SQL functions only, nothing leaves the JVM.

``from_json`` turns what it cannot read into NULL. So a row is first held against `_VALID`; only where that fails is the
message looked at again to find the true reason.

Numbers. A price has at most 10 integer and 12 fractional digits, a quantity 14 and 8, and a trade's quote amount stays
below 10^12. Then a product of both needs 20 fractional digits, which the sums of `rows` hold exactly in 38-digit
decimals for batches of up to a million trades. What does not fit is refused with that reason, never rounded.
"""

from __future__ import annotations

from pyspark.sql import DataFrame

PRICE = "decimal(22,12)"
QUANTITY = "decimal(22,8)"

_MESSAGE = """event_id string, event_type string, exchange string, symbol string, price string, quantity string,
    trade_time bigint, trade_time_us bigint, timestamp string, buyer_is_maker boolean, trade_id bigint,
    damaged string"""

# Names become directories: they hold nothing that could surprise a reader of paths; Spark escapes the slash.
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._/:-]{0,63}$"
_PRICE_TEXT = r"^[0-9]{1,10}([.][0-9]{1,12})?$"
_QUANTITY_TEXT = r"^[0-9]{1,14}([.][0-9]{1,8})?$"
# 2009-01-01: before any trade of a crypto currency, and above any plausible time in seconds.
_OLDEST_MS = 1_230_768_000_000

# Whether a number was a string in the message; from_json does not tell. The cheap test nearly always decides.
_IS_STRING = """(contains(text, '"{0}":"') or rlike(text, r'"{0}"\\s*:\\s*"'))"""

_VALID = f"""coalesce(
    j.damaged is null and j.event_type = 'trade' and length(j.event_id) between 1 and 64
    and rlike(j.exchange, r'{_NAME}') and rlike(j.symbol, r'{_NAME}')
    and rlike(j.price, r'{_PRICE_TEXT}') and {_IS_STRING.format("price")} and price > 0
    and rlike(j.quantity, r'{_QUANTITY_TEXT}') and {_IS_STRING.format("quantity")} and quantity > 0
    and price * cast(quantity as decimal(15,0)) < 999999999999
    and j.trade_id >= 0 and j.buyer_is_maker is not null and year(received) between 2009 and 9998
    and j.trade_time between {_OLDEST_MS} and unix_millis(timestamp) + ahead, false)"""


def _wrong(field: str, test: str, otherwise: str) -> str:
    """SQL: two branches of a CASE, for a field that is absent and for one that fails ``test``."""
    return f"""
        when get_json_object(text, '$.{field}') is null then '{field} is missing'
        when not coalesce({test}, false) then '{field} {otherwise}'"""


_REASON = f"""case
    when valid then null
    when coalesce(length(value), 0) = 0 then 'the message is empty'
    when json_object_keys(text) is null then 'not a JSON object'
    {_wrong("event_type", "j.event_type = 'trade'", "is not trade")}
    {_wrong("event_id", "length(j.event_id) between 1 and 64", "is not a string of 1 to 64 characters")}
    {_wrong("exchange", f"rlike(j.exchange, r'{_NAME}')", "is not a name of up to 64 letters, digits and . _ / : -")}
    {_wrong("symbol", f"rlike(j.symbol, r'{_NAME}')", "is not a name of up to 64 letters, digits and . _ / : -")}
    {_wrong("price", _IS_STRING.format("price"), "is not a string")}
    {
    _wrong(
        "price",
        f"rlike(j.price, r'{_PRICE_TEXT}')",
        "is not a decimal of at most 10 integer and 12 fractional digits",
    )
}
    {_wrong("price", "price > 0", "is not positive")}
    {_wrong("quantity", _IS_STRING.format("quantity"), "is not a string")}
    {
    _wrong(
        "quantity",
        f"rlike(j.quantity, r'{_QUANTITY_TEXT}')",
        "is not a decimal of at most 14 integer and 8 fractional digits",
    )
}
    {_wrong("quantity", "quantity > 0", "is not positive")}
    {_wrong("price", "price * cast(quantity as decimal(15,0)) < 999999999999", "times quantity is not below 10^12")}
    {_wrong("trade_id", "j.trade_id >= 0", "is not a 64-bit integer of 0 or more")}
    {_wrong("buyer_is_maker", "j.buyer_is_maker is not null", "is not true or false")}
    {_wrong("timestamp", "year(received) between 2009 and 9998", "is not an ISO 8601 time")}
    {_wrong("trade_time", f"j.trade_time >= {_OLDEST_MS}", "is not an integer of milliseconds since 1970")}
    {
    _wrong(
        "trade_time",
        "j.trade_time <= unix_millis(timestamp) + ahead",
        "is later than its arrival at Kafka and the watermark allow",
    )
}
    when get_json_object(text, '$.trade_time_us') is not null and j.trade_time_us is null
        then 'trade_time_us is not a 64-bit integer'
    else 'a field has the wrong type' end"""


def read_trades(messages: DataFrame, ahead_ms: int) -> DataFrame:
    """Rows of messages: trades with ``reason`` NULL, and what is none with its ``reason`` and ``raw`` value.

    Args:
        messages: As Spark's Kafka source gives them.
        ahead_ms: How far a trade time may be ahead of the message's Kafka timestamp. One clock gone wrong would
            otherwise carry a symbol's watermark past trades that are still to come.

    Returns:
        Columns event_id, exchange, symbol, trade_id, price, quantity, trade_time (ms), trade_time_us, buyer_is_maker,
        timestamp, kafka_timestamp, kafka_topic, kafka_partition, kafka_offset, reason, raw.
    """
    read = messages.selectExpr("*", "cast(value as string) as text").selectExpr(
        "*", f"from_json(text, '{_MESSAGE}', map('columnNameOfCorruptRecord', 'damaged')) as j"
    )
    cast = read.selectExpr(
        "*",
        f"try_cast(j.price as {PRICE}) as price",
        f"try_cast(j.quantity as {QUANTITY}) as quantity",
        "try_cast(j.timestamp as timestamp) as received",
        f"{ahead_ms} as ahead",
    )
    judged = cast.selectExpr("*", f"{_VALID} as valid")
    return judged.selectExpr(
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
        "topic as kafka_topic",
        "partition as kafka_partition",
        "offset as kafka_offset",
        f"{_REASON} as reason",
        "if(valid, null, value) as raw",
    )
