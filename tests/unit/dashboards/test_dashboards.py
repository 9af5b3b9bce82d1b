"""Each dashboard is the one that its code makes, loads in any Grafana since 9.3, and asks for series that there are."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from dashboards.files import files
from exported import exported
from lab.dashboards import FOLDER
from provisioned import dashboards, expressions, panels, queries, variables, with_data

_ROOT = Path(__file__).parents[3]
_RULES = _ROOT / "roles/prometheus/files/rules"
_DASHBOARDS = dashboards()
_CLASSIC = {"candlestick", "row", "stat", "state-timeline", "table", "timeseries"}
_UNITS = {
    "Bps",
    "bytes",
    "cpm",
    "cps",
    "locale",
    "mbytes",
    "ms",
    "none",
    "percent",
    "percentunit",
    "reqps",
    "s",
    "short",
}
_GRAFANAS_OWN = {"__all", "__data", "__range", "__rate_interval"}


@pytest.fixture(params=_DASHBOARDS)
def name(request: pytest.FixtureRequest) -> str:
    found: str = request.param
    return found


@pytest.fixture
def dashboard(name: str) -> dict[str, Any]:
    return _DASHBOARDS[name]


def test_those_that_are_shipped_are_those_that_the_code_makes() -> None:
    """After a change of tools/dashboards `./lab dashboards` writes them anew."""
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == files()


def test_there_are_those_that_the_documentation_names() -> None:
    assert set(_DASHBOARDS) == {"market", "pipeline", "kafka", "spark", "hosts"}


def test_its_identity_is_fixed(name: str, dashboard: dict[str, Any]) -> None:
    """Links and the provisioning hold only while the uid stays; an id belongs to one Grafana."""
    assert dashboard["uid"] == f"tradestream-{name}"
    assert "id" not in dashboard


def test_no_title_is_that_of_another() -> None:
    assert len({dashboard["title"] for dashboard in _DASHBOARDS.values()}) == len(_DASHBOARDS)


def test_its_schema_is_one_that_grafana_9_3_reads(dashboard: dict[str, Any]) -> None:
    assert dashboard["schemaVersion"] == 37


def test_its_panels_are_of_kinds_that_every_grafana_has(dashboard: dict[str, Any]) -> None:
    assert {panel["type"] for panel in dashboard["panels"]} <= _CLASSIC


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


def test_panels_beside_each_other_fill_the_width_and_are_equally_high(dashboard: dict[str, Any]) -> None:
    lines: dict[int, list[dict[str, int]]] = {}
    for panel in dashboard["panels"]:
        lines.setdefault(panel["gridPos"]["y"], []).append(panel["gridPos"])
    for line in lines.values():
        assert sum(at["w"] for at in line) == 24
        assert len({at["h"] for at in line}) == 1


def test_each_row_has_panels(dashboard: dict[str, Any]) -> None:
    assert dashboard["panels"][0]["type"] == "row"
    assert not [
        above["title"] for above, below in pairwise(dashboard["panels"]) if above["type"] == below["type"] == "row"
    ]
    assert dashboard["panels"][-1]["type"] != "row"


def test_each_panel_says_what_it_shows_in_which_unit_and_why_it_may_be_empty(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"].strip()
        assert panel["description"].endswith("."), panel["title"]
        assert defaults["noValue"].endswith((".", "?")), panel["title"]
        assert defaults["unit"] in _UNITS, panel["title"]
        assert panel["options"], panel["title"]


def test_each_query_has_a_name_and_its_series_a_legend(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        assert panel["targets"], panel["title"]
        ids = [target["refId"] for target in panel["targets"]]
        legends = [target["legendFormat"] for target in panel["targets"]]
        assert len(ids) == len(set(ids)), panel["title"]
        assert len(legends) == len(set(legends)), panel["title"]
        assert all(legend.strip() for legend in legends), panel["title"]


def test_a_legend_has_only_labels_that_its_query_keeps(dashboard: dict[str, Any]) -> None:
    """Grafana shows a label that there is not as its bare name."""
    for panel in panels(dashboard):
        for target in panel["targets"]:
            outermost = re.search(r"\bby \(([^)]*)\)", target["expr"])
            kept = set(re.split(r",\s*", outermost[1])) if outermost else set()
            bare = target["expr"].startswith(("exchange:", "1 - node_"))
            named = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            assert bare or named <= kept, target["expr"]


def test_every_datasource_is_the_provisioned_one(dashboard: dict[str, Any]) -> None:
    """An exported dashboard asks for ${DS_...} at import, which provisioning never answers."""
    assert "${DS_" not in json.dumps(dashboard)
    assert list(_datasources(dashboard))
    assert all(source == {"type": "prometheus", "uid": "prometheus"} for source in _datasources(dashboard))


def _datasources(part: Any) -> list[Any]:  # noqa: ANN401 - any JSON
    if isinstance(part, list):
        return [found for each in part for found in _datasources(each)]
    if isinstance(part, dict):
        own = [part["datasource"]] if "datasource" in part else []
        return own + [found for each in part.values() for found in _datasources(each)]
    return []


def test_every_variable_is_defined_and_used(dashboard: dict[str, Any]) -> None:
    chosen, hidden = variables(dashboard), variables(dashboard, hidden=True)
    asked = _used(" ".join([*expressions(dashboard), *chosen.values()]))
    assert asked - _GRAFANAS_OWN == set(chosen)
    assert _used(" ".join(link["url"] for link in dashboard["links"])) == set(hidden)
    assert _used(json.dumps(dashboard)) - _GRAFANAS_OWN == {*chosen, *hidden}


def test_a_variable_is_of_those_before_it(dashboard: dict[str, Any]) -> None:
    known: set[str] = set()
    for name, series in variables(dashboard).items():
        assert _used(series) <= known
        known.add(name)


def test_grafana_can_keep_its_variables_apart(dashboard: dict[str, Any]) -> None:
    assert all(variable["id"] == variable["name"] for variable in dashboard["templating"]["list"])


def test_what_may_be_several_is_not_compared_with_one(dashboard: dict[str, Any]) -> None:
    """Several values become a regular expression, which `=` takes literally: nothing would be found."""
    several = {variable["name"] for variable in dashboard["templating"]["list"] if variable["multi"]}
    for expression in expressions(dashboard):
        compared = dict(re.findall(r'(=~|=)"\$(\w+)"', expression))
        for operator, name in re.findall(r'(=~|=)"\$(\w+)"', expression):
            assert (operator == "=~") is (name in several), compared


def test_no_query_is_left_with_a_variable() -> None:
    assert queries()
    assert not [query for query in [*queries(), *with_data()] if "$" in query]


def test_there_is_something_to_choose_in_each_way() -> None:
    assert {name for dashboard in _DASHBOARDS.values() for name in variables(dashboard)} == {
        "exchange",
        "symbol",
        "host",
        "interval",
    }


def test_a_candle_has_all_its_parts() -> None:
    """Grafana finds them by their names."""
    (panel,) = [panel for panel in panels(_DASHBOARDS["market"]) if panel["type"] == "candlestick"]
    legends = [target["legendFormat"] for target in panel["targets"]]
    assert legends[:5] == ["open", "high", "low", "close", "volume"]


def test_prices_have_all_their_digits() -> None:
    """Without a word on decimals Grafana rounds to three digits or so: 2345.67 would be 2346."""
    market = panels(_DASHBOARDS["market"])
    of_panels = [each["fieldConfig"]["defaults"] for each in market if each["title"] in {"Price", "Candles"}]
    assert [(each["unit"], each["decimals"]) for each in of_panels] == [("locale", 8)] * 3
    (table,) = [each for each in market if each["type"] == "table"]
    of_columns = {
        override["matcher"]["options"]: {each["id"]: each["value"] for each in override["properties"]}
        for override in table["fieldConfig"]["overrides"]
    }
    assert of_columns["Price"] == of_columns["VWAP"] == {"unit": "locale", "noValue": "-", "decimals": 8}


@pytest.mark.parametrize(
    ("name", "titles"),
    [
        (
            "market",
            "Price, Change, Against VWAP, Volume, RSI, Pressure, Candles, Price change, Bought and sold, Signals",
        ),
        ("pipeline", "Exchange lag, Produced, Messages in, Produced and consumed, Trade to candle"),
        ("pipeline", "Feed connected, Missed and repaired, Repairs and duplicates, Late and duplicate, Dead letters"),
    ],
)
def test_what_one_looks_for_is_there(name: str, titles: str) -> None:
    shown = {panel["title"] for panel in panels(_DASHBOARDS[name])}
    assert set(titles.split(", ")) - shown == set()


def test_candles_have_their_average_and_bands() -> None:
    (panel,) = [panel for panel in panels(_DASHBOARDS["market"]) if panel["type"] == "candlestick"]
    legends = {target["legendFormat"] for target in panel["targets"]}
    assert {"VWAP", "upper band", "lower band"} <= legends


def test_a_cell_without_a_number_does_not_say_why_there_is_no_row() -> None:
    tables = [each for board in _DASHBOARDS.values() for each in panels(board) if each["type"] == "table"]
    assert tables
    for table in tables:
        numbers = set(_renamed(table).values())
        assert numbers
        quiet = {
            override["matcher"]["options"]
            for override in table["fieldConfig"]["overrides"]
            if {"id": "noValue", "value": "-"} in override["properties"]
        }
        assert quiet == numbers, table["title"]


def _renamed(table: dict[str, Any]) -> dict[str, str]:
    """Headings of a table's columns of numbers, by the name that Grafana gives them."""
    (names,) = [each["options"]["renameByName"] for each in table["transformations"] if each["id"] == "organize"]
    return {name: heading for name, heading in names.items() if name.startswith("Value #")}


