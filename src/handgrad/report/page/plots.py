"""Panels of lines for the page, as plotly's JSON.

Plotly is given dictionaries (its own format), never text that was put together.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from handgrad.report.drawing.labels import spread
from handgrad.report.figures.figure import Curves, Line, Mark, Panel, Ranking
from handgrad.report.figures.palette import CONTEXT
from handgrad.report.page.plotly_parts import axis, cut, layout, numbers, plain, short, transparent
from handgrad.report.page.ranking import ranking_plot

MARK = "#8A9199"
END_GAP = 0.045  # of the height of a plot, between names at the ends of lines


def plots(figure: Curves | Ranking) -> list[dict[str, Any]]:
    """One plotly figure (data and layout) for every panel; they share their legend, which the page draws."""
    if isinstance(figure, Ranking):
        return [ranking_plot(figure)]
    ranges = {panel.y_label: shared_range(figure, panel.y_label) for panel in figure.panels}
    across = shared_x(figure) if figure.small else None
    return [_panel(panel, ranges[panel.y_label], across, dots=figure.dotted) for panel in figure.panels]


def shared_range(figure: Curves, y_label: str) -> list[float] | None:
    """The y range of all panels with one label, in plotly's units (powers of ten on a logarithmic axis)."""
    panels = [panel for panel in figure.panels if panel.y_label == y_label]
    parts = [part for panel in panels for line in panel.lines for part in (line.y, line.low, line.high)]
    finite = [part[np.isfinite(part)] for part in parts if part is not None]
    values = np.concatenate(finite) if finite else np.empty(0)
    if panels and panels[0].log_y:
        values = np.log10(values[values > 0])
    if not values.size:
        return None
    low, high = float(values.min()), float(values.max())
    margin = 0.05 * (high - low) or 0.05 * (abs(high) or 1.0)
    return [short(low - margin), short(high + margin)]


def shared_x(figure: Curves) -> list[float] | None:
    """The x range of all panels together."""
    ends = [float(end) for panel in figure.panels for line in panel.lines if len(line.x) for end in line.x[[0, -1]]]
    if not ends:
        return None
    margin = 0.03 * (max(ends) - min(ends)) or 0.5
    return [short(min(ends) - margin), short(max(ends) + margin)]


def _panel(panel: Panel, y_range: list[float] | None, x_range: list[float] | None, *, dots: bool) -> dict[str, Any]:
    context = [line for line in panel.lines if line.look == CONTEXT]
    data = [_context(context)] if context else []
    for line in panel.lines:
        if line.look != CONTEXT:
            data += _line(line, panel, dots=dots)
    y = axis(panel.y_label)
    if panel.log_y:
        decades = y_range[1] - y_range[0] if y_range else 1.0
        y |= {"type": "log", "dtick": 1 if decades > 1.2 else "D2", "exponentformat": "power"}
    if panel.percent:
        y |= {"tickformat": ".0%" if not y_range or y_range[1] - y_range[0] > 0.05 else ".1%"}
    if y_range:
        y["range"] = y_range
    x = axis(panel.x_label)
    if panel.x_label == "epoch" and max((len(line.x) for line in panel.lines), default=0) <= 8:
        x["dtick"] = 1
    if x_range:
        x["range"] = x_range
    if y_range and any(line.end for line in panel.lines):
        data += _ends(panel, y_range)
    return {"data": data, "layout": layout(x, y, hovermode="closest", **_marks(panel.marks))}


def _marks(marks: Sequence[Mark]) -> dict[str, Any]:
    """An upright dotted line for every mark, its text along it."""
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
        "annotations": [{**across, **text, "x": m.x, "text": plain(m.text)} for m in marks],
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
        for line, place in zip(group, spread([(y - y_range[0]) / span for y in at], END_GAP), strict=True):
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
                    "line": {"color": line.look.colour, "width": 0.8},
                    "hoverinfo": "skip",
                    "meta": line.label,
                }
            )
    return traces


def _line(line: Line, panel: Panel, *, dots: bool) -> list[dict[str, Any]]:
    look = line.look
    traces: list[dict[str, Any]] = []
    if line.low is not None and line.high is not None:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": numbers(np.concatenate([line.x, line.x[::-1]])),
                "y": numbers(np.concatenate([line.high, line.low[::-1]])),
                "fill": "toself",
                "fillcolor": transparent(look.colour, 0.16),
                "line": {"width": 0},
                "hoverinfo": "skip",
                "meta": line.label,
            }
        )
    value = "%{y:.2%}" if panel.percent else "%{y:.4g}"
    traces.append(
        {
            "type": "scatter",
            "mode": "lines+markers" if dots else "lines",
            "x": numbers(line.x),
            "y": numbers(line.y),
            "line": {"color": look.colour, "width": 1.33 * look.width, "dash": look.dash},
            "opacity": look.opacity,
            "marker": {"size": 5},
            "meta": line.label,
            "hovertemplate": f"{plain(cut(line.label, 60))}<br>{panel.x_label} %{{x}}: {value}<extra></extra>",
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
