from __future__ import annotations

import json

import pytest

from tradestream.errors import ExchangeRefusedError, RejectedError
from tradestream.exchange.coinbase import Coinbase
from tradestream.exchange.repair import Gap
from tradestream.trade import Trade, event_id
from unit.exchange.contract import NOW

exchange = Coinbase()


def frame(**changes: object) -> bytes:
    """Returns the documented example, with some fields changed."""
    match = {
        "type": "match",
        "trade_id": 82047307,
        "maker_order_id": "5f4bb11b-f065-4025-ad53-2091b10ad2cf",
        "taker_order_id": "66715b57-0167-4ae9-8b2b-75a064a923f4",
        "side": "sell",
        "size": "0.00513192",
        "price": "9314.78",
        "product_id": "BTC-USD",
        "sequence": 12038915443,
        "time": "2020-01-31T20:03:41.158814Z",
    }
    return json.dumps(match | changes).encode()


def one(**changes: object) -> Trade:
    """Returns the trade of the documented example, with some fields changed."""
    (trade,) = exchange.parse(frame(**changes), NOW)
    return trade


def rejected(data: bytes) -> str:
    """Returns the reason why a frame is refused."""
    with pytest.raises(RejectedError) as refused:
        exchange.parse(data, NOW)
    return refused.value.reason


def test_a_match_is_read_field_by_field() -> None:
    assert one() == Trade(
        event_id=event_id("coinbase", "BTC-USD", 82047307),
        event_type="trade",
        exchange="coinbase",
        symbol="BTC-USD",
        price="9314.78",
        quantity="0.00513192",
        trade_time=1580501021158,
        timestamp="2024-01-02T03:04:05.000000Z",
        buyer_is_maker=False,
        trade_id=82047307,
        trade_time_us=1580501021158814,
    )


def test_the_side_is_the_makers_so_the_buyer_is_the_maker_of_a_buy() -> None:
    assert one(side="buy").buyer_is_maker is True
    assert one(side="sell").buyer_is_maker is False


def test_the_newest_trade_before_the_subscription_is_a_trade() -> None:
    assert one(type="last_match") == one()


def test_a_time_without_microseconds_is_exact_too() -> None:
    assert one(time="2020-01-31T20:03:41Z").trade_time_us == 1580501021000000
    assert one(time="2020-01-31T21:03:41.5+01:00").trade_time == 1580501021500


@pytest.mark.parametrize(
    "message",
    [
        b'{"type":"subscriptions","channels":[{"name":"matches","product_ids":["BTC-USD"]}]}',
        b'{"type":"heartbeat","sequence":90,"last_trade_id":20,"product_id":"BTC-USD","time":"2014-11-07T08:19:28Z"}',
        b'{"type":"ticker","trade_id":20153558,"price":"4388.01000000"}',
        b'{"type":"some_type_of_tomorrow"}',
    ],
)
def test_other_types_are_ignored(message: bytes) -> None:
    assert not exchange.parse(message, NOW)


def test_a_refused_subscription_is_told_with_its_reason() -> None:
    message = b'{"type":"error","message":"Failed to subscribe","reason":"BTC-FOO is not a valid product"}'
    with pytest.raises(ExchangeRefusedError, match="BTC-FOO is not a valid product"):
        exchange.parse(message, NOW)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b'{"type":"error","message":"ErrSlowConsume"}', "unexpected_message"),
        (b'{"trade_id":1}', "unexpected_message"),
        (b"[]", "wrong_type"),
        (b"{", "malformed_json"),
        (b'{"type":"match"}', "missing_field"),
        (frame(price=9314.78), "wrong_type"),
        (frame(price="-1"), "invalid_value"),
        (frame(price="NaN"), "invalid_value"),
        (frame(size="0.0"), "invalid_value"),
        (frame(side="bid"), "invalid_value"),
        (frame(trade_id="1"), "wrong_type"),
        (frame(time="2020-01-31"), "invalid_value"),
        (frame(time="2020-01-31T20:03:41"), "invalid_value"),
        (frame(time="1969-12-31T23:59:59Z"), "invalid_value"),
        (frame(time="9999-12-31T23:59:59Z"), "invalid_value"),
    ],
)
def test_what_cannot_be_read_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    assert rejected(data) == reason


def test_of_real_frames_the_matches_are_trades_and_the_others_nothing(coinbase_frames: list[bytes]) -> None:
    trades = 0
    for data in coinbase_frames:
        sent = json.loads(data)
        events = exchange.parse(data, NOW)
        if sent["type"] not in ("match", "last_match"):
            assert not events
            continue
        (trade,) = events
        trades += 1
        assert (trade.symbol, trade.trade_id) == (sent["product_id"], sent["trade_id"])
        assert (trade.price, trade.quantity) == (sent["price"], sent["size"])
        assert trade.buyer_is_maker == (sent["side"] == "buy")
        assert sent["time"].endswith(f".{int(trade.trade_time_us or 0) % 10**6:06d}Z")
    assert trades == 107


def test_in_real_frames_a_trade_at_the_ask_is_one_whose_maker_sold(coinbase_frames: list[bytes]) -> None:
    tickers = [sent for sent in map(json.loads, coinbase_frames) if sent["type"] == "ticker"]
    taker_sides = {(sent["product_id"], sent["trade_id"]): sent["side"] for sent in tickers}
    compared = 0
    for data in coinbase_frames:
        for trade in exchange.parse(data, NOW):
            side = taker_sides.get((trade.symbol, trade.trade_id))
            if side is not None:
                compared += 1
                assert trade.buyer_is_maker == (side == "sell")
    assert compared > 50


def test_matches_are_subscribed_to_after_the_connection() -> None:
    assert exchange.stream_url("wss://ws-feed.exchange.coinbase.com", ["BTC-USD"], quotes=False) == exchange.url
    message = exchange.subscription(["BTC-USD", "ETH-EUR"])
    assert message == '{"type":"subscribe","product_ids":["BTC-USD","ETH-EUR"],"channels":["matches","heartbeat"]}'


def test_products_that_are_not_listed_or_no_longer_traded_are_unknown() -> None:
    assert exchange.symbols_url(exchange.url, ["BTC-USD"]) == "https://api.exchange.coinbase.com/products"
    products = b'[{"id":"BTC-USD","status":"online"},{"id":"XRP-BTC","status":"delisted"}]'
    assert exchange.unknown_symbols(200, products, ["BTC-USD", "XRP-BTC", "BTC-FOO"]) == ["XRP-BTC", "BTC-FOO"]
    with pytest.raises(RejectedError, match="products answered 500"):
        exchange.unknown_symbols(500, products, ["BTC-USD"])


def test_a_gap_is_asked_about_from_the_trade_before_it_to_the_one_above() -> None:
    url = exchange.repair_url(exchange.url, Gap("BTC-USD", 101, 103, 0))
    assert url == "https://api.exchange.coinbase.com/products/BTC-USD/trades?after=105&limit=5"
    url = exchange.repair_url("ws://127.0.0.1:9443", Gap("BTC-USD", 101, 5000, 0))
    assert url == "http://127.0.0.1:9443/products/BTC-USD/trades?after=1100&limit=1000"


def test_a_repaired_trade_is_the_one_that_the_feed_would_have_sent() -> None:
    row = {"trade_id": 82047307, "side": "sell", "size": "0.00513192", "price": "9314.78"}
    body = json.dumps([row | {"time": "2020-01-31T20:03:41.158814Z"}]).encode()
    page = exchange.parse_repair(body, Gap("BTC-USD", 82047307, 82047307, 0), NOW)
    assert (page.trades, page.rest) == ([one()], None)
