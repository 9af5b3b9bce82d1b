"""What the dashboards are made of: queries, panels, variables and the frame around them, as Grafana 9.3 reads them.

Every panel says what it shows, in which unit, and why it may be empty; so none of these is optional.
"""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_uppercase
from typing import NamedTuple, TypeVar

from grafana_foundation_sdk.builders import (
    candlestick,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

TAG = "tradestream"
PROMETHEUS = models.DataSourceRef(type_val="prometheus", uid="prometheus")
"""The datasource as the role provisions it."""

_SCHEMA = 37
"""Of Grafana 9.3; a newer one migrates it by itself, an older dashboard it would not need to."""

P = TypeVar("P", candlestick.Panel, stat.Panel, statetimeline.Panel, table.Panel, timeseries.Panel)


class Says(NamedTuple):
    """What a panel says besides its numbers.

    Attributes:
        title: Its heading.
        about: What it shows.
        empty: Why there may be nothing to show.
    """

    title: str
    about: str
    empty: str


class Query(NamedTuple):
    """A query in PromQL, and how its series are called.

    Attributes:
        expr: The query; Grafana fills its own and the dashboard's variables in.
        legend: Name of a series, with its labels as ``{{label}}``.
    """

    expr: str
    legend: str


def target(ref_id: str, query: Query) -> prometheus.Dataquery:
    """A query over the time range shown."""
    return (
        prometheus.Dataquery()
        .ref_id(ref_id)
        .datasource(PROMETHEUS)
        .expr(query.expr)
        .legend_format(query.legend)
        .editor_mode(QueryEditorMode.CODE)
        .range()
    )


def dressed(panel: P, says: Says, unit: str, queries: Sequence[Query]) -> P:
    """The panel with what every panel has."""
    return (
        panel.title(says.title)
        .description(says.about)
        .no_value(says.empty)
        .datasource(PROMETHEUS)
        .unit(unit)
        .targets([target(ref_id, query) for ref_id, query in zip(ascii_uppercase, queries, strict=False)])
    )


def _legend() -> common.VizLegendOptions:
    shown = common_models.LegendDisplayMode.LIST
    return (
        common.VizLegendOptions()
        .show_legend(show_legend=True)
        .display_mode(shown)
        .placement(common_models.LegendPlacement.BOTTOM)
    )


def graph(says: Says, unit: str, *queries: Query) -> timeseries.Panel:
    """Lines over time, half as wide as the dashboard."""
    tooltip = (
        common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI).sort(common_models.SortOrder.DESCENDING)
    )
    return (
        dressed(timeseries.Panel(), says, unit, queries)
        .span(12)
        .height(8)
        .legend(_legend())
        .tooltip(tooltip)
        .draw_style(common_models.GraphDrawStyle.LINE)
        .line_width(1)
        .fill_opacity(8)
        .show_points(common_models.VisibilityMode.NEVER)
    )


def bars(says: Says, unit: str, *queries: Query) -> timeseries.Panel:
    """Bars over time, those of one moment on top of each other."""
    stacking = common.StackingConfig().mode(common_models.StackingMode.NORMAL).group("A")
    return graph(says, unit, *queries).draw_style(common_models.GraphDrawStyle.BARS).fill_opacity(60).stacking(stacking)


def number(says: Says, unit: str, *queries: Query) -> stat.Panel:
    """The newest value of each series in large figures, a sixth as wide as the dashboard."""
    last = common.ReduceDataOptions().calcs(["lastNotNull"]).fields("").values(values=False)
    return (
        dressed(stat.Panel(), says, unit, queries)
        .span(4)
        .height(4)
        .reduce_options(last)
        .color_mode(common_models.BigValueColorMode.VALUE)
        .graph_mode(common_models.BigValueGraphMode.AREA)
        .text_mode(common_models.BigValueTextMode.AUTO)
        .thresholds(steps("green"))
    )


def tally(says: Says, unit: str, *queries: Query) -> stat.Panel:
    """One value of each query in large figures, asked for once and not over time: for sums of the time range shown."""
    once = [target(ref_id, query).instant() for ref_id, query in zip(ascii_uppercase, queries, strict=False)]
    panel = number(says, unit).targets(list(once))
    return panel.span(12).height(8).graph_mode(common_models.BigValueGraphMode.NONE)


def marked(panel: timeseries.Panel, values: Sequence[float]) -> timeseries.Panel:
    """The graph with a dashed line at each value."""
    lines = common.GraphThresholdsStyleConfig().mode(common_models.GraphTresholdsStyleMode.DASHED)
    return panel.thresholds(steps("transparent", *((value, "orange") for value in values))).thresholds_style(lines)


def timeline(says: Says, *queries: Query) -> statetimeline.Panel:
    """When each series was 1 (up) and when 0 (down)."""
    return (
        dressed(statetimeline.Panel(), says, "none", queries)
        .span(24)
        .height(8)
        .legend(_legend())
        .show_value(common_models.VisibilityMode.NEVER)
        .merge_values(merge_values=True)
        .row_height(0.8)
        .thresholds(steps("red", (1, "green")))
        .mappings([up_or_down()])
    )


def up_or_down() -> models.ValueMap:
    """1 reads `up`, 0 `down`."""
    return models.ValueMap(
        options={
            "0": models.ValueMappingResult(text="down", color="red", index=0),
            "1": models.ValueMappingResult(text="up", color="green", index=1),
        }
    )


def steps(colour: str, *above: tuple[float, str]) -> dashboard.ThresholdsConfig:
    """A colour, and those from each further value on."""
    found = [models.Threshold(color=colour, value=None), *(models.Threshold(color=c, value=v) for v, c in above)]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(found)


class Column(NamedTuple):
    """A column of numbers in a table.

    Attributes:
        title: Its heading.
        unit: Grafana's name of the unit.
        expr: What gives one number a row; its labels tell the rows apart.
    """

    title: str
    unit: str
    expr: str


def listing(says: Says, labels: dict[str, str], *columns: Column) -> table.Panel:
    """A table of the newest values: a row for each combination of labels, a column for each query.

    Args:
        says: What it says.
        labels: The labels that every query's result has, and their headings.
        columns: The queries.
    """
    queries = [
        target(ref_id, Query(column.expr, column.title)).instant().format(PromQueryFormat.TABLE)
        for ref_id, column in zip(ascii_uppercase, columns, strict=False)
    ]
    names = labels | {
        f"Value #{ref_id}": column.title for ref_id, column in zip(ascii_uppercase, columns, strict=False)
    }
    order = {name: index for index, name in enumerate(names)}
    panel = (
        dressed(table.Panel(), says, "none", [])
        .span(24)
        .height(9)
        .targets(list(queries))
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            models.DataTransformerConfig(
                id_val="organize",
                options={"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names},
            )
        )
    )
    for column in columns:
        panel.override_by_name(column.title, [models.DynamicConfigValue(id_val="unit", value=column.unit)])
    return panel


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
            .tags([TAG])
            .keep_time(keep_time=True)
        )
        frame = (
            dashboard.Dashboard(self.title)
            .uid(f"{TAG}-{self.name}")
            .description(self.about)
            .tags([TAG])
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
