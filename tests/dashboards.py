"""The Grafana dashboards as the role ships them: their panels and what each asks Prometheus."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

DASHBOARDS = Path(__file__).parents[1] / "roles/grafana/files/dashboards"

# What Grafana would fill in: its own intervals, and the choice "All" of the dashboard's variables.
_VARIABLES = {
    "__rate_interval": "1m",
    "__range": "5m",
    "exchange": ".+",
    "symbol": ".+",
    "interval": "1m",
}


def load(name: str = "pipeline") -> dict[str, Any]:
    """The dashboard of that name, as Grafana reads it."""
    dashboard: dict[str, Any] = json.loads((DASHBOARDS / f"{name}.json").read_text())
    return dashboard


def panels(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    """Every panel that is not a row, those inside of collapsed rows included."""
    found: list[dict[str, Any]] = []
    for panel in dashboard["panels"]:
        found += panel["panels"] if panel["type"] == "row" else [panel]
    return found


def queries(name: str = "pipeline") -> list[str]:
    """Each query of the dashboard once, in PromQL that Prometheus takes as it is.

    Raises:
        KeyError: a query has a variable that is neither Grafana's nor the dashboard's.
    """
    expressions = [target["expr"] for panel in panels(load(name)) for target in panel["targets"]]
    return list(dict.fromkeys(_filled_in(expression) for expression in expressions))


def _filled_in(expression: str) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda match: _VARIABLES[match[1]], expression)
