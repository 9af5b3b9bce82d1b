"""The way of one frame: parse, follow the ids, see to gaps, hand to Kafka."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import msgspec

from tradestream import quote
from tradestream.errors import RejectedError, ServerShutdownError
from tradestream.logs import line
from tradestream.producer.lane import Lane
from tradestream.trade import Trade, encode, iso_utc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tradestream.exchange import Exchange
    from tradestream.producer.metrics import FeedStats
    from tradestream.producer.repair import Repairer
    from tradestream.producer.resume import Seen
    from tradestream.producer.sink import KafkaSink

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


class Pipeline:
    """Takes frames of an exchange and never fails on what they hold.

    Args:
        exchange: its adapter.
        sink: the way into Kafka.
        repairer: what sees to gaps.
        stats: the feed's figures.
        hold_trades: how many trades of one symbol may wait for missing ones.
    """

    def __init__(
        self, exchange: Exchange, sink: KafkaSink, repairer: Repairer, stats: FeedStats, hold_trades: int
    ) -> None:
        self.stats = stats
        self._exchange = exchange.name
        self._parse = exchange.parse
        self._sink = sink
        self._repairer = repairer
        self._hold = hold_trades
        self._lanes = {symbol: Lane(symbol, one, sink.trades_of(symbol, one)) for symbol, one in stats.symbols.items()}

    @property
    def full(self) -> bool:
        """Whether Kafka's client has no room; nothing should be read until `make_room` returns."""
        return bool(self._sink.waiting)

    async def make_room(self) -> None:
        """Waits until Kafka's client has room again."""
        await self._sink.make_room()

    def resume(self, seen: Mapping[str, Seen]) -> None:
        """Goes on after what Kafka has; what it lacks in between is fetched."""
        for symbol, newest in seen.items():
            lane = self._lanes[symbol]
            lane.resume(newest.ids, newest.last_time_us)
            if lane.gap is not None:
                self._repairer.mend(lane)

    def drain(self) -> None:
        """Hands over what is held; what it waited for is found again at the next start."""
        for lane in self._lanes.values():
            lane.release()

    def handle(self, frames: Sequence[bytes], received_ns: int) -> bool:
        """Sends on what frames hold that came together; what cannot be read goes to the dead-letter topic.

        Returns:
            Whether the exchange announced that it will soon close this connection.

        Raises:
            ExchangeRefusedError: the exchange will not serve what was subscribed to.
        """
        ending = False
        received = received_ns / 1e9
        for frame in frames:
            try:
                for each in self._parse(frame, received_ns):
                    if isinstance(each, Trade):
                        self._take(each, received)
                    else:
                        self._sink.put_quote(each.symbol.encode(), quote.encode(each))
            except RejectedError as rejected:
                self._reject(rejected, frame, received_ns)
            except ServerShutdownError:
                ending = True
        return ending

    def _take(self, trade: Trade, received: float) -> None:
        lane = self._lanes.get(trade.symbol)
        if lane is None:
            raise RejectedError("unexpected_symbol", f"{trade.symbol} was not asked for")
        time_us = trade.time_us
        if not lane.take(trade.trade_id, time_us, encode(trade)):
            return
        stats = lane.stats
        stats.last_price = trade.price
        stats.lag.observe(received - time_us / 1e6)
        if lane.held:
            self._repairer.mend(lane)
            if len(lane.held) > self._hold:
                log.warning(line("hold_full", symbol=trade.symbol, held=len(lane.held)))
                lane.release()

    def _reject(self, rejected: RejectedError, frame: bytes, received_ns: int) -> None:
        self.stats.rejected[rejected.reason] += 1
        log.debug(line("frame_rejected", reason=rejected.reason, detail=rejected.detail))
        raw = frame.decode(errors="replace")[:_RAW_CHARACTERS]
        letter = DeadLetter(rejected.reason, self._exchange, raw, iso_utc(received_ns))
        self._sink.put_dead_letter(msgspec.json.encode(letter))
