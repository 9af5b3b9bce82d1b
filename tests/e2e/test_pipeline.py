"""The whole pipeline on fresh hosts: a dump played through it, and live trades.

The tests run in this order, on one deployment: each finds the pipeline as the one before it left it.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from candle import candles, rows
from e2e.pipeline import Pipeline, distinct_trades, eventually
from provisioned import with_data
from tradestream.analytics.indicators import NAMES

pytestmark = pytest.mark.timeout(1500)

# Kafka's log is new the first time, and of two clients that ask first for its offsets' topic one comes too late to make
# it. An exchange is silent whose dump has ended.
_EXPECTED = (
    "The metadata log appears to be empty",
    "Topic '__consumer_offsets' already exists",
    'event=feed_lost reason=silent detail="no frame for 30 s"',
)
_INDICATOR = re.compile(rf"\bcandle_({'|'.join(NAMES)})\b")


def test_a_replayed_dump_is_stored_trade_by_trade(replayed: Pipeline, dump: Path) -> None:
    expected = {("binance", "BTCUSDT", trade["id"]) for trade in rows(dump)}
    eventually(
        lambda: len(distinct_trades(replayed.parquet("trades"))) >= len(expected),
        seconds=120,
        what=f"{len(expected)} trades in Parquet",
    )
    table = replayed.parquet("trades")
    assert distinct_trades(table) == expected
    assert table.num_rows == len(expected), "a trade is stored twice"


def test_digits_are_kept_from_the_dump_to_parquet(replayed: Pipeline, dump: Path) -> None:
    stored = {row["trade_id"]: row for row in replayed.parquet("trades").to_pylist()}
    for trade in rows(dump):
        row = stored[trade["id"]]
        assert (row["price"], row["quantity"], row["trade_time"], row["buyer_is_maker"]) == (
            trade["price"],
            trade["quantity"],
            trade["time"],
            not trade["taker_bought"],
        )


@pytest.mark.parametrize(("interval", "minutes"), [("1m", 1), ("5m", 5)])
def test_its_candles_equal_those_computed_from_the_file(
    replayed: Pipeline, dump: Path, interval: str, minutes: int
) -> None:
    newest = {
        candle["open_time"]: candle
        for candle in replayed.messages("candles")
        if candle["interval"] == interval and candle["symbol"] == "BTCUSDT"
    }
    _assert_equal(newest, candles(dump, minutes))


def test_no_unit_has_warned_since_the_hosts_were_made(replayed: Pipeline) -> None:
    asked = ("journalctl", "--quiet", "--no-pager", "--output=short-iso", "--priority=warning")
    said = [
        line
        for host, units in replayed.units().items()
        # Debian's exporter warns of a container without udev, and of each scrape that a busy Prometheus gives up.
        if (mine := [f"--unit={unit}" for unit in units if unit != "prometheus-node-exporter"])
        for line in replayed.exec(host, *asked, *mine).splitlines()
    ]
    assert [line for line in said if not any(expected in line for expected in _EXPECTED)] == []


def test_live_trades_of_ten_pairs_flow(live: Pipeline) -> None:
    assert len({candle["symbol"] for candle in live.messages("candles")}) == 10
    # More for a while, where a busy machine has let it fall behind.
    eventually(
        lambda: [
            result
            for result in live.ask_prometheus("sum(rate(events_processed_total[1m]))")
            if 400 < float(result["value"][1]) < 600
        ],
        seconds=300,
        what="the analytics job takes the 500 trades a second that are generated",
    )


def test_closed_candles_of_the_dump_are_stored_and_unchanged(live: Pipeline, dump: Path) -> None:
    expected = candles(dump, 1)
    closed = eventually(lambda: _closed(live, expected), seconds=60, what="the dump's candle closed in Parquet")
    _assert_equal(closed, expected)
    announced = Counter(
        candle["open_time"]
        for candle in live.messages("candles")
        if candle["is_closed"] and candle["interval"] == "1m" and candle["open_time"] in expected
    )
    assert announced == dict.fromkeys(expected, 1), "each candle is closed once"


def test_a_second_up_changes_nothing(live: Pipeline) -> None:
    output = live.lab("up")
    assert re.search(r"changed=0$", output, re.MULTILINE)
    assert {int(count) for count in re.findall(r": ok=\d+\s+changed=(\d+)", output)} == {0}


@pytest.mark.parametrize("query", with_data())
def test_each_query_of_the_dashboards_returns_data(live: Pipeline, pair_of_many_candles: str, query: str) -> None:
    if _INDICATOR.search(query):
        query = query.replace("BTCUSDT", pair_of_many_candles)
    # As Grafana asks: at whole steps, where a candle begins that trades change until it ends.
    eventually(lambda: live.ask_prometheus(query, at=time.time() // 60 * 60), seconds=60, what=query)


def test_status_reports_every_unit_and_address(live: Pipeline) -> None:
    assert live.units()["kafka1"]["kafka"] == "active"
    for name in (
        "Kafka",
        "Kafka UI",
        "Prometheus",
        "Spark master",
        "Spark worker",
        "producer metrics",
        "analytics metrics",
    ):
        assert live.address(name)


def test_watch_prints_a_line_for_each_event_where_there_is_no_terminal(live: Pipeline) -> None:
    lines = live.lab("watch", "--max", "5").splitlines()
    assert len(lines) == 5
    assert all(re.fullmatch(r"\S+Z (price|candle|signal|pipeline) .*", line) for line in lines)


def test_logs_finds_the_host_of_a_unit(live: Pipeline) -> None:
    lines = live.lab("logs", "trade-producer", "--since", "1 day ago").splitlines()
    assert any(" app1 " in line and " event=" in line for line in lines)


def _closed(live: Pipeline, wanted: dict[int, dict[str, Decimal]]) -> dict[int, dict[str, Any]]:
    stored = {
        row["open_time"]: row
        for row in live.parquet("candles").to_pylist()
        if row["interval"] == "1m" and row["symbol"] == "BTCUSDT" and row["open_time"] in wanted
    }
    return stored if len(stored) == len(wanted) else {}


def _assert_equal(actual: dict[int, dict[str, Any]], expected: dict[int, dict[str, Decimal]]) -> None:
    numbers = {
        open_time: {field: Decimal(candle[field]) for field in expected[open_time]}
        for open_time, candle in actual.items()
    }
    assert numbers == expected
