"""Each fault of an exchange, on each exchange: what Kafka has in the end is what the exchange made, trade by trade.

The simulator writes every trade into its log before any client sees it; that log is the truth.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from integration.programs import Producer, Simulator, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from integration.broker import Broker
    from tradestream.trade import Trade

PAIRS = {
    "binance": ["BTCUSDT", "ETHUSDT"],
    "coinbase": ["BTC-USD", "ETH-USD"],
    "kraken": ["BTC/USD", "ETH/USD"],
}
RATE = 200
SETTLED_SECONDS = 90

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
def test_what_the_exchange_made_is_what_kafka_has(
    tmp_path: Path,
    kafka: Broker,
    name: str,
    exchange: str,
    record_property: Callable[[str, object], None],
) -> None:
    fault, pairs = FAULTS[name], PAIRS[exchange]
    topic = f"{CASES.index((name, exchange))}-{exchange}"
    kafka.create_topics([topic, f"{topic}-dlq"])
    started = time.monotonic()
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
            simulator.control("pause?seconds=3600")
            wait_for("every trade", lambda: _newest(producer, pairs) == _made(simulator, pairs), SETTLED_SECONDS)
            missing = producer.metric("trades_missing_total")
            record_property("fetched", int(producer.metric("trades_backfilled_total")))
            record_property("dropped", int(producer.metric("trades_duplicate_total")))
            record_property("missing", int(missing))
            assert producer.terminate() == 0
        trades = producer.trades()
        record_property("trades", len(trades))
        record_property("seconds", round(time.monotonic() - started))
        assert missing == 0
        for pair in pairs:
            ids = [trade.trade_id for trade in trades if trade.symbol == pair]
            assert ids == [number for number in simulator.ids(pair) if number >= ids[0]]


def _newest(producer: Producer, pairs: list[str]) -> dict[str, int]:
    """The highest id of each pair in Kafka."""
    trades: list[Trade] = producer.trades()
    return {pair: max(trade.trade_id for trade in trades if trade.symbol == pair) for pair in pairs}


def _made(simulator: Simulator, pairs: list[str]) -> dict[str, int]:
    return {pair: simulator.ids(pair)[-1] for pair in pairs}
