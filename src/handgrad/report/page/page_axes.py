"""Figures of hyperparameters for the page, in plotly's own format: what `drawing/axis_charts.py` draws for print."""

from typing import Any

import numpy as np

from handgrad.decimals import significant
from handgrad.report.figures.axis_shapes import (
    MOST_LINES,
    AxisPanel,
    AxisPanels,
    HeatMap,
    Importances,
    ParallelCoordinates,
    Ticks,
)
from handgrad.report.figures.palette import COLOURS, SHADES, WRONG, shade
from handgrad.report.findings.wording import percent
from handgrad.report.page.plots import axis, beginning, layout, numbers, one_plot, plain, short, transparent

MEAN, RUN = COLOURS[0], "#8A9199"
DARK, LIGHT = "#202124", "#ffffff"  # on cells, whatever the page's own colours are
NAMED_CELLS = 12  # columns of a heat map up to which numbers stand in its cells


def axis_panels(figure: AxisPanels) -> dict[str, Any]:
    """A plot for each axis, with one y axis."""
    low, high = figure.y_range
    value = ".2%" if figure.percent else ".4g"
    plots = []
    for panel in figure.panels:
        y_axis = axis(figure.y_label, range=[short(low), short(high)])
        if figure.percent:
            y_axis["tickformat"] = ".0%" if high - low > 0.05 else ".1%"
        x_axis = axis("", range=[-0.05, 1.05], **_ticks(panel.ticks))
        data = _axis_panel(panel, low, high, value)
        plot = {"data": data, "layout": layout(x_axis, y_axis, hovermode="closest"), "runs": _runs_of(panel, len(data))}
        plots.append((panel.axis, plot))
    columns = min(figure.columns, len(plots))
    return {**one_plot({}), "plots": plots, "columns": columns}


def _runs_of(panel: AxisPanel, traces: int) -> list[Any]:
    """The runs of each dot, in the order of the traces; None of those that are over all runs."""
    if not panel.runs:
        return [None] * traces
    dots = [[panel.runs[k] for k in np.flatnonzero(which)] for which in (~panel.lost, panel.lost) if which.any()]
    return [*dots, *[None] * (traces - len(dots))]


def _ticks(ticks: Ticks) -> dict[str, Any]:
    return {
        "tickvals": [short(place) for place, _ in ticks],
        "ticktext": [plain(beginning(text)) for _, text in ticks],
    }


def _axis_panel(panel: AxisPanel, low: float, high: float, value: str) -> list[dict[str, Any]]:
    data: list[dict[str, Any]] = []
    kinds = (
        (~panel.lost, {"color": RUN, "size": 5, "opacity": 0.5}, ""),
        (panel.lost, {"color": WRONG, "size": 6, "symbol": "x-thin-open", "opacity": 0.85}, "lost: "),
    )
    for which, marker, word in kinds:
        if which.any():
            y = panel.dots_y[which]
            edge = 0.015 * (high - low)
            data.append(
                {
                    "type": "scatter",
                    "mode": "markers",
                    "x": numbers(panel.dots_x[which]),
                    "y": numbers(np.clip(y, low + edge, high - edge)),
                    "customdata": numbers(y),
                    "marker": marker,
                    "hovertemplate": f"{word}%{{customdata:{value}}}<extra></extra>",
                }
            )
    if panel.band and len(panel.x):
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": numbers(np.concatenate([panel.x, panel.x[::-1]])),
                "y": numbers(np.concatenate([panel.high, panel.low[::-1]])),
                "fill": "toself",
                "fillcolor": transparent(MEAN, 0.16),
                "line": {"width": 0},
                "hoverinfo": "skip",
            }
        )
    if len(panel.x):
        above, below = panel.high - panel.y, panel.y - panel.low
        faces = [MEAN if place == panel.best else "#ffffff" for place in panel.x.tolist()]
        line: dict[str, Any] = {
            "type": "scatter",
            "mode": "lines" if panel.band else "lines+markers" if panel.joined else "markers",
            "x": numbers(panel.x),
            "y": numbers(panel.y),
            "line": {"color": MEAN, "width": 2 if panel.band else 1},
            "text": [plain(text) for text in panel.values],
            "hovertemplate": f"%{{text}}: %{{y:{value}}}<extra></extra>",
        }
        if not panel.band:
            line["marker"] = {"color": faces, "size": 9, "symbol": "diamond", "line": {"color": MEAN, "width": 1.5}}
            line["error_y"] = {
                "type": "data",
                "symmetric": False,
                "array": numbers(above),
                "arrayminus": numbers(below),
                "color": MEAN,
                "width": 0,
                "thickness": 2,
            }
        data.append(line)
    return data


