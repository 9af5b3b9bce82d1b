from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradestream import dump
from tradestream.errors import RejectedError, ServerShutdownError
from tradestream.exchange.binance import Binance
from tradestream.exchange.repair import Gap
from tradestream.quote import Quote
from tradestream.simulator.binance import wire
from tradestream.trade import Trade, event_id

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


def one(**changes: object) -> Trade:
    """Returns the trade of the documented example, with some fields changed."""
    (trade,) = exchange.parse(frame(**changes), NOW)
    assert isinstance(trade, Trade)
    return trade


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
    trade = one()
    assert (trade.exchange, trade.symbol, trade.trade_id) == ("binance", "BNBBTC", 12345)
    assert (trade.price, trade.quantity) == ("0.00100000", "100.00000000")
    assert trade.trade_time == 1672515782136
    assert trade.trade_time_us is msgspec.UNSET
    assert trade.buyer_is_maker is True
    assert trade.event_id == event_id("binance", "BNBBTC", 12345)
    assert trade.timestamp == "2022-12-31T19:43:03.000000Z"


def test_microseconds_are_kept_beside_milliseconds() -> None:
    trade = one(T=1672515782136789)
    assert (trade.trade_time, trade.trade_time_us) == (1672515782136, 1672515782136789)


def test_a_trade_that_the_definition_cannot_hold_is_refused() -> None:
    assert rejected(frame(p="100000", q="99999999")) == "invalid_value"
    assert rejected(frame(p="12345678901")) == "invalid_value"


def test_a_new_field_does_no_harm() -> None:
    assert one(X="new").trade_id == 12345


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


def test_real_frames_of_other_streams_are_quotes_or_refused(real_frames: list[bytes]) -> None:
    quotes = [data for data in real_frames if b'@bookTicker"' in data]
    assert len(quotes) == 84
    for data in quotes:
        (quote,) = exchange.parse(data, NOW)
        sent = json.loads(data)["data"]
        assert isinstance(quote, Quote)
        assert (quote.symbol, quote.update_id) == (sent["s"], sent["u"])
        assert (quote.bid_price, quote.bid_quantity) == (sent["b"], sent["B"])
        assert (quote.ask_price, quote.ask_quantity) == (sent["a"], sent["A"])
        assert Decimal(quote.bid_price) < Decimal(quote.ask_price)
    assert {rejected(data) for data in real_frames if data not in quotes} == {"unexpected_message"}


def book(**changes: object) -> bytes:
    """Returns the documented example of a best bid and ask, with some fields changed."""
    data = {
        "u": 400900217,
        "s": "BNBUSDT",
        "b": "25.35190000",
        "B": "31.21000000",
        "a": "25.36520000",
        "A": "40.66000000",
    }
    return json.dumps({"stream": "bnbusdt@bookTicker", "data": data | changes}).replace(" ", "").encode()


def test_a_quote_is_read_field_by_field() -> None:
    assert exchange.parse(book(), NOW) == (
        Quote(
            exchange="binance",
            symbol="BNBUSDT",
            update_id=400900217,
            bid_price="25.35190000",
            bid_quantity="31.21000000",
            ask_price="25.36520000",
            ask_quantity="40.66000000",
            timestamp="2022-12-31T19:43:03.000000Z",
        ),
    )


@pytest.mark.parametrize("side", [{"b": "0.00000000", "B": "0.00000000"}, {"a": "0.00000000", "A": "0.00000000"}])
def test_a_book_with_an_empty_side_has_no_quote(side: dict[str, object]) -> None:
    assert not exchange.parse(book(**side), NOW)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"b": "-1.0"}, "invalid_value"),
        ({"A": "1e3"}, "invalid_value"),
        ({"a": 25.3}, "wrong_type"),
        ({"u": None}, "wrong_type"),
        ({"u": -1}, "invalid_value"),
    ],
)
def test_a_quote_that_cannot_be_read_is_refused(change: dict[str, object], reason: str) -> None:
    assert rejected(book(**change)) == reason


@pytest.mark.parametrize("microseconds", [False, True])
def test_a_dump_sent_as_the_exchange_sends_it_is_read_back(dump_file: Path, *, microseconds: bool) -> None:
    for row in dump.read(dump_file):
        payload = wire.trade_event("BTCUSDT", row, microseconds=microseconds)
        (trade,) = exchange.parse(wire.combined("btcusdt@trade", payload).encode(), NOW)
        assert isinstance(trade, Trade)
        assert (trade.trade_id, trade.price, trade.quantity) == (row.trade_id, row.price, row.quantity)
        assert (trade.trade_time, trade.buyer_is_maker) == (row.time, row.buyer_is_maker)
        assert trade.trade_time_us == (row.time * 1000 if microseconds else msgspec.UNSET)


def test_one_connection_carries_all_symbols() -> None:
    url = exchange.stream_url("wss://stream.binance.com:9443/", ["BTCUSDT", "POLUSDT"], quotes=False)
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


def test_quotes_come_over_the_same_connection() -> None:
    url = exchange.stream_url("ws://10.1.2.3:9443", ["BTCUSDT", "POLUSDT"], quotes=True)
    streams = "btcusdt@trade/btcusdt@bookTicker/polusdt@trade/polusdt@bookTicker"
    assert url == f"ws://10.1.2.3:9443/stream?streams={streams}&timeUnit=MICROSECOND"


def test_a_connection_carries_no_more_streams_than_the_exchange_allows() -> None:
    symbols = [f"A{number}USDT" for number in range(513)]
    exchange.stream_url(exchange.url, symbols[:512], quotes=True)
    exchange.stream_url(exchange.url, symbols, quotes=False)
    with pytest.raises(ValueError, match="1026 streams: Binance sends at most 1024"):
        exchange.stream_url(exchange.url, symbols, quotes=True)


def test_the_address_is_the_whole_subscription() -> None:
    assert exchange.subscription(["BTCUSDT"]) is None


def test_an_unknown_symbol_is_one_of_those_asked_about() -> None:
    answer = b'{"code":-1121,"msg":"Invalid symbol."}'
    assert exchange.unknown_symbols(400, answer, ["BTCUSDT", "FOOBAR"]) == ["BTCUSDT", "FOOBAR"]
    assert not exchange.unknown_symbols(200, b'{"timezone":"UTC","symbols":[]}', ["BTCUSDT"])
    for status, body in ((400, b'{"code":-1100,"msg":"Illegal characters"}'), (503, b"<html>"), (429, b"{}")):
        with pytest.raises(RejectedError):
            exchange.unknown_symbols(status, body, ["BTCUSDT"])


def test_a_gap_is_asked_about_from_its_first_id() -> None:
    url = exchange.repair_url(exchange.url, Gap("BNBBTC", 28457, 28460, 0))
    assert url == "https://api.binance.com/api/v3/historicalTrades?symbol=BNBBTC&fromId=28457&limit=4"
    url = exchange.repair_url("ws://10.1.2.3:9443", Gap("BNBBTC", 1, 5000, 0))
    assert url == "http://10.1.2.3:9443/api/v3/historicalTrades?symbol=BNBBTC&fromId=1&limit=1000"


def test_a_repaired_trade_is_the_one_that_the_stream_would_have_sent() -> None:
    body = (
        b'[{"id":12345,"price":"0.00100000","qty":"100.00000000","quoteQty":"0.10000000","time":1672515782136,'
        b'"isBuyerMaker":true,"isBestMatch":true}]'
    )
    page = exchange.parse_repair(body, Gap("BNBBTC", 12345, 12345, 0), NOW)
    assert (page.trades, page.rest) == ([one()], None)
