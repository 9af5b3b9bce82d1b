"""What is around the panels: variables, links, rows, and the dashboard that Grafana 9.3 and later read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import dashboard as models

from dashboards.panels import PROMETHEUS

_TAG = "tradestream"
_SCHEMA = 37
"""Of Grafana 9.3. A newer one migrates what is older by itself."""


def variable(name: str, label: str, values: str, *, several: bool = True, first: str = "") -> dashboard.QueryVariable:
    """A choice of a label's values.

    Args:
        name: Of the variable.
        label: What is written before the choice.
        values: Grafana's ``label_values(series, label)``.
        several: Whether several may be chosen, all of them at first; else it is one.
        first: With one, which it is at first if there is such a value; else the first there is.
    """
    everything = models.VariableOption(selected=True, text=["All"], value=["$__all"])
    chosen = everything if several else models.VariableOption(selected=True, text=first, value=first)
    built = (
        dashboard.QueryVariable(name)
        .id(name)  # the SDK gives all the same one, and Grafana keeps them by it
        .label(label)
        .datasource(PROMETHEUS)
        .query({"query": values, "refId": name})
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
        .multi(several)
        .include_all(several)
        .current(chosen)
    )
    return built.all_value(".+") if several else built


def address(name: str) -> dashboard.QueryVariable:
    """The hidden variable of that name that holds where a page is, as the role `prometheus` wrote it down."""
    values = f'label_values(pipeline_page_info{{page="{name}"}}, url)'
    return variable(name, name, values, several=False).hide(models.VariableHide.HIDE_VARIABLE)


def page(title: str, name: str) -> dashboard.DashboardLink:
    """A link to the page whose address is in a variable."""
    return (
        dashboard.DashboardLink(title)
        .type(models.DashboardLinkType.LINK)
        .icon("external link")
        .url(f"${{{name}}}")
        .target_blank(target_blank=True)
    )


class Row(NamedTuple):
    """A heading, and the panels below it from left to right."""

    title: str
    panels: Sequence[Builder[models.Panel]]


class Board(NamedTuple):
    """A dashboard before it has ids and places.

    Attributes:
        name: Of its file, and the end of its uid.
        title: Its heading.
        about: What it answers.
        refresh: How often it asks anew.
        variables: What can be chosen.
        rows: What it shows.
        links: Pages elsewhere.
        annotations: Moments that are marked in every graph.
    """

    name: str
    title: str
    about: str
    refresh: str
    variables: Sequence[dashboard.QueryVariable]
    rows: Sequence[Row]
    links: Sequence[dashboard.DashboardLink] = ()
    annotations: Sequence[models.AnnotationQuery] = ()

    def build(self) -> models.Dashboard:
        """The dashboard as Grafana has it, its panels numbered from 1."""
        others = (
            dashboard.DashboardLink("Dashboards")
            .type(models.DashboardLinkType.DASHBOARDS)
            .tags([_TAG])
            .keep_time(keep_time=True)
        )
        frame = (
            dashboard.Dashboard(self.title)
            .uid(f"{_TAG}-{self.name}")
            .description(self.about)
            .tags([_TAG])
            .timezone("utc")
            .refresh(self.refresh)
            .time("now-30m", "now")
            .tooltip(models.DashboardCursorSync.CROSSHAIR)
            .variables(list(self.variables))
            .links([others, *self.links])
        )
        for row in self.rows:
            frame.with_row(dashboard.Row(row.title))
            for panel in row.panels:
                frame.with_panel(panel)
        built = frame.build()
        built.schema_version = _SCHEMA
        built.annotations = models.AnnotationContainer(list(self.annotations))
        for position, shown in enumerate(built.panels or [], start=1):
            shown.id_val = position
        return built
