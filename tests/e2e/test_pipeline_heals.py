"""Restarts, reboots and a lost host: all heals without a hand, and nothing is stored twice.

After test_pipeline.py, which has deployed it, and after the alerts, of which these tests would fire some.
"""

from __future__ import annotations

import pytest

from e2e.pipeline import CommandError, Pipeline, distinct_trades
from lab.instance import Instance
from lab.podman import podman

pytestmark = pytest.mark.timeout(1500)

_FEED = ("--unit=exchange-simulator", "--unit=trade-producer")


@pytest.mark.parametrize(
    ("host", "unit"),
    [
        ("app1", "exchange-simulator"),
        ("app1", "trade-producer"),
        ("kafka1", "kafka"),
        ("spark1", "spark-worker"),
        ("spark1", "spark-master"),
        ("spark1", "trade-analytics"),
        ("monitor1", "prometheus"),
        ("monitor1", "prometheus-alertmanager"),
        ("monitor1", "kafka-ui"),
    ],
)
def test_a_restarted_unit_heals_without_a_hand(live: Pipeline, host: str, unit: str) -> None:
    live.exec(host, "systemctl", "restart", unit)
    _assert_trades_pass_through(live)


@pytest.mark.parametrize("host", ["kafka1", "spark1", "app1", "monitor1"])
def test_a_rebooted_host_heals_without_a_hand(live: Pipeline, host: str) -> None:
    podman("restart", "--time", "60", Instance(live.instance).container(host))
    _assert_trades_pass_through(live)


def test_a_killed_host_is_healed_by_the_next_up_and_its_data_is_kept(live: Pipeline) -> None:
    before = distinct_trades(live.parquet("trades"))
    podman("kill", "--signal", "KILL", Instance(live.instance).container("kafka1"))
    live.lab("up")
    _assert_trades_pass_through(live)
    assert before <= distinct_trades(live.parquet("trades"))


def test_no_trade_is_stored_twice_after_all_that(live: Pipeline) -> None:
    table = live.parquet("trades")
    assert len(distinct_trades(table)) == table.num_rows


def _assert_trades_pass_through(live: Pipeline) -> None:
    try:
        live.lab("verify")
    except CommandError as error:
        # Last, where the shortest of reports has it too: what the feed was doing instead.
        error.add_note(live.exec("app1", "journalctl", "--no-pager", "--output=short-iso", "--lines=40", *_FEED))
        raise
    assert set(live.units()["app1"].values()) == {"active"}
