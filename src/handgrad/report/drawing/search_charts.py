"""Searches for print: dots in groups with a line behind them, and a timeline of workers."""

import math
from collections.abc import Collection
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from handgrad.decimals import significant
from handgrad.report.drawing.canvas import (
    INK,
    PAGE_WIDTH,
    SOFT,
    is_narrow,
    letters_in,
    new_drawing,
    page_width,
    percent_axis,
    side_by_side,
    sized,
)
from handgrad.report.drawing.lettering import cut
from handgrad.report.figures.search_shapes import MOST_ROWS, Dots, Scatter, ScatterPanel, Timeline
from handgrad.report.figures.shapes import Mark

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

MARKS: dict[str, dict[str, Any]] = {  # how matplotlib draws a marker
    "dot": {"marker": "o", "markersize": 4, "markeredgewidth": 0},
    "ring": {"marker": "o", "markersize": 4, "fillstyle": "none", "markeredgewidth": 1},
    "cross": {"marker": "x", "markersize": 4, "markeredgewidth": 1.2},
}
TICK = 6  # letters of a number at an axis, with the gap to the next
HALF = 0.36  # of the height of a stripe of a timeline, in rows
NAMED = 0.018  # of the width of a timeline, for each letter of a name within a stripe


def draw_scatter(figure: Scatter) -> "Drawing":
    """Panels in rows that share their y axis; below them the legend."""
    columns = side_by_side(min(figure.columns, len(figure.panels)))
    rows = math.ceil(len(figure.panels) / columns)
    width, height = (page_width(), 2.4) if columns > 1 else (min(5.6, page_width()), 2.3 if is_narrow() else 3.0)
    drawing = new_drawing(width, height * rows + 0.4)
    grid = drawing.add_gridspec(rows, columns)
    shared: Axes | None = None
    handles: dict[str, Any] = {}
    for position, panel in enumerate(figure.panels):
        row, column = divmod(position, columns)
        axes = drawing.add_subplot(grid[row, column], sharey=shared)
        shared = shared or axes
        for line in panel.lines:
            style = "-" if line.style.dash == "solid" else (0, (4, 1.6))
            where: dict[str, Any] = {"drawstyle": "steps-post"} if panel.steps else {}
            (made,) = axes.plot(
                line.x, line.y, color=line.style.colour, linestyle=style, linewidth=line.style.width, zorder=2, **where
            )
            handles.setdefault(line.label, made)
        for one in panel.dots:
            if len(one.x):
                handles.setdefault(one.label, _dots(axes, one, figure))
        _axis(axes, panel, figure, width / columns - 0.4)
        axes.tick_params(labelleft=column == 0)
        axes.set_ylabel(figure.y_label if column == 0 else "")
    drawing.legend(list(handles.values()), list(handles), loc="outside lower center", ncols=_across(handles, 4))
    return drawing


def _across(names: Collection[str], most: int) -> int:
    """How many names of a legend stand side by side; on a narrow page as many as fit."""
    fit = letters_in(page_width(), 8.5) // (max(map(len, names)) + 8) if is_narrow() else most
    return max(1, min(most, len(names), fit))


def _dots(axes: "Axes", one: Dots, figure: Scatter) -> Any:
    if one.low is not None and one.high is not None:
        axes.vlines(one.x, figure.inside(one.low), figure.inside(one.high), color=one.colour, linewidth=0.7, alpha=0.6)
    (made,) = axes.plot(
        one.x, figure.inside(one.y), linestyle="", color=one.colour, alpha=0.85, zorder=3, clip_on=False,
        **MARKS[one.marker],
    )  # fmt: skip
    return made


def _axis(axes: "Axes", panel: ScatterPanel, figure: Scatter, inches: float) -> None:
    """inches: the width of the panel, which ticks and title have to fit."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.set_ylim(*figure.y_range)
    if figure.log_y:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: significant(value, 6)))
        axes.set_ylim(*figure.y_range)
    if figure.percent:
        percent_axis(axes.yaxis, figure.y_range[1] - figure.y_range[0])
    counts = all(float(x).is_integer() for one in panel.dots for x in one.x)
    ticks = min(5, max(2, letters_in(inches, 8.0) // TICK))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=ticks, integer=counts, steps=[1, 2, 5, 10]))  # no 82.5 as "82 %"
    if panel.percent_x:
        low, high = axes.get_xlim()
        percent_axis(axes.xaxis, high - low)
    _cuts(axes, panel.marks)
    axes.set_title("\n".join(wrap(cut(panel.title, 44), max(12, letters_in(inches, 11.0)))))
    axes.set_xlabel(panel.x_label)


def _cuts(axes: "Axes", marks: tuple[Mark, ...]) -> None:
    """An upright dotted line where time was cut out, with its text along it."""
    for mark in marks:
        axes.axvline(mark.x, color=SOFT, linewidth=0.8, linestyle=(0, (1.5, 1.5)), zorder=1)
        axes.annotate(
            mark.text, (mark.x, 1), (-2.5, -2), xycoords=("data", "axes fraction"), textcoords="offset points",
            rotation=90, ha="right", va="top", size=sized(6.5), color=SOFT,
        )  # fmt: skip


def _bar(start: float, end: float, row: int) -> list[tuple[float, float]]:
    """The corners of a stretch in a row; all of one colour are one artist, since a thousand patches take a second."""
    low, high = row - HALF, row + HALF
    return [(start, low), (end, low), (end, high), (start, high)]


def draw_timeline(figure: Timeline) -> "Drawing":
    """A row for each worker, a bar for each stretch; below them what the colours are."""
    from matplotlib.collections import PolyCollection
    from matplotlib.patches import Patch

    drawing = new_drawing(page_width(), 0.34 * min(len(figure.rows), MOST_ROWS) + 1.0)
    axes = drawing.add_subplot()
    span = max(one.end for one in figure.stripes) or 1.0
    for block, (colour, _) in enumerate(figure.key.blocks):
        bars = [_bar(one.start, one.end, one.row) for one in figure.stripes if one.block == block]
        axes.add_collection(
            PolyCollection(bars, facecolors=colour, edgecolors="white", linewidths=0.3, zorder=2), autolim=False
        )
    for one in figure.stripes:
        name = one.name.split(",")[0]
        if len(figure.rows) <= MOST_ROWS and (one.end - one.start) / span > NAMED * PAGE_WIDTH / page_width() * len(
            name
        ):
            axes.text(
                (one.start + one.end) / 2, one.row, name, size=sized(6.5), color="white", ha="center", va="center"
            )
    for start, row, end, other in figure.links:
        axes.plot([start, end], [row, other], color=INK, linewidth=0.4, alpha=0.45, zorder=3)
    _cuts(axes, figure.marks)
    named = range(0, len(figure.rows), math.ceil(len(figure.rows) / MOST_ROWS))
    axes.set_yticks(named, [figure.rows[row] for row in named])
    axes.set_ylim(len(figure.rows) - 0.5, -0.5)
    axes.set_xlim(0, span)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(figure.x_label)
    if len(figure.key.blocks) > 1:
        handles = [Patch(color=colour, label=text) for colour, text in figure.key.blocks]
        drawing.legend(
            handles=handles, loc="outside lower center", ncols=_across([text for _, text in figure.key.blocks], 5)
        )
    return drawing