def heat_map(figure: HeatMap) -> dict[str, Any]:
    """Cells coloured from the worst without a lost run to the best; crossed where runs were lost, the best framed."""
    rows, columns = figure.means.shape
    value = ".2%" if figure.percent else ".4g"
    low, high = sorted((figure.low, figure.high))
    form = ".0%" if high - low > 0.05 else ".1%"
    inks = list(SHADES) if figure.low <= figure.high else list(reversed(SHADES))
    cells: dict[str, Any] = {
        "type": "heatmap",
        "z": [numbers(row) for row in figure.means],
        "zmin": short(low),
        "zmax": short(high if high > low else low + 1e-9),
        "colorscale": [[k / (len(inks) - 1), ink] for k, ink in enumerate(inks)],
        "xgap": 1,
        "ygap": 1,
        "customdata": [
            [_cell_note(figure, i, j, plain(x), plain(y)) for j, x in enumerate(figure.x_values)]
            for i, y in enumerate(figure.y_values)
        ],
        "hovertemplate": f"%{{customdata}}: %{{z:{value}}}<extra></extra>",
        "hoverongaps": False,
        "colorbar": {"thickness": 10, "outlinewidth": 0, "tickformat": form if figure.percent else "", "len": 0.9},
    }
    fallen = np.argwhere(figure.lost > 0)
    crosses: dict[str, Any] = {
        "type": "scatter",
        "mode": "markers",
        "x": (fallen[:, 1] + 0.36).tolist(),
        "y": (fallen[:, 0] + 0.32).tolist(),
        "marker": {"symbol": "x-thin-open", "size": 8, "color": LIGHT, "line": {"width": 2}},
        "hoverinfo": "skip",
    }
    i, j = figure.best
    frame: dict[str, Any] = {
        "type": "rect", "x0": j - 0.48, "x1": j + 0.48, "y0": i - 0.48, "y1": i + 0.48,
        "line": {"color": DARK, "width": 3},
    }  # fmt: skip
    if columns <= NAMED_CELLS and rows <= 2 * NAMED_CELLS:  # in black or white, by plotly, as the colour of a cell asks
        cells["text"] = [
            [f"{figure.text(a, b)}<br><sub>n = {n}</sub>" if (n := figure.counts[a, b]) else "" for b in range(columns)]
            for a in range(rows)
        ]
        cells |= {"texttemplate": "%{text}", "textfont": {"size": 13}}
    x_axis = axis(figure.x_label, showgrid=False, range=[-0.5, columns - 0.5], **_named(figure.x_values))
    y_axis = axis(figure.y_label, showgrid=False, range=[-0.5, rows - 0.5], **_named(figure.y_values))
    shown = layout(x_axis, y_axis, shapes=[frame], height=46 * rows + 90, hovermode="closest")
    return one_plot({"data": [cells, crosses], "layout": shown})


def _named(texts: tuple[str, ...]) -> dict[str, Any]:
    return {"tickvals": list(range(len(texts))), "ticktext": [plain(beginning(text)) for text in texts]}


def _cell_note(figure: HeatMap, i: int, j: int, x: str, y: str) -> str:
    fallen = f", {figure.lost[i, j]} lost" if figure.lost[i, j] else ""
    return f"{plain(figure.x_label)} {x}, {plain(figure.y_label)} {y} (n = {figure.counts[i, j]}{fallen})"


