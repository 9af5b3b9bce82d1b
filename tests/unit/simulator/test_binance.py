"""The simulated Binance as its clients see it."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient

from tradestream.dump import Row
from tradestream.simulator.binance.wire import BinanceWriter
from tradestream.simulator.config import Connections
from tradestream.simulator.history import History
from tradestream.simulator.hub import Hub

SYMBOLS = ("BTCUSDT", "ETHUSDT")
TRADE = Row(28457, "4.00000100", "12.00000000", "48.00001200", 1735689600000123, True)  # noqa: FBT003


async def ask(socket: ClientWebSocketResponse, **request: object) -> Any:  # noqa: ANN401
    """Sends a request on a WebSocket; returns the answer."""
    await socket.send_json(request)
    return await socket.receive_json()


async def test_a_combined_stream_wraps_the_trade(exchange: TestClient[Any, Any], hub: Hub) -> None:
    async with exchange.ws_connect("/stream?streams=btcusdt@trade/ethusdt@trade") as socket:
        hub.publish("BTCUSDT", [TRADE])
        text = await socket.receive_str()
    assert text == (
        '{"stream":"btcusdt@trade","data":{"e":"trade","E":1735689600000,"s":"BTCUSDT","t":28457,"p":"4.00000100",'
        '"q":"12.00000000","T":1735689600000,"m":true,"M":true}}'
    )


@pytest.mark.parametrize(("query", "time"), [("", 1735689600000), ("?timeUnit=MICROSECOND", 1735689600000123)])
async def test_a_raw_stream_has_the_unit_asked_for(
    exchange: TestClient[Any, Any], hub: Hub, query: str, time: int
) -> None:
    async with exchange.ws_connect(f"/ws/btcusdt@trade{query}") as socket:
        hub.publish("BTCUSDT", [TRADE])
        data = await socket.receive_json()
    assert (data["e"], data["s"], data["T"], data["p"]) == ("trade", "BTCUSDT", time, "4.00000100")


async def test_subscriptions_come_and_go_on_request(exchange: TestClient[Any, Any], hub: Hub) -> None:
    async with exchange.ws_connect("/ws") as socket:
        subscribed = await ask(socket, method="SUBSCRIBE", params=["btcusdt@trade", "ethusdt@trade"], id=1)
        assert subscribed == {"result": None, "id": 1}
        await ask(socket, method="UNSUBSCRIBE", params=["btcusdt@trade"], id=2)
        listed = await ask(socket, method="LIST_SUBSCRIPTIONS", id=3)
        assert listed == {"result": ["ethusdt@trade"], "id": 3}
        hub.publish("BTCUSDT", [TRADE])
        hub.publish("ETHUSDT", [TRADE])
        assert (await socket.receive_json())["s"] == "ETHUSDT"


async def test_an_unknown_symbol_is_silent(exchange: TestClient[Any, Any], hub: Hub) -> None:
    async with exchange.ws_connect("/stream?streams=nosuch@trade/ethusdt@trade") as socket:
        hub.publish("BTCUSDT", [TRADE])
        hub.publish("ETHUSDT", [TRADE])
        assert (await socket.receive_json())["stream"] == "ethusdt@trade"


@pytest.mark.parametrize(("text", "code"), [("{", 3), ('{"method":1}', 2), ('{"method":"DANCE","id":1}', 2)])
async def test_a_wrong_request_is_answered_with_a_code(exchange: TestClient[Any, Any], text: str, code: int) -> None:
    async with exchange.ws_connect("/ws") as socket:
        await socket.send_str(text)
        assert (await socket.receive_json())["code"] == code


async def test_more_than_five_messages_a_second_end_the_connection(exchange: TestClient[Any, Any]) -> None:
    async with exchange.ws_connect("/ws") as socket:
        for number in range(7):
            await socket.send_json({"method": "LIST_SUBSCRIPTIONS", "id": number})
        kinds = [(await socket.receive()).type for _ in range(7)]
    assert WSMsgType.CLOSE in kinds


class TestPings:
    """The exchange pings, and ends a connection that does not answer with the same payload."""

    @pytest.fixture
    def connections(self) -> Connections:
        """A minute is half a second."""
        return Connections(ping_seconds=0.05, pong_seconds=0.3)

    async def test_a_client_that_answers_stays(self, exchange: TestClient[Any, Any], hub: Hub) -> None:
        """A pong with the ping's payload is enough."""
        async with exchange.ws_connect("/ws/btcusdt@trade", autoping=False) as socket:
            for _ in range(10):
                ping = await socket.receive()
                assert ping.type is WSMsgType.PING
                await socket.pong(ping.data)
                await asyncio.sleep(0.2)  # the exchange takes five messages a second at most
            hub.publish("BTCUSDT", [TRADE])
            while (message := await socket.receive()).type is WSMsgType.PING:
                pass
            assert message.type is WSMsgType.TEXT

    @pytest.mark.parametrize("payload", [None, b"another"])
    async def test_a_client_without_the_same_payload_is_dropped(
        self, exchange: TestClient[Any, Any], payload: bytes | None
    ) -> None:
        """Neither silence nor another payload counts."""
        async with exchange.ws_connect("/ws/btcusdt@trade", autoping=False) as socket:
            assert (await socket.receive()).type is WSMsgType.PING
            if payload is not None:
                await socket.pong(payload)
            end = await socket.receive()
        assert (end.type, end.data) == (WSMsgType.CLOSE, 1008)


