"""Panels of lines for the page: what its template takes, with plots in plotly's own format.

Each plot is a dictionary with `data` and `layout`, never text that was put together.  Colours of text, grid and axes
are left to the page's style sheet, so that light, dark and print need no redrawing.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from handgrad.report.drawing.lettering import spaced
from handgrad.report.figures.palette import CONTEXT
from handgrad.report.figures.shapes import Curves, Line, Mark, Panel

MARK = "#8A9199"
TINY = -6  # the power of ten from which on a logarithmic axis has powers for numbers
NAMED = 40  # lines that a legend names
END_GAP = 0.045  # of the height of a plot, between names at the ends of lines


def curves(figure: Curves) -> dict[str, Any]:
    """A plot for every panel; what names their lines is a legend, which hides and shows them, and a key."""
    ranges = {panel.y_label: figure.y_range(panel.y_label) for panel in figure.panels}
    beyond = {panel.y_label: figure.beyond(panel.y_label) for panel in figure.panels}
    across = shared_x(figure) if figure.small else None
    several = len(figure.panels) > 1
    plots = [
        (
            panel.title if several else "",
            _panel(panel, ranges[panel.y_label], across, beyond[panel.y_label], dots=figure.dotted),
        )
        for panel in figure.panels
    ]
    legend = figure.legend if len(figure.legend) <= NAMED else []
    same = figure.key is not None and figure.key.named and len(figure.key.blocks) == len(legend)
    return {
        "what": "plots",
        "plots": plots,
        "columns": min(figure.columns, len(plots)),
        "legend": legend,
        "key": None if same else figure.key,
        "small": figure.small,
        "tall": figure.named_ends,
    }


def one_plot(plot: Mapping[str, Any]) -> dict[str, Any]:
    """What the page's template takes of a single plot (plotly's `data` and `layout`) without a legend."""
    unnamed: dict[str, Any] = {"legend": [], "key": None, "small": False, "tall": False}
    return {"what": "plots", "plots": [("", plot)], "columns": 1, **unnamed}


def shared_x(figure: Curves) -> list[float] | None:
    """The x range of all panels together."""
    ends = [float(end) for panel in figure.panels for line in panel.lines if len(line.x) for end in line.x[[0, -1]]]
    if not ends:
        return None
    margin = 0.03 * (max(ends) - min(ends)) or 0.5
    return [short(min(ends) - margin), short(max(ends) + margin)]


def _panel(
    panel: Panel,
    ends: tuple[float, float] | None,
    x_range: list[float] | None,
    beyond: Sequence[str],
    *,
    dots: bool,
) -> dict[str, Any]:
    """A panel in plotly's format; `lines` beside it says of which runs each line is, for the page's controls."""
    y_range = None if ends is None else [short(end) for end in ends]
    context = [line for line in panel.lines if line.style == CONTEXT]
    data = [_context(context)] if context else []
    for line in panel.lines:
        if line.style != CONTEXT:
            data += _line(line, panel, dots=dots)
    y = axis(panel.y_label)
    if panel.log_y:
        decades = y_range[1] - y_range[0] if y_range else 1.0
        y |= {"type": "log", "dtick": 1 if decades > 1.2 else "D2"}
        y |= {"exponentformat": "power"} if y_range and y_range[0] < TINY else {}
    if panel.percent:
        y |= {"tickformat": ".0%" if not y_range or y_range[1] - y_range[0] > 0.05 else ".1%"}
    if y_range:
        y["range"] = y_range
    x = axis(panel.x_label)
    if panel.x_label == "epoch" and max((len(line.x) for line in panel.lines), default=0) <= 8:
        x["dtick"] = 1
    if panel.log_x:
        x["type"] = "log"
    if x_range:
        x["range"] = x_range
    if y_range and any(line.end for line in panel.lines):
        data += _ends(panel, y_range)
    if y_range:
        data += [_arrow(line, panel, y_range) for line in panel.lines if line.label in beyond and len(line.x)]
    plot = {"data": data, "layout": layout(x, y, hovermode="closest", **mark_lines(panel.marks, log=panel.log_x))}
    plot["lines"] = _lines_of(panel, context)
    window = panel.window
    return plot if window is None else with_inset(plot, panel, window)


def _lines_of(panel: Panel, context: Sequence[Line]) -> dict[str, Any]:
    """What the page's controls need of a panel: its curve, and the runs of every line.

    context: [label, runs, begin, end] of each grey line, with its places in their common trace.
    """
    found: dict[str, Any] = {"series": panel.series, "x": panel.x_label, "percent": panel.percent}
    found["runs"] = {line.label: list(line.runs) for line in panel.lines if line.style != CONTEXT}
    begin, places = 0, []
    for line in context:
        places.append([line.label, list(line.runs), begin, begin + len(line.x)])
        begin += len(line.x) + 1
    return found | {"context": places}


def _arrow(line: Line, panel: Panel, y_range: Sequence[float]) -> dict[str, Any]:
    """A mark at the edge for a line that lies beyond it."""
    end = y_range[0] if panel.percent else y_range[1]
    symbol = "triangle-down" if panel.percent else "triangle-up"
    last = f"{float(line.y[-1]):{'.2%' if panel.percent else '.4g'}}"
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [short(float(line.x[-1]))],
        "y": [short(10**end if panel.log_y else end)],
        "marker": {"color": line.style.colour, "size": 9, "symbol": symbol},
        "cliponaxis": False,
        "meta": line.label,
        "hovertemplate": f"{plain(beginning(line.label))}<br>beyond the axis, at the end {last}<extra></extra>",
    }


def with_inset(plot: dict[str, Any], panel: Panel, window: tuple[tuple[float, float], tuple[float, float]]) -> Any:
    """The plot with its window enlarged in the corner that its lines leave free, and a frame where it lies."""
    (left, right), (low, high) = window
    across, up = [0.55, 0.98], [0.55, 0.97] if panel.free_corner else [0.12, 0.54]
    inner = [{**trace, "xaxis": "x2", "yaxis": "y2"} for trace in plot["data"] if trace.get("mode") != "lines+text"]
    frame = {
        "type": "rect", "xref": "x", "yref": "y", "x0": short(left), "x1": short(right),
        "y0": short(low), "y1": short(high), "line": {"color": MARK, "width": 1},
    }  # fmt: skip
    small: dict[str, Any] = {"tickfont": {"size": 9}, "showline": True, "mirror": True, "linecolor": MARK}
    x2 = axis("", domain=across, anchor="y2", range=[short(left), short(right)], **small)
    y2 = axis("", domain=up, anchor="x2", range=[short(low), short(high)], **small)
    if panel.percent:
        y2["tickformat"] = ".1%"
    outer = plot["layout"]
    shapes = [*outer["shapes"], frame]
    return {**plot, "data": [*plot["data"], *inner], "layout": {**outer, "xaxis2": x2, "yaxis2": y2, "shapes": shapes}}


def mark_lines(marks: Sequence[Mark], *, log: bool = False) -> dict[str, Any]:
    """An upright dotted line for every mark, its text along it.  log: of the x axis, on which plotly takes the place of
    a line as it is and that of a text as its power of ten."""
    across: dict[str, Any] = {"xref": "x", "yref": "paper"}
    line = {"color": MARK, "width": 1, "dash": "dot"}
    text: dict[str, Any] = {
        "showarrow": False,
        "textangle": -90,
        "xanchor": "right",
        "yanchor": "top",
        "y": 1,
        "font": {"size": 10},
    }
    return {
        "shapes": [{"type": "line", **across, "x0": m.x, "x1": m.x, "y0": 0, "y1": 1, "line": line} for m in marks],
        "annotations": [{**across, **text, "x": math.log10(m.x) if log else m.x, "text": plain(m.text)} for m in marks],
    }


def _ends(panel: Panel, y_range: list[float]) -> list[dict[str, Any]]:
    """Names at the ends of lines, moved apart: each a trace of its own, so that it comes and goes with its line."""
    groups: dict[float, list[Line]] = {}
    for line in panel.lines:
        groups.setdefault(float(line.x[-1]), []).append(line)
    step = 0.07 * (max(groups) - min(float(line.x[0]) for line in panel.lines))
    span = y_range[1] - y_range[0]
    traces: list[dict[str, Any]] = []
    for x, group in groups.items():
        at = [np.log10(line.y[-1]) if panel.log_y else line.y[-1] for line in group]
        for line, place in zip(group, spaced([(y - y_range[0]) / span for y in at], END_GAP), strict=True):
            y = y_range[0] + place * span
            traces.append(
                {
                    "type": "scatter",
                    "mode": "lines+text",
                    "x": [x, short(x + step)],
                    "y": [short(line.y[-1]), short(10**y if panel.log_y else y)],
                    "text": ["", plain(line.end)],
                    "textposition": "middle right",
                    "textfont": {"size": 10},
                    "cliponaxis": False,
                    "line": {"color": line.style.colour, "width": 0.8},
                    "hoverinfo": "skip",
                    "meta": line.label,
                }
            )
    return traces


def _line(line: Line, panel: Panel, *, dots: bool) -> list[dict[str, Any]]:
    style = line.style
    traces: list[dict[str, Any]] = []
    if line.low is not None and line.high is not None:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": numbers(np.concatenate([line.x, line.x[::-1]])),
                "y": numbers(np.concatenate([line.high, line.low[::-1]])),
                "fill": "toself",
                "fillcolor": transparent(style.colour, 0.16),
                "line": {"width": 0},
                "hoverinfo": "skip",
                "meta": line.label,
            }
        )
    value, form = ("%{y:.2%}", ".2%") if panel.percent else ("%{y:.4g}", ".4g")
    about, spread, name = {}, "", plain(beginning(line.label))
    if line.low is not None and line.high is not None:
        counts = [None] * len(line.x) if line.n is None else [int(n) for n in line.n]
        spread = f" (%{{customdata[0]:{form}}} to %{{customdata[1]:{form}}}"
        spread += ")" if line.n is None else ", n = %{customdata[2]})"
        about = {"customdata": list(zip(numbers(line.low), numbers(line.high), counts, strict=True))}
    traces.append(
        {
            "type": "scatter",
            "mode": "lines+markers" if dots else "lines",
            "x": numbers(line.x),
            "y": numbers(line.y),
            "line": {"color": style.colour, "width": 1.33 * style.width, "dash": style.dash},
            "opacity": style.opacity,
            "marker": {"size": 5},
            "meta": line.label,
            "hovertemplate": f"{name}<br>{panel.x_label} %{{x}}: {value}{spread}<extra></extra>",
            **about,
        }
    )
    return traces


def _context(lines: list[Line]) -> dict[str, Any]:
    """All lines of context as one trace, with gaps between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    for line in lines:
        x += [*numbers(line.x), None]
        y += [*numbers(line.y), None]
    style = {"color": CONTEXT.colour, "width": 0.7}
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": style,
        "opacity": CONTEXT.opacity,
        "hoverinfo": "skip",
    }


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title.  Its numbers are written out: plotly's own are 1M and 10μ."""
    title_and_room = {"title": {"text": plain(title), "standoff": 6}, "automargin": True, "zeroline": False}
    return {**title_and_room, "exponentformat": "none", **more}


def layout(x: dict[str, Any], y: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A layout without colours of its own: the page's style sheet has them."""
    return {
        "xaxis": x,
        "yaxis": y,
        "showlegend": False,
        "margin": {"l": 8, "r": 12, "t": 8, "b": 8},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"size": 12},
        "hoverlabel": {"font": {"size": 12}},
        **more,
    }


def plain(text: str) -> str:
    """Plotly reads a little HTML (<b>, <a href>) and %{…} in its texts; ours are shown letter by letter."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("%{", "%\u200b{")


def beginning(text: str) -> str:
    """The first 60 letters at most."""
    return text if len(text) <= 60 else text[:59] + "…"


def numbers(values: np.ndarray) -> list[float | None]:
    """Short numbers; None, a gap, where one is not finite."""
    return [short(value) if math.isfinite(value) else None for value in values.tolist()]


def short(value: float) -> float:
    """Six digits are more than a screen can show."""
    return float(f"{value:.6g}")


def transparent(ink: str, alpha: float) -> str:
    """#RRGGBB with an opacity.

    >>> transparent("#0072B2", 0.5)
    'rgba(0,114,178,0.5)'
    """
    red, green, blue = (int(ink[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"
