"""The dashboard loads in any Grafana since 9.3, and asks for series that the pipeline has."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from dashboards import load, panels, queries
from exported import exported

# Of Kafka, Spark, the hosts and Prometheus; held against the running pipeline by the end-to-end test.
_OTHERS = ("kafka_", "metrics_", "node_", "process_")


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    return load()


def test_its_identity_is_fixed(dashboard: dict[str, Any]) -> None:
    """Links and the provisioning hold only while the uid stays; an id belongs to one Grafana."""
    assert dashboard["uid"] == "tradestream-pipeline"
    assert "id" not in dashboard


def test_its_schema_is_one_that_grafana_9_3_reads(dashboard: dict[str, Any]) -> None:
    assert dashboard["schemaVersion"] == 37


def test_no_panel_has_the_id_of_another(dashboard: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids))


def test_no_panel_covers_another(dashboard: dict[str, Any]) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not taken & cells, panel["title"]
        assert at["x"] + at["w"] <= 24, panel["title"]
        taken |= cells


def test_each_target_has_a_query_and_a_legend(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        assert panel["targets"], panel["title"]
        for target in panel["targets"]:
            assert target["expr"].strip(), panel["title"]
            assert target["legendFormat"].strip(), panel["title"]


def test_every_datasource_is_the_provisioned_one(dashboard: dict[str, Any]) -> None:
    """An exported dashboard asks for ${DS_...} at import, which provisioning never answers."""
    text = json.dumps(dashboard)
    assert "${DS_" not in text
    assert set(re.findall(r'"datasource": (\{[^}]*\})', text)) == {'{"type": "prometheus", "uid": "prometheus"}'}


def test_its_variables_come_from_series_of_the_pipeline(dashboard: dict[str, Any]) -> None:
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert list(variables) == ["exchange", "symbol", "interval"]
    assert variables["symbol"]["multi"]
    assert all(variable["definition"].startswith("label_values(") for variable in variables.values())


def test_no_query_is_left_with_a_variable() -> None:
    assert queries()
    assert not [query for query in queries() if "$" in query]


def test_a_price_is_shown(dashboard: dict[str, Any]) -> None:
    assert any(
        target["expr"].startswith("trade_last_price") for panel in panels(dashboard) for target in panel["targets"]
    )


def test_what_it_asks_of_the_services_is_what_they_export() -> None:
    """A panel of a series that nobody exports stays empty for ever and nobody notices."""
    asked = {name for query in queries() for name in _series(query)}
    unknown = {name for name in asked if not name.startswith(_OTHERS) and name != "up"} - exported()
    assert unknown == set()


def _series(query: str) -> set[str]:
    """Names of the series in a query: what is left of it without selectors, ranges, groupings and functions."""
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on)\s*\([^)]*\)", " ", query)
    names = set(re.findall(r"\b[a-z][a-zA-Z0-9_:]*\b(?!\s*\()", bare))
    return names - {"or", "and", "unless", "by", "avg", "sum", "min", "max"}
