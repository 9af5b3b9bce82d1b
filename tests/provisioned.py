"""The Grafana dashboards as the role ships them: their panels and what each asks Prometheus."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_FOLDER = Path(__file__).parents[1] / "roles/grafana/files/dashboards"

# What Grafana would fill in: its own intervals, and a choice of each variable that has data in the lab.
_VARIABLES = {
    "__rate_interval": "1m",
    "__range": "5m",
    "exchange": "binance",
    "symbol": "BTCUSDT",
    "interval": "1m",
    "host": ".+",
}


def dashboards() -> dict[str, dict[str, Any]]:
    """Each dashboard as Grafana reads it, by the name of its file."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(_FOLDER.glob("*.json"))}


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Every panel that is not a row."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def expressions(dashboard: dict[str, Any]) -> list[str]:
    """Each query as it is written: of panels, and of annotations."""
    shown = [target["expr"] for panel in panels(dashboard) for target in panel["targets"]]
    return shown + [annotation["expr"] for annotation in dashboard["annotations"]["list"]]


def variables(dashboard: dict[str, Any], *, hidden: bool = False) -> dict[str, str]:
    """The series that each variable takes its values from: those that a person chooses, or the hidden ones."""
    return {
        variable["name"]: variable["query"]["query"].removeprefix("label_values(").rpartition(",")[0]
        for variable in dashboard["templating"]["list"]
        if (variable["hide"] > 0) is hidden
    }


def filled_in(query: str) -> str:
    """PromQL that Prometheus takes as it is.

    Raises:
        KeyError: the query has a variable that is neither Grafana's nor a dashboard's.
    """
    return re.sub(r"\$(?:(\w+)|\{(\w+)\})", lambda found: _VARIABLES[found[1] or found[2]], query)


def queries() -> list[str]:
    """Each query of all dashboards once, filled in."""
    return _once(expression for board in dashboards().values() for expression in expressions(board))


def with_data() -> list[str]:
    """What has to have data wherever trades flow: as `queries`, of panels and of the variables that one chooses."""
    boards = dashboards().values()
    asked = [target["expr"] for board in boards for panel in panels(board) for target in panel["targets"]]
    return _once(asked + [series for board in boards for series in variables(board).values()])


def _once(expressions: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(map(filled_in, expressions)))
