"""The simulator's Binance with trades made in advance, so that what reads them is what is measured.

The simulator makes each trade up, logs it and writes it for its client, which costs it as much as the client pays for
reading it. Here a thousand of the simulator's trades are written once; then only ids and times are put into them. All
else (handshake, pings, back-pressure, REST) is the simulator's own.

It says its port, waits for a client, sends it the trades of the warm-up, waits for a line on its standard input, and
sends the rest; then it stays until it is ended.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, cast

import uvloop
from aiohttp import web

from tradestream.config import DEFAULT_SYMBOLS
from tradestream.simulator import frames
from tradestream.simulator.binance.wire import BinanceWriter, combined, in_unit, trade_event
from tradestream.simulator.config import Connections
from tradestream.simulator.history import History
from tradestream.simulator.hub import Client, Hub
from tradestream.simulator.market import Walk
from tradestream.simulator.service import application

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tradestream.dump import Row

_FIRST_ID = 1_000_000_000  # so that all ids have as many digits: the length of a frame does not change
_FIRST_TIME = 1_600_000_000_000_000
_ROUNDS = 100
_MOST_WAITING = 2
_POLL_SECONDS = 0.001


class Tape:
    """The trades of a client's streams, one symbol after the other, without an end."""

    def __init__(self, writer: BinanceWriter, streams: Sequence[str]) -> None:
        self._writer = writer
        self._symbols = len(streams)
        walks = {stream: Walk(stream.partition("@")[0].upper(), seed=1, last=None) for stream in streams}
        self._templates = [
            _template(writer, stream, walk.next(_FIRST_TIME)) for _ in range(_ROUNDS) for stream, walk in walks.items()
        ]
        self._whole = b"".join(self._templates)
        self._made = 0

    def next(self, most: int) -> tuple[bytes, int]:
        """Returns the frames of the next trades, `most` or fewer, and how many they are."""
        begin = self._made % len(self._templates)
        count = min(most, len(self._templates) - begin)
        whole = count == len(self._templates)
        template = self._whole if whole else b"".join(self._templates[begin : begin + count])
        at = in_unit(time.time_ns() // 1000, microseconds=self._writer.microseconds)
        numbers = [at] * (3 * count)
        numbers[1::3] = [_FIRST_ID + made // self._symbols for made in range(self._made, self._made + count)]
        self._made += count
        return template % tuple(numbers), count


def _template(writer: BinanceWriter, stream: str, row: Row) -> bytes:
    """Returns a trade's frame with %d where its time, its id and its time again belong."""
    row = row._replace(trade_id=_FIRST_ID)
    symbol, _, kind = stream.partition("@")
    payload = trade_event(symbol.upper(), row, microseconds=writer.microseconds)
    if kind == "aggTrade":
        # What cryptofeed asks for: trades of one order at one price as one, here always of one trade.
        payload = payload.replace('"e":"trade"', '"e":"aggTrade"').replace('"t":', '"a":')
    frame = frames.text(combined(stream, payload)).replace(b"%", b"%%")
    at = in_unit(row.time, microseconds=writer.microseconds)
    return frame.replace(b'":%d,' % at, b'":%d,').replace(b'":%d,' % _FIRST_ID, b'":%d,')


async def play(hub: Hub, warm_up: int, trades: int, rate: float | None) -> None:
    """Sends the trades to the first client that comes, at a rate or as quickly as it takes them."""
    while not (client := next((client for client in hub.clients if client.streams), None)):  # noqa: ASYNC110 - hub's events are of the trades of symbols
        await asyncio.sleep(_POLL_SECONDS)
    tape = Tape(cast("BinanceWriter", client.writer), list(client.streams))
    await _send(client, tape, warm_up, None)
    await asyncio.to_thread(sys.stdin.readline)
    await _send(client, tape, trades, rate)


async def _send(client: Client, tape: Tape, trades: int, rate: float | None) -> None:
    begin, sent = time.monotonic(), 0
    while sent < trades:
        due = trades if rate is None else min(trades, int((time.monotonic() - begin) * rate) + 1)
        if due > sent and client.backlog < _MOST_WAITING:
            some, count = tape.next(due - sent)
            client.offer([some])
            sent += count
            await asyncio.sleep(0)
        else:
            await asyncio.sleep(_POLL_SECONDS)


async def _serve(folder: Path, warm_up: int, trades: int, rate: float | None) -> None:
    hub = Hub(DEFAULT_SYMBOLS)
    histories = {symbol: History(folder, symbol) for symbol in DEFAULT_SYMBOLS}
    runner = web.AppRunner(application(hub, histories, Connections()), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(runner.addresses[0][1], flush=True)
    await play(hub, warm_up, trades, rate)
    await asyncio.Event().wait()


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description="Binance's trades as quickly as a client takes them.")
    parser.add_argument("folder", type=Path, help="where the simulator's logs of trades go, which stay empty")
    parser.add_argument("--warm-up", type=int, default=1000, metavar="N", help="trades before the measured ones")
    parser.add_argument("--trades", type=int, required=True, metavar="N", help="how many")
    parser.add_argument("--rate", type=float, metavar="N", help="trades a second (default: as many as possible)")
    options = parser.parse_args()
    logging.getLogger("tradestream").setLevel(logging.ERROR)  # it has a stream more than the simulator knows
    uvloop.run(_serve(options.folder, options.warm_up, options.trades, options.rate))


if __name__ == "__main__":
    main()
