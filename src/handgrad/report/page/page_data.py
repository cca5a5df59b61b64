"""Examples of the data for the page, in plotly's format: classes by part, regions of the plane, one example's way."""

from typing import Any

import numpy as np

from handgrad.decimals import significant
from handgrad.report.figures.data_shapes import Activations, ClassBalance, DecisionRegions, LayerOutputs, RegionPanel
from handgrad.report.figures.palette import COLOURS, RIGHT, WRONG, line_style
from handgrad.report.figures.shapes import Line
from handgrad.report.page.page_grids import png_uri
from handgrad.report.page.plots import axis, beginning, layout, numbers, one_plot, plain, short

NEUTRAL = "#F7F7F7"
SIGNS = ("circle", "square", "triangle-up", "diamond", "triangle-down", "x")  # as in print, one for each colour
PATHS = {
    "circle": "M10 6a4 4 0 1 1 -8 0a4 4 0 1 1 8 0z",
    "square": "M2 2h8v8h-8z",
    "triangle-up": "M6 2l5 8h-10z",
    "diamond": "M6 1l5 5l-5 5l-5 -5z",
    "triangle-down": "M1 2h10l-5 8z",
    "x": "M3 1l3 3l3 -3l2 2l-3 3l3 3l-2 2l-3 -3l-3 3l-2 -2l3 -3l-3 -3z",
}  # of the signs, within 12 x 12
BAR = 22  # pixels of a class
OTHER = "#8A9199"


def class_balance(figure: ClassBalance) -> dict[str, Any]:
    """A plot for each part, a bar for each class; all axes end at the same share of their part."""
    rows, plots, end = figure.drawn, [], 1.3 * figure.largest_share
    ticks: dict[str, Any] = {"nticks": 4} if end < 1 else {"tickvals": [0, 0.25, 0.5, 0.75, 1]}  # no share is above 1
    for part, counts in figure.counts:
        shares = [short(figure.share(counts, i)) for i in rows]
        bars = {
            "type": "bar",
            "orientation": "h",
            "x": shares,
            "y": list(range(len(rows))),
            "text": [f"{counts[i]:,}" for i in rows],
            "textposition": "outside",
            "cliponaxis": False,
            "marker": {"color": COLOURS[0]},
            "customdata": [plain(figure.classes[i]) for i in rows],
            "hovertemplate": "%{customdata}: %{text} examples, %{x:.2%} of the part<extra></extra>",
        }
        x = axis("of the part", range=[0, short(end)], tickformat=".0%", **ticks)
        plots.append(
            (part, {"data": [bars], "layout": layout(x, _classes(figure.classes, rows), height=_height(rows))})
        )
    return {**one_plot({}), "plots": plots, "columns": min(3, len(plots))}


def _height(rows: list[int]) -> int:
    return BAR * len(rows) + 70


def _classes(classes: tuple[str, ...], rows: list[int]) -> dict[str, Any]:
    """An upright axis of classes, the first on top."""
    names = {"tickvals": list(range(len(rows))), "ticktext": [plain(beginning(classes[i])) for i in rows]}
    return axis("", range=[len(rows) - 0.4, -0.6], showgrid=False, **names)


def regions(figure: DecisionRegions) -> dict[str, Any]:
    """A plot for each network; a press on a class hides and shows its examples."""
    titles = [f"{panel.title} ({panel.right})" if panel.title else "" for panel in figure.panels]
    plots = [(title, _plane(figure, panel)) for title, panel in zip(titles, figure.panels, strict=True)]
    empty = np.empty(0)
    legend = [Line(label, empty, empty, style=line_style(i)) for i, label in enumerate(figure.classes)]
    signs = {label: _sign_of(i) for i, label in enumerate(figure.classes)}
    ring = any(panel.wrong.any() for panel in figure.panels)
    columns = min(figure.columns, len(plots))
    return {**one_plot({}), "plots": plots, "columns": columns, "legend": legend, "signs": signs, "ring": ring}


def _sign_of(i: int) -> dict[str, str]:
    """The sign of a class for the legend: a path within 12 x 12, what fills it and what it is drawn with."""
    ink = COLOURS[i % len(COLOURS)]
    return {"path": PATHS[SIGNS[i % len(SIGNS)]], "fill": "#ffffff" if i >= len(COLOURS) else ink, "ink": ink}


