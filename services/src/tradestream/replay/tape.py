"""The trades of all dumps as one stream: a symbol's by rising id, those of several symbols by time."""

from __future__ import annotations

import heapq
from contextlib import ExitStack, closing, contextmanager
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from tradestream.dump import Reader
from tradestream.errors import DumpError, RejectedError
from tradestream.exchange.common import new_trade
from tradestream.replay.files import check_order
from tradestream.replay.progress import Mark
from tradestream.trade import OLDEST_MS, encode, split_time

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence

    from tradestream.dump import Row
    from tradestream.replay.files import Dump


class Cursor:
    """How far a dump has come.

    Attributes:
        dump: the dump.
        key: of its messages.
        last_id: the last trade that was handed to Kafka's client; -1 before the first.
        done: whether that was the dump's last.
        sent: how many trades of it this run has handed over.
    """

    def __init__(self, dump: Dump, mark: Mark | None) -> None:
        self.dump = dump
        self.key = dump.symbol.encode()
        self.last_id = mark.last_id if mark else -1
        self.done = mark is not None and mark.size == dump.size
        self.sent = 0
        self._reader = Reader(dump.path, self.last_id)

    @property
    def mark(self) -> Mark:
        """What to save once Kafka has confirmed all of it."""
        return Mark(self.last_id, self.dump.size if self.done else None)

    @property
    def bytes_read(self) -> int:
        """How much of the file was read."""
        return self._reader.bytes_read

    def rows(self) -> Generator[Item]:
        """Yields the rows after `last_id`; whoever asks for the next has sent the one before."""
        for row in self._reader:
            yield Item(row.time_us, row, self)
        self.done = True

    def message(self, row: Row, received_ns: int) -> bytes:
        """Returns a row as the producer would have sent it.

        Args:
            row: one of this dump's.
            received_ns: the time of the replay, in nanoseconds since 1970.

        Raises:
            DumpError: it is no trade that everything downstream can take.
        """
        times = split_time(row.time)
        if times[0] < OLDEST_MS:
            raise DumpError(f"{self.dump.path}: trade {row.trade_id}: time {row.time} is before 2009")
        try:
            trade = new_trade(
                "binance",
                self.dump.symbol,
                row.trade_id,
                price=row.price,
                quantity=row.quantity,
                times=times,
                buyer_is_maker=row.buyer_is_maker,
                received_ns=received_ns,
            )
        except RejectedError as error:
            raise DumpError(f"{self.dump.path}: trade {row.trade_id}: {error.detail}") from error
        return encode(trade)


class Item(NamedTuple):
    """A row on the tape.

    Attributes:
        time_us: when it was traded, in microseconds since 1970.
        row: the row.
        cursor: that of its dump; its `last_id` is to be set when the row was sent.
    """

    time_us: int
    row: Row
    cursor: Cursor


@contextmanager
def play(symbols: Iterable[Sequence[Cursor]]) -> Iterator[Iterator[Item]]:
    """Gives all rows that are yet to be sent.

    Where a dump's own times fall, its ids have precedence.

    Args:
        symbols: the dumps of each symbol in their order.
    """
    with ExitStack() as stack:
        tapes = [stack.enter_context(closing(_tape(cursors))) for cursors in symbols]
        # A comparison less for each trade of what is the usual case.
        yield tapes[0] if len(tapes) == 1 else heapq.merge(*tapes, key=itemgetter(0))


def _tape(cursors: Sequence[Cursor]) -> Generator[Item]:
    before: Cursor | None = None
    for cursor in cursors:
        if before is not None:  # of a zip only its end tells where it ends
            check_order(before.dump, before.last_id, cursor.dump)
        if not cursor.done:
            with closing(cursor.rows()) as rows:
                yield from rows
        before = cursor
