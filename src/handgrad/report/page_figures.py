"""Figures for the page: lines and dots as plotly's JSON, matrices and pictures as plain HTML's ingredients.

Plotly is given dictionaries (its own format), never text that was put together.  Colours of text, grid and axes are
left to the page's style sheet, so that light, dark and print need no redrawing.
"""

import base64
import io
from typing import Any

import numpy as np

from handgrad.report.drawers import noted, ranking_range, signed_colours
from handgrad.report.figures import Curves, Line, Panel, Pictures, Predictions, Ranking
from handgrad.report.palette import COLOURS, CONTEXT, colour, dash


def plots(figure: Curves | Ranking) -> list[dict[str, Any]]:
    """One plotly figure (data and layout) for every panel; they share their legend, which the page draws."""
    if isinstance(figure, Ranking):
        return [_ranking(figure)]
    ranges = {panel.y_label: shared_range(figure, panel.y_label) for panel in figure.panels}
    return [_panel(panel, ranges[panel.y_label]) for panel in figure.panels]


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
    return [_short(low - margin), _short(high + margin)]


def _axis(title: str, **more: Any) -> dict[str, Any]:
    return {"title": {"text": _plain(title), "standoff": 6}, "automargin": True, "zeroline": False, **more}


def _layout(x: dict[str, Any], y: dict[str, Any], **more: Any) -> dict[str, Any]:
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


def _panel(panel: Panel, y_range: list[float] | None) -> dict[str, Any]:
    context = [line for line in panel.lines if line.style is None]
    data = [_context(context)] if context else []
    for line in panel.lines:
        if line.style is not None:
            data += _line(line, panel)
    y = _axis(panel.y_label)
    if panel.log_y:
        decades = y_range[1] - y_range[0] if y_range else 1.0
        y |= {"type": "log", "dtick": 1 if decades > 1.2 else "D2", "exponentformat": "power"}
    if panel.percent:
        y |= {"tickformat": ".0%" if not y_range or y_range[1] - y_range[0] > 0.05 else ".1%"}
    if y_range:
        y["range"] = y_range
    x = _axis(panel.x_label)
    if panel.x_label == "epoch" and max((len(line.x) for line in panel.lines), default=0) <= 8:
        x["dtick"] = 1
    return {"data": data, "layout": _layout(x, y, hovermode="closest")}


def _line(line: Line, panel: Panel) -> list[dict[str, Any]]:
    ink = colour(line.style)
    traces = []
    if line.low is not None and line.high is not None:
        traces.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": _list(np.concatenate([line.x, line.x[::-1]])),
                "y": _list(np.concatenate([line.high, line.low[::-1]])),
                "fill": "toself",
                "fillcolor": _transparent(ink, 0.16),
                "line": {"width": 0},
                "hoverinfo": "skip",
                "meta": line.label,
            }
        )
    value = "%{y:.2%}" if panel.percent else "%{y:.4g}"
    traces.append(
        {
            "type": "scatter",
            "mode": "lines+markers" if len(line.x) <= 12 else "lines",
            "x": _list(line.x),
            "y": _list(line.y),
            "line": {"color": ink, "width": 2, "dash": dash(line.style)},
            "marker": {"size": 5},
            "meta": line.label,
            "hovertemplate": f"{_plain(_cut(line.label, 60))}<br>{panel.x_label} %{{x}}: {value}<extra></extra>",
        }
    )
    return traces


def _context(lines: list[Line]) -> dict[str, Any]:
    """All lines of context as one trace, with gaps between them."""
    x: list[float | None] = []
    y: list[float | None] = []
    for line in lines:
        x += [*_list(line.x), None]
        y += [*_list(line.y), None]
    style = {"color": CONTEXT, "width": 0.7}
    return {"type": "scatter", "mode": "lines", "x": x, "y": y, "line": style, "opacity": 0.45, "hoverinfo": "skip"}


def _ranking(figure: Ranking) -> dict[str, Any]:
    data: list[dict[str, Any]] = []
    value = ".2%" if figure.percent else ".4g"
    shapes = []
    for y, row in enumerate(figure.rows):
        ink = COLOURS[0] if row.best else "#7A8087"
        if row.best or row.tied:
            band = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": y - 0.5, "y1": y + 0.5, "layer": "below"}
            shapes.append({**band, "fillcolor": _transparent(COLOURS[0], 0.1), "line": {"width": 0}})
        if row.low is not None and row.high is not None:
            bar: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": [_short(row.low), _short(row.high)]}
            data.append({**bar, "y": [y, y], "line": {"color": ink, "width": 2}, "hoverinfo": "skip"})
        seeds = _dots(list(row.points.values()), y, {"color": ink, "size": 7, "opacity": 0.45})
        hover = f"seed %{{customdata}}: %{{x:{value}}}<extra></extra>"
        data.append({**seeds, "customdata": list(row.points), "hovertemplate": hover})
        if row.mean is not None:
            look = {"color": ink, "size": 9, "symbol": "diamond", "line": {"color": "#fff", "width": 1}}
            data.append({**_dots([row.mean], y, look), "hovertemplate": f"mean: %{{x:{value}}}<extra></extra>"})
    labels = [noted(row, 44) for row in figure.rows]
    y_axis = _axis("", tickvals=list(range(len(labels))), ticktext=[_plain(label) for label in labels], showgrid=False)
    y_axis |= {"range": [len(labels) - 0.5, -0.5]}
    x_axis = _axis(figure.x_label, range=list(map(_short, ranking_range(figure))))
    if figure.percent:
        low, high = ranking_range(figure)
        x_axis |= {"tickformat": ".0%" if high - low > 0.05 else ".1%"}
    return {
        "data": data,
        "layout": _layout(x_axis, y_axis, shapes=shapes, height=26 * len(labels) + 70, hovermode="closest"),
    }


def _dots(x: list[float], y: int, look: dict[str, Any]) -> dict[str, Any]:
    return {"type": "scatter", "mode": "markers", "x": [_short(v) for v in x], "y": [y] * len(x), "marker": look}


def _plain(text: str) -> str:
    """Plotly reads a little HTML (<b>, <a href>) and %{…} in its texts; ours are shown letter by letter."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("%{", "%\u200b{")


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _list(values: np.ndarray) -> list[float | None]:
    return [_short(value) if np.isfinite(value) else None for value in values.tolist()]


def _short(value: float) -> float:
    """Six digits are more than a screen can show."""
    return float(f"{value:.6g}")


def _transparent(ink: str, alpha: float) -> str:
    red, green, blue = (int(ink[i : i + 2], 16) for i in (1, 3, 5))
    return f"rgba({red},{green},{blue},{alpha})"


def picture_uris(figure: Pictures | Predictions) -> list[str]:
    """Every picture as a small PNG in a data: address."""
    if isinstance(figure, Predictions):
        return [] if figure.images is None else [png_uri(image) for image in figure.images]
    return [png_uri(signed_colours(image, figure.limit)) for image in figure.images]


def png_uri(image: np.ndarray) -> str:
    """(rows, cols) or (rows, cols, 3) in [0, 1] -> a data: address."""
    from PIL import Image

    pixels = np.clip(np.rint(np.asarray(image) * 255), 0, 255).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()
