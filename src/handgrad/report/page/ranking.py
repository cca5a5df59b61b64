"""A ranking for the page: a row per setting, its seeds, their mean and interval."""

from typing import Any

from handgrad.report.drawing.ranking import noted, ranking_range
from handgrad.report.figures.figure import Ranking
from handgrad.report.figures.palette import COLOURS
from handgrad.report.page.plotly_parts import axis, layout, plain, short, transparent


def ranking_plot(figure: Ranking) -> dict[str, Any]:
    """A plotly figure (data and layout) of its own height: as many rows as settings."""
    data: list[dict[str, Any]] = []
    value = ".2%" if figure.percent else ".4g"
    shapes = []
    for y, row in enumerate(figure.rows):
        ink = COLOURS[0] if row.best else "#7A8087"
        if row.best or row.tied:
            band = {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": y - 0.5, "y1": y + 0.5, "layer": "below"}
            shapes.append({**band, "fillcolor": transparent(COLOURS[0], 0.1), "line": {"width": 0}})
        if row.low is not None and row.high is not None:
            bar: dict[str, Any] = {"type": "scatter", "mode": "lines", "x": [short(row.low), short(row.high)]}
            data.append({**bar, "y": [y, y], "line": {"color": ink, "width": 2}, "hoverinfo": "skip"})
        seeds = _dots(list(row.points.values()), y, {"color": ink, "size": 7, "opacity": 0.45})
        hover = f"seed %{{customdata}}: %{{x:{value}}}<extra></extra>"
        data.append({**seeds, "customdata": list(row.points), "hovertemplate": hover})
        if row.mean is not None:
            look = {"color": ink, "size": 9, "symbol": "diamond", "line": {"color": "#fff", "width": 1}}
            data.append({**_dots([row.mean], y, look), "hovertemplate": f"mean: %{{x:{value}}}<extra></extra>"})
    labels = [noted(row, 44) for row in figure.rows]
    y_axis = axis("", tickvals=list(range(len(labels))), ticktext=[plain(label) for label in labels], showgrid=False)
    y_axis |= {"range": [len(labels) - 0.5, -0.5]}
    x_axis = axis(figure.x_label, range=list(map(short, ranking_range(figure))))
    if figure.percent:
        low, high = ranking_range(figure)
        x_axis |= {"tickformat": ".0%" if high - low > 0.05 else ".1%"}
    return {
        "data": data,
        "layout": layout(x_axis, y_axis, shapes=shapes, height=26 * len(labels) + 70, hovermode="closest"),
    }


def _dots(x: list[float], y: int, look: dict[str, Any]) -> dict[str, Any]:
    return {"type": "scatter", "mode": "markers", "x": [short(v) for v in x], "y": [y] * len(x), "marker": look}
