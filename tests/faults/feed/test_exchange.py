"""Each fault of an exchange, on each exchange: what Kafka has in the end is what the exchange made, trade by trade.

The simulator writes every trade into its log before any client sees it; that log is the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from faults.feed.truth import PAIRS, SETTLED_SECONDS, Record, all_arrived, assert_whole
from integration.programs import Producer, Simulator, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from integration.broker import Broker

RATE = 200

pytestmark = pytest.mark.timeout(240)


@dataclass(frozen=True)
class Fault:
    """What is done to the feed, one call after the other, and what shows that it had its effect.

    Attributes:
        calls: to the simulator's control.
        shows: the metric that has to move, with its labels; none where nothing need be seen.
        settings: of the producer.
        simulator: settings of the simulator.
        exchanges: those that it can befall.
    """

    calls: tuple[str, ...]
    shows: tuple[str, dict[str, str]] | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    simulator: dict[str, Any] = field(default_factory=dict)
    exchanges: tuple[str, ...] = tuple(PAIRS)


def reconnects(reason: str) -> tuple[str, dict[str, str]]:
    return "feed_reconnects_total", {"reason": reason}


FETCHED: tuple[str, dict[str, str]] = ("trades_backfilled_total", {})
SILENT = {"silence_timeout_seconds": 1.5}

FAULTS = {
    "drop": Fault(("drop",), reconnects("closed")),
    "close": Fault(("close",), reconnects("closed")),
    "stall": Fault(("stall",), reconnects("silent"), SILENT),
    "half-open": Fault(("half-open",), reconnects("silent"), SILENT),
    "duplicate": Fault(("duplicate?trades=300",), ("trades_duplicate_total", {})),
    "reorder": Fault(("reorder?trades=50",)),
    "lose": Fault(("lose?trades=300",), FETCHED),
    "skip-ids": Fault(("skip-ids?ids=500",)),
    "skip-ids, lose": Fault(("skip-ids?ids=500", "lose?trades=50"), FETCHED),
    "malformed": Fault(("malformed?frames=7",), ("events_failed_total", {})),
    "lose, 429": Fault(("rest-status?status=429&seconds=3", "lose?trades=100"), FETCHED),
    "lose, 418": Fault(("rest-status?status=418&seconds=3", "lose?trades=100"), FETCHED),
    "lose, REST slow": Fault(("rest-slow?seconds=2&for=10", "lose?trades=100"), FETCHED),
    "lose, REST down": Fault(("rest-down?seconds=3", "lose?trades=100"), FETCHED),
    "close, REST lags": Fault(("rest-lag?seconds=2&for=15", "close"), reconnects("closed")),
    "serverShutdown": Fault(("server-shutdown?seconds=3",), reconnects("server_shutdown"), exchanges=("binance",)),
    "unit change": Fault(("unit?to=ms",), exchanges=("binance",)),
    "24 h close": Fault(
        (),
        reconnects("planned"),
        {"lifetime_seconds": 3},
        {"connections": {"lifetime_seconds": 3}},
        ("binance",),
    ),
}
CASES = [(fault, exchange) for fault, what in FAULTS.items() for exchange in what.exchanges]


@pytest.mark.parametrize(("name", "exchange"), CASES, ids=[f"{fault}-{exchange}" for fault, exchange in CASES])
def test_what_the_exchange_made_is_what_kafka_has(  # noqa: PLR0913, PLR0917 - fixtures
    tmp_path: Path, kafka: Broker, topic: str, name: str, exchange: str, record: Record
) -> None:
    fault, pairs = FAULTS[name], PAIRS[exchange]
    with Simulator(tmp_path, rate=RATE, symbols=pairs, **fault.simulator) as simulator:
        settings = {"exchange": exchange, "symbols": pairs, **fault.settings}
        with Producer(tmp_path, kafka, f"ws://127.0.0.1:{simulator.port}", topic, **settings) as producer:
            wait_for("trades", lambda: producer.metric("events_produced_total") > RATE)
            for call in fault.calls:
                simulator.control(call)
            if fault.shows is not None:
                metric, labels = fault.shows
                wait_for(f"{metric} {labels}", lambda: producer.metric(metric, **labels) > 0, SETTLED_SECONDS)
            produced = producer.metric("events_produced_total")
            wait_for("more trades", lambda: producer.metric("events_produced_total") > produced + RATE, SETTLED_SECONDS)
            all_arrived(simulator, producer, pairs)
            record.figures(producer)
            assert producer.terminate() == 0
        trades = producer.trades()
        record.trades(trades)
        assert_whole(trades, simulator, pairs)
