"""Matrices and pictures as plots of plotly, for `plotly_figure`: the page shows them as tables and pictures instead.

Each function returns what `plots` returns: plots in plotly's format, one for every picture.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from handgrad.report.figures.palette import RIGHT, WRONG
from handgrad.report.figures.shapes import Matrix, Mistakes, Pictures, Predictions
from handgrad.report.page.page_grids import png_uri
from handgrad.report.page.plots import axis, layout, numbers, one_plot, plain

NEUTRAL = "#F7F7F7"
SHORT = 16  # letters that stand above a picture in one line
ROW_HEIGHT = 160  # pixels of a row of pictures, with what stands above them


def matrix_plot(figure: Matrix) -> dict[str, Any]:
    """A heat map, shaded as in print; what its cells show in print stands in them, and both under the pointer."""
    shares = 100 * figure.shares
    texts = [
        [f"{count:,} ({share:.1f} %)" for count, share in zip(counts, row, strict=True)]
        for counts, row in zip(figure.counts.tolist(), shares.tolist(), strict=True)
    ]
    names = [plain(name) for name in figure.classes]
    k = len(names)
    trace = {
        "type": "heatmap",
        "x": list(range(k)),
        "y": list(range(k)),
        "z": [numbers(row) for row in np.sqrt(figure.shares)],
        "zmin": 0,
        "zmax": 1,
        "colorscale": "Blues",
        "showscale": False,
        "xgap": 1,
        "ygap": 1,
        "text": [[_cell(figure.show, text) for text in row] for row in texts],
        "hovertemplate": "%{hovertext}<extra></extra>",
        "hovertext": [
            [f"actual {a}, predicted {p}: {text}" for p, text in zip(names, row, strict=True)]
            for a, row in zip(names, texts, strict=True)
        ],
    }
    if k <= 20:
        trace["texttemplate"] = "%{text}"
    ticks = {"tickvals": list(range(k)), "ticktext": names, "showgrid": False}
    x = axis("predicted", **ticks, constrain="domain")
    y = axis("actual", **ticks, autorange="reversed", scaleanchor="x", constrain="domain")
    return one_plot({"data": [trace], "layout": layout(x, y, height=max(360, min(44 * k + 120, 900)))})


def _cell(show: str, text: str) -> str:
    """What stands in a cell of "12 (3.4 %)"; nothing where the count is 0, as in print."""
    count, _, share = text.removesuffix(" %)").partition(" (")
    if count == "0":
        return ""
    return {"both": f"{count}<br>{share} %", "percent": share, "count": count}[show]


def pictures_plot(figure: Pictures) -> dict[str, Any]:
    """Signed numbers as heat maps, which tell each under the pointer; colours as pictures."""
    signed = figure.images.ndim == 3
    scale = [[0, WRONG], [0.5, NEUTRAL], [1, RIGHT]]
    ends = {"zmin": -figure.limit, "zmax": figure.limit, "colorscale": scale, "showscale": False}
    traces = [
        {"type": "heatmap", "z": [numbers(row) for row in image], **ends, "hovertemplate": "%{z:.3g}<extra></extra>"}
        if signed
        else _picture(0.5 + image / (2 * figure.limit))
        for image in figure.images
    ]
    return _grid(traces, figure.labels, figure.columns)


def mistakes_plot(figure: Mistakes) -> dict[str, Any]:
    """Each picture under what it is, what it was taken for, and how confidently."""
    one_line = max(map(len, figure.labels), default=0) <= SHORT
    labels = [label if one_line else label.replace("→ ", "→\n") for label in figure.labels]
    return _grid(list(map(_picture, figure.images)), labels, figure.columns)


def predictions_plot(figure: Predictions) -> dict[str, Any]:
    """Each picture under what it is and what was predicted; without pictures a table."""
    said = [[("actual", actual), *figure.said(position)] for position, actual in enumerate(figure.actual)]
    if figure.images is not None:
        labels = ["\n".join(f"{term} {text}" for term, text in lines) for lines in said]
        return _grid(list(map(_picture, figure.images)), labels, 5)
    header, rows = figure.table()
    columns = [[plain(str(cell)) for cell in column] for column in zip(*rows, strict=True)]
    table = {"type": "table", "header": {"values": header}, "cells": {"values": columns}}
    return one_plot(
        {"data": [table], "layout": {"margin": {"l": 8, "r": 8, "t": 8, "b": 8}, "height": 30 * len(said) + 120}}
    )


def _picture(image: np.ndarray) -> dict[str, Any]:
    """(rows, cols) or (rows, cols, 3) in [0, 1] as a trace."""
    return {"type": "image", "source": png_uri(image), "hoverinfo": "skip"}


def _grid(traces: Sequence[dict[str, Any]], labels: Sequence[str], columns: int) -> dict[str, Any]:
    """A plot for each trace, under its label."""
    hidden = {"visible": False, "constrain": "domain"}
    axes = {"x": hidden, "y": {**hidden, "autorange": "reversed", "scaleanchor": "x"}}
    plots = [(label, {"data": [trace], "layout": layout(**axes)}) for label, trace in zip(labels, traces, strict=True)]
    found = {"what": "plots", "plots": plots, "columns": min(columns, len(plots)), "legend": []}
    return {**found, "row_height": ROW_HEIGHT}


PLOTS: dict[str, Callable[..., Any]] = {
    "Matrix": matrix_plot,
    "Pictures": pictures_plot,
    "Mistakes": mistakes_plot,
    "Predictions": predictions_plot,
}
