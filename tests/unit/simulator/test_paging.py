"""Every exchange's REST, asked page by page as its documents say, gives all trades of any history."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given, settings
from hypothesis import strategies as st

from tradestream.dump import Row
from tradestream.simulator.config import Connections
from tradestream.simulator.history import History
from tradestream.simulator.hub import Hub
from tradestream.simulator.service import application

_BEGIN = 1_735_689_600_000_000
Get = Callable[[str], Awaitable[Any]]


@st.composite
def histories(draw: st.DrawFn) -> list[Row]:
    """Trades with holes among their ids, many of them at the same time."""
    steps = draw(st.lists(st.tuples(st.integers(1, 4), st.integers(0, 2)), max_size=60))
    rows, trade_id, at = [], draw(st.integers(0, 10)), _BEGIN
    for ids, microseconds in steps:
        trade_id, at = trade_id + ids, at + microseconds
        rows.append(Row(trade_id, "1.5", "2.5", "3.75", at, buyer_is_maker=True))
    return rows


async def of_binance(get: Get, limit: int) -> list[int]:
    """Asks from the id after the last one of each page."""
    found: list[int] = []
    while True:
        begin = found[-1] + 1 if found else 0
        page = await get(f"/api/v3/historicalTrades?symbol=BTCUSDT&fromId={begin}&limit={limit}")
        found.extend(row["id"] for row in page)
        if not page:
            return found


async def of_coinbase(get: Get, limit: int) -> list[int]:
    """Asks for the trades before the oldest of each page."""
    found: list[int] = []
    while True:
        after = f"&after={found[-1]}" if found else ""
        page = await get(f"/products/BTC-USD/trades?limit={limit}{after}")
        found.extend(row["trade_id"] for row in page)
        if not page:
            return found[::-1]


async def of_kraken(get: Get, limit: int) -> list[int]:
    """Asks from the `last` of each page."""
    found: list[int] = []
    since = "0"
    while True:
        result = (await get(f"/0/public/Trades?pair=XBTUSD&count={limit}&since={since}"))["result"]
        found.extend(row[-1] for row in result["XXBTZUSD"])
        since = result["last"]
        if not result["XXBTZUSD"]:
            return found


@pytest.mark.parametrize(("symbol", "ask"), [("BTCUSDT", of_binance), ("BTC-USD", of_coinbase), ("BTC/USD", of_kraken)])
def test_pages_give_every_trade_once(
    symbol: str, ask: Callable[[Get, int], Coroutine[Any, Any, list[int]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio  # noqa: PLC0415 - hypothesis calls what is not a coroutine

    monkeypatch.setattr("tradestream.simulator.rest.Bucket.take", lambda *_: True)
    monkeypatch.setattr("tradestream.simulator.binance.rest._WEIGHT_A_MINUTE", 10**9)

    async def pages(rows: list[Row], limit: int) -> list[int]:
        with TemporaryDirectory() as folder, closing(History(Path(folder), symbol)) as history:
            history.append(rows)
            app = application(Hub([symbol]), {symbol: history}, Connections())
            async with TestClient(TestServer(app)) as client:

                async def get(path: str) -> Any:  # noqa: ANN401
                    async with client.get(path) as response:
                        assert response.status == 200
                        return json.loads(await response.text())

                return await ask(get, limit)

    @settings(max_examples=25)
    @given(rows=histories(), limit=st.integers(1, 20))
    def check(rows: list[Row], limit: int) -> None:
        assert asyncio.run(pages(rows, limit)) == [row.trade_id for row in rows]

    check()
