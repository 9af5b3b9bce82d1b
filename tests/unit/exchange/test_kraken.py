from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradestream.errors import ExchangeRefusedError, RejectedError, TransientError
from tradestream.exchange.kraken import Kraken
from tradestream.exchange.repair import Gap
from tradestream.trade import Trade, event_id
from unit.exchange.contract import NOW

exchange = Kraken()


def frame(price: str = "0.5117", qty: str = "40.0", **changes: object) -> bytes:
    """Returns the documented example, with numbers as they are written and some fields changed."""
    trade = {
        "symbol": "MATIC/USD",
        "side": "sell",
        "price": "PRICE",
        "qty": "QTY",
        "ord_type": "market",
        "trade_id": 4665906,
        "timestamp": "2023-09-25T07:49:37.708706Z",
    }
    text = json.dumps({"channel": "trade", "type": "update", "data": [trade | changes]})
    return text.replace('"PRICE"', price).replace('"QTY"', qty).encode()


def one(price: str = "0.5117", qty: str = "40.0", **changes: object) -> Trade:
    """Returns the trade of the documented example, with some fields changed."""
    (trade,) = exchange.parse(frame(price, qty, **changes), NOW)
    return trade


def rejected(data: bytes) -> str:
    """Returns the reason why a frame is refused."""
    with pytest.raises(RejectedError) as refused:
        exchange.parse(data, NOW)
    return refused.value.reason


def test_a_trade_is_read_field_by_field() -> None:
    assert one() == Trade(
        event_id=event_id("kraken", "MATIC/USD", 4665906),
        event_type="trade",
        exchange="kraken",
        symbol="MATIC/USD",
        price="0.5117",
        quantity="40.0",
        trade_time=1695628177708,
        timestamp="2024-01-02T03:04:05.000000Z",
        buyer_is_maker=True,
        trade_id=4665906,
        trade_time_us=1695628177708706,
    )


def test_the_side_is_the_takers_so_the_buyer_is_the_maker_of_a_sale() -> None:
    assert one(side="sell").buyer_is_maker is True
    assert one(side="buy").buyer_is_maker is False


def test_a_message_holds_many_trades() -> None:
    message = json.loads(frame("1", "1"))
    message["data"] = [message["data"][0] | {"trade_id": number} for number in (7, 8, 9)]
    assert [trade.trade_id for trade in exchange.parse(json.dumps(message).encode(), NOW)] == [7, 8, 9]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("63000.10", "63000.10"),
        ("40", "40"),
        ("0.00000001", "0.00000001"),
        ("1E-8", "0.00000001"),
        ("1e-7", "0.0000001"),
        ("1.50E+2", "150"),
        ("1.500E2", "150.0"),
        ("123456.12345678", "123456.12345678"),
    ],
)
def test_every_digit_is_kept(written: str, kept: str) -> None:
    trade = one(written, written)
    assert (trade.price, trade.quantity) == (kept, kept)


