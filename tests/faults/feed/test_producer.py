"""What can befall a producer and its broker: what Kafka has in the end is still what the exchange made."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from faults.feed.truth import PAIRS, Record, all_arrived, assert_whole
from integration.programs import Producer, Simulator, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from integration.broker import Broker

BOUND_MEBIBYTES = 150
"""What docs/architecture.md promises of a producer's memory, whatever is away for how long."""

pytestmark = pytest.mark.timeout(240)


@pytest.mark.parametrize("exchange", PAIRS, ids=[f"producer killed-{exchange}" for exchange in PAIRS])
def test_a_producer_that_was_killed_goes_on_where_kafka_ends(
    tmp_path: Path, kafka: Broker, topic: str, exchange: str, record: Record
) -> None:
    """The next one reads the last ids from Kafka and fetches what came since: nothing is missing, or sent twice."""
    pairs = PAIRS[exchange]
    settings = {"exchange": exchange, "symbols": pairs}
    (tmp_path / "again").mkdir()
    with Simulator(tmp_path, rate=1000, symbols=pairs) as simulator:
        url = f"ws://127.0.0.1:{simulator.port}"
        with Producer(tmp_path, kafka, url, topic, **settings) as first:
            wait_for("trades", lambda: first.metric("events_produced_total") > 1000)
            first.kill()
        made = len(simulator.ids(pairs[0]))
        wait_for("trades meanwhile", lambda: len(simulator.ids(pairs[0])) > made + 500)
        with Producer(tmp_path / "again", kafka, url, topic, **settings) as again:
            again.logged(rf"event=resumed symbols={len(pairs)}")
            wait_for("the rest", lambda: again.metric("trades_backfilled_total") >= 500 * len(pairs))
            all_arrived(simulator, again, pairs)
            record.figures(again)
            assert again.terminate() == 0
        trades = again.trades()
        record.trades(trades)
        assert_whole(trades, simulator, pairs)


@pytest.mark.parametrize("exchange", PAIRS, ids=[f"one of two killed-{exchange}" for exchange in PAIRS])
def test_two_producers_share_the_load_of_one_that_dies(
    tmp_path: Path, kafka: Broker, topic: str, exchange: str, record: Record
) -> None:
    """Both send the same trades with the same event_ids; when one is killed nothing is missing."""
    pairs = PAIRS[exchange]
    settings = {"exchange": exchange, "symbols": pairs}
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
    with Simulator(tmp_path, rate=500, symbols=pairs) as simulator:
        url = f"ws://127.0.0.1:{simulator.port}"
        with (
            Producer(tmp_path / "one", kafka, url, topic, **settings) as one,
            Producer(tmp_path / "two", kafka, url, topic, **settings) as two,
        ):
            wait_for("both", lambda: min(each.metric("events_produced_total") for each in (one, two)) > 500)
            one.kill()
            produced = two.metric("events_produced_total")
            wait_for("more", lambda: two.metric("events_produced_total") > produced + 500)
            all_arrived(simulator, two, pairs)
            record.figures(two)
            assert two.terminate() == 0
        trades = two.trades()
        record.trades(trades)
        assert_whole(trades, simulator, pairs, once=False, in_order=False)
    assert len({trade.event_id for trade in trades}) < len(trades)


@pytest.mark.timeout(2400)
@pytest.mark.parametrize("exchange", ["binance"], ids=["broker away-binance"])
def test_a_broker_that_is_away_costs_no_trade(  # noqa: PLR0913, PLR0917 - fixtures
    tmp_path: Path, kafka: Broker, topic: str, exchange: str, record: Record, request: pytest.FixtureRequest
) -> None:
    """The queue fills, the exchange drops the connection that is no longer read, and the rest comes by repair."""
    outage = float(request.config.getoption("--outage-seconds", 20.0))
    pairs = PAIRS[exchange]
    with (
        Simulator(tmp_path, rate=1000, symbols=pairs, connections={"ping_seconds": 1, "pong_seconds": 3}) as simulator,
        Producer(
            tmp_path, kafka, f"ws://127.0.0.1:{simulator.port}", topic, symbols=pairs, queue_messages=5000
        ) as producer,
    ):
        wait_for("trades", lambda: producer.metric("events_produced_total") > 1000)
        kafka.stop()
        try:
            producer.logged("event=queue_full")
            time.sleep(outage)  # what is tested is that time
        finally:
            kafka.start()
        producer.logged("event=feed_lost reason=closed")
        producer.logged("event=gap_found")
        wait_for("repair", lambda: producer.metric("trades_backfilled_total") > 0, 60)
        all_arrived(simulator, producer, pairs, seconds=60 + outage)
        record.figures(producer)
        assert producer.peak_mebibytes() < BOUND_MEBIBYTES
        assert producer.terminate() == 0
        trades = producer.trades()
        record.trades(trades)
        assert_whole(trades, simulator, pairs, in_order=False)