def test_signals_are_marked() -> None:
    (annotation,) = _DASHBOARDS["market"]["annotations"]["list"]
    assert annotation["enable"]
    assert annotation["titleFormat"] == "{{rule}}"


def test_the_stages_come_in_the_order_of_the_data() -> None:
    rows = [panel["title"] for panel in _DASHBOARDS["pipeline"]["panels"] if panel["type"] == "row"]
    assert rows == ["Service levels", "1 · Exchange", "2 · Producer", "3 · Kafka", "4 · Analytics", "5 · Candles"]


def test_what_it_asks_for_is_exported(dashboard: dict[str, Any]) -> None:
    """A panel of a series that nobody exports stays empty for ever and nobody notices."""
    series = [*variables(dashboard).values(), *variables(dashboard, hidden=True).values()]
    asked = {name for query in [*expressions(dashboard), *series] for name in _series(query)}
    assert asked
    assert asked - _existing() == set()


def test_what_the_rules_of_dashboards_ask_for_is_exported_and_what_they_record_is_shown() -> None:
    rules = _rules("dashboards")
    assert {name for rule in rules for name in _series(rule["expr"])} <= _existing()
    assert {rule["record"] for rule in rules} <= {name for query in queries() for name in _series(query)}


def _used(text: str) -> set[str]:
    return set(re.findall(r"\$\{?([a-z_]+)", text))


def _series(query: str) -> set[str]:
    """Names of the series in a query: what is left of it without selectors, ranges, groupings and functions."""
    bare = re.sub(r'"[^"]*"', " ", re.sub(r"\{[^}]*\}|\[[^\]]*\]|\b(?:by|without|on)\s*\([^)]*\)", " ", query))
    bare = re.sub(r"\boffset\s+\S+", " ", bare)
    names = set(re.findall(r"\b[a-z][a-zA-Z0-9_:]*\b(?!\s*\()", bare))
    return names - {"or", "and", "unless", "bool"}


def _existing() -> set[str]:
    lists = (_ROOT / "tests" / "data" / "metrics").glob("*.txt")
    others = {name for path in lists for name in path.read_text().split()}
    recorded = {rule["record"] for path in _RULES.glob("*.yml") for rule in _rules(path.stem) if "record" in rule}
    return exported() | others | recorded | {"up", "pipeline_page_info"}


def _rules(name: str) -> list[dict[str, Any]]:
    groups = yaml.safe_load((_RULES / f"{name}.yml").read_text(encoding="utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]
