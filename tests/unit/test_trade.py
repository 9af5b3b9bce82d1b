from __future__ import annotations

import hashlib
import json
import math
import uuid
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradestream.errors import RejectedError
from tradestream.trade import MOST_ID, Trade, amount_fits, decode, encode, event_id, iso_utc, numbers_fit, split_time

names = st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=1, max_size=20)
ids = st.integers(0, 2**62 - 1)


def trade(**changes: object) -> dict[str, object]:
    """Returns a good trade as JSON has it, with some fields changed."""
    good: dict[str, object] = {
        "event_type": "trade",
        "event_id": event_id("binance", "BTCUSDT", 553287559),
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "price": "39432.48000000",
        "quantity": "0.00026300",
        "trade_time": 1610064000278,
        "timestamp": "2021-01-08T00:00:00.301877Z",
        "buyer_is_maker": True,
        "trade_id": 553287559,
    }
    return good | changes


@given(names, names, ids)
@example("binance", "BTCUSDT", 0)
@example("binance", "BTCUSDT", 2**48)
@example("binance", "BTCUSDT", 2**62 - 1)
def test_the_event_id_is_a_uuid_of_version_8_that_holds_the_trade_id(exchange: str, symbol: str, trade_id: int) -> None:
    text = event_id(exchange, symbol, trade_id)
    read = uuid.UUID(text)
    assert (str(read), read.variant, read.version) == (text, uuid.RFC_4122, 8)
    series = int.from_bytes(hashlib.sha256(f"tradestream.trade {exchange} {symbol}".encode()).digest()) >> (256 - 60)
    custom_a, custom_b, custom_c = read.int >> 80, read.int >> 64 & 0xFFF, read.int & 2**62 - 1
    assert (custom_a << 12 | custom_b, custom_c) == (series, trade_id)


@pytest.mark.parametrize("trade_id", [-1, -(2**62), 2**62, 2**63, 2**110])
def test_an_id_that_does_not_fit_has_no_event_id(trade_id: int) -> None:
    with pytest.raises(ValueError, match="between 0 and 4611686018427387903"):
        event_id("binance", "BTCUSDT", trade_id)


@given(ids, ids)
def test_event_ids_of_a_series_sort_as_its_trades(one: int, other: int) -> None:
    first, second = (event_id("binance", "BTCUSDT", trade_id) for trade_id in (one, other))
    assert (first < second) == (one < other)


def test_the_event_id_never_changes() -> None:
    """Trades already in Kafka and Parquet carry these ids."""
    assert event_id("binance", "BTCUSDT", 553287559) == "c8859203-b60f-83da-8000-000020fa7f87"


@given(st.lists(st.tuples(names, names, ids), min_size=2, max_size=2, unique=True))
@example([("a", "b:c", 1), ("a:b", "c", 1)])
@example([("a", "b", 1), ("ab", "", 1)])
def test_different_trades_have_different_event_ids(pair: list[tuple[str, str, int]]) -> None:
    first, second = (event_id(*identity) for identity in pair)
    assert first != second


def test_a_trade_is_written_as_the_contract_has_it() -> None:
    assert json.loads(encode(decode(json.dumps(trade())))) == trade()


def test_microseconds_are_in_a_field_of_their_own() -> None:
    with_us = trade(trade_time_us=1610064000278123)
    assert json.loads(encode(decode(json.dumps(with_us)))) == with_us


def test_ids_keep_62_bits() -> None:
    big = trade(trade_id=MOST_ID, event_id=event_id("binance", "BTCUSDT", MOST_ID))
    assert decode(json.dumps(big)).trade_id == 2**62 - 1


@given(st.integers(1, 10**10 - 1), st.integers(0, 12), st.data())
def test_prices_keep_every_digit(whole: int, places: int, data: st.DataObject) -> None:
    digits = data.draw(st.text("0123456789", min_size=places, max_size=places))
    price = f"{whole}.{digits}" if digits else str(whole)
    assert decode(json.dumps(trade(price=price))).price == price


@given(
    st.decimals("0.000000000001", "9999999999", places=12),
    st.decimals("0.00000001", "99999999999999", places=8),
)
def test_the_amount_of_a_trade_is_bounded(price: Decimal, quantity: Decimal) -> None:
    """Otherwise products and sums would leave the 38 digits that Spark and Parquet have."""
    wanted = Fraction(price) * math.ceil(quantity) <= 10**12
    assert amount_fits(f"{price:f}", f"{quantity:f}") is wanted


