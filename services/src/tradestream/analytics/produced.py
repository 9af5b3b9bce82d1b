"""Messages that are trades as the producer writes them, by DuckDB: a third of the CPU that Spark takes for a message.

Of what is a trade `schema` has the last word. A message that is taken here leaves nothing open: its fields, written
again, are the message to the byte, so none is there twice, and nothing is there beside them. A trade that is written
in another way is not taken, which costs speed and nothing else.
"""

from __future__ import annotations

import json

from tradestream import trade
from tradestream.ask.database import literal
from tradestream.trade import MOST_AMOUNT, MOST_ID, NAME_PATTERN, NEWEST_MS, OLDEST_MS, PRICE_DIGITS, QUANTITY_DIGITS

LONGEST = 512
"""The producer writes no trade of more bytes than this. A batch of other messages could fill DuckDB's memory."""

_TYPES = {
    "event_id": "VARCHAR",
    "event_type": "VARCHAR",
    "exchange": "VARCHAR",
    "symbol": "VARCHAR",
    "price": "VARCHAR",
    "quantity": "VARCHAR",
    "trade_time": "BIGINT",
    "timestamp": "VARCHAR",
    "buyer_is_maker": "BOOLEAN",
    "trade_id": "BIGINT",
    "trade_time_us": "BIGINT",
}


def _field(name: str) -> str:
    """A field as it is written, within a text of SQL."""
    quote = '"' if _TYPES[name] == "VARCHAR" else ""
    return f"\"{name}\":{quote}', j.{name}, '{quote}"


*_ALWAYS, _SOMETIMES = _TYPES
_WRITTEN = f"""concat('{{{",".join(map(_field, _ALWAYS))}',
    if(j.{_SOMETIMES} IS NULL, '}}', concat(',{_field(_SOMETIMES)}}}')))"""

_CHECKS = f"""text = {_WRITTEN}
    AND j.event_type = 'trade'
    AND regexp_full_match(j.exchange, '{NAME_PATTERN}') AND regexp_full_match(j.symbol, '{NAME_PATTERN}')
    AND regexp_full_match(j.price, '{PRICE_DIGITS.pattern}') AND price > 0
    AND regexp_full_match(j.quantity, '{QUANTITY_DIGITS.pattern}') AND quantity > 0
    AND price * ceil(quantity)::DECIMAL({QUANTITY_DIGITS.whole + 1}, 0) <= {MOST_AMOUNT}
    AND j.trade_id BETWEEN 0 AND {MOST_ID}
    AND strftime(received, '%Y-%m-%dT%H:%M:%S.%fZ') = j.timestamp AND year(received) BETWEEN 2009 AND 9998
    AND j.trade_time BETWEEN {OLDEST_MS} AND least(epoch_ms(kafka_timestamp) + ahead, {NEWEST_MS})
    AND coalesce(j.trade_time_us BETWEEN 0 AND 99999999999999999, true)
    AND j.event_id = {trade.EVENT_ID_SQL}"""


def produced(messages: str, ahead_ms: int) -> str:
    """SQL for DuckDB: messages as `layout.LANDED` has them, ``valid`` where they are taken.

    Args:
        messages: SQL of rows with the columns value, timestamp, partition and offset of Spark's Kafka source.
        ahead_ms: As of `schema.read_trades`.
    """
    # TRY is NULL where a text is no UTF-8, or no JSON.
    return f"""SELECT j.event_id, j.exchange, j.symbol, j.trade_id, price, quantity, j.trade_time, j.trade_time_us,
            j.buyer_is_maker, received AS "timestamp", kafka_partition, kafka_offset,
            coalesce({_CHECKS}, false) AS valid
        FROM (SELECT *,
                try_cast(j.price AS DECIMAL({sum(PRICE_DIGITS)}, {PRICE_DIGITS.fraction})) AS price,
                try_cast(j.quantity AS DECIMAL({sum(QUANTITY_DIGITS)}, {QUANTITY_DIGITS.fraction})) AS quantity,
                try_cast(j.timestamp AS TIMESTAMPTZ) AS received,
                {", ".join(trade.event_id_parts("sha256({})", "j.exchange", "j.symbol", "j.trade_id"))},
                {ahead_ms} AS ahead
            FROM (SELECT *, TRY(from_json(text, {literal(json.dumps(_TYPES))})) AS j
                FROM (SELECT TRY(decode(value)) AS text, "timestamp" AS kafka_timestamp,
                    "partition" AS kafka_partition, "offset" AS kafka_offset FROM {messages})))"""
