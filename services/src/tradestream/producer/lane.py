"""The way of one symbol's trades: each id once, by rising id, and none forgotten.

Exchanges number a symbol's trades without a gap. So an id beyond the next one means that those between have yet to
come, late or by repair; what is beyond them is held meanwhile, so that order is kept, until it may no longer wait.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tradestream.ids import FAR, IdIntervals
from tradestream.logs import line

if TYPE_CHECKING:
    from collections.abc import Callable

    from tradestream.producer.metrics import SymbolStats

log = logging.getLogger(__name__)

_MAX_INTERVALS = 1000
"""Beyond so many islands of ids the oldest are forgotten: what comes again of them is passed on again."""


class Lane:
    """Follows the ids of one symbol.

    Attributes:
        symbol: the pair as the exchange writes it.
        stats: its figures.
        held: encoded trades beyond an id that is waited for, by their ids.
        last_time_us: time of the newest trade passed on in order, in microseconds since 1970.
    """

    __slots__ = ("_known", "_lost", "_next", "_put", "held", "last_time_us", "stats", "symbol")

    def __init__(self, symbol: str, stats: SymbolStats, put: Callable[[bytes], None]) -> None:
        self.symbol = symbol
        self.stats = stats
        self.held: dict[int, bytes] = {}
        self.last_time_us = 0
        self._put = put
        self._known = IdIntervals()  # seen, never issued, or lost
        self._lost = IdIntervals()
        self._next = 0  # nothing below is waited for

    def resume(self, seen: IdIntervals, last_time_us: int) -> None:
        """Begins after the trades that Kafka has."""
        self._known = seen
        self._next = seen.ends[0] + 1
        self.last_time_us = last_time_us

    def take(self, trade_id: int, time_us: int, data: bytes) -> bool:
        """Takes a trade.

        Returns:
            Whether it was new: neither seen before nor read from Kafka.
        """
        ends = self._known.ends
        if ends and trade_id == ends[-1] + 1:
            ends[-1] = trade_id
            if trade_id == self._next:
                self._next += 1
                self.last_time_us = time_us
                self._put(data)
            else:
                self.held[trade_id] = data
            return True
        return self._take_out_of_order(trade_id, time_us, data)

    def _take_out_of_order(self, trade_id: int, time_us: int, data: bytes) -> bool:
        if self._known.starts and not self._known.starts[0] - FAR <= trade_id <= self._known.ends[-1] + FAR:
            self._begin_anew(trade_id)
        known = self._known
        if trade_id in self._lost:
            self._lost.remove(trade_id)
        elif trade_id in known:
            self.stats.duplicates += 1
            return False
        if not known.starts:
            self._next = trade_id
        elif trade_id < known.starts[0]:  # before all that is followed: nothing tells whether it came already
            self._put(data)
            return True
        known.add(trade_id, trade_id)
        if trade_id < self._next:
            self._put(data)
            return True
        self.held[trade_id] = data
        if trade_id == self._next:
            self.last_time_us = time_us
        self._forget()
        self._go_on()
        return True

    @property
    def gap(self) -> tuple[int, int] | None:
        """The first ids that have yet to come, from the first to the last; None where nothing is waited for."""
        known = self._known
        return (known.ends[0] + 1, known.starts[1] - 1) if len(known.starts) > 1 else None

    def settle(self, first_id: int, last_id: int) -> int:
        """Marks ids that have not come as never issued: nothing waits for them any more.

        Returns:
            How many these were.
        """
        before = len(self._known)
        self._known.add(first_id, last_id)
        self._go_on()
        return len(self._known) - before

    def give_up(self, first_id: int, last_id: int) -> int:
        """Marks ids that have not come as lost; one that comes all the same is passed on then.

        Returns:
            How many these were.
        """
        for first, last in self._known.without(first_id, last_id):
            self._lost.add(first, last)
        missing = self.settle(first_id, last_id)
        self.stats.missing += missing
        return missing

    def release(self) -> None:
        """Passes on what is held, by rising id; what it waited for may still come."""
        if not self.held:
            return
        for trade_id in sorted(self.held):
            self._put(self.held.pop(trade_id))
        self._next = max(self._next, self._known.ends[-1] + 1)

    def _begin_anew(self, trade_id: int) -> None:
        log.warning(line("numbering_changed", symbol=self.symbol, last_id=self._known.ends[-1], first_id=trade_id))
        self.release()
        self._known, self._lost = IdIntervals(), IdIntervals()

    def _go_on(self) -> None:
        """Passes on what was held, up to the next id that is waited for."""
        while (until := self._known.end_of(self._next)) is not None:
            for trade_id in sorted(trade_id for trade_id in self.held if trade_id <= until):
                self._put(self.held.pop(trade_id))
            self._next = until + 1

    def _forget(self) -> None:
        while len(self._known.starts) > _MAX_INTERVALS:
            del self._known.starts[0], self._known.ends[0]
            self._next = max(self._next, self._known.starts[0])
        while len(self._lost.starts) > _MAX_INTERVALS:
            del self._lost.starts[0], self._lost.ends[0]