class TestLifetime:
    """The exchange ends each connection after a day."""

    @pytest.fixture
    def connections(self) -> Connections:
        """A day is a tenth of a second."""
        return Connections(lifetime_seconds=0.1)

    async def test_a_connection_ends(self, exchange: TestClient[Any, Any]) -> None:
        """The exchange closes without a notice."""
        async with exchange.ws_connect("/ws/btcusdt@trade") as socket:
            assert (await socket.receive()).type is WSMsgType.CLOSE


async def test_a_shutdown_is_announced_and_trades_go_on_until_it(exchange: TestClient[Any, Any], hub: Hub) -> None:
    async with exchange.ws_connect("/stream?streams=btcusdt@trade") as socket:
        answer = await exchange.post("/control/server-shutdown?seconds=0.3")
        assert await answer.json() == {"clients": 1}
        hub.publish("BTCUSDT", [TRADE])
        notice = await socket.receive_json()
        assert (notice["stream"], notice["data"]["e"]) == ("!serverShutdown", "serverShutdown")
        assert (await socket.receive_json())["stream"] == "btcusdt@trade"
        assert (await socket.receive()).type is WSMsgType.CLOSE


async def test_a_stalled_connection_stays_open_and_gets_nothing(exchange: TestClient[Any, Any], hub: Hub) -> None:
    async with exchange.ws_connect("/ws/btcusdt@trade") as stalled:
        await exchange.post("/control/stall")
        async with exchange.ws_connect("/ws/btcusdt@trade") as other:
            hub.publish("BTCUSDT", [TRADE])
            assert (await other.receive_json())["t"] == TRADE.trade_id
        with pytest.raises(TimeoutError):
            await stalled.receive(timeout=0.2)
        assert not stalled.closed


