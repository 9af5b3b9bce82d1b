"""The Spark job's idea of a trade is that of `tradestream.trade`, digit by digit."""

from __future__ import annotations

import json
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from tradestream.analytics.schema import explained, read_trades
from tradestream.errors import RejectedError
from tradestream.trade import MOST_ID, NAME_PATTERN, Trade, decode, event_id

pytestmark = pytest.mark.timeout(300)

# No trade_time is later than this arrival.
ARRIVED = datetime(9000, 1, 1)  # noqa: DTZ001 - Spark's session is in UTC
AHEAD = 300_000

GOOD_NUMBERS = st.from_regex(r"\A[0-9]{1,6}\.[0-9]{7}[1-9]\Z")
NUMBERS = st.one_of(
    st.from_regex(r"\A[0-9]{0,2}[1-9][0-9]{7,12}(\.[0-9]{7,13})?\Z"),
    st.sampled_from(["0.000000000001", "9999999999.999999999999", "0.00000001", "99999999999999.99999999", "0.01"]),
    st.sampled_from(["0", "0.0", "-1", "+1", "1e3", "1.", ".5", " 1", "1\n", "", "NaN", "\u0661", "1_0", 1, 1.5, None]),
)
NAMES = st.from_regex(NAME_PATTERN, fullmatch=True)
# What is right, and what may not be.
FIELDS: dict[str, tuple[Any, list[Any]]] = {
    "event_type": ("trade", ["kline", None]),
    "exchange": ("binance", ["kraken", "", "-", "Binance ", 7]),
    "symbol": ("BTCUSDT", ["BTC/USD", "BTCUSDT\n", "../x", "A" * 64, "A" * 65, "\u00c4"]),
    "trade_time": (1_610_064_000_278, [1_230_768_000_000, 1_230_767_999_999, 10**14 - 1, 10**14, -1, 1.5, "1"]),
    "trade_time_us": (1_610_064_000_278_123, [0, -1, 10**17 - 1, 10**17, "1"]),
    "timestamp": (
        "2021-01-08T00:00:00.301877Z",
        ["2021-01-08T00:00:00Z", "2021-01-08", "2021-02-30T00:00:00Z", "2021-01-08T24:00:00Z", "2008-12-31T23:59:59Z"],
    ),
    "buyer_is_maker": (True, [False, "true", 1, None]),
    "trade_id": (553_287_559, [0, 2**48, 2**62 - 1, 2**62, 2**63 - 1, 2**63, -1, "7", 1.5, None]),
}


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A message that is a trade or nearly one: at most one thing is odd, or both numbers are."""
    fields = {name: good for name, (good, _) in FIELDS.items()}
    odd = draw(st.sampled_from(["none", "numbers", "numbers", "price", "quantity", *FIELDS]))
    if odd in FIELDS:
        fields[odd] = draw(st.sampled_from(FIELDS[odd][1]))
    for name in ("price", "quantity"):
        fields[name] = draw(NUMBERS if odd in (name, "numbers") else GOOD_NUMBERS)
    # Of ids that are none too: these must not pass where their event_id is as well made.
    digits = f"{2**63 | int(fields['trade_id'] or 0) % 2**63:x}"
    own = f"{event_id(fields['exchange'], fields['symbol'], 0)[:19]}{digits[:4]}-{digits[4:]}"
    fields["event_id"] = draw(st.sampled_from([own] * 20 + [own.upper(), f"{own[:14]}5{own[15:]}", own[:-1]]))
    # As the producer writes it, if nothing is odd, or any other way.
    names = draw(st.sampled_from([Trade.__struct_fields__, sorted(fields)]))
    separators = draw(st.sampled_from([(",", ":"), (", ", ": ")]))
    content = {name: fields[name] for name in names}
    return json.dumps(content, ensure_ascii=draw(st.booleans()), separators=separators).encode()


def kafka(spark: SparkSession, values: list[bytes | None]) -> DataFrame:
    """Messages as Spark's Kafka source gives them."""
    rows = [(value, "trades", 0, offset, ARRIVED) for offset, value in enumerate(values)]
    return spark.createDataFrame(rows, "value binary, topic string, partition int, offset bigint, timestamp timestamp")


def decoded(message: bytes) -> Trade | None:
    """The trade that a message is, if it is one."""
    try:
        return decode(message)
    except RejectedError:
        return None


