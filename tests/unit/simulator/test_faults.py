"""What goes wrong on demand, as clients see it."""

from __future__ import annotations

import asyncio
import socket as sockets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Any

import aiohttp
import msgspec
import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType
from aiohttp.test_utils import TestClient
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from tradestream.dump import Row
from tradestream.simulator.config import Connections
from tradestream.simulator.control import HELP
from tradestream.simulator.faults import Answering, Making, Sending
from tradestream.simulator.history import History
from tradestream.simulator.hub import Hub
from tradestream.simulator.sources import generate

Exchange = TestClient[Any, Any]


def trade(number: int) -> Row:
    """Returns a trade with an id."""
    return Row(number, "4.00000100", "12.00000000", "48.00001200", 1735689600000123, buyer_is_maker=True)


async def control(exchange: Exchange, action: str, status: int = 200) -> str:
    """Asks for a fault; returns the answer, whose status must be `status`."""
    async with exchange.post(f"/control/{action}") as response:
        text = await response.text()
        assert response.status == status, text
        return text


def publish(hub: Hub, histories: dict[str, History], *ids: int, symbol: str = "BTCUSDT") -> None:
    """Makes trades."""
    rows = [trade(number) for number in ids]
    histories[symbol].append(rows)
    hub.publish(symbol, rows)


async def ids(socket: ClientWebSocketResponse, number: int) -> list[int]:
    """Returns the ids of so many trades."""
    return [(await socket.receive_json())["t"] for _ in range(number)]


