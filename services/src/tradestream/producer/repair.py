"""Fetching trades that did not come, while the live stream goes on."""

from __future__ import annotations

import asyncio
import logging
import random
import time
from typing import TYPE_CHECKING

from tradestream.errors import ExchangeRefusedError, RejectedError, TransientError
from tradestream.exchange.repair import Gap
from tradestream.logs import line
from tradestream.trade import encode

if TYPE_CHECKING:
    from tradestream.exchange import Exchange
    from tradestream.exchange.repair import Page
    from tradestream.producer.config import Repair
    from tradestream.producer.lane import Lane
    from tradestream.producer.rest import Rest
    from tradestream.producer.sink import KafkaSink

log = logging.getLogger(__name__)

_RETRY_SECONDS = (0.2, 5.0)


class GivenUpError(Exception):
    """A gap that is not repaired; says why."""


class Repairer:
    """Mends the gaps of all lanes, each lane's one after the other."""

    def __init__(self, exchange: Exchange, base: str, rest: Rest, sink: KafkaSink, config: Repair) -> None:
        self._exchange = exchange
        self._base = base
        self._rest = rest
        self._sink = sink
        self._config = config
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._holding: dict[str, asyncio.TimerHandle] = {}

    @property
    def busy(self) -> bool:
        """Whether a gap is being mended."""
        return bool(self._tasks)

    def mend(self, lane: Lane) -> None:
        """Sees to it that a lane's gaps are being mended, and that what it holds meanwhile does not wait too long."""
        symbol = lane.symbol
        if symbol not in self._holding:
            loop = asyncio.get_running_loop()
            self._holding[symbol] = loop.call_later(self._config.hold_seconds, self._release, lane)
        if symbol not in self._tasks:
            task = asyncio.create_task(self._mend(lane))
            self._tasks[symbol] = task
            task.add_done_callback(lambda _: self._mended(symbol))

    async def stop(self) -> None:
        """Ends; what is held goes on, and what has yet to be fetched is found again at the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _release(self, lane: Lane) -> None:
        del self._holding[lane.symbol]
        lane.release()

    def _mended(self, symbol: str) -> None:
        del self._tasks[symbol]
        if (holding := self._holding.pop(symbol, None)) is not None:
            holding.cancel()

    async def _mend(self, lane: Lane) -> None:
        await asyncio.sleep(self._config.patience_seconds)
        while lane.gap is not None:
            await self._mend_gap(lane, Gap(lane.symbol, *lane.gap, lane.last_time_us))

    async def _mend_gap(self, lane: Lane, gap: Gap) -> None:
        log.warning(line("gap_found", symbol=gap.symbol, first_id=gap.first_id, last_id=gap.last_id, count=gap.count))
        deadline = time.monotonic() + self._config.give_up_seconds
        fetched, rest = 0, gap
        try:
            while True:
                page = await self._ask(rest, deadline)
                fetched += self._take(lane, page)
                if self._sink.waiting:
                    await self._sink.make_room()
                reached = gap.last_id if page.rest is None else page.rest.first_id - 1
                void = lane.settle(rest.first_id, reached)
                if void:
                    log.info(line("ids_never_issued", symbol=gap.symbol, until_id=reached, count=void))
                if page.rest is None:
                    break
                rest = page.rest
                if fetched >= self._config.max_trades:
                    self._give_up(lane, rest, f"more than {self._config.max_trades} trades are missing")
                    break
        except GivenUpError as why:
            self._give_up(lane, rest, str(why))
        log.info(line("gap_closed", symbol=gap.symbol, first_id=gap.first_id, last_id=gap.last_id, fetched=fetched))

    def _give_up(self, lane: Lane, gap: Gap, why: str) -> None:
        missing = lane.give_up(gap.first_id, gap.last_id)
        ids = {"first_id": gap.first_id, "last_id": gap.last_id}
        log.error(line("trades_missing", symbol=gap.symbol, **ids, count=missing, detail=why))

    async def _ask(self, gap: Gap, deadline: float) -> Page:
        """Asks until there is an answer that tells something new.

        Raises:
            GivenUpError: the exchange refuses, or time is up.
        """
        attempt = 0
        while True:
            try:
                page = await self._ask_once(gap, deadline)
            except (ExchangeRefusedError, RejectedError) as error:
                raise GivenUpError(str(error)) from error
            except TimeoutError as error:
                raise GivenUpError("no answer in time") from error
            except TransientError as error:
                log.warning(line("repair_delayed", symbol=gap.symbol, detail=error))
            else:
                if page.trades or page.rest != gap:
                    return page
            attempt += 1
            await asyncio.sleep(self._pause(attempt, deadline))

    async def _ask_once(self, gap: Gap, deadline: float) -> Page:
        async with asyncio.timeout(max(0.0, deadline - time.monotonic())):
            status, body = await self._rest.get(self._exchange.repair_url(self._base, gap))
        if status >= 400:  # noqa: PLR2004 - HTTP's client errors
            raise ExchangeRefusedError(f"HTTP {status}: {body[:200].decode(errors='replace')}")
        return self._exchange.parse_repair(body, gap, time.time_ns())

    def _pause(self, attempt: int, deadline: float) -> float:
        """Returns a random pause that grows with each attempt.

        Raises:
            GivenUpError: it would end too late.
        """
        low, high = _RETRY_SECONDS
        pause = random.uniform(low, min(high, low * 2.0 ** min(attempt, 30)))  # noqa: S311 - no secret
        if time.monotonic() + pause > deadline:
            raise GivenUpError("the exchange did not know these ids in time")
        return pause

    def _take(self, lane: Lane, page: Page) -> int:
        new = 0
        for trade in page.trades:
            new += lane.take(trade.trade_id, trade.time_us, encode(trade))
        lane.stats.backfilled += new
        return new