async def test_a_client_far_behind_is_dropped(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tradestream.simulator.hub._DROP_BEYOND", 10)
    from tradestream.simulator.hub import Client  # noqa: PLC0415

    client = Client(BinanceWriter(combined=False, microseconds=False))
    hub.clients.add(client)
    hub.subscribe(client, ["btcusdt@trade"])
    hub.publish("BTCUSDT", [TRADE] * 11)
    assert client.closing.is_set()
    assert client.backlog == 10


async def get(exchange: TestClient[Any, Any], path: str, status: int = 200) -> Any:  # noqa: ANN401
    """Asks over REST; returns the answer, whose status must be `status`."""
    async with exchange.get(f"/api/v3/{path}") as response:
        body = await response.json()
        assert response.status == status, body
        return body


async def test_historical_trades_are_rows_as_documented(
    exchange: TestClient[Any, Any], histories: dict[str, History]
) -> None:
    histories["BTCUSDT"].append([TRADE])
    assert await get(exchange, "historicalTrades?symbol=BTCUSDT&fromId=1") == [
        {
            "id": 28457,
            "price": "4.00000100",
            "qty": "12.00000000",
            "quoteQty": "48.00001200",
            "time": 1735689600000,
            "isBuyerMaker": True,
            "isBestMatch": True,
        }
    ]


async def test_no_more_than_1000_historical_trades_come_at_once(
    exchange: TestClient[Any, Any], histories: dict[str, History]
) -> None:
    histories["BTCUSDT"].append([TRADE._replace(trade_id=number) for number in range(1, 2_001)])
    page = await get(exchange, "historicalTrades?symbol=BTCUSDT&fromId=11&limit=5000")
    assert [row["id"] for row in page] == list(range(11, 1_011))
    newest = await get(exchange, "historicalTrades?symbol=BTCUSDT")
    assert [row["id"] for row in newest] == list(range(1_501, 2_001))


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("historicalTrades", -1102),
        ("historicalTrades?symbol=NOSUCH", -1121),
        ("historicalTrades?symbol=BTCUSDT&fromId=x", -1100),
        ("historicalTrades?symbol=BTCUSDT&limit=-1", -1100),
        ("exchangeInfo?symbol=NOSUCH", -1121),
        ('exchangeInfo?symbols=["BTCUSDT","NOSUCH"]', -1121),
        ("exchangeInfo?symbols=BTCUSDT", -1100),
    ],
)
async def test_a_wrong_request_has_the_exchanges_error(exchange: TestClient[Any, Any], path: str, code: int) -> None:
    error = await get(exchange, path, status=400)
    assert error["code"] == code
    assert error["msg"]


async def test_the_symbols_are_listed(exchange: TestClient[Any, Any]) -> None:
    assert [one["symbol"] for one in (await get(exchange, "exchangeInfo"))["symbols"]] == list(SYMBOLS)
    assert await get(exchange, "ping") == {}
    assert (await get(exchange, "time"))["serverTime"] > 1_700_000_000_000


async def test_too_much_weight_is_refused_until_the_minute_is_over(
    exchange: TestClient[Any, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tradestream.simulator.binance.rest._WEIGHT_A_MINUTE", 60)
    for _ in range(2):
        await get(exchange, "historicalTrades?symbol=BTCUSDT")
    async with exchange.get("/api/v3/historicalTrades?symbol=BTCUSDT") as refused:
        assert refused.status == 429
        assert 1 <= int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["X-MBX-USED-WEIGHT-1M"] == "75"
        assert json.loads(await refused.text())["code"] == -1003


@pytest.mark.parametrize(
    ("price", "bid", "ask"), [("25.35190000", "25.35164649", "25.35215351"), ("2", "1", "3"), ("0.1", "0.1", "0.2")]
)
async def test_the_best_bid_and_ask_lie_around_the_last_trade(
    exchange: TestClient[Any, Any], hub: Hub, price: str, bid: str, ask: str
) -> None:
    async with exchange.ws_connect("/stream?streams=btcusdt@bookTicker") as socket:
        hub.publish("BTCUSDT", [TRADE, TRADE._replace(trade_id=28458, price=price)])
        assert await socket.receive_str() == (
            f'{{"stream":"btcusdt@bookTicker","data":{{"u":28458,"s":"BTCUSDT","b":"{bid}","B":"12.00000000",'
            f'"a":"{ask}","A":"12.00000000"}}}}'
        )


async def test_the_other_exchanges_pairs_are_none_of_binances(exchange: TestClient[Any, Any], hub: Hub) -> None:
    async with exchange.ws_connect("/ws/btc-usd@trade/btcusdt@trade") as socket:
        hub.publish("BTC-USD", [TRADE])
        hub.publish("BTCUSDT", [TRADE])
        assert (await socket.receive_json())["s"] == "BTCUSDT"
    assert (await get(exchange, "historicalTrades?symbol=BTC-USD", status=400))["code"] == -1121


async def test_frames_of_any_length_arrive(exchange: TestClient[Any, Any], hub: Hub) -> None:
    """The length of a frame is written in one, three or nine bytes."""
    async with exchange.ws_connect("/ws", max_msg_size=0) as socket:
        await ask(socket, method="LIST_SUBSCRIPTIONS", id=1)
        for size in (0, 125, 126, 65_535, 65_536, 300_000):
            for client in hub.clients:
                client.say("x" * size)
            assert await socket.receive_str() == "x" * size
