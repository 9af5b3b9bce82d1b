"""The way of one frame: parse, follow the ids, hand to Kafka."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from tradestream.errors import RejectedError, ServerShutdownError
from tradestream.logs import line
from tradestream.producer.sequence import Sequence
from tradestream.trade import encode, iso_utc

if TYPE_CHECKING:
    from tradestream.exchange import Exchange
    from tradestream.producer.metrics import FeedStats, SymbolStats
    from tradestream.producer.sink import KafkaSink
    from tradestream.trade import Trade

log = logging.getLogger(__name__)

_RAW_CHARACTERS = 65_536


class DeadLetter(msgspec.Struct, frozen=True):
    """What could not be read, as it goes to the dead-letter topic.

    Attributes:
        reason: the short word that the metric has too.
        exchange: where it came from.
        raw: its text, shortened to 65,536 characters.
        timestamp: when it was received, ISO 8601 in UTC.
    """

    reason: str
    exchange: str
    raw: str
    timestamp: str


class _Lane:
    """What belongs to one symbol, found with one look-up a trade."""

    __slots__ = ("key", "sequence", "stats")

    def __init__(self, symbol: str, stats: SymbolStats) -> None:
        self.key = symbol.encode()
        self.stats = stats
        self.sequence = Sequence()


class Pipeline:
    """Takes frames of an exchange and never fails on what they hold."""

    def __init__(self, exchange: Exchange, sink: KafkaSink, stats: FeedStats) -> None:
        self.stats = stats
        self.shutdown_announced = False
        self._exchange = exchange
        self._sink = sink
        self._lanes = {symbol: _Lane(symbol, one) for symbol, one in stats.symbols.items()}

    @property
    def full(self) -> bool:
        """Whether Kafka's client has no room; nothing should be read until `make_room` returns."""
        return bool(self._sink.waiting)

    async def make_room(self) -> None:
        """Waits until Kafka's client has room again."""
        await self._sink.make_room()

    def handle(self, frame: bytes, received_ns: int) -> None:
        """Sends the trades of a frame on; what cannot be read goes to the dead-letter topic."""
        try:
            trades = self._exchange.parse(frame, received_ns)
            for trade in trades:
                self._take(trade, received_ns)
        except RejectedError as rejected:
            self._reject(rejected, frame, received_ns)
        except ServerShutdownError:
            log.info(line("server_shutdown_announced"))
            self.shutdown_announced = True

    def _take(self, trade: Trade, received_ns: int) -> None:
        lane = self._lanes.get(trade.symbol)
        if lane is None:
            raise RejectedError("unexpected_symbol", f"{trade.symbol} was not asked for")
        stats = lane.stats
        ahead = lane.sequence.step(trade.trade_id)
        if ahead > 0:
            stats.missing += ahead
            self._log_gap(trade, ahead)
        elif ahead < 0:
            stats.duplicates += 1
        stats.last_price = trade.price
        stats.lag.observe(received_ns / 1e9 - trade.trade_time / 1e3)
        self._sink.put(lane.key, encode(trade))

    def _log_gap(self, trade: Trade, missing: int) -> None:
        first, last = trade.trade_id - missing, trade.trade_id - 1
        log.warning(line("trades_missing", symbol=trade.symbol, first_id=first, last_id=last, count=missing))

    def _reject(self, rejected: RejectedError, frame: bytes, received_ns: int) -> None:
        self.stats.rejected[rejected.reason] += 1
        log.debug(line("frame_rejected", reason=rejected.reason, detail=rejected.detail))
        raw = frame.decode(errors="replace")[:_RAW_CHARACTERS]
        letter = DeadLetter(rejected.reason, self._exchange.name, raw, iso_utc(received_ns))
        self._sink.put_dead_letter(msgspec.json.encode(letter))