@given(
    st.from_regex(r"\A[0-9]{0,11}\.?[0-9]{0,13}\Z") | st.text(max_size=8),
    st.from_regex(r"\A[0-9]{0,15}\.?[0-9]{0,9}\Z") | st.text(max_size=8),
)
@example("0.000", "1")
@example("1", "0")
@example("1 1", "")
@example("999999.5", "999999.5")
@example("1000000", "1000000")
@example("1000000", "1000001")
@example("٣", "1")
def test_numbers_fit_as_a_trade_is_decoded(price: str, quantity: str) -> None:
    """The adapters' quick look says what the whole check of a trade says."""
    try:
        decode(json.dumps(trade(price=price, quantity=quantity)))
    except RejectedError:
        assert not numbers_fit(price, quantity)
    else:
        assert numbers_fit(price, quantity)


def test_the_amount_may_reach_its_bound() -> None:
    assert amount_fits("0.01", "99999999999999.5")
    assert not amount_fits("0.010000000001", "99999999999999.5")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", "0"),
        ("price", "0.00000000"),
        ("price", "-1"),
        ("price", "1e5"),
        ("price", "NaN"),
        ("price", "\u0661"),
        ("price", "1."),
        ("price", ".5"),
        ("price", "1\n"),
        ("price", ""),
        ("price", 39432.48),
        ("price", "12345678901"),
        ("price", "1.1234567890123"),
        ("quantity", "0"),
        ("quantity", "123456789012345"),
        ("quantity", "0.123456789"),
        ("quantity", "99999999"),
        ("trade_time", "1610064000278"),
        ("trade_time", 1610064000278000),
        ("trade_time", 1.5),
        ("trade_time", 1610064000),
        ("trade_id", -1),
        ("trade_id", 2**62),
        ("trade_id", 2**63),
        ("buyer_is_maker", "true"),
        ("event_type", "kline"),
        ("event_id", "c8859203-b60f-83da-8000-000020fa7f88"),
        ("event_id", "c8859203-b60f-53da-8000-000020fa7f87"),
        ("event_id", "C8859203-B60F-83DA-8000-000020FA7F87"),
        ("symbol", None),
        ("symbol", "../../etc"),
        ("symbol", "BTCUSDT\n"),
        ("exchange", ""),
        ("timestamp", "2021-02-30T00:00:00Z"),
        ("timestamp", "2021-01-08T00:00:00+01:00"),
        ("timestamp", "1970-01-01T00:00:00Z"),
        ("timestamp", "yesterday"),
    ],
)
def test_a_field_that_cannot_be_is_refused(field: str, value: object) -> None:
    with pytest.raises(RejectedError) as refused:
        decode(json.dumps(trade(**{field: value})))
    assert refused.value.reason == "invalid_trade"


@pytest.mark.parametrize("field", sorted(trade()))
def test_a_missing_field_is_refused(field: str) -> None:
    incomplete = {key: value for key, value in trade().items() if key != field}
    with pytest.raises(RejectedError):
        decode(json.dumps(incomplete))


@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_refused_and_nothing_else(data: bytes) -> None:
    with pytest.raises(RejectedError):
        decode(data)


@given(st.integers(0, 4_000_000_000_000_000_000))
def test_the_time_of_receipt_is_iso_with_microseconds(nanoseconds: int) -> None:
    read = datetime.fromisoformat(iso_utc(nanoseconds))
    assert read.tzinfo == UTC
    assert (read - datetime(1970, 1, 1, tzinfo=UTC)) // (read.resolution) == nanoseconds // 1000


@given(st.integers(0, 10**14 - 1))
def test_milliseconds_are_told_from_microseconds(milliseconds: int) -> None:
    assert split_time(milliseconds) == (milliseconds, msgspec.UNSET)
    microseconds = milliseconds * 1000 + 999
    if microseconds >= 10**14:
        assert split_time(microseconds) == (milliseconds, microseconds)


def test_a_trade_cannot_be_changed() -> None:
    one = decode(json.dumps(trade()))
    with pytest.raises(AttributeError):
        one.price = "1"  # type: ignore[misc]
    assert isinstance(one, Trade)