@given(st.lists(messages(), min_size=60, max_size=60))
# Each example is a Spark job of its own: many messages in few of them, and the message that fails is named anyway.
@settings(max_examples=8, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_job_and_definition_take_the_same_messages_with_the_same_digits(
    spark: SparkSession, batch: list[bytes]
) -> None:
    rows = read_trades(kafka(spark, list(batch)), AHEAD)
    reasons = {row.kafka_offset: row.reason for row in explained(rows.where("not valid"), AHEAD).collect()}
    for row in rows.collect():
        message = batch[row.kafka_offset]
        trade = decoded(message)
        assert row.valid == (trade is not None), (message, reasons.get(row.kafka_offset))
        if trade is None:
            assert row.raw == message
            assert reasons[row.kafka_offset] != "a field has the wrong type", message
        else:
            assert (row.price, row.quantity) == (Decimal(trade.price), Decimal(trade.quantity))
            for name in ("event_id", "exchange", "symbol", "trade_time", "trade_time_us", "buyer_is_maker", "trade_id"):
                assert row[name] == getattr(trade, name)


@given(st.lists(st.tuples(NAMES, NAMES, st.integers(0, MOST_ID)), min_size=50, max_size=50))
@settings(max_examples=4, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_whatever_the_series_and_the_id_the_job_knows_the_event_id(
    spark: SparkSession, identities: list[tuple[str, str, int]]
) -> None:
    wanted = [*identities, *(("binance", "BTCUSDT", number) for number in (0, 2**48, MOST_ID))]
    good = {name: value for name, (value, _) in FIELDS.items()} | {"price": "1", "quantity": "1"}
    values = [
        json.dumps(
            {**good, "exchange": exchange, "symbol": symbol, "trade_id": number, "event_id": event_id(*identity)}
        ).encode()
        for identity in wanted
        for exchange, symbol, number in [identity]
    ]
    rows = read_trades(kafka(spark, list(values)), AHEAD).where("valid").collect()
    assert [(row.exchange, row.symbol, row.trade_id) for row in rows] == wanted


def produced() -> str:
    """A trade as the producer writes it."""
    good = {name: value for name, (value, _) in FIELDS.items()} | {"price": "1", "quantity": "1"}
    good["event_id"] = event_id("binance", "BTCUSDT", good["trade_id"])
    return json.dumps({name: good[name] for name in Trade.__struct_fields__}, separators=(",", ":"))


def test_a_field_that_is_there_twice_is_held_against_its_last_value(spark: SparkSession) -> None:
    text = produced()
    assert decoded(text.encode())
    odd = {"price": '"1e3"', "exchange": "7", "symbol": '"../x"', "timestamp": '"2021-01-08"'}
    values = [text, *(f'{text[:-1]},"{name}":{value}}}' for name, value in odd.items())]
    # By default Spark's parser takes other quotes too.
    values += [
        value.replace(f'"{name}":{odd[name]}', f"'{name}':'-'") for name, value in zip(odd, values[1:], strict=True)
    ]
    values.append(text.replace('"buyer_is_maker":true', "\"buyer_is_maker\":true,'price':'1e3'"))
    rows = read_trades(kafka(spark, [value.encode() for value in values]), AHEAD)
    assert [row.valid for row in rows.collect()] == [True] + [False] * 9


@pytest.mark.parametrize(
    ("odd", "reason"),
    [
        ("'event_type':'trade'", "event_type is not trade"),
        ('"event_type":"trade","more":NaN', "not a JSON object"),
        ('"event_type":"trade",', "not a JSON object"),
    ],
)
def test_what_is_no_json_is_refused_though_the_parser_could_read_it(spark: SparkSession, odd: str, reason: str) -> None:
    text = produced()
    message = text.replace('"event_type":"trade"', odd).encode()
    assert decoded(text.encode())
    assert not decoded(message)
    rows = read_trades(kafka(spark, [text.encode(), message]), AHEAD)
    assert [row.valid for row in rows.collect()] == [True, False]
    assert [row.reason for row in explained(rows.where("not valid"), AHEAD).collect()] == [reason]


def test_a_message_without_a_value_is_none(spark: SparkSession) -> None:
    rows = read_trades(kafka(spark, [None]), AHEAD)
    assert [row.valid for row in rows.collect()] == [False]
    assert [row.reason for row in explained(rows, AHEAD).collect()] == ["the message is empty"]


def test_the_code_for_every_row_is_small_enough_for_the_jvm_to_compile(
    spark: SparkSession,
    capsys: Any,  # noqa: ANN401
) -> None:
    """HotSpot leaves methods of more than 8,000 bytes to its interpreter, for ever."""
    read_trades(kafka(spark, [b"{}"]).repartition(1), AHEAD).explain("codegen")
    sizes = [int(size) for size in re.findall(r"maxMethodCodeSize:(\d+)", capsys.readouterr().out)]
    assert 1000 < max(sizes) < 8000