@given(
    st.from_regex(r"(0\.0{0,1}[1-9][0-9]{0,2}|[1-9][0-9]?(\.[0-9]{1,4})?)", fullmatch=True),
    st.integers(-4, 3),
    st.sampled_from(["e", "E"]),
)
def test_a_number_is_kept_exactly_however_it_is_written(plain: str, shift: int, letter: str) -> None:
    assert one(plain, plain).price == plain
    shifted = one(f"{plain}{letter}{shift}", f"{plain}{letter}{shift:+d}")
    whole, _, fraction = plain.partition(".")
    assert Decimal(shifted.price) * 10 ** (20 + len(fraction)) == int(whole + fraction) * 10 ** (20 + shift)
    assert shifted.quantity == shifted.price
    assert "e" not in shifted.price.lower()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (frame("0"), "invalid_value"),
        (frame("0.0"), "invalid_value"),
        (frame("-0.5"), "invalid_value"),
        (frame("0e5"), "invalid_value"),
        (frame("-1e-8"), "invalid_value"),
        (frame("1e-19"), "invalid_value"),
        (frame("1e20"), "invalid_value"),
        (frame("1e999"), "invalid_value"),
        (frame("1e999999999"), "invalid_value"),
        (frame("1" * 1000), "invalid_value"),
        (frame("NaN"), "malformed_json"),
        (frame("Infinity"), "malformed_json"),
        (frame("01"), "malformed_json"),
        (frame('"0.5"'), "wrong_type"),
        (frame("null"), "wrong_type"),
        (frame("[]"), "wrong_type"),
        (frame(qty="-40.0"), "invalid_value"),
        (frame(side="b"), "invalid_value"),
        (frame(trade_id=-1), "invalid_value"),
        (frame(timestamp=1695628177), "wrong_type"),
        (frame(timestamp="1969-09-25T07:49:37Z"), "invalid_value"),
        (b'{"channel":"trade","data":[{}]}', "missing_field"),
        (b'{"channel":"trade"}', "missing_field"),
        (b'{"channel":"ticker","data":[]}', "unexpected_message"),
        (b"{}", "unexpected_message"),
        (b"[]", "wrong_type"),
        (b"", "malformed_json"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    assert rejected(data) == reason


@pytest.mark.parametrize(
    "message",
    [
        b'{"channel":"heartbeat"}',
        b'{"channel":"status","type":"update","data":[{"api_version":"v2","connection_id":1,"system":"online"}]}',
        b'{"method":"subscribe","result":{"channel":"trade","snapshot":false,"symbol":"BTC/USD"},"success":true}',
        b'{"method":"pong","time_in":"2023-09-25T09:04:31.742599Z","time_out":"2023-09-25T09:04:31.742648Z"}',
    ],
)
def test_heartbeats_and_answers_are_no_trades_and_no_errors(message: bytes) -> None:
    assert not exchange.parse(message, NOW)


def test_a_refused_subscription_is_told_with_its_reason() -> None:
    message = b'{"error":"Currency pair not supported XBT/USDC","method":"subscribe","success":false}'
    with pytest.raises(ExchangeRefusedError, match="Currency pair not supported XBT/USDC"):
        exchange.parse(message, NOW)


def test_trades_are_subscribed_to_without_those_from_before() -> None:
    assert exchange.stream_url("wss://ws.kraken.com/", ["BTC/USD"], quotes=False) == "wss://ws.kraken.com/v2"
    assert exchange.subscription(["BTC/USD", "DOGE/EUR"]) == (
        '{"method":"subscribe","params":{"channel":"trade","symbol":["BTC/USD","DOGE/EUR"],"snapshot":false}}'
    )


def test_pairs_are_looked_up_by_the_names_that_the_list_has() -> None:
    assert exchange.symbols_url(exchange.url, ["BTC/USD"]) == "https://api.kraken.com/0/public/AssetPairs"
    pairs = {"XXBTZUSD": {"altname": "XBTUSD", "wsname": "XBT/USD"}, "XDGEUR": {"wsname": "XDG/EUR"}}
    body = json.dumps({"error": [], "result": pairs}).encode()
    symbols = ["BTC/USD", "DOGE/EUR", "FOO/USD", "BTC/EUR"]
    assert exchange.unknown_symbols(200, body, symbols) == ["FOO/USD", "BTC/EUR"]
    with pytest.raises(TransientError, match="Rate limit"):
        exchange.unknown_symbols(200, b'{"error":["EAPI:Rate limit exceeded"]}', symbols)
    with pytest.raises(RejectedError, match="AssetPairs answered 520"):
        exchange.unknown_symbols(520, body, symbols)


@pytest.mark.parametrize(
    ("symbol", "pair"), [("BTC/USD", "XBTUSD"), ("DOGE/EUR", "XDGEUR"), ("ETH/BTC", "ETHXBT"), ("SOL/USDT", "SOLUSDT")]
)
def test_a_gap_is_asked_about_from_a_little_before_it(symbol: str, pair: str) -> None:
    url = exchange.repair_url(exchange.url, Gap(symbol, 61044953, 61044955, 1688669597827736))
    assert url == f"https://api.kraken.com/0/public/Trades?pair={pair}&since=1688669597826736000&count=1000"


def test_the_beginning_of_time_is_the_earliest_to_ask_from() -> None:
    assert "since=0&" in exchange.repair_url(exchange.url, Gap("BTC/USD", 1, 2, 0))


@pytest.mark.parametrize(
    ("seconds", "microseconds"),
    [
        ("1688669597.8277369", 1688669597827736),
        ("1688669597.827736912", 1688669597827736),
        ("1688669602.698379", 1688669602698379),
        ("1688669602", 1688669602000000),
        ("1.6886696026E9", 1688669602600000),
    ],
)
def test_a_repaired_trade_is_read_field_by_field(seconds: str, microseconds: int) -> None:
    rows = f'[["30243.40000","0.34507674",{seconds},"b","m","",61044952]]'
    body = f'{{"error":[],"result":{{"ANYKEY":{rows},"last":"1688671969993150842"}}}}'.encode()
    page = exchange.parse_repair(body, Gap("BTC/USD", 61044952, 61044952, 0), NOW)
    assert page.rest is None
    assert page.trades == [
        Trade(
            event_id=event_id("kraken", "BTC/USD", 61044952),
            event_type="trade",
            exchange="kraken",
            symbol="BTC/USD",
            price="30243.40000",
            quantity="0.34507674",
            trade_time=microseconds // 1000,
            timestamp="2024-01-02T03:04:05.000000Z",
            buyer_is_maker=False,
            trade_id=61044952,
            trade_time_us=microseconds,
        )
    ]
