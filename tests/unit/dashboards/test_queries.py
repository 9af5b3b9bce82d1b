"""What Prometheus' own promtool says of the dashboards' queries."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from provisioned import dashboards, filled_in, panels, queries

_PAIR = 'exchange="binance", symbol="BTCUSDT"'


def test_prometheus_takes_each_query(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"query{number}", "expr": query} for number, query in enumerate(queries())]
    path = tmp_path / "queries.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "queries", "rules": rules}]}))
    _succeeds(promtool, "check", path)


@pytest.mark.parametrize(
    ("at", "marked"),
    [
        ("2m", {}),
        ("3m", {"rsi": 1}),  # the first of a rule: its counter was not there before
        ("4m", {}),
        ("6m", {"rsi": 2, "bollinger": 1}),
        ("7m", {}),
        ("9m", {"rsi": 1}),  # the job was restarted and counts from 1 again
    ],
)
def test_each_signal_is_marked_once(promtool: str, tmp_path: Path, at: str, marked: dict[str, int]) -> None:
    (annotation,) = dashboards()["market"]["annotations"]["list"]
    rsi, bollinger = (f'signals_total{{{_PAIR}, rule="{rule}", interval="1m"}}' for rule in ("rsi", "bollinger"))
    series = {
        rsi: "_x15 1x17 3x9 stale _x9 1x4",
        bollinger: "_x34 1x8 stale _x20",
        'signals_total{exchange="kraken", symbol="BTC/USD", rule="rsi", interval="1m"}': "0+1x60",
    }
    _equals(promtool, tmp_path, series, annotation["expr"], at, {f'{{rule="{rule}"}}': n for rule, n in marked.items()})


@pytest.mark.parametrize(
    ("begins", "close"),
    [
        (1, 105),  # what was known of it when it ended, and not the price that the next began with
        (2, 205),
        (3, 302),  # it has not ended yet: the newest there is
    ],
)
def test_a_candle_is_drawn_at_its_beginning_as_it_ended(promtool: str, tmp_path: Path, begins: int, close: int) -> None:
    query = _close_of_candles()
    # At the first second of a minute Prometheus still finds the candle before it.
    series = {f'candle_close{{{_PAIR}, interval="1m"}}': "_x7 100+1x5 200+1x5 300+1x2"}
    # promtool knows nothing of later than it asks for: it asks a minute after.
    _equals(promtool, tmp_path, series, f"last_over_time(({query})[1s:1s] offset 1m)", f"{begins + 1}m", {"{}": close})


@pytest.mark.parametrize(
    ("seen", "samples"),
    [
        ("30m", "100x5 101x174"),  # half of it is still to come
        ("61m", "100x5 101x354 200x8"),
    ],
)
def test_a_candle_of_an_hour_is_drawn_long_before_its_end(
    promtool: str, tmp_path: Path, seen: str, samples: str
) -> None:
    series = {f'candle_close{{{_PAIR}, interval="1h"}}': samples}
    query = _close_of_candles().replace('"$interval"', '"1h"').replace("$interval", "1h")
    _equals(promtool, tmp_path, series, f"last_over_time(({query})[1s:1s] offset {seen})", seen, {"{}": 101})


def test_the_live_price_is_not_that_of_a_producer_whose_feed_is_gone(promtool: str, tmp_path: Path) -> None:
    prices = [target["expr"] for panel in panels(dashboards()["market"]) for target in panel["targets"]]
    series = {
        f'trade_last_price{{instance="app1", {_PAIR}}}': "100x60",
        f'feed_connected{{instance="app1", {_PAIR}}}': "1x11 0x48",
        f'trade_last_price{{instance="app2", {_PAIR}}}': "90x60",
        f'feed_connected{{instance="app2", {_PAIR}}}': "1x35 0x24",
    }
    live = {query for query in prices if "trade_last_price" in query}
    assert live
    for query in live:
        labels = '{exchange="binance", symbol="BTCUSDT"}' if "by (exchange" in query else "{}"
        _equals(promtool, tmp_path, series, query, "4m", {labels: 90})
        _equals(promtool, tmp_path, series, query, "8m", {labels: 100})  # the newest there is, of whichever


def test_a_job_that_reads_what_two_producers_send_is_not_behind(promtool: str, tmp_path: Path) -> None:
    (panel,) = [each for each in panels(dashboards()["pipeline"]) if each["title"] == "Produced and consumed"]
    series = {
        f'events_produced_total{{instance="app1", {_PAIR}}}': "0+100x60",
        f'events_produced_total{{instance="app2", {_PAIR}}}': "0+100x60",
        f"events_processed_total{{{_PAIR}}}": "0+100x60",
        f"events_duplicate_total{{{_PAIR}}}": "0+100x60",
    }
    for target in panel["targets"]:
        _equals(promtool, tmp_path, series, target["expr"], "5m", {"{}": 20})


@pytest.mark.parametrize(
    ("board", "title", "none"),
    [("market", "Signals", '{rule="none yet"}'), ("pipeline", "Dead letters", '{reason="none"}')],
)
def test_none_is_said_by_a_job_that_is_there_only(
    promtool: str, tmp_path: Path, board: str, title: str, none: str
) -> None:
    (panel,) = [each for each in panels(dashboards()[board]) if each["title"] == title]
    (target,) = panel["targets"]
    series = {'up{job="analytics", instance="spark1"}': "1x30 0x30"}
    _equals(promtool, tmp_path, series, target["expr"], "4m", {none: 0})
    _equals(promtool, tmp_path, series, target["expr"], "8m", {})


def test_each_producer_is_seen_to_be_connected_or_not(promtool: str, tmp_path: Path) -> None:
    (panel,) = [each for each in panels(dashboards()["pipeline"]) if each["title"] == "Feed connected"]
    (target,) = panel["targets"]
    series = {
        f'feed_connected{{instance="app1", {_PAIR}}}': "1x30",
        f'feed_connected{{instance="app2", {_PAIR}}}': "0x30",
    }
    expected = {'{exchange="binance", instance="app1"}': 1, '{exchange="binance", instance="app2"}': 0}
    _equals(promtool, tmp_path, series, target["expr"], "4m", expected)


def test_disks_made_of_other_disks_count_once(promtool: str, tmp_path: Path) -> None:
    (panel,) = [each for each in panels(dashboards()["hosts"]) if each["title"] == "Disk"]
    series = {
        f'node_disk_{way}_bytes_total{{instance="app1", device="{device}"}}': "0+100x30"
        for way in ("written", "read")
        for device in ("sda", "dm-0", "md127")
    }
    for target, rate in zip(panel["targets"], (10, -10), strict=True):
        _equals(promtool, tmp_path, series, target["expr"], "4m", {'{instance="app1"}': rate})


def _close_of_candles() -> str:
    (panel,) = [panel for panel in panels(dashboards()["market"]) if panel["type"] == "candlestick"]
    query: str = next(target["expr"] for target in panel["targets"] if target["legendFormat"] == "close")
    return query


def _equals(  # noqa: PLR0913, PLR0917 - what promtool's tests are made of
    promtool: str, folder: Path, series: dict[str, str], query: str, at: str, expected: dict[str, int]
) -> None:
    """Asks promtool whether a query has this result at that time, of series with a value every ten seconds."""
    samples = [{"labels": labels, "value": value} for labels, value in expected.items()]
    test = {
        "interval": "10s",
        "input_series": [{"series": name, "values": values} for name, values in series.items()],
        "promql_expr_test": [{"expr": filled_in(query), "eval_time": at, "exp_samples": samples}],
    }
    path = folder / "test.yml"
    path.write_text(yaml.safe_dump({"rule_files": [], "tests": [test]}))
    _succeeds(promtool, "test", path)


def _succeeds(promtool: str, verb: str, path: Path) -> None:
    done = subprocess.run([promtool, verb, "rules", path], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
