"""Where trades come from: made up, or out of a dump. Either is logged first and then told the clients."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Literal

from tradestream import dump
from tradestream.logs import line
from tradestream.simulator.market import Walk
from tradestream.simulator.wire import in_unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tradestream.dump import Row
    from tradestream.simulator.config import Replay
    from tradestream.simulator.history import History
    from tradestream.simulator.hub import Hub

log = logging.getLogger(__name__)

_TICK_SECONDS = 0.02
_BATCH = 500


async def generate(rate: float, seed: int, histories: Mapping[str, History], hub: Hub) -> None:
    """Makes up trades for ever: `rate` a second over all symbols, one symbol after the other."""
    walks = {symbol: Walk(symbol, seed, history.last) for symbol, history in histories.items()}
    names = tuple(walks)
    made, start = 0, time.monotonic()
    while True:
        due = int((time.monotonic() - start) * rate)
        now = time.time_ns() // 1000
        batch: dict[str, list[Row]] = {}
        for number in range(made, due):
            symbol = names[number % len(names)]
            batch.setdefault(symbol, []).append(walks[symbol].next(now))
        for symbol, rows in batch.items():
            histories[symbol].append(rows)
            hub.publish(symbol, rows)
        made = due
        await asyncio.sleep(_TICK_SECONDS)


async def replay(config: Replay, history: History, hub: Hub) -> None:
    """Plays a dump once; the tape stands still while nobody listens or a client is far behind."""
    history.clear()
    await hub.listener(config.pair)
    log.info(line("replay_started", file=config.file, symbol=config.pair, speed=config.speed))
    begin, played = time.monotonic(), 0
    for due, rows in _batches(dump.read(config.file), config.speed):
        ready = time.monotonic()
        await hub.listener(config.pair)
        await hub.room()
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
        seconds = in_unit(row.time, microseconds=True) / 1e6
        begin = begin or seconds
        now_due = 0.0 if speed == "max" else (seconds - begin) / speed
        if batch and (now_due - first_due > _TICK_SECONDS or len(batch) == _BATCH):
            yield due, batch
            batch, first_due = [], now_due
        batch.append(row)
        due = now_due
    if batch:
        yield due, batch