def parallel(figure: ParallelCoordinates) -> dict[str, Any]:
    """A line for each setting between upright axes, the best last and wide."""
    x = list(range(len(figure.axes)))
    texts = [list(row) for row in figure.texts]
    said = percent if figure.percent else significant
    texts = [[*values, said(float(measure))] for *values, measure in texts]
    data: list[dict[str, Any]] = []
    for k in reversed(figure.drawn):
        pairs = zip(figure.axes, texts[k], strict=True)
        note = "<br>".join(f"{plain(one.label)}: {plain(beginning(text))}" for one, text in pairs)
        data.append(
            {
                "type": "scatter",
                "mode": "lines",
                "x": x,
                "y": numbers(figure.places[k]),
                "line": {"color": shade(float(figure.levels[k])), "width": 3.5 if k == 0 else 1.2},
                "opacity": 1.0 if k == 0 else 0.6,
                "hovertemplate": f"{note}<extra></extra>",
            }
        )
    line = {"color": RUN, "width": 1}
    shapes = [{"type": "line", "x0": j, "x1": j, "y0": 0, "y1": 1, "line": line} for j in x]
    notes = [
        {
            "x": j,
            "y": short(place),
            "text": plain(beginning(text)),
            "showarrow": False,
            "xanchor": "left" if j == x[-1] else "right",
            "xshift": 4 if j == x[-1] else -4,
            "font": {"size": 10},
            "bgcolor": "rgba(255,255,255,0.85)",  # the style sheet makes it the colour of the page
            "borderpad": 1,
        }
        for j, one in enumerate(figure.axes)
        for place, text in one.ticks
    ]
    names = [plain(beginning(one.label)) for one in figure.axes]
    x_axis = axis("", side="top", showgrid=False, tickvals=x, ticktext=names, range=[-0.4, x[-1] + 0.35])
    y_axis = axis("", showgrid=False, showticklabels=False, range=[-0.04, 1.04])
    shown = layout(x_axis, y_axis, shapes=shapes, annotations=notes, height=360, hovermode="closest")
    every = {
        "axes": [one.label for one in figure.axes],
        "places": [[short(place) for place in row] for row in figure.places.tolist()],
        "texts": texts,
        "colours": [shade(float(level)) for level in figure.levels],
        "runs": figure.runs,
        "most": MOST_LINES,
    }
    return one_plot(
        {"data": data, "layout": shown, "settings": every} if figure.runs else {"data": data, "layout": shown}
    )


def importances(figure: Importances) -> dict[str, Any]:
    """A bar for each row with its interval, largest on top."""
    share = np.array([row.share for row in figure.rows])
    low = np.array([np.nan if row.low is None else row.low for row in figure.rows])
    high = np.array([np.nan if row.high is None else row.high for row in figure.rows])
    bar = np.maximum(share, 0.0)
    data: list[dict[str, Any]] = []
    for which in (np.isfinite(low), ~np.isfinite(low)):
        at = np.flatnonzero(which)
        if not len(at):
            continue
        bars: dict[str, Any] = {
            "type": "bar",
            "orientation": "h",
            "x": numbers(bar[at]),
            "y": at.tolist(),
            "customdata": numbers(share[at]),
            "marker": {"color": [MEAN if figure.rows[k].main else transparent(MEAN, 0.45) for k in at.tolist()]},
            "hovertemplate": "%{customdata:.1%}<extra></extra>",
        }
        if np.isfinite(low[at]).all():
            bars["error_x"] = {
                "type": "data",
                "symmetric": False,
                "array": numbers(np.maximum(high[at] - bar[at], 0)),
                "arrayminus": numbers(np.maximum(bar[at] - low[at], 0)),
                "color": RUN,
                "thickness": 1.6,
                "width": 4,
            }
        data.append(bars)
    beside = [(k, row.beside) for k, row in enumerate(figure.rows) if row.beside is not None]
    if beside:
        style = {"color": "#ffffff", "size": 7, "line": {"color": RUN, "width": 1.5}}
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "x": [short(value) for _, value in beside],
                "y": [k for k, _ in beside],
                "marker": style,
                "hovertemplate": f"{plain(figure.beside)}: %{{x:.1%}}<extra></extra>",
            }
        )
    names = [plain(beginning(row.label)) for row in figure.rows]
    y_axis = axis("", tickvals=list(range(len(names))), ticktext=names, showgrid=False, range=[len(names) - 0.4, -0.6])
    ends = [v for row in figure.rows for v in (row.share, row.high, row.beside) if v is not None]
    x_axis = axis(figure.x_label, tickformat=".0%", range=[0, short(min(1.02, 1.12 * max([*ends, 0.05])))])
    shown = layout(x_axis, y_axis, barmode="overlay", height=26 * len(names) + 80, hovermode="closest")
    return one_plot({"data": data, "layout": shown})