def _plane(figure: DecisionRegions, panel: RegionPanel) -> dict[str, Any]:
    k = len(figure.classes)
    ends = [[end, COLOURS[i % len(COLOURS)]] for i in range(k) for end in (i / k, (i + 1) / k)]
    data: list[dict[str, Any]] = [
        {
            "type": "heatmap",
            "x": numbers(panel.x),
            "y": numbers(panel.y),
            "z": panel.regions.tolist(),
            "zmin": -0.5,
            "zmax": k - 0.5,
            "colorscale": ends,
            "showscale": False,
            "opacity": 0.32,
            "hoverinfo": "skip",
        }
    ]
    for i, label in enumerate(figure.classes):
        own = panel.actual == i
        said = [plain(beginning(figure.classes[c])) for c in panel.predicted[own]]
        ink, hollow = COLOURS[i % len(COLOURS)], i >= len(COLOURS)
        data.append(
            {
                **_points(panel.points[own]),
                "meta": label,
                "customdata": list(zip(panel.index[own].tolist(), said, strict=True)),
                "marker": {
                    "color": "#ffffff" if hollow else ink,
                    "size": 7,
                    "symbol": SIGNS[i % len(SIGNS)],
                    "line": {"color": ink if hollow else "#ffffff", "width": 1.5 if hollow else 0.6},
                },
                "hovertemplate": f"{plain(beginning(label))}, predicted %{{customdata[1]}}<br>"
                "(%{x:.4g}, %{y:.4g}), index %{customdata[0]}<extra></extra>",
            }
        )
    for i, label in enumerate(figure.classes):  # a ring goes with the sign of its class
        wrong = panel.points[panel.wrong & (panel.actual == i)]
        for ink, width in (("#ffffff", 4), ("#000000", 1.6)):
            ring = {"symbol": "circle-open", "size": 13, "color": ink, "line": {"color": ink, "width": width}}
            data.append({**_points(wrong), "meta": label, "marker": ring, "hoverinfo": "skip"})
    names = [
        {
            "x": short(x),
            "y": short(y),
            "text": f"<b>{plain(beginning(figure.classes[i]))}</b>",
            "showarrow": False,
            "bgcolor": "#ffffff",
            "opacity": 0.85,
            "borderpad": 2,
        }
        for x, y, i in panel.names
    ]
    x_axis, y_axis = (
        axis(label, range=[short(float(ends[0])), short(float(ends[-1]))], showgrid=False)
        for label, ends in ((figure.x_label, panel.x), (figure.y_label, panel.y))
    )
    height = 480 if len(figure.panels) == 1 else 340
    return {"data": data, "layout": layout(x_axis, y_axis, annotations=names, hovermode="closest", height=height)}


def _points(points: np.ndarray) -> dict[str, Any]:
    return {"type": "scatter", "mode": "markers", "x": numbers(points[:, 0]), "y": numbers(points[:, 1])}


def activations(figure: Activations) -> dict[str, Any]:
    """Plots of the example, the outputs and every layer; values under the pointer."""
    plots: list[tuple[str, dict[str, Any]]] = []
    if figure.image is not None:
        picture = {"type": "image", "source": png_uri(figure.image), "hoverinfo": "skip"}
        hidden = {"visible": False, "constrain": "domain"}
        shown = layout(hidden, {**hidden, "autorange": "reversed", "scaleanchor": "x"}, height=_height(figure.drawn))
        plots.append((", ".join(figure.said), {"data": [picture], "layout": shown}))
    plots.append((f"Outputs ({figure.what}; {figure.colours})", _outputs(figure)))
    plots += [(one.words, _strip(figure, one)) for one in figure.strips]
    return {**one_plot({}), "plots": plots, "columns": 2}


def _outputs(figure: Activations) -> dict[str, Any]:
    rows = figure.drawn
    values = figure.outputs[rows]
    bars = {
        "type": "bar",
        "orientation": "h",
        "x": numbers(values),
        "y": list(range(len(rows))),
        "text": [significant(value, 3) for value in values.tolist()],
        "textposition": "outside",
        "cliponaxis": False,
        "marker": {"color": [figure.ink(i) or OTHER for i in rows]},
        "customdata": [plain(figure.classes[i]) for i in rows],
        "hovertemplate": "%{customdata}: %{x:.6g}<extra></extra>",
    }
    low, high = min(0.0, float(values.min())), 1.0 if figure.what == "probability" else max(0.0, float(values.max()))
    x = axis(figure.what, range=[short(low), short(high + 0.18 * (high - low or 1.0))])
    return {"data": [bars], "layout": layout(x, _classes(figure.classes, rows), height=_height(rows))}


def _strip(figure: Activations, one: LayerOutputs) -> dict[str, Any]:
    """The mosaic of a layer."""
    values, which = one.mosaic
    word = "map" if one.are_maps else "unit"
    names = figure.features if one is figure.inputs else [f"{word} {i + 1}" for i in range(len(one.values))]
    cells = {
        "type": "heatmap",
        "z": [numbers(row) for row in values],
        "zmin": short(-one.limit),
        "zmax": short(one.limit),
        "colorscale": [[0, WRONG], [0.5, NEUTRAL], [1, RIGHT]],
        "showscale": False,
        "hoverongaps": False,
        "customdata": [[plain(names[i]) if i >= 0 else "" for i in row] for row in which.tolist()],
        "hovertemplate": "%{customdata}: %{z:.4g}<extra></extra>",
    }
    ticks = {"tickvals": list(map(short, one.rows.values())), "ticktext": list(map(str, one.rows))}
    if not one.are_maps:
        cells |= {"xgap": 1, "ygap": 1}
    x = axis("", visible=False, constrain="domain")
    y = axis("", autorange="reversed", scaleanchor="x", constrain="domain", showgrid=False, **ticks)
    height = int(min(420, max(60, 460 * values.shape[0] / values.shape[1] + 24)))
    return {"data": [cells], "layout": layout(x, y, height=height)}
