"""Where trades come from: made up, or out of a dump. Either is logged first and then told the clients."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal

from tradestream import dump
from tradestream.dump import Row
from tradestream.logs import line
from tradestream.simulator.config import Replay
from tradestream.simulator.history import History
from tradestream.simulator.hub import Hub
from tradestream.simulator.market import Walk
from tradestream.simulator.times import microseconds

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.02
_BATCH = 500
_MOST_A_TICK = 10_000


async def generate(rate: float, seed: int, histories: Mapping[str, History], hub: Hub) -> None:
    """Makes up trades for ever: `rate` a second over all symbols, one symbol after the other."""
    walks = {symbol: Walk(symbol, seed, history.last) for symbol, history in histories.items()}
    making = hub.faults.making
    made, start = 0, time.monotonic()
    while True:
        begin = time.monotonic()
        due = min(int((begin - start) * rate), made + _MOST_A_TICK)
        now = time.time_ns() // 1000
        for number, (symbol, walk) in enumerate(walks.items()):
            walk.skip(making.skip_ids)
            count = _turns(due, number, len(walks)) - _turns(made, number, len(walks))
            if count:
                rows = [walk.next(now) for _ in range(count)]
                histories[symbol].append(rows)
                hub.publish(symbol, rows)
        making.skip_ids = 0
        made = due
        await asyncio.sleep(max(0.0, begin + _TICK_SECONDS - time.monotonic()))
        start += await making.pause()


def _turns(trades: int, number: int, symbols: int) -> int:
    """How many of the first `trades` are of the symbol with a number, when each has its turn."""
    return (trades - number + symbols - 1) // symbols


async def replay(config: Replay, history: History, hub: Hub) -> None:
    """Plays a dump once; the tape stands still while nobody listens or a client is far behind."""
    history.clear()
    hub.faults.making.replays = True
    await hub.listener(config.pair)
    log.info(line("replay_started", file=config.file, symbol=config.pair, speed=config.speed))
    begin, played = time.monotonic(), 0
    for due, rows in _batches(dump.read(config.file), config.speed):
        ready = time.monotonic()
        await hub.listener(config.pair)
        await hub.room()
        await hub.faults.making.pause()
        begin += time.monotonic() - ready
        await asyncio.sleep(max(0.0, begin + due - time.monotonic()))
        history.append(rows)
        hub.publish(config.pair, rows)
        played += len(rows)
    log.info(line("replay_finished", symbol=config.pair, trades=played))


def _batches(rows: Iterable[Row], speed: float | Literal["max"]) -> Iterator[tuple[float, list[Row]]]:
    """Groups rows that are due within one tick; with each group comes when, in seconds from the first row."""
    batch: list[Row] = []
    begin = due = first_due = 0.0
    for row in rows:
        seconds = microseconds(row.time) / 1e6
        begin = begin or seconds
        now_due = 0.0 if speed == "max" else (seconds - begin) / speed
        if batch and (now_due - first_due > _TICK_SECONDS or len(batch) == _BATCH):
            yield due, batch
            batch, first_due = [], now_due
        batch.append(row)
        due = now_due
    if batch:
        yield due, batch
