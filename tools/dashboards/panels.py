"""What the dashboards show: queries, and the panels that draw them, of kinds that Grafana has had since 9.3.

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
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat, QueryEditorMode

PROMETHEUS = models.DataSourceRef(type_val="prometheus", uid="prometheus")
"""The datasource as the role provisions it."""

PRICE = "locale"
"""The unit of prices, of which every digit is shown."""
_DIGITS = 8
"""Of a price behind the point, at most; without a word on it Grafana shows three digits or so of a number."""

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


def _targets(queries: Sequence[Query]) -> list[prometheus.Dataquery]:
    """The queries over the time range shown, called A, B, C..."""
    return [
        prometheus.Dataquery()
        .ref_id(ref_id)
        .datasource(PROMETHEUS)
        .expr(query.expr)
        .legend_format(query.legend)
        .editor_mode(QueryEditorMode.CODE)
        .range()
        for ref_id, query in zip(ascii_uppercase, queries, strict=False)
    ]


def dressed(panel: P, says: Says, unit: str, queries: Sequence[Query]) -> P:
    """The panel with what every panel has."""
    if unit == PRICE:
        panel.decimals(_DIGITS)
    return (
        panel.title(says.title)
        .description(says.about)
        .no_value(says.empty)
        .datasource(PROMETHEUS)
        .unit(unit)
        .targets(list(_targets(queries)))
    )


def legend() -> common.VizLegendOptions:
    """The names of the series, below the graph."""
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
        .legend(legend())
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
    panel = number(says, unit).targets([each.instant() for each in _targets(queries)])
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
        .legend(legend())
        .show_value(common_models.VisibilityMode.NEVER)
        .merge_values(merge_values=True)
        .row_height(0.8)
        .mappings([_up_or_down()])
    )


def _up_or_down() -> models.ValueMap:
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


def or_none(label: str, word: str) -> str:
    """What follows a query of the analytics job's counters: a 0 whose label is this word, while the job has none.

    What it has not counted yet did not happen; without the job nobody knows, and there is nothing.
    """
    return f'or on () label_replace(0 * max(up{{job="analytics"}} == 1), "{label}", "{word}", "", "")'


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
    queries = _targets([Query(column.expr, column.title) for column in columns])
    names = labels | {
        f"Value #{ref_id}": column.title for ref_id, column in zip(ascii_uppercase, columns, strict=False)
    }
    order = {name: index for index, name in enumerate(names)}
    panel = (
        dressed(table.Panel(), says, "none", [])
        .span(24)
        .height(9)
        .targets([each.instant().format(PromQueryFormat.TABLE) for each in queries])
        .show_header(show_header=True)
        .with_transformation(models.DataTransformerConfig(id_val="merge", options={}))
        .with_transformation(
            models.DataTransformerConfig(
                id_val="organize",
                options={"excludeByName": {"Time": True}, "indexByName": order, "renameByName": names},
            )
        )
    )
    for column in columns:
        # Else Grafana writes why there may be no row at all into each cell that has no number.
        properties: dict[str, object] = {"unit": column.unit, "noValue": "-"}
        if column.unit == PRICE:
            properties["decimals"] = _DIGITS
        panel.override_by_name(column.title, [models.DynamicConfigValue(*each) for each in properties.items()])
    return panel
