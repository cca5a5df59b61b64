"""Searches for the page: dots in groups with a line behind them, and a timeline of workers, in plotly's own format."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.report.figures.palette import LineStyle
from handgrad.report.figures.search_shapes import MOST_ROWS, Dots, Scatter, ScatterPanel, Timeline
from handgrad.report.page.plots import MARK, axis, beginning, layout, mark_lines, numbers, plain, short, transparent

SYMBOLS = {"dot": "circle", "ring": "circle-open", "cross": "x-thin"}  # what plotly calls the markers


@dataclass(frozen=True)
class _Entry:
    """What the page's legend takes of a group."""

    label: str
    style: LineStyle


def scatter(figure: Scatter) -> dict[str, Any]:
    """A plot for every panel; the legend hides and shows groups."""
    legend = [_Entry(one.label, LineStyle(one.colour)) for one in figure.groups]
    lines = {line.label: line for panel in figure.panels for line in panel.lines}
    legend += [_Entry(line.label, line.style) for line in lines.values()]
    several = len(figure.panels) > 1
    return {
        "what": "plots",
        "plots": [
            ((panel.title or panel.x_label) if several else "", _panel(panel, figure)) for panel in figure.panels
        ],
        "columns": min(figure.columns, len(figure.panels)),
        "legend": legend,
        "key": None,
        "small": False,
        "tall": False,
    }


def _panel(panel: ScatterPanel, figure: Scatter) -> dict[str, Any]:
    value = ".2%" if figure.percent else ".4g"
    data: list[dict[str, Any]] = []
    for line in panel.lines:
        style = {"color": line.style.colour, "width": 1.33 * line.style.width, "dash": line.style.dash}
        if panel.steps:
            style["shape"] = "hv"
        about = {"meta": line.label, "hovertemplate": f"{plain(line.label)}: %{{y:{value}}}<extra></extra>"}
        curve = {"type": "scatter", "mode": "lines", "x": numbers(line.x), "y": numbers(line.y)}
        data.append({**curve, "line": style, **about})
    runs: list[Any] = [None] * len(data)
    dots = [one for one in panel.dots if len(one.x)]
    data += [_dots(one, panel, figure) for one in dots]
    runs += [one.runs or None for one in dots]
    low, high = figure.y_range
    y = axis(figure.y_label)
    if figure.log_y:
        y |= {"type": "log", "range": [short(float(np.log10(low))), short(float(np.log10(high)))]}
    else:
        y |= {"range": [short(low), short(high)]}
    if figure.percent:
        y["tickformat"] = ".0%" if high - low > 0.05 else ".1%"
    x_axis = axis(panel.x_label)
    if panel.percent_x:
        ends = [x for one in panel.dots for x in one.x.tolist()]
        x_axis["tickformat"] = ".0%" if max(ends) - min(ends) > 0.05 else ".1%"
    shown = layout(x_axis, y, hovermode="closest", **mark_lines(panel.marks))
    return {"data": data, "layout": shown, "runs": runs}


def _dots(one: Dots, panel: ScatterPanel, figure: Scatter) -> dict[str, Any]:
    x_value, value = (".2%" if panel.percent_x else ".4g"), ".2%" if figure.percent else ".4g"
    line = {"width": 1.5, "color": one.colour}
    found: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": numbers(one.x),
        "y": numbers(figure.inside(one.y)),
        "marker": {"color": one.colour, "size": 8, "symbol": SYMBOLS[one.marker], "opacity": 0.85, "line": line},
        "cliponaxis": False,
        "meta": one.label,
        "text": [plain(beginning(name)) for name in one.names],
        "customdata": numbers(one.y),
        "hovertemplate": f"%{{text}}<br>{plain(one.label)}<br>{plain(panel.x_label)}: %{{x:{x_value}}}"
        + ("" if np.isnan(one.y).all() else f"<br>{plain(figure.y_label)}: %{{customdata:{value}}}")
        + "<extra></extra>",
    }
    if one.low is not None and one.high is not None:
        up, down = figure.inside(one.high) - figure.inside(one.y), figure.inside(one.y) - figure.inside(one.low)
        bars = {"type": "data", "symmetric": False, "array": numbers(up), "arrayminus": numbers(down)}
        found["error_y"] = {**bars, "color": transparent(one.colour, 0.5), "thickness": 1, "width": 0}
    return found


def timeline(figure: Timeline) -> dict[str, Any]:
    """One plot of its own height: a row for each worker, a bar for each stretch."""
    data: list[dict[str, Any]] = []
    for block, (colour, text) in enumerate(figure.key.blocks):
        own = [one for one in figure.stripes if one.block == block]
        data.append(
            {
                "type": "bar",
                "orientation": "h",
                "y": [one.row for one in own],
                "x": [short(one.end - one.start) for one in own],
                "base": [short(one.start) for one in own],
                "width": 0.72,
                "marker": {"color": colour, "line": {"width": 0.5, "color": "rgba(255,255,255,0.8)"}},
                "text": [plain(one.name.split(",")[0]) for one in own],
                "textposition": "inside",
                "insidetextanchor": "middle",
                "textangle": 0,
                "constraintext": "inside",
                "customdata": [[plain(one.name), one.about, short(one.end)] for one in own],
                "hovertemplate": f"%{{customdata[0]}}<br>%{{customdata[1]}} ({plain(text)})<br>"
                "%{base:.4g} to %{customdata[2]:.4g}<extra></extra>",
                "meta": text,
            }
        )
    if figure.links:
        x: list[float | None] = []
        y: list[float | None] = []
        for start, row, end, other in figure.links:
            x += [short(start), short(end), None]
            y += [row, other, None]
        thin = {"color": MARK, "width": 0.8}
        data.append({"type": "scatter", "mode": "lines", "x": x, "y": y, "line": thin, "hoverinfo": "skip"})
    rows = list(figure.rows)
    named = range(0, len(rows), math.ceil(len(rows) / MOST_ROWS))
    y_axis = axis("", tickvals=list(named), ticktext=[plain(rows[row]) for row in named], showgrid=False)
    y_axis |= {"range": [len(rows) - 0.5, -0.5]}
    plot = {
        "data": data,
        "layout": layout(
            axis(figure.x_label, rangemode="tozero"),
            y_axis,
            barmode="overlay",
            height=34 * min(len(rows), MOST_ROWS) + 80,
            hovermode="closest",
            **mark_lines(figure.marks),
        ),
    }
    legend = [_Entry(text, LineStyle(colour)) for colour, text in figure.key.blocks]
    shown = legend if len(legend) > 1 else []
    return {
        "what": "plots",
        "plots": [("", plot)],
        "columns": 1,
        "legend": shown,
        "key": None,
        "small": False,
        "tall": False,
    }
