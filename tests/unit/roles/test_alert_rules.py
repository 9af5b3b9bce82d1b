"""Each alert fires and stays quiet as it should, and has a page for whom it wakes."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from exported import exported

ROOT = Path(__file__).parents[3]
RULES = sorted((ROOT / "roles/prometheus/files/rules").glob("*.yml"))
TESTS = sorted((ROOT / "tests/rules").glob("*.yml"))


def _load(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def _rules() -> list[dict[str, Any]]:
    return [rule for path in RULES for group in _load(path)["groups"] for rule in group["rules"]]


ALERTS = [rule for rule in _rules() if "alert" in rule]
NAMES = sorted({alert["alert"] for alert in ALERTS})
ALWAYS = {"Watchdog"}  # it fires as long as Prometheus lives


def _checks(name: str) -> list[dict[str, Any]]:
    """What the tests say of an alert: when they look, and what they expect then."""
    return [
        check
        for path in TESTS
        for test in _load(path)["tests"]
        for check in test.get("alert_rule_test", [])
        if check["alertname"] == name
    ]


def test_each_file_of_rules_has_its_tests() -> None:
    assert [path.name for path in RULES] == [path.name for path in TESTS]
    assert NAMES


@pytest.mark.parametrize("tests", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_and_stay_quiet(promtool: str, tests: Path) -> None:
    done = subprocess.run([promtool, "test", "rules", tests], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", NAMES)
def test_each_alert_is_tested_both_ways(name: str) -> None:
    assert {bool(check.get("exp_alerts")) for check in _checks(name)} == ({True} if name in ALWAYS else {True, False})


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: f"{alert['alert']}-{alert['labels']['severity']}")
def test_each_alert_says_what_is_wrong_and_where_help_is(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ({"none"} if alert["alert"] in ALWAYS else {"critical", "warning"})
    assert alert["annotations"].keys() == {"summary", "description", "runbook"}
    page, _, anchor = alert["annotations"]["runbook"].partition("#")
    assert anchor == alert["alert"].lower()
    assert f"\n## {alert['alert']}\n" in (ROOT / page).read_text()


def test_runbooks_are_of_alerts_that_exist() -> None:
    headings = [
        heading
        for page in (ROOT / "docs/runbooks").glob("*.md")
        for heading in re.findall(r"(?m)^## (\w+)$", page.read_text())
    ]
    assert sorted(headings) == NAMES


def test_rules_that_look_through_days_are_not_asked_every_few_seconds() -> None:
    """Prometheus reads each sample of a range each time: at one in five seconds a day has 17,280 of a series."""
    often = [
        rule["expr"]
        for path in RULES
        for group in _load(path)["groups"]
        if group.get("interval") != "1m"
        for rule in group["rules"]
    ]
    assert not [expr for expr in often if re.search(r"\[\d+d\]", expr)]


def test_what_the_rules_ask_for_is_exported() -> None:
    """An alert on a series that nobody exports never fires and nobody notices."""
    ours, others = "events|feed|stream|trades?", "certificate|kafka|metrics|node|process"
    # A label's value, in quotes, may look like one.
    exprs = [re.sub(r'"[^"]*"', '""', rule["expr"]) for rule in _rules()]
    asked = {name for expr in exprs for name in re.findall(rf"\b(?:{ours}|{others})_\w+", expr)}
    seen = {name for path in (ROOT / "tests/data/metrics").glob("*.txt") for name in path.read_text().split()}
    assert asked
    assert asked - exported() - seen == set()
