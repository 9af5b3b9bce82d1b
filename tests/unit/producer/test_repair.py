from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, cast

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tradestream.errors import ExchangeRefusedError, RejectedError, TransientError
from tradestream.exchange import Exchange, Limits
from tradestream.exchange.repair import Gap, Page
from tradestream.ids import IdIntervals
from tradestream.producer.config import Repair
from tradestream.producer.lane import Lane
from tradestream.producer.metrics import SymbolStats
from tradestream.producer.repair import Repairer
from tradestream.producer.rest import Budget, Rest
from tradestream.producer.sink import KafkaSink
from tradestream.trade import Trade, event_id

if TYPE_CHECKING:
    from collections.abc import Iterable

QUICK = Repair(patience_seconds=0.001, hold_seconds=30, give_up_seconds=30)
PAGE = 7


def trade(number: int) -> Trade:
    return Trade(event_id("x", "A", number), "trade", "x", "A", "1", "1", number, "", True, number)  # noqa: FBT003


class Asked:
    """An exchange that issued some ids, and its REST, which answers a few at a time."""

    def __init__(self, issued: Iterable[int], *troubles: Exception | int) -> None:
        self.issued = sorted(issued)
        self.troubles = list(troubles)
        self.requests = 0

    def repair_url(self, _base: str, gap: Gap) -> str:
        """Asks from the gap's first id on."""
        return str(gap.first_id)

    async def get(self, url: str) -> tuple[int, bytes]:
        """Answers with the next trouble, or with the next few ids."""
        self.requests += 1
        if self.troubles:
            trouble = self.troubles.pop(0)
            if isinstance(trouble, Exception):
                raise trouble
            return trouble, b"{}"
        return 200, msgspec.json.encode([number for number in self.issued if number >= int(url)][:PAGE])

    def parse_repair(self, body: bytes, gap: Gap, _received_ns: int) -> Page:
        """Reads those ids."""
        ids = msgspec.json.decode(body, type=list[int])
        trades = [trade(number) for number in ids if number <= gap.last_id]
        if not ids:
            return Page([], gap)
        reached = ids[-1]
        rest = Gap(gap.symbol, reached + 1, gap.last_id, reached) if reached < gap.last_id else None
        return Page(trades, rest)


class _Sink:
    waiting = ()


class Line:
    """A lane, what came out of it, and a repairer that asks an exchange."""

    def __init__(self, asked: Asked, config: Repair = QUICK) -> None:
        self.out: list[int] = []
        self.lane = Lane("A", SymbolStats(), lambda data: self.out.append(msgspec.json.decode(data)["trade_id"]))
        exchange, rest = cast("Exchange", asked), cast("Rest", asked)
        self.repairer = Repairer(exchange, "", rest, cast("KafkaSink", _Sink()), config)

    async def take(self, *ids: int) -> None:
        """Hands trades with these ids over, as the pipeline does."""
        for number in ids:
            self.lane.take(number, number * 1000, msgspec.json.encode(trade(number)))
        if self.lane.held:
            self.repairer.mend(self.lane)

    async def settled(self) -> None:
        """Waits until nothing is being mended."""
        while self.repairer.busy:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.001)


@settings(max_examples=60)
@given(st.data())
async def test_every_issued_id_passes_once_and_in_order(data: st.DataObject) -> None:
    issued = data.draw(st.sets(st.integers(1, 80), min_size=1))
    came = data.draw(st.sets(st.sampled_from(sorted(issued)))) | {0, max(issued)}
    line = Line(Asked(issued | {0}))
    await line.take(*sorted(came))
    await line.settled()
    assert line.out == sorted(issued | {0})
    assert line.lane.gap is None
    assert line.lane.stats.missing == 0
    assert line.lane.stats.backfilled == len((issued | {0}) - came)


async def test_a_trade_that_is_only_late_is_not_asked_for() -> None:
    asked = Asked(range(10))
    line = Line(asked, Repair(patience_seconds=0.05))
    await line.take(0, 2, 1, 3)
    await line.settled()
    assert line.out == [0, 1, 2, 3]
    assert asked.requests == 0


async def test_live_trades_go_on_in_order_after_the_gap() -> None:
    line = Line(Asked(range(100)))
    await line.take(0, 50, 51)
    await line.take(52)
    assert line.out == [0]
    await line.settled()
    assert line.out == list(range(53))


