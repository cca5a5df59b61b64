"""Panels of lines and rankings for the page: what its template takes, with plots in plotly's own format.

Each plot is a dictionary with `data` and `layout`, never text that was put together.  Colours of text, grid and axes
are left to the page's style sheet, so that light, dark and print need no redrawing.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from handgrad.report.drawing.charts import noted
from handgrad.report.drawing.lettering import spaced
from handgrad.report.figures.palette import COLOURS, CONTEXT
from handgrad.report.figures.shapes import Curves, Estimates, Line, Mark, Panel, Ranking
from handgrad.training.run_keys import key_word

MARK = "#8A9199"
NAMED = 40  # lines that a legend names
END_GAP = 0.045  # of the height of a plot, between names at the ends of lines


def curves(figure: Curves) -> dict[str, Any]:
    """A plot for every panel; what names their lines is a legend, which hides and shows them, and a key."""
    ranges = {panel.y_label: shared_range(figure, panel.y_label) for panel in figure.panels}
    across = shared_x(figure) if figure.small else None
    several = len(figure.panels) > 1
    plots = [
        (panel.title if several else "", _panel(panel, ranges[panel.y_label], across, dots=figure.dotted))
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


def ranking(figure: Ranking) -> dict[str, Any]:
    """One plot, of its own height."""
    return one_plot(ranking_plot(figure))


def estimates(figure: Estimates) -> dict[str, Any]:
    """A bar per row, with a line for its interval, in one plot of its own height."""
    data: list[dict[str, Any]] = []
    for y, row in enumerate(figure.rows):
        text = f"{row.value:.3g}"
        if row.low is not None and row.high is not None:
            text += f" ({row.low:.3g} to {row.high:.3g})"
        bar = {"type": "bar", "orientation": "h", "x": [short(row.value)], "y": [y], "width": 0.6}
        data.append(
            {**bar, "marker": {"color": transparent(COLOURS[0], 0.5)}, "hovertemplate": f"{text}<extra></extra>"}
        )
        if row.low is not None and row.high is not None:
            marks = {"color": COLOURS[0], "symbol": "line-ns-open", "size": 9}
            line = {"type": "scatter", "mode": "lines+markers", "x": [short(row.low), short(row.high)], "y": [y, y]}
            data.append({**line, "line": {"color": COLOURS[0], "width": 2}, "marker": marks, "hoverinfo": "skip"})
    labels = [row.label for row in figure.rows]
    y_axis = axis("", tickvals=list(range(len(labels))), ticktext=[plain(label) for label in labels], showgrid=False)
    y_axis |= {"range": [len(labels) - 0.5, -0.5]}
    x_axis = axis(figure.x_label, range=[0, short(figure.end)])
    return one_plot({"data": data, "layout": layout(x_axis, y_axis, height=30 * len(labels) + 70, hovermode="closest")})


def one_plot(plot: Mapping[str, Any]) -> dict[str, Any]:
    """What the page's template takes of a single plot (plotly's `data` and `layout`) without a legend."""
    unnamed: dict[str, Any] = {"legend": [], "key": None, "small": False, "tall": False}
    return {"what": "plots", "plots": [("", plot)], "columns": 1, **unnamed}


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
    context = [line for line in panel.lines if line.style == CONTEXT]
    data = [_context(context)] if context else []
    for line in panel.lines:
        if line.style != CONTEXT:
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
    plot = {"data": data, "layout": layout(x, y, hovermode="closest", **mark_lines(panel.marks))}
    window = panel.window
    return plot if window is None else with_inset(plot, panel, window)


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
    return {"data": [*plot["data"], *inner], "layout": {**outer, "xaxis2": x2, "yaxis2": y2, "shapes": shapes}}


def mark_lines(marks: Sequence[Mark]) -> dict[str, Any]:
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
    value = "%{y:.2%}" if panel.percent else "%{y:.4g}"
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
            "hovertemplate": f"{plain(beginning(line.label))}<br>{panel.x_label} %{{x}}: {value}<extra></extra>",
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


def ranking_plot(figure: Ranking) -> dict[str, Any]:
    """A plotly figure (data and layout) of its own height: as many rows as settings."""
    data: list[dict[str, Any]] = []
    value = ".2%" if figure.percent else ".4g"
    shapes: list[dict[str, Any]] = []
    if figure.best_at is not None:
        whole = {"yref": "paper", "y0": 0, "y1": 1, "layer": "below"}
        low, high = figure.ends
        if figure.margin is not None:
            ends = {"x0": max(figure.best_at - figure.margin, low), "x1": min(figure.best_at + figure.margin, high)}
            shapes.append(
                {"type": "rect", **whole, **ends, "fillcolor": transparent("#7A8087", 0.16), "line": {"width": 0}}
            )
        line = {"color": COLOURS[0], "width": 1}
        shapes.append({"type": "line", **whole, "x0": short(figure.best_at), "x1": short(figure.best_at), "line": line})
    words = [
        {"text": plain(row.word), "xref": "paper", "x": 1, "xanchor": "left", "xshift": 4, "y": y, "showarrow": False}
        for y, row in enumerate(figure.rows)
        if row.word
    ]
    for y, row in enumerate(figure.rows):
        ink = COLOURS[0] if row.best else "#7A8087"
        if row.shaded:
            band = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": y - 0.5, "y1": y + 0.5, "layer": "below"}
            shapes.append({**band, "fillcolor": transparent(COLOURS[0], 0.1), "line": {"width": 0}})
        if row.low is not None and row.high is not None:
            bar: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": [short(row.low), short(row.high)]}
            data.append({**bar, "y": [y, y], "line": {"color": ink, "width": 2}, "hoverinfo": "skip"})
        seeds = _dots(list(row.points.values()), y, {"color": ink, "size": 7, "opacity": 0.45})
        hover = f"%{{customdata}}: %{{x:{value}}}<extra></extra>"
        data.append({**seeds, "customdata": list(map(key_word, row.points)), "hovertemplate": hover})
        if row.mean is not None:
            style = {"color": ink, "size": 9, "symbol": "diamond", "line": {"color": "#fff", "width": 1}}
            data.append({**_dots([row.mean], y, style), "hovertemplate": f"mean: %{{x:{value}}}<extra></extra>"})
    for y, side in figure.cuts:  # the interval goes on beyond the axis
        symbol = {"color": COLOURS[0] if figure.rows[y].best else "#7A8087", "size": 8, "symbol": f"triangle-{side}"}
        edge = _dots([figure.ends[side == "right"]], y, symbol)
        data.append({**edge, "cliponaxis": False, "hovertemplate": "the interval goes on<extra></extra>"})
    labels = [noted(row, 44) for row in figure.rows]
    y_axis = axis("", tickvals=list(range(len(labels))), ticktext=[plain(label) for label in labels], showgrid=False)
    y_axis |= {"range": [len(labels) - 0.5, -0.5]}
    x_axis = axis(figure.x_label, range=list(map(short, figure.ends)))
    if figure.percent:
        low, high = figure.ends
        x_axis |= {"tickformat": ".0%" if high - low > 0.05 else ".1%"}
    beside = {"annotations": words, "margin": {"l": 8, "r": 96, "t": 8, "b": 8}} if words else {}
    return {
        "data": data,
        "layout": layout(x_axis, y_axis, shapes=shapes, **beside, height=26 * len(labels) + 70, hovermode="closest"),
    }


def _dots(x: list[float], y: int, style: dict[str, Any]) -> dict[str, Any]:
    return {"type": "scatter", "mode": "markers", "x": [short(v) for v in x], "y": [y] * len(x), "marker": style}


def axis(title: str, **more: Any) -> dict[str, Any]:
    """An axis with its title."""
    return {"title": {"text": plain(title), "standoff": 6}, "automargin": True, "zeroline": False, **more}


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
    return [short(value) if np.isfinite(value) else None for value in values.tolist()]


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
