"""Exchange to Kafka: the simulator, the producer and a real broker."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from integration.programs import Producer, Simulator, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from integration.broker import Broker


@pytest.fixture
def name(request: pytest.FixtureRequest, kafka: Broker) -> str:
    """A topic of the test's own, with its dead-letter topic."""
    topic = request.node.name.replace("[", "-").replace("]", "")
    kafka.create_topics([topic, f"{topic}-dlq"])
    return str(topic)


def test_every_trade_of_ten_pairs_arrives(tmp_path: Path, kafka: Broker, name: str) -> None:
    """What the simulator logged from the first trade on is what Kafka has, id by id, and nothing else."""
    with Simulator(tmp_path, rate=500) as exchange:
        with Producer(tmp_path, kafka, f"ws://127.0.0.1:{exchange.port}", name) as producer:
            wait_for("2,000 trades", lambda: producer.metric("events_produced_total") >= 2000)
            assert producer.metric("feed_connected", symbol="POLUSDT") == 1
            assert producer.metric("trades_missing_total") == 0
            produced = producer.metric("events_produced_total")
            assert producer.terminate() == 0
        trades = producer.trades()
    assert len(trades) >= produced
    by_symbol: dict[str, list[int]] = {}
    for trade in trades:
        by_symbol.setdefault(trade.symbol, []).append(trade.trade_id)
    assert len(by_symbol) == 10
    for symbol, ids in by_symbol.items():
        logged = exchange.ids(symbol)
        assert ids == logged[logged.index(ids[0]) : logged.index(ids[-1]) + 1]