@pytest.mark.parametrize(
    "trouble", [TransientError("HTTP 503"), TransientError("HTTP 429, to be asked again in 1 s")], ids=str
)
async def test_a_passing_trouble_delays_and_loses_nothing(trouble: Exception) -> None:
    line = Line(Asked(range(20), trouble))
    await line.take(0, 10)
    await line.settled()
    assert line.out == list(range(11))
    assert line.lane.stats.missing == 0


@pytest.mark.parametrize(
    "trouble", [403, 404, RejectedError("wrong_type", "not a list"), ExchangeRefusedError("too much")], ids=str
)
async def test_what_the_exchange_refuses_to_tell_counts_as_missing(
    trouble: Exception | int, caplog: pytest.LogCaptureFixture
) -> None:
    line = Line(Asked(range(20), trouble))
    await line.take(0, 10, 11)
    await line.settled()
    assert line.out == [0, 10, 11]
    assert line.lane.stats.missing == 9
    assert "trades_missing symbol=A first_id=1 last_id=9 count=9" in caplog.text


async def test_ids_that_the_exchange_does_not_know_yet_are_asked_for_again_until_time_is_up() -> None:
    asked = Asked([0])
    line = Line(asked, Repair(patience_seconds=0.001, give_up_seconds=0.5))
    await line.take(0, 3)
    await line.settled()
    assert asked.requests > 1
    assert line.out == [0, 3]
    assert line.lane.stats.missing == 2


async def test_trades_wait_for_a_gap_no_longer_than_they_may() -> None:
    asked = Asked(range(20), *[TransientError("HTTP 503")] * 3)
    line = Line(asked, Repair(patience_seconds=0.001, hold_seconds=0.05, give_up_seconds=30))
    await line.take(0, 5)
    while len(line.out) < 2:  # noqa: ASYNC110 - nobody is told
        await asyncio.sleep(0.001)
    assert line.out == [0, 5]
    await line.settled()
    assert line.out == [0, 5, 1, 2, 3, 4]
    assert line.lane.stats.missing == 0


async def test_trades_beyond_a_second_gap_wait_no_longer_than_those_beyond_the_first() -> None:
    asked = Asked(range(20), *[TransientError("HTTP 503")] * 1000)
    line = Line(asked, Repair(patience_seconds=0.001, hold_seconds=0.05, give_up_seconds=30))
    async with asyncio.timeout(10):
        await line.take(0, 5)
        while len(line.out) < 2:  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.001)
        await line.take(9)
        while len(line.out) < 3:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert line.out == [0, 5, 9]
    await line.repairer.stop()


async def test_no_more_trades_are_fetched_than_may_be() -> None:
    line = Line(Asked(range(1000)), Repair(patience_seconds=0.001, max_trades=PAGE * 2))
    await line.take(0, 100)
    await line.settled()
    assert line.out == [*range(PAGE * 2 + 1), 100]
    assert line.lane.stats.missing == 99 - PAGE * 2


async def test_what_kafka_lacks_is_fetched_before_what_is_new() -> None:
    line = Line(Asked(range(200)))
    line.lane.resume(IdIntervals([0, 60], [50, 90]), 90_000)
    line.repairer.mend(line.lane)
    await line.take(100)
    await line.settled()
    assert line.out == [*range(51, 60), *range(91, 101)]


async def test_a_stop_leaves_nothing_running() -> None:
    line = Line(Asked(range(20), *[TransientError("HTTP 503")] * 100))
    await line.take(0, 5)
    await asyncio.sleep(0.01)
    await line.repairer.stop()
    assert not line.repairer.busy


async def test_a_budget_lets_a_burst_through_and_then_keeps_its_pace() -> None:
    budget = Budget(Limits(per_second=50.0, burst=3))
    started = time.monotonic()
    for _ in range(3):
        await budget.take()
    burst = time.monotonic() - started
    for _ in range(5):
        await budget.take()
    paced = time.monotonic() - started
    assert burst < 0.02
    assert paced >= 0.095


async def test_a_closed_budget_waits_until_it_opens() -> None:
    budget = Budget(Limits(per_second=1000.0, burst=100))
    budget.close(0.1)
    started = time.monotonic()
    await budget.take()
    assert time.monotonic() - started >= 0.1
