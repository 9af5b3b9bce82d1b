"""The Spark job's idea of a trade is that of `tradestream.trade`, digit by digit."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from tradestream.analytics.schema import explained, read_trades
from tradestream.trade import MOST_ID, event_id
from unit.analytics.messages import FIELDS, NAMES, decoded, messages, produced

pytestmark = pytest.mark.timeout(300)

# No trade_time is later than this arrival.
ARRIVED = datetime(9000, 1, 1)  # noqa: DTZ001 - Spark's session is in UTC
AHEAD = 300_000


def kafka(spark: SparkSession, values: Sequence[bytes | None]) -> DataFrame:
    """Messages as Spark's Kafka source gives them."""
    rows = [(value, "trades", 0, offset, ARRIVED) for offset, value in enumerate(values)]
    return spark.createDataFrame(rows, "value binary, topic string, partition int, offset bigint, timestamp timestamp")


@given(st.lists(messages(), min_size=60, max_size=60))
# Each example is a Spark job of its own: many messages in few of them, and the message that fails is named anyway.
@settings(max_examples=8, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
def test_job_and_definition_take_the_same_messages_with_the_same_digits(
    spark: SparkSession, batch: list[bytes]
) -> None:
    rows = read_trades(kafka(spark, batch), AHEAD)
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
    rows = read_trades(kafka(spark, values), AHEAD).where("valid").collect()
    assert [(row.exchange, row.symbol, row.trade_id) for row in rows] == wanted


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
