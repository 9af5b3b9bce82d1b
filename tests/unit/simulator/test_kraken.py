"""The simulated Kraken as its clients see it."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse
from aiohttp.test_utils import TestClient

from tradestream.dump import Row
from tradestream.simulator.history import History
from tradestream.simulator.hub import Hub

TRADE = Row(4665906, "0.51170", "40.00000000", "20.46800000", 1695628177708706, buyer_is_maker=True)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


async def ask(socket: ClientWebSocketResponse, method: str, **more: object) -> Any:  # noqa: ANN401
    """Sends a request; returns the answer without its times, which must be there."""
    await socket.send_json({"method": method, **more})
    answer = await socket.receive_json()
    assert _TIME.fullmatch(answer.pop("time_in"))
    assert _TIME.fullmatch(answer.pop("time_out"))
    return answer


def trades(*symbols: str, **more: object) -> dict[str, object]:
    """Returns the parameters of a subscription to trades."""
    return {"channel": "trade", "symbol": symbols, **more}


async def test_first_comes_a_status(exchange: TestClient[Any, Any]) -> None:
    async with exchange.ws_connect("/v2") as socket:
        status = await socket.receive_json()
    assert (status["channel"], status["type"]) == ("status", "update")
    assert status["data"][0].pop("connection_id") > 0
    assert status["data"] == [{"version": "2.0.0", "system": "online", "api_version": "v2"}]


async def test_an_update_has_numbers_with_all_their_digits(exchange: TestClient[Any, Any], hub: Hub) -> None:
    async with exchange.ws_connect("/v2") as socket:
        await socket.receive()
        assert await ask(socket, "subscribe", params=trades("DOGE/USD", snapshot=False), req_id=7) == {
            "method": "subscribe",
            "result": {"channel": "trade", "snapshot": False, "symbol": "DOGE/USD"},
            "success": True,
            "req_id": 7,
        }
        hub.publish("DOGE/USD", [TRADE, TRADE._replace(trade_id=4665907, buyer_is_maker=False)])
        text = await socket.receive_str()
    assert text == (
        '{"channel":"trade","type":"update","data":[{"symbol":"DOGE/USD","side":"sell","price":0.51170,'
        '"qty":40.00000000,"ord_type":"market","trade_id":4665906,"timestamp":"2023-09-25T07:49:37.708706Z"},'
        '{"symbol":"DOGE/USD","side":"buy","price":0.51170,"qty":40.00000000,"ord_type":"market",'
        '"trade_id":4665907,"timestamp":"2023-09-25T07:49:37.708706Z"}]}'
    )


@pytest.mark.parametrize("more", [{}, {"snapshot": True}])
async def test_a_snapshot_comes_unless_it_is_declined(
    exchange: TestClient[Any, Any], histories: dict[str, History], more: dict[str, bool]
) -> None:
    histories["BTC/USD"].append([TRADE._replace(trade_id=number) for number in range(1, 101)])
    async with exchange.ws_connect("/v2") as socket:
        await socket.receive()
        await ask(socket, "subscribe", params=trades("BTC/USD", **more))
        snapshot = await socket.receive_json()
    assert snapshot["type"] == "snapshot"
    assert [one["trade_id"] for one in snapshot["data"]] == list(range(51, 101))


async def test_each_pair_is_answered_by_itself(exchange: TestClient[Any, Any]) -> None:
    async with exchange.ws_connect("/v2") as socket:
        await socket.receive()
        refused = await ask(socket, "subscribe", params=trades("BTC/XXX", "BTC/USD"))
        assert refused == {
            "error": "Currency pair not supported BTC/XXX",
            "method": "subscribe",
            "success": False,
            "symbol": "BTC/XXX",
        }
        assert (await socket.receive_json())["success"] is True


async def test_a_subscription_ends(exchange: TestClient[Any, Any], hub: Hub) -> None:
    async with exchange.ws_connect("/v2") as socket:
        await socket.receive()
        for symbol in ("BTC/USD", "DOGE/USD"):
            await ask(socket, "subscribe", params=trades(symbol))
        twice = await ask(socket, "subscribe", params=trades("BTC/USD"))
        assert twice["error"] == "Already subscribed"
        gone = await ask(socket, "unsubscribe", params=trades("BTC/USD"))
        assert gone["result"] == {"channel": "trade", "symbol": "BTC/USD"}
        assert (await ask(socket, "unsubscribe", params=trades("BTC/USD")))["success"] is False
        hub.publish("BTC/USD", [TRADE])
        hub.publish("DOGE/USD", [TRADE])
        assert (await socket.receive_json())["data"][0]["symbol"] == "DOGE/USD"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"method":"dance"}',
        '{"method":"subscribe"}',
        '{"method":"subscribe","params":{"channel":"dance","symbol":["BTC/USD"]}}',
        '{"method":"subscribe","params":{"channel":"trade"}}',
    ],
)
async def test_a_wrong_request_is_answered_with_an_error(exchange: TestClient[Any, Any], text: str) -> None:
    async with exchange.ws_connect("/v2") as socket:
        await socket.receive()
        await socket.send_str(text)
        assert (await socket.receive_json())["error"]


async def test_a_ping_is_answered(exchange: TestClient[Any, Any]) -> None:
    async with exchange.ws_connect("/v2") as socket:
        await socket.receive()
        assert await ask(socket, "ping", req_id=101) == {"method": "pong", "req_id": 101}


async def test_an_idle_connection_gets_heartbeats_once_it_subscribed(
    exchange: TestClient[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradestream.simulator.kraken.websocket._HEARTBEAT_SECONDS", 0.05)
    async with exchange.ws_connect("/v2") as socket:
        await socket.receive()
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.2)
        await ask(socket, "subscribe", params=trades("BTC/USD"))
        assert await socket.receive_str() == '{"channel":"heartbeat"}'


async def get(exchange: TestClient[Any, Any], path: str) -> Any:  # noqa: ANN401
    """Asks over REST; returns the answer, its numbers as decimals."""
    async with exchange.get(f"/0/public/{path}") as response:
        assert response.status == 200
        return json.loads(await response.text(), parse_float=Decimal)


@pytest.mark.parametrize(
    ("symbol", "pair", "key"),
    [
        ("BTC/USD", "XBTUSD", "XXBTZUSD"),
        ("BTC/USD", "BTCUSD", "XXBTZUSD"),
        ("BTC/USD", "XXBTZUSD", "XXBTZUSD"),
        ("BTC/USD", "BTC/USD", "XXBTZUSD"),
        ("DOGE/USD", "XDGUSD", "XDGUSD"),
    ],
)
async def test_trades_are_rows_as_documented(
    exchange: TestClient[Any, Any], histories: dict[str, History], symbol: str, pair: str, key: str
) -> None:
    """Trades of one microsecond are told apart by nanoseconds."""
    histories[symbol].append([TRADE, TRADE._replace(trade_id=4665907, buyer_is_maker=False)])
    assert await get(exchange, f"Trades?pair={pair}") == {
        "error": [],
        "result": {
            key: [
                ["0.51170", "40.00000000", Decimal("1695628177.708706000"), "s", "m", "", 4665906],
                ["0.51170", "40.00000000", Decimal("1695628177.708706001"), "b", "m", "", 4665907],
            ],
            "last": "1695628177708706001",
        },
    }


async def test_trades_come_after_a_time_the_oldest_first(
    exchange: TestClient[Any, Any], histories: dict[str, History]
) -> None:
    rows = [TRADE._replace(trade_id=number, time=TRADE.time + number // 3) for number in range(3_000)]
    histories["BTC/USD"].append(rows)
    newest = (await get(exchange, "Trades?pair=XBTUSD"))["result"]
    assert [row[-1] for row in newest["XXBTZUSD"]] == list(range(2_000, 3_000))
    page = (await get(exchange, f"Trades?pair=XBTUSD&since={TRADE.time * 1000 + 1}&count=3"))["result"]
    assert [row[-1] for row in page["XXBTZUSD"]] == [2, 3, 4]
    assert page["last"] == str((TRADE.time + 1) * 1000 + 1)
    end = (await get(exchange, f"Trades?pair=XBTUSD&since={newest['last']}"))["result"]
    assert end == {"XXBTZUSD": [], "last": newest["last"]}


async def test_pairs_are_listed_by_the_names_of_rest(exchange: TestClient[Any, Any]) -> None:
    bitcoin = {"altname": "XBTUSD", "wsname": "XBT/USD", "status": "online"}
    assert (await get(exchange, "AssetPairs?pair=XBTUSD"))["result"] == {"XXBTZUSD": bitcoin}
    assert list((await get(exchange, "AssetPairs"))["result"]) == ["XXBTZUSD", "XDGUSD"]


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("Trades", "EQuery:Unknown asset pair"),
        ("Trades?pair=XBTXXX", "EQuery:Unknown asset pair"),
        ("Trades?pair=BTC-USD", "EQuery:Unknown asset pair"),
        ("AssetPairs?pair=XBTUSD,XBTXXX", "EQuery:Unknown asset pair"),
        ("Trades?pair=XBTUSD&since=now", "EGeneral:Invalid arguments:since"),
        ("Trades?pair=XBTUSD&count=-1", "EGeneral:Invalid arguments:count"),
    ],
)
async def test_a_wrong_request_has_the_exchanges_error(exchange: TestClient[Any, Any], path: str, error: str) -> None:
    assert await get(exchange, path) == {"error": [error]}


async def test_too_many_requests_are_refused(exchange: TestClient[Any, Any]) -> None:
    answers = [await get(exchange, "Trades?pair=XBTUSD") for _ in range(9)]
    assert answers[0]["error"] == []
    assert answers[-1] == {"error": ["EAPI:Rate limit exceeded"]}
