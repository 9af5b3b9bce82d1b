"""What DuckDB takes for a trade is one by the definition, digit by digit; and it takes what the producer writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from duckdb import DuckDBPyConnection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradestream.analytics.layout import LANDED
from tradestream.analytics.produced import LONGEST, produced
from tradestream.ask.database import opened
from tradestream.trade import MOST_ID, NEWEST_MS, OLDEST_MS, Trade, amount_fits, encode, event_id, iso_utc
from unit.analytics import messages

ARRIVED_MS = int(datetime(9000, 1, 1, tzinfo=UTC).timestamp() * 1000)
AHEAD = 300_000


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckDBPyConnection]:
    with opened(Path(tmp_path_factory.mktemp("spill"))) as connection:
        yield connection


def read(
    database: DuckDBPyConnection, values: Iterable[bytes | None], arrived: int = ARRIVED_MS
) -> list[dict[str, Any]]:
    """Rows of messages, in their order."""
    database.execute(
        'CREATE OR REPLACE TABLE messages (value BLOB, "timestamp" TIMESTAMPTZ, "partition" INTEGER, "offset" BIGINT)'
    )
    rows = [(value, datetime.fromtimestamp(arrived / 1000, UTC), 3, offset) for offset, value in enumerate(values)]
    database.executemany("INSERT INTO messages VALUES (?, ?, ?, ?)", rows)
    found = database.sql(produced("messages", AHEAD)).order("kafka_offset")
    return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def as_row(trade: Trade, offset: int) -> dict[str, Any]:
    fields = {name: getattr(trade, name) for name in Trade.__struct_fields__ if name != "event_type"}
    us = trade.trade_time_us
    return {
        **fields,
        "price": Decimal(trade.price),
        "quantity": Decimal(trade.quantity),
        "timestamp": datetime.fromisoformat(trade.timestamp),
        "trade_time_us": us if isinstance(us, int) else None,
        "kafka_partition": 3,
        "kafka_offset": offset,
        "valid": True,
    }


@st.composite
def trades(draw: st.DrawFn) -> Trade:
    """Trades with whatever a field may have."""
    exchange, symbol, trade_id = draw(messages.NAMES), draw(messages.NAMES), draw(st.integers(0, MOST_ID))
    time = draw(st.integers(OLDEST_MS, NEWEST_MS))
    price, quantity = draw(messages.GOOD_NUMBERS), draw(messages.GOOD_NUMBERS)
    received = iso_utc(draw(st.integers(OLDEST_MS * 1000, 253_000_000_000_000_000)) * 1000)
    exact = msgspec.UNSET if draw(st.booleans()) else draw(st.integers(0, 10**17 - 1))
    identity = event_id(exchange, symbol, trade_id)
    taker_sold = draw(st.booleans())
    return Trade(identity, "trade", exchange, symbol, price, quantity, time, received, taker_sold, trade_id, exact)


@given(st.lists(trades(), min_size=20, max_size=20))
@settings(max_examples=25, suppress_health_check=list(HealthCheck))
def test_what_the_producer_writes_is_taken_with_every_digit(database: DuckDBPyConnection, made: list[Trade]) -> None:
    found = read(database, map(encode, made))
    assert found == [as_row(trade, offset) for offset, trade in enumerate(made)]
    assert set(found[0]) == set(LANDED)


@given(st.lists(messages.messages(), min_size=40, max_size=40))
@settings(max_examples=40, suppress_health_check=list(HealthCheck))
def test_what_is_taken_is_a_trade_by_the_definition(database: DuckDBPyConnection, batch: list[bytes]) -> None:
    for offset, row in enumerate(read(database, batch)):
        trade = messages.decoded(batch[offset])
        assert not row["valid"] or row == (trade and as_row(trade, offset)), batch[offset]


@given(st.integers(0, 10_000), st.binary(max_size=3), st.integers(0, 3))
@settings(max_examples=300, suppress_health_check=list(HealthCheck))
def test_a_damaged_message_is_taken_only_if_it_is_a_trade(
    database: DuckDBPyConnection, where: int, put: bytes, out: int
) -> None:
    text = messages.produced().encode()
    at = where % len(text)
    message = text[:at] + put + text[at + out :]
    ((row),) = read(database, [message])
    trade = messages.decoded(message)
    assert not row["valid"] or (trade and encode(trade), row) == (message, trade and as_row(trade, 0))


ODD = [
    *((name, value) for name, (_, odd) in messages.FIELDS.items() for value in odd),
    *((name, value) for name in ("price", "quantity") for value in messages.NO_NUMBERS),
    *(("price", value) for value in ("10000000000", "9999999999.9999999999999", "1000000000001")),
    *(("quantity", value) for value in ("100000000000000", "0.000000001", "1000000000000.00000001")),
    *(("timestamp", f"{value}.000000Z") for value in ("2008-12-31T23:59:59", "9999-01-01T00:00:00")),
    *(("timestamp", f"2021-{value}.000000Z") for value in ("02-30T00:00:00", "01-08T24:00:00", "01-08T23:59:60")),
    *(("event_id", messages.own_id({"exchange": "binance", "symbol": "BTCUSDT", "trade_id": each})) for each in (1, 2)),
]


@pytest.mark.parametrize(("name", "value"), ODD)
def test_a_field_that_is_odd_is_taken_only_if_it_is_right(
    database: DuckDBPyConnection, name: str, value: str | float | None
) -> None:
    message = messages.produced(**{name: value}).encode()
    trade = messages.decoded(message)
    ((row),) = read(database, [message])
    is_plain = (
        trade is not None and encode(trade) == message and len(trade.timestamp) == len("2021-01-08T00:00:00.301877Z")
    )
    assert row["valid"] == is_plain
    assert not row["valid"] or row == (trade and as_row(trade, 0))


def test_the_largest_numbers_and_the_longest_names_are_taken(database: DuckDBPyConnection) -> None:
    name = "A" * 64
    long = Trade(
        event_id=event_id(name, name, MOST_ID),
        event_type="trade",
        exchange=name,
        symbol=name,
        price="1",
        quantity="1",
        trade_time=NEWEST_MS,
        timestamp="9998-12-31T23:59:59.999999Z",
        buyer_is_maker=False,
        trade_id=MOST_ID,
        trade_time_us=10**17 - 1,
    )
    pairs = [("9999999999.999999999999", "99.99999999"), ("0.01", "99999999999999.99999999"), ("0.000000000001", "1")]
    made = [encode(msgspec.structs.replace(long, price=price, quantity=quantity)) for price, quantity in pairs]
    assert all(amount_fits(*pair) for pair in pairs)
    assert [row["valid"] for row in read(database, made)] == [True] * 3
    assert max(map(len, made)) <= LONGEST


@pytest.mark.parametrize(
    "odd",
    [
        None,
        b"",
        b"{}",
        b"[1]",
        b"null",
        b"\xff",
        *(
            messages.produced().replace('"trade_id":', change).encode()
            for change in ('"trade_id": ', '"trade_id":0', '"trade_id":1,"trade_id":', '"more":1,"trade_id":')
        ),
        messages.produced().encode() + b" ",
        messages.produced().encode() * 2,
        messages.produced().replace("BTCUSDT", "BTC\\u0055SDT").encode(),
    ],
)
def test_what_is_written_in_another_way_is_left_to_spark(database: DuckDBPyConnection, odd: bytes | None) -> None:
    taken = [row["valid"] for row in read(database, [messages.produced().encode(), odd, messages.produced().encode()])]
    assert taken == [True, False, True]


def test_a_trade_of_the_future_is_left_to_spark(database: DuckDBPyConnection) -> None:
    value, time = messages.produced().encode(), int(messages.FIELDS["trade_time"][0])
    assert [row["valid"] for row in read(database, [value], time - AHEAD)] == [True]
    assert [row["valid"] for row in read(database, [value], time - AHEAD - 1)] == [False]
