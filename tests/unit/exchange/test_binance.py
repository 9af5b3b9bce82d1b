from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradestream import dump
from tradestream.errors import RejectedError, ServerShutdownError
from tradestream.exchange.binance import Binance
from tradestream.simulator import wire
from tradestream.trade import event_id

NOW = 1_672_515_783_000_000_000

REASONS = {"malformed_json", "missing_field", "wrong_type", "invalid_value", "unexpected_message"}

exchange = Binance()


def frame(**changes: object) -> bytes:
    """Returns the documented example, with some fields changed."""
    data = {
        "e": "trade",
        "E": 1672515782136,
        "s": "BNBBTC",
        "t": 12345,
        "p": "0.00100000",
        "q": "100.00000000",
        "T": 1672515782136,
        "m": True,
        "M": True,
    }
    return json.dumps({"stream": "bnbbtc@trade", "data": data | changes}).encode()


def without(name: str) -> bytes:
    """Returns the documented example without a field."""
    message = json.loads(frame())
    del message["data"][name]
    return json.dumps(message).encode()


def rejected(data: bytes) -> str:
    """Returns the reason why a frame is refused."""
    with pytest.raises(RejectedError) as refused:
        exchange.parse(data, NOW)
    return refused.value.reason


def outcome(data: bytes) -> str:
    """Returns what became of a frame: "read", or the reason why it was refused."""
    try:
        exchange.parse(data, NOW)
    except RejectedError as refused:
        return refused.reason
    return "read"


def test_a_trade_is_read_field_by_field() -> None:
    (trade,) = exchange.parse(frame(), NOW)
    assert (trade.exchange, trade.symbol, trade.trade_id) == ("binance", "BNBBTC", 12345)
    assert (trade.price, trade.quantity) == ("0.00100000", "100.00000000")
    assert trade.trade_time == 1672515782136
    assert trade.trade_time_us is msgspec.UNSET
    assert trade.buyer_is_maker is True
    assert trade.event_id == event_id("binance", "BNBBTC", 12345)
    assert trade.timestamp == "2022-12-31T19:43:03.000000Z"


def test_microseconds_are_kept_beside_milliseconds() -> None:
    (trade,) = exchange.parse(frame(T=1672515782136789), NOW)
    assert (trade.trade_time, trade.trade_time_us) == (1672515782136, 1672515782136789)


def test_a_trade_that_the_definition_cannot_hold_is_refused() -> None:
    assert rejected(frame(p="100000", q="99999999")) == "invalid_value"
    assert rejected(frame(p="12345678901")) == "invalid_value"


def test_a_new_field_does_no_harm() -> None:
    (trade,) = exchange.parse(frame(X="new"), NOW)
    assert trade.trade_id == 12345


@pytest.mark.parametrize("answer", [b'{"result":null,"id":1}', b'{"result":null,"id":"a"}'])
def test_the_answer_to_a_request_is_no_trade_and_no_error(answer: bytes) -> None:
    assert not exchange.parse(answer, NOW)


@pytest.mark.parametrize(
    "notice",
    [
        b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}',
        b'{"data":{"e":"serverShutdown","E":1770123456789}}',
    ],
)
def test_the_notice_of_a_shutdown_is_recognised(notice: bytes) -> None:
    with pytest.raises(ServerShutdownError):
        exchange.parse(notice, NOW)


@pytest.mark.parametrize("name", ["s", "t", "p", "q", "T", "m"])
def test_a_missing_field_is_named(name: str) -> None:
    assert rejected(without(name)) == "missing_field"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"\xff\xfe", "malformed_json"),
        (b'{"stream":"a@trade","data":{"e":"\xff"}}', "malformed_json"),
        (b"[" * 100_000, "malformed_json"),
        (b"[]", "wrong_type"),
        (b"null", "wrong_type"),
        (frame(t="12345"), "wrong_type"),
        (frame(p=0.001), "wrong_type"),
        (frame(m=1), "wrong_type"),
        (frame(T=None), "wrong_type"),
        (frame(p="-0.001"), "invalid_value"),
        (frame(p="0.00000000"), "invalid_value"),
        (frame(q="1e3"), "invalid_value"),
        (frame(t=-1), "invalid_value"),
        (frame(T=0), "invalid_value"),
        (frame(T=10**17), "invalid_value"),
        (frame(t=10**30), "invalid_value"),
        (b"{}", "unexpected_message"),
        (b'{"data":[]}', "unexpected_message"),
        (b'{"code":2,"msg":"Invalid request"}', "unexpected_message"),
        (frame(e="aggTrade"), "unexpected_message"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    assert rejected(data) == reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: (
        st.lists(children) | st.dictionaries(st.sampled_from([*"estpqTm", "data", "stream", "id"]), children)
    ),
    max_leaves=20,
)


@given(st.binary(max_size=300))
@example(b"[" * 100_000)
def test_arbitrary_bytes_never_do_more_than_be_refused(data: bytes) -> None:
    assert outcome(data) in REASONS


@given(json_values, st.sampled_from([*"estpqTm"]))
def test_any_value_in_any_field_is_read_or_refused(value: object, name: str) -> None:
    assert outcome(frame(**{name: value})) in {*REASONS, "read"}


@given(st.integers(0, len(frame()) - 1), st.integers(0, 255))
def test_one_wrong_byte_is_read_or_refused(position: int, byte: int) -> None:
    damaged = bytearray(frame())
    damaged[position] = byte
    assert outcome(bytes(damaged)) in {*REASONS, "read"}


def test_real_frames_of_other_streams_are_refused(real_frames: list[bytes]) -> None:
    assert {rejected(data) for data in real_frames} == {"unexpected_message"}


@pytest.mark.parametrize("microseconds", [False, True])
def test_a_dump_sent_as_the_exchange_sends_it_is_read_back(dump_file: Path, *, microseconds: bool) -> None:
    for row in dump.read(dump_file):
        payload = wire.trade_event("BTCUSDT", row, microseconds=microseconds)
        (trade,) = exchange.parse(wire.combined("btcusdt@trade", payload).encode(), NOW)
        assert (trade.trade_id, trade.price, trade.quantity) == (row.trade_id, row.price, row.quantity)
        assert (trade.trade_time, trade.buyer_is_maker) == (row.time, row.buyer_is_maker)
        assert trade.trade_time_us == (row.time * 1000 if microseconds else msgspec.UNSET)


def test_one_connection_carries_all_symbols() -> None:
    url = exchange.stream_url("wss://stream.binance.com:9443/", ["BTCUSDT", "POLUSDT"])
    assert url == ("wss://stream.binance.com:9443/stream?streams=btcusdt@trade/polusdt@trade&timeUnit=MICROSECOND")


@pytest.mark.parametrize(
    ("stream", "rest"),
    [
        ("wss://stream.binance.com:9443", "https://api.binance.com"),
        ("wss://data-stream.binance.vision", "https://data-api.binance.vision"),
        ("ws://10.1.2.3:9443", "http://10.1.2.3:9443"),
    ],
)
def test_symbols_are_asked_for_where_the_stream_belongs(stream: str, rest: str) -> None:
    url = exchange.symbols_url(stream, ["BTCUSDT", "ETHUSDT"])
    assert url == f"{rest}/api/v3/exchangeInfo?symbols=%5B%22BTCUSDT%22%2C%22ETHUSDT%22%5D"
