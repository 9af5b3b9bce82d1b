"""What each fault of the feed is held against: the simulator's log, written before any client sees a trade."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from integration.programs import Producer, Simulator, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tradestream.trade import Trade

PAIRS = {
    "binance": ["BTCUSDT", "ETHUSDT"],
    "coinbase": ["BTC-USD", "ETH-USD"],
    "kraken": ["BTC/USD", "ETH/USD"],
}
SETTLED_SECONDS = 90.0


class Record:
    """One row of the table that `./lab faults feed` prints."""

    def __init__(self, record_property: Callable[[str, object], None]) -> None:
        self._property = record_property
        self._started = time.monotonic()

    def figures(self, producer: Producer) -> None:
        """Notes what the producer says of itself, and fails where it says that trades are missing."""
        missing = producer.metric("trades_missing_total")
        self._property("fetched", int(producer.metric("trades_backfilled_total")))
        self._property("dropped", int(producer.metric("trades_duplicate_total")))
        self._property("missing", int(missing))
        self._property("peak MiB", round(producer.peak_mebibytes()))
        assert missing == 0

    def trades(self, trades: Sequence[Trade]) -> None:
        """Notes how many trades there were, and how long all took."""
        self._property("trades", len(trades))
        self._property("seconds", round(time.monotonic() - self._started))


def all_arrived(
    simulator: Simulator, producer: Producer, pairs: Sequence[str], seconds: float = SETTLED_SECONDS
) -> None:
    """Lets the exchange fall silent, and waits until every trade is in Kafka."""
    simulator.control("pause?seconds=3600")
    made = {pair: simulator.ids(pair) for pair in pairs}

    def arrived() -> bool:
        return all(
            ids and _from(made[pair], min(ids)) <= set(ids) for pair, ids in _ids(producer.trades(), pairs).items()
        )

    wait_for("every trade", arrived, seconds)


def assert_whole(
    trades: Sequence[Trade], simulator: Simulator, pairs: Sequence[str], *, once: bool = True, in_order: bool = True
) -> None:
    """Kafka has what the exchange made from the first trade on.

    Args:
        trades: those in Kafka, in its order.
        simulator: the exchange.
        pairs: what it trades.
        once: each of them once; else some may be there twice, with the same event_id.
        in_order: by rising id; else what could not be held so long came before what was fetched.
    """
    for pair, ids in _ids(trades, pairs).items():
        found = ids if once else list(set(ids))
        assert (found if in_order else sorted(found)) == sorted(_from(simulator.ids(pair), min(ids)))
    assert len({trade.event_id for trade in trades}) == len({(trade.symbol, trade.trade_id) for trade in trades})


def _ids(trades: Sequence[Trade], pairs: Sequence[str]) -> dict[str, list[int]]:
    """Those of each pair, in Kafka's order."""
    ids: dict[str, list[int]] = {pair: [] for pair in pairs}
    for trade in trades:
        ids[trade.symbol].append(trade.trade_id)
    return ids


def _from(ids: Sequence[int], first: int) -> set[int]:
    """Those from the first on."""
    return {number for number in ids if number >= first}
