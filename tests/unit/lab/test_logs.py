"""Following what runs on hosts: which host is asked, for what, and what the user gets to see."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from lab.cli import main

pytestmark = pytest.mark.usefixtures("cluster")

_KAFKAS = ("kafka1", "kafka2", "kafka3")


def lab(*arguments: str) -> int:
    return main(["--instance", "unit", *arguments])


def test_the_log_of_a_unit_comes_from_the_host_that_has_it(capfd: pytest.CaptureFixture[str]) -> None:
    assert lab("logs", "trade-producer") == 0
    assert capfd.readouterr().out == ("app1 says --no-pager --output=short-iso --unit=trade-producer --lines=50\n")


def test_where_several_hosts_have_it_all_are_shown_one_after_the_other(capfd: pytest.CaptureFixture[str]) -> None:
    assert lab("logs", "kafka", "--since", "10 min ago") == 0
    assert capfd.readouterr().out.splitlines() == [
        f"{host} says --no-pager --output=short-iso --unit=kafka --since=10 min ago" for host in _KAFKAS
    ]


def test_following_a_unit_of_several_hosts_shows_whole_lines_of_all(capfd: pytest.CaptureFixture[str]) -> None:
    assert lab("logs", "kafka", "-f") == 0
    assert sorted(capfd.readouterr().out.splitlines()) == [
        f"{host} says --no-pager --output=short-iso --unit=kafka --lines=50 --follow" for host in _KAFKAS
    ]


def test_a_unit_that_is_nowhere_is_answered_with_those_that_are(capfd: pytest.CaptureFixture[str]) -> None:
    assert lab("logs", "kafak") == 1
    said = capfd.readouterr().err
    assert said.startswith("lab: no host of instance 'unit' has a unit 'kafak'; there are exchange-simulator, ")
    assert all(unit in said for unit in ("kafka,", "trade-producer", "trade-analytics", "prometheus-node-exporter"))


def test_a_host_that_is_away_is_named_and_the_others_are_shown(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    ssh = tmp_path / "programs" / "ssh"
    ssh.write_text(ssh.read_text().replace("#!/bin/sh", '#!/bin/sh\n[ "$3" = kafka2 ] && exit 255', 1))
    assert lab("logs", "kafka") == 0
    out, err = capfd.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["kafka1", "kafka3"]
    assert err == "lab: kafka2 does not answer; what it has is left out\n"


@pytest.mark.parametrize("unit", ["kafka; touch /tmp/x", "$(id)", ""])
def test_a_units_name_is_no_command(unit: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert lab("logs", unit) == 1
    assert f"has a unit {unit!r}" in capfd.readouterr().err


def test_watch_runs_on_the_producers_host_with_its_options_and_status(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert lab("watch") == 143
    assert capfd.readouterr().out == "app1 tradestream watch \n"
    monkeypatch.setenv("NO_COLOR", "1")
    lab("watch", "--symbols", "BTCUSDT,ETH-USDT", "--interval", "5m", "--max", "5")
    assert capfd.readouterr().out == (
        "app1 tradestream watch --symbols=BTCUSDT,ETH-USDT --interval=5m --max=5 without colour\n"
    )


def test_watch_has_a_terminal_there_where_there_is_one_here(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert lab("watch") == 143
    assert capfd.readouterr().out == "on a terminal\napp1 tradestream watch \n"