@asynccontextmanager
async def subscribed(exchange: Exchange, name: str) -> AsyncIterator[tuple[ClientWebSocketResponse, str]]:
    """Yields a connection to an exchange that hears of a pair's trades, and the pair."""
    if name == "binance":
        async with exchange.ws_connect("/ws/btcusdt@trade") as socket:
            yield socket, "BTCUSDT"
    elif name == "coinbase":
        async with exchange.ws_connect("/") as socket:
            await socket.send_json({"type": "subscribe", "product_ids": ["BTC-USD"], "channels": ["matches"]})
            await socket.receive()
            yield socket, "BTC-USD"
    else:
        async with exchange.ws_connect("/v2") as socket:
            await socket.receive()
            params = {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": False}
            await socket.send_json({"method": "subscribe", "params": params})
            await socket.receive()
            yield socket, "BTC/USD"


NAMES = pytest.mark.parametrize("name", ["binance", "coinbase", "kraken"])


def wire_url(exchange: Exchange, path: str) -> str:
    """Returns the WebSocket address for a client that is not aiohttp's."""
    return f"ws://127.0.0.1:{exchange.port}{path}"


class TestConnections:
    """What happens to connections."""

    @NAMES
    async def test_a_close_has_a_closing_frame(self, exchange: Exchange, name: str) -> None:
        """As after 24 hours."""
        async with subscribed(exchange, name) as (socket, _):
            assert await control(exchange, "close") == '{"clients": 1}'
            assert (await socket.receive()).type is WSMsgType.CLOSE

    @NAMES
    async def test_a_drop_has_none(self, exchange: Exchange, name: str) -> None:
        """The connection is gone without a word."""
        async with subscribed(exchange, name) as (socket, _):
            await control(exchange, "drop")
            message = await socket.receive()
        assert message.type is not WSMsgType.CLOSE
        assert socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE

    async def test_another_client_sees_the_drop_as_an_error(self, exchange: Exchange) -> None:
        """The client that the producer has tells it from a close."""
        async with connect(wire_url(exchange, "/ws/btcusdt@trade")) as socket:
            await control(exchange, "drop")
            with pytest.raises(ConnectionClosedError):
                await socket.recv()

    @NAMES
    async def test_a_shutdown_comes_later(self, exchange: Exchange, name: str) -> None:
        """Only Binance says so before."""
        async with subscribed(exchange, name) as (socket, _):
            await control(exchange, "server-shutdown?seconds=0.1")
            if name == "binance":
                assert (await socket.receive_json())["e"] == "serverShutdown"
            assert (await socket.receive()).type is WSMsgType.CLOSE

    async def test_a_half_open_connection_answers_no_ping(
        self, exchange: Exchange, hub: Hub, histories: dict[str, History]
    ) -> None:
        """It stays open, silent, until the client gives it up; others go on."""
        async with connect(
            wire_url(exchange, "/ws/btcusdt@trade"), ping_interval=0.2, ping_timeout=0.3, close_timeout=0.2
        ) as socket:
            await control(exchange, "half-open")
            async with exchange.ws_connect("/ws/btcusdt@trade") as other:
                publish(hub, histories, 1)
                assert await ids(other, 1) == [1]
            with pytest.raises(ConnectionClosedError, match="keepalive ping timeout"):
                await socket.recv()
        await until(lambda: not hub.clients)

    async def test_a_half_open_connection_answers_no_close(self, exchange: Exchange, hub: Hub) -> None:
        """A client that says goodbye waits in vain."""
        socket = await connect(wire_url(exchange, "/ws"), ping_interval=None, close_timeout=0.3)
        await control(exchange, "half-open")
        await socket.close()
        assert socket.close_code == 1006
        await until(lambda: not hub.clients)

    async def test_a_text_is_sent_as_it_is(self, exchange: Exchange) -> None:
        """Whatever it is."""
        async with exchange.ws_connect("/ws") as socket:
            async with exchange.post("/control/send", data='{"half') as response:
                assert response.status == 200
            assert await socket.receive_str() == '{"half'


class TestPings:
    """A half-open connection is not pinged."""

    @pytest.fixture
    def connections(self) -> Connections:
        """Pings come at once."""
        return Connections(ping_seconds=0.05, pong_seconds=0.1)

    async def test_the_exchange_does_not_ping_either(self, exchange: Exchange, hub: Hub) -> None:
        """Nor does it end the connection for want of a pong."""
        async with exchange.ws_connect("/ws", autoping=False) as socket:
            await control(exchange, "half-open")
            with suppress(TimeoutError):
                while True:
                    assert (await socket.receive(timeout=0.4)).type is WSMsgType.PING  # what came before
            assert len(hub.clients) == 1


async def until(condition: Callable[[], bool]) -> None:
    """Waits for a condition."""
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - any condition
            await asyncio.sleep(0.01)


class TestTrades:
    """What happens to trades on their way; the log has each of them once."""

    async def test_lost_trades_are_in_the_log_and_in_rest(
        self, exchange: Exchange, hub: Hub, histories: dict[str, History]
    ) -> None:
        """Only the WebSocket lacks them."""
        async with exchange.ws_connect("/ws/btcusdt@trade") as socket:
            await control(exchange, "lose?trades=3")
            publish(hub, histories, 1, 2)
            publish(hub, histories, 3, 4)
            assert await ids(socket, 1) == [4]
        async with exchange.get("/api/v3/historicalTrades?symbol=BTCUSDT&fromId=0") as response:
            assert [row["id"] for row in await response.json()] == [1, 2, 3, 4]

    async def test_trades_come_twice(self, exchange: Exchange, hub: Hub, histories: dict[str, History]) -> None:
        """The second right after the first."""
        async with exchange.ws_connect("/ws/btcusdt@trade") as socket:
            await control(exchange, "duplicate?trades=2")
            publish(hub, histories, 1, 2, 3)
            assert await ids(socket, 5) == [1, 1, 2, 2, 3]

    @pytest.mark.parametrize("batches", [[[1, 2, 3, 4, 5]], [[1], [2], [3], [4], [5]], [[1, 2, 3], [4, 5]]])
    async def test_trades_come_after_the_next_one(
        self, exchange: Exchange, hub: Hub, histories: dict[str, History], batches: list[list[int]]
    ) -> None:
        """However they are batched."""
        async with exchange.ws_connect("/ws/btcusdt@trade") as socket:
            await control(exchange, "reorder?trades=2")
            for batch in batches:
                publish(hub, histories, *batch)
            assert await ids(socket, 5) == [2, 1, 4, 3, 5]

    def test_each_symbol_has_its_own_order(self) -> None:
        """A trade waits for one of its own symbol."""
        sending = Sending()
        sending.reorder = 2
        assert sending.sent("A", [trade(1)]) == []
        assert sending.sent("B", [trade(7)]) == []
        assert sending.sent("A", [trade(2)]) == [trade(2), trade(1)]
        assert sending.sent("B", [trade(8)]) == [trade(8), trade(7)]

    async def test_nothing_is_lost_where_nobody_listens(
        self, exchange: Exchange, hub: Hub, histories: dict[str, History]
    ) -> None:
        """So many trades are meant that somebody would have got."""
        async with exchange.ws_connect("/ws/btcusdt@trade") as socket:
            await control(exchange, "lose?trades=1")
            publish(hub, histories, 1, 2, symbol="ETHUSDT")
            publish(hub, histories, 1, 2)
            assert await ids(socket, 1) == [2]

    async def test_the_unit_of_times_changes_in_mid_stream(
        self, exchange: Exchange, hub: Hub, histories: dict[str, History]
    ) -> None:
        """And back."""
        async with exchange.ws_connect("/ws/btcusdt@trade") as socket:
            times = []
            for number, unit in zip(count(1), ("us", "ms"), strict=False):
                await control(exchange, f"unit?to={unit}")
                publish(hub, histories, number)
                times.append((await socket.receive_json())["T"])
        assert times == [1735689600000123, 1735689600000]

    @NAMES
    async def test_malformed_frames_cannot_be_read(
        self, exchange: Exchange, hub: Hub, histories: dict[str, History], name: str
    ) -> None:
        """Each in another way, and trades go on after them."""
        async with subscribed(exchange, name) as (socket, symbol):
            publish(hub, histories, 1, symbol=symbol)
            good = await socket.receive_str()
            await control(exchange, "malformed?frames=9")
            publish(hub, histories, 2, symbol=symbol)
            bad = [await socket.receive_str() for _ in range(9)]
            last = await socket.receive_str()
        assert bad[0] == bad[7] == good[: len(good) // 2]
        assert bad[1] == bad[8] == "not JSON"
        assert len(set(bad)) == 7
        assert good not in bad
        assert msgspec.json.decode(last)


class TestMaking:
    """What happens to made-up trades."""

    @pytest.fixture
    async def _trading(self, hub: Hub, histories: dict[str, History]) -> AsyncIterator[None]:
        task = asyncio.create_task(generate(500.0, 1, {"BTCUSDT": histories["BTCUSDT"]}, hub))
        yield
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    @pytest.mark.usefixtures("_trading")
    async def test_skipped_ids_are_nowhere(self, exchange: Exchange, histories: dict[str, History]) -> None:
        """Neither on the WebSocket nor in the log."""
        async with exchange.ws_connect("/ws/btcusdt@trade") as socket:
            before = (await ids(socket, 1))[0]
            await control(exchange, "skip-ids?ids=1000")
            while (after := (await ids(socket, 1))[0]) == before + 1:
                before = after
            assert after == before + 1001
            logged = [row.trade_id for row in histories["BTCUSDT"].since(before, 2)]
        assert logged == [before, after]

    @pytest.mark.usefixtures("_trading")
    async def test_a_paused_market_is_idle_and_makes_nothing_up_for_it(
        self, exchange: Exchange, histories: dict[str, History]
    ) -> None:
        """The first trade after it is the next one, and the rate is the same as before."""
        async with exchange.ws_connect("/ws/btcusdt@trade") as socket:
            await ids(socket, 1)
            await control(exchange, "pause?seconds=3600")
            with suppress(TimeoutError):
                while True:
                    await socket.receive(timeout=0.2)
            last = histories["BTCUSDT"].last
            assert last is not None
            await control(exchange, "pause?seconds=0")
            assert await ids(socket, 1) == [last.trade_id + 1]
        first = histories["BTCUSDT"].since(last.trade_id + 1, 1)[0]
        burst = [row for row in histories["BTCUSDT"].since(first.trade_id, 1000) if row.time == first.time]
        assert len(burst) < 50

    async def test_a_replay_keeps_its_ids(self, exchange: Exchange, hub: Hub) -> None:
        """They are the dump's."""
        hub.faults.making.replays = True
        assert "ids of its dump" in await control(exchange, "skip-ids?ids=5", status=400)

    async def test_a_pause_says_how_long_it_was(self) -> None:
        """So that the tape can stand still for as long."""
        making = Making()
        assert await making.pause() < 0.1
        making.pause_for(0.1)
        assert await making.pause() >= 0.1


PATHS = pytest.mark.parametrize("path", ["/api/v3/ping", "/products", "/0/public/AssetPairs"])


class TestRest:
    """What happens to requests."""

    @PATHS
    @pytest.mark.parametrize("status", [429, 418])
    async def test_a_status_comes_with_how_long_to_wait(self, exchange: Exchange, path: str, status: int) -> None:
        """Until it is ended."""
        await control(exchange, f"rest-status?status={status}&seconds=30")
        async with exchange.get(path) as response:
            assert response.status == status
            assert 28 <= int(response.headers["Retry-After"]) <= 30
            assert await response.json()
        await control(exchange, "rest-status?seconds=0")
        async with exchange.get(path) as response:
            assert response.status == 200

    @PATHS
    async def test_a_request_to_what_is_down_is_reset(self, exchange: Exchange, path: str) -> None:
        """The WebSocket and the controls work on."""
        await control(exchange, "rest-down?seconds=30")
        with pytest.raises(aiohttp.ClientConnectionError):
            await exchange.get(path)
        async with exchange.ws_connect("/ws"):
            await control(exchange, "rest-down?seconds=0")
        async with exchange.get(path) as response:
            assert response.status == 200

    async def test_an_answer_is_late(self, exchange: Exchange) -> None:
        """By as much as asked for."""
        await control(exchange, "rest-slow?seconds=0.2")
        begin = asyncio.get_running_loop().time()
        async with exchange.get("/api/v3/ping") as response:
            assert response.status == 200
        assert asyncio.get_running_loop().time() - begin >= 0.2

    async def test_each_fault_ends_by_itself(self) -> None:
        """When its time is over."""
        now = 0.0
        answering = Answering(clock=lambda: now)
        request: Any = None
        answering.refuse(429, 5)
        answering.slow(1000, 5)
        answering.down(5)
        now = 6.0
        assert await answering.meet(request) is None

    async def test_new_trades_are_known_late(self, exchange: Exchange, hub: Hub, histories: dict[str, History]) -> None:
        """On all exchanges; what was known stays known, and the WebSocket has them at once."""
        paths = {
            "BTCUSDT": "/api/v3/historicalTrades?symbol=BTCUSDT",
            "BTC-USD": "/products/BTC-USD/trades",
            "BTC/USD": "/0/public/Trades?pair=XBTUSD",
        }
        for symbol in paths:
            publish(hub, histories, 1, symbol=symbol)
        await control(exchange, "rest-lag?seconds=600")
        async with exchange.ws_connect("/ws/btcusdt@trade") as socket:
            for symbol in paths:
                publish(hub, histories, 2, symbol=symbol)
            assert await ids(socket, 1) == [2]
        for last in (1, 2):
            for path in paths.values():
                async with exchange.get(path) as response:
                    body = await response.json()
                rows = body["result"]["XXBTZUSD"] if "result" in body else body
                assert len(rows) == last
            await control(exchange, "rest-lag?for=0")


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("close?seconds=1", "unknown field `seconds`; allowed: no query"),
        ("server-shutdown?seconds=soon", "allowed: ?seconds=0..3600 (10)"),
        ("server-shutdown?seconds=-1", ">= 0"),
        ("pause?seconds=nan", "allowed: ?seconds="),
        ("pause?seconds=3601", "<= 3600"),
        ("lose?trades=1.5", "`int`"),
        ("lose?ids=1", "unknown field `ids`"),
        ("malformed?frames=1001", "<= 1000"),
        ("rest-status?status=500", "?status=429|418"),
        ("unit?to=ns", "allowed: ?to=us|ms"),
        ("unit", "missing required field `to`"),
    ],
)
async def test_a_wrong_query_is_answered_with_what_is_allowed(exchange: Exchange, action: str, reason: str) -> None:
    assert reason in await control(exchange, action, status=400)


async def test_the_help_names_all_that_there_is(exchange: Exchange) -> None:
    served = {str(route.resource.canonical) for route in exchange.app.router.routes() if route.method == "POST"}
    for path in served:
        assert f"POST {path} " in HELP
    assert HELP.count("POST") == len(served)


async def test_what_is_not_a_websocket_client_is_refused(exchange: Exchange) -> None:
    for path in ("/", "/ws", "/stream", "/v2"):
        async with exchange.get(path) as response:
            assert response.status == 400


async def test_a_client_that_reads_nothing_is_dropped(
    exchange: Exchange, hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange holds no more for it than it allows."""
    monkeypatch.setattr("tradestream.simulator.hub._DROP_BEYOND", 1_000)
    with sockets.create_connection(("127.0.0.1", exchange.port)) as lazy:
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
        head = f"GET /ws/btcusdt@trade HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n"
        await asyncio.get_running_loop().run_in_executor(None, lazy.sendall, head.encode())
        await until(lambda: bool(hub.clients))
        (client,) = hub.clients
        async with asyncio.timeout(60):
            while not client.closing.is_set():
                hub.publish("BTCUSDT", [trade(1)] * 500)
                await asyncio.sleep(0)
        assert client.backlog <= 1_000
