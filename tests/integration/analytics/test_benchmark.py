"""The benchmark counts what programs have read and stored; how fast anything is, is not for a test to say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.analytics import live
from benchmarks.analytics.catch_up import catch_up
from benchmarks.analytics.market import Market, symbols
from benchmarks.analytics.rows import ROWS, Program
from benchmarks.run import BenchmarkError
from integration.broker import Broker
from integration.cluster import Cluster
from tradestream.trade import decode

pytestmark = pytest.mark.timeout(600)

TRADES = 3000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("spark") / "cluster") as cluster:
        yield cluster


@pytest.fixture(scope="module")
def market(kafka: Broker) -> Market:
    kafka.create_topics(["market"])
    market = Market(symbols(20), kafka.bootstrap, "market")
    market.fill(TRADES)
    return market


def program(name: str, folder: Path, kafka: Broker, cluster: Cluster) -> Program:
    return Program(next(row for row in ROWS if row.name == name), folder, kafka, cluster, "market")


@pytest.mark.parametrize("name", ["bare", "queries"])
def test_what_else_is_compared_reads_all(
    tmp_path: Path, kafka: Broker, cluster: Cluster, market: Market, name: str
) -> None:
    with program(name, tmp_path, kafka, cluster) as one:
        found = catch_up(one, kafka.count(market.topic))
        assert found.samples[-1].taken == kafka.count(market.topic)
        assert found.executors_peak > 100
        one.stop()
        assert not one.row.stores or one.stored() == kafka.count(market.topic)


def test_no_trade_is_missing_and_each_shows(
    tmp_path: Path, kafka: Broker, cluster: Cluster, market: Market, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "WARM_UP_SECONDS", 1)
    monkeypatch.setattr(live, "IDLE_SECONDS", 1)
    monkeypatch.setattr(live, "_LARGE_EVERY", 100)
    with program("job", tmp_path, kafka, cluster) as job:
        catch_up(job, TRADES)
        found, sent = live.lively(job, market, 3)
        job.stop()
        assert job.stored() == TRADES + sent == kafka.count(market.topic)
    assert sent > 2500
    assert len(found.candles) > 2000
    assert len(found.signals) > 20
    assert min(*found.candles, *found.signals, found.busy) > 0
    assert job.rejected() == []
    trades = [decode(value) for value in job.messages(market.topic)]
    assert {trade.symbol for trade in trades} == set(symbols(20))


def test_a_program_that_ends_is_not_waited_for(tmp_path: Path, kafka: Broker, cluster: Cluster, market: Market) -> None:
    one = program("bare", tmp_path, kafka, cluster)
    one.program = ("-c", "raise SystemExit('no such thing')")
    with one, pytest.raises(BenchmarkError, match="no such thing"):
        catch_up(one, kafka.count(market.topic))
