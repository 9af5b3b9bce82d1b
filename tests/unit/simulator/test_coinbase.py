"""The simulated Coinbase as its clients see it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient

from tradestream.dump import Row
from tradestream.simulator.history import History
from tradestream.simulator.hub import Hub

TRADE = Row(82047307, "9314.78", "0.00513192", "47.80271818", 1580501021158814, buyer_is_maker=False)


async def subscribe(socket: ClientWebSocketResponse, *products: str, channel: str = "matches") -> Any:  # noqa: ANN401
    """Subscribes; returns the answer."""
    await socket.send_json({"type": "subscribe", "product_ids": products, "channels": [channel]})
    return await socket.receive_json()


async def test_matches_are_as_documented(exchange: TestClient[Any, Any], hub: Hub) -> None:
    async with exchange.ws_connect("/") as socket:
        assert await subscribe(socket, "BTC-USD") == {
            "type": "subscriptions",
            "channels": [{"name": "matches", "product_ids": ["BTC-USD"]}],
        }
        hub.publish("BTC-USD", [TRADE])
        hub.publish("BTC-USD", [TRADE._replace(trade_id=82047308, buyer_is_maker=True)])
        first, second = await socket.receive_json(), await socket.receive_json()
    assert first == {
        "type": "match",
        "trade_id": 82047307,
        "maker_order_id": "00000000-0000-4000-8000-000004e3f14b",
        "taker_order_id": "00000000-0000-4000-9000-000004e3f14b",
        "side": "sell",
        "size": "0.00513192",
        "price": "9314.78",
        "product_id": "BTC-USD",
        "sequence": 82047307,
        "time": "2020-01-31T20:03:41.158814Z",
    }
    assert (second["trade_id"], second["side"]) == (82047308, "buy")


async def test_the_last_match_of_each_product_comes_first(
    exchange: TestClient[Any, Any], hub: Hub, histories: dict[str, History]
) -> None:
    histories["ETH-USD"].append([TRADE])
    async with exchange.ws_connect("/") as socket:
        await subscribe(socket, "BTC-USD", "ETH-USD")
        last = await socket.receive_json()
        assert (last["type"], last["product_id"], last["trade_id"]) == ("last_match", "ETH-USD", TRADE.trade_id)
        hub.publish("ETH-USD", [TRADE._replace(trade_id=82047308)])
        assert (await socket.receive_json())["type"] == "match"


async def test_channels_may_name_their_products_and_end(exchange: TestClient[Any, Any], hub: Hub) -> None:
    channels = [{"name": "matches", "product_ids": ["BTC-USD", "ETH-USD"]}]
    async with exchange.ws_connect("/") as socket:
        await socket.send_json({"type": "subscribe", "channels": channels})
        assert (await socket.receive_json())["channels"] == channels
        await socket.send_json({"type": "unsubscribe", "product_ids": ["BTC-USD"], "channels": ["matches"]})
        left = [{"name": "matches", "product_ids": ["ETH-USD"]}]
        assert (await socket.receive_json())["channels"] == left
        hub.publish("BTC-USD", [TRADE])
        hub.publish("ETH-USD", [TRADE])
        assert (await socket.receive_json())["product_id"] == "ETH-USD"


@pytest.mark.parametrize(
    ("request_", "message", "reason"),
    [
        ('{"type":"subscribe","product_ids":["BTC-XXX"],"channels":["matches"]}', "Failed to subscribe", "BTC-XXX is"),
        ('{"type":"subscribe","product_ids":["BTCUSDT"],"channels":["matches"]}', "Failed to subscribe", "BTCUSDT is"),
        ('{"type":"subscribe","product_ids":["BTC-USD"],"channels":["dance"]}', "Failed to subscribe", "dance is"),
        ('{"type":"subscribe","channels":["matches"]}', "Failed to subscribe", "You need to specify"),
        ('{"type":"subscribe"}', "Failed to subscribe", "You must specify"),
        ("{", "Malformed JSON", ""),
    ],
)
async def test_what_cannot_be_had_is_refused(
    exchange: TestClient[Any, Any], request_: str, message: str, reason: str
) -> None:
    async with exchange.ws_connect("/") as socket:
        await socket.send_str(request_)
        answer = await socket.receive_json()
    assert (answer["type"], answer["message"]) == ("error", message)
    assert answer["reason"].startswith(reason)


async def test_an_unknown_product_is_refused_as_documented(exchange: TestClient[Any, Any]) -> None:
    async with exchange.ws_connect("/") as socket:
        assert await subscribe(socket, "BTC-XXX") == {
            "type": "error",
            "message": "Failed to subscribe",
            "reason": "BTC-XXX is not a valid product",
        }


async def test_a_client_that_asks_for_nothing_is_disconnected(
    exchange: TestClient[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradestream.simulator.coinbase.websocket._SUBSCRIBE_WITHIN_SECONDS", 0.05)
    async with exchange.ws_connect("/") as socket:
        assert (await socket.receive()).type is WSMsgType.CLOSE


async def test_a_heartbeat_has_the_last_trade(
    exchange: TestClient[Any, Any], histories: dict[str, History], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradestream.simulator.coinbase.websocket._HEARTBEAT_SECONDS", 0.05)
    histories["BTC-USD"].append([TRADE])
    async with exchange.ws_connect("/") as socket:
        await subscribe(socket, "BTC-USD", channel="heartbeat")
        beat = await socket.receive_json()
    assert beat.pop("time").endswith("Z")
    assert beat == {
        "type": "heartbeat",
        "sequence": 82047307,
        "last_trade_id": 82047307,
        "product_id": "BTC-USD",
    }


async def get(exchange: TestClient[Any, Any], path: str, status: int = 200) -> tuple[Any, dict[str, str]]:
    """Asks over REST; returns the answer, whose status must be `status`, and its cursors."""
    async with exchange.get(path) as response:
        body = await response.json()
        assert response.status == status, body
        return body, {name: text for name, text in response.headers.items() if name.startswith("CB-")}


async def test_trades_are_rows_as_documented(exchange: TestClient[Any, Any], histories: dict[str, History]) -> None:
    histories["BTC-USD"].append([TRADE])
    body, cursors = await get(exchange, "/products/BTC-USD/trades")
    assert body == [
        {
            "time": "2020-01-31T20:03:41.158814Z",
            "trade_id": 82047307,
            "price": "9314.78",
            "size": "0.00513192",
            "side": "sell",
        }
    ]
    assert cursors == {"CB-BEFORE": "82047307", "CB-AFTER": "82047307"}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=3", [1500, 1499, 1498]),
        ("", range(1500, 500, -1)),
        ("limit=5000", range(1500, 500, -1)),
        ("after=5", [4, 3, 2, 1]),
        ("after=100&limit=2", [99, 98]),
        ("before=1498", [1500, 1499]),
        ("before=10&limit=2", [1500, 1499]),
        ("before=10&after=14&limit=1000", [13, 12, 11]),
        ("before=1500", []),
    ],
)
async def test_cursors_point_to_newer_and_older_pages(
    exchange: TestClient[Any, Any], histories: dict[str, History], query: str, expected: list[int]
) -> None:
    histories["BTC-USD"].append([TRADE._replace(trade_id=number) for number in range(1, 1501)])
    body, cursors = await get(exchange, f"/products/BTC-USD/trades?{query}")
    ids = [row["trade_id"] for row in body]
    assert ids == list(expected)
    assert cursors == ({"CB-BEFORE": str(ids[0]), "CB-AFTER": str(ids[-1])} if ids else {})


async def test_products_are_listed(exchange: TestClient[Any, Any]) -> None:
    products, _ = await get(exchange, "/products")
    assert [one["id"] for one in products] == ["BTC-USD", "ETH-USD"]
    assert (await get(exchange, "/products/BTC-USD"))[0] == products[0]


@pytest.mark.parametrize("path", ["/products/BTC-XXX", "/products/BTC-XXX/trades", "/products/BTCUSDT/trades"])
async def test_an_unknown_product_is_not_found(exchange: TestClient[Any, Any], path: str) -> None:
    assert (await get(exchange, path, status=404))[0] == {"message": "NotFound"}


@pytest.mark.parametrize("query", ["after=x", "before=-1", "limit=1e3"])
async def test_a_wrong_cursor_is_refused(exchange: TestClient[Any, Any], query: str) -> None:
    body, _ = await get(exchange, f"/products/BTC-USD/trades?{query}", status=400)
    assert body["message"].startswith("Invalid")


async def test_more_than_15_requests_at_once_are_refused(exchange: TestClient[Any, Any]) -> None:
    statuses = []
    for _ in range(40):
        async with exchange.get("/products") as response:
            statuses.append(response.status)
            if response.status == 429:
                assert json.loads(await response.text()) == {"message": "Public rate limit exceeded"}
                break
    assert statuses.count(200) >= 15
    assert statuses[-1] == 429
