"""Rankings and estimates for the page, in plotly's own format: a row for each name, in a plot of its own height."""

from typing import Any

from handgrad.decimals import significant
from handgrad.report.drawing.charts import row_labels
from handgrad.report.figures.palette import COLOURS
from handgrad.report.figures.row_shapes import Estimates, Ranking
from handgrad.report.page.plots import axis, layout, one_plot, plain, short, transparent
from handgrad.training.run_keys import key_word


def ranking(figure: Ranking) -> dict[str, Any]:
    """One plot, of its own height."""
    return one_plot(ranking_plot(figure))


def estimates(figure: Estimates) -> dict[str, Any]:
    """A bar per row, with a line for its interval, in one plot of its own height."""
    data: list[dict[str, Any]] = []
    for y, row in enumerate(figure.rows):
        text = significant(row.value, 3)
        if row.low is not None and row.high is not None:
            text += f" ({significant(row.low, 3)} to {significant(row.high, 3)})"
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


def ranking_plot(figure: Ranking) -> dict[str, Any]:
    """A plotly figure (data and layout) of its own height: as many rows as settings."""
    data: list[dict[str, Any]] = []
    runs: list[Any] = []  # of each trace, or of each of its points
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
            runs.append(row.runs)
        seeds = _dots(list(row.points.values()), y, {"color": ink, "size": 7, "opacity": 0.45})
        hover = f"%{{customdata}}: %{{x:{value}}}<extra></extra>"
        data.append({**seeds, "customdata": list(map(key_word, row.points)), "hovertemplate": hover})
        runs.append([[run] for run in row.runs])
        if row.mean is not None:
            style = {"color": ink, "size": 9, "symbol": "diamond", "line": {"color": "#fff", "width": 1}}
            data.append({**_dots([row.mean], y, style), "hovertemplate": f"mean: %{{x:{value}}}<extra></extra>"})
            runs.append([row.runs])
    for y, side in figure.cuts:  # the interval, or a seed, lies beyond the axis
        symbol = {"color": COLOURS[0] if figure.rows[y].best else "#7A8087", "size": 8, "symbol": f"triangle-{side}"}
        edge = _dots([figure.ends[side == "right"]], y, symbol)
        mean = figure.rows[y].mean
        said = "goes on beyond the axis" + (f"; mean {mean:{value}}" if mean is not None else "")
        data.append({**edge, "cliponaxis": False, "hovertemplate": f"{said}<extra></extra>"})
        runs.append([figure.rows[y].runs])
    labels = row_labels(figure.rows, 44)
    pixels = (26, 36, 48)[max((label.count("\n") for label in labels), default=0)]
    texts = [plain(label).replace("\n", "<br>") for label in labels]
    y_axis = axis("", tickvals=list(range(len(labels))), ticktext=texts, showgrid=False)
    y_axis |= {"range": [len(labels) - 0.5, -0.5], "ticklabelstandoff": 6}  # room for arrows at the edge
    x_axis = axis(figure.x_label, range=list(map(short, figure.ends)))
    if figure.percent:
        low, high = figure.ends
        x_axis |= {"tickformat": ".0%" if high - low > 0.05 else ".1%"}
    beside: dict[str, Any] = {"annotations": words, "margin": {"l": 8, "r": 96, "t": 8, "b": 8}} if words else {}
    beside |= {"height": pixels * len(labels) + 70}
    return {"data": data, "runs": runs, "layout": layout(x_axis, y_axis, shapes=shapes, **beside, hovermode="closest")}


def _dots(x: list[float], y: int, style: dict[str, Any]) -> dict[str, Any]:
    return {"type": "scatter", "mode": "markers", "x": [short(v) for v in x], "y": [y] * len(x), "marker": style}
