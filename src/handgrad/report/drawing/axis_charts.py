"""Figures of hyperparameters for print: panels by axis, heat maps, parallel coordinates, bars of importance."""

import math
import textwrap
from typing import TYPE_CHECKING

import numpy as np

from handgrad.report.drawing.canvas import (
    GRID,
    INK,
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
from handgrad.report.figures.axis_shapes import AxisPanel, AxisPanels, HeatMap, Importances, ParallelCoordinates
from handgrad.report.figures.palette import COLOURS, SHADES, WRONG, shade

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

MEAN = COLOURS[0]
RUN = "#9AA0A6"
NAMED_CELLS = 12  # columns of a heat map up to which numbers stand in its cells


def draw_axis_panels(figure: AxisPanels) -> "Drawing":
    """A panel for each axis, in rows of three, with one y axis."""
    columns = side_by_side(min(figure.columns, len(figure.panels)))
    rows = math.ceil(len(figure.panels) / columns)
    drawing = new_drawing(page_width() if columns > 1 else min(4.6, page_width()), 2.3 * rows + 0.2)
    low, high = figure.y_range
    first = None
    for position, panel in enumerate(figure.panels):
        axes = drawing.add_subplot(rows, columns, position + 1, sharey=first)
        first = first or axes
        _axis_panel(axes, panel, low, high)
        axes.set_ylim(low, high)
        axes.tick_params(labelleft=position % columns == 0)
        if position % columns == 0:
            axes.set_ylabel(figure.y_label)
    if figure.percent and first is not None:
        percent_axis(first.yaxis, high - low)
    return drawing


def _axis_panel(axes: "Axes", panel: AxisPanel, low: float, high: float) -> None:
    fallen = panel.lost
    y = np.clip(panel.dots_y, low + 0.015 * (high - low), high - 0.015 * (high - low))
    axes.plot(
        panel.dots_x[~fallen], y[~fallen], "o", color=RUN, alpha=0.55, markersize=3.4, markeredgewidth=0, zorder=2
    )
    axes.plot(panel.dots_x[fallen], y[fallen], "x", color=WRONG, alpha=0.8, markersize=4, markeredgewidth=1, zorder=2)
    if panel.band and len(panel.x):
        axes.fill_between(panel.x, panel.low, panel.high, color=MEAN, alpha=0.16, linewidth=0, zorder=3)
        axes.plot(panel.x, panel.y, color=MEAN, linewidth=1.5, zorder=4)
    else:
        if panel.joined:
            axes.plot(panel.x, panel.y, color=MEAN, linewidth=0.9, alpha=0.6, zorder=3)
        for x, mean, bottom, top in zip(panel.x, panel.y, panel.low, panel.high, strict=True):
            if np.isfinite(bottom) and np.isfinite(top):
                axes.plot([x, x], [bottom, top], color=MEAN, linewidth=1.8, solid_capstyle="round", zorder=4)
            face = MEAN if x == panel.best else "white"
            axes.plot([x], [mean], "D", color=face, markeredgecolor=MEAN, markersize=5, markeredgewidth=1.2, zorder=5)
    texts = [cut(text, 12) for _, text in panel.ticks]
    turned = sum(map(len, texts)) + 2 * len(texts) > (20 if is_narrow() else 30)
    places = [place for place, _ in panel.ticks]
    axes.set_xticks(places, texts, rotation=40 if turned else 0, ha="right" if turned else "center")
    axes.set_xlim(-0.04, 1.04)
    axes.set_title(cut(panel.axis, 26), size=sized(9))


def draw_heat_map(figure: HeatMap) -> "Drawing":
    """Cells coloured from the worst without a lost run to the best; hatched where runs were lost, the best framed."""
    from matplotlib.patches import Rectangle

    rows, columns = figure.means.shape
    wide = min(0.85, (page_width() - (1.3 if is_narrow() else 1.9)) / columns)
    tall = min(0.55, 7.0 / rows)
    drawing = new_drawing(min(page_width(), max(3.4, wide * columns + 1.9)), tall * rows + 1.0)
    axes = drawing.add_subplot()
    longest = max((len(figure.text(i, j)) for i in range(rows) for j in range(columns)), default=0)
    size = 8 if longest <= letters_in(wide, 8) else 6
    named = columns <= NAMED_CELLS and rows <= 2 * NAMED_CELLS and longest <= letters_in(wide, size) + 1
    for i in range(rows):
        for j in range(columns):
            if not figure.counts[i, j]:
                continue
            ink = shade(figure.level(i, j))
            hatch = "////" if figure.lost[i, j] else None
            axes.add_patch(
                Rectangle(
                    (j - 0.5, i - 0.5), 1, 1, facecolor=ink, edgecolor="white", linewidth=1, hatch=hatch, zorder=2
                )
            )
            if named:
                dark = figure.level(i, j) > 0.6
                back = {"facecolor": ink, "edgecolor": "none", "pad": 0.8} if hatch else None
                letters = INK if dark else "white"
                axes.text(
                    j,
                    i + 0.12,
                    figure.text(i, j),
                    ha="center",
                    va="center",
                    size=sized(size),
                    color=letters,
                    bbox=back,
                    zorder=4,
                )
                count = f"n = {figure.counts[i, j]}"
                axes.text(
                    j, i - 0.25, count, ha="center", va="center", size=sized(5.5), color=letters, bbox=back, zorder=4
                )
    i, j = figure.best
    axes.add_patch(Rectangle((j - 0.47, i - 0.47), 0.94, 0.94, fill=False, edgecolor=INK, linewidth=2.2, zorder=5))
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(-0.5, rows - 0.5)
    x_texts = [cut(text, 16) for text in figure.x_values]
    turned = max(map(len, x_texts)) > 11 * wide
    axes.set_xticks(range(columns), x_texts, rotation=40 if turned else 0, ha="right" if turned else "center")
    axes.set_yticks(range(rows), [cut(text, 18) for text in figure.y_values])
    axes.set_xlabel(cut(figure.x_label, 60))
    axes.set_ylabel(cut(figure.y_label, 40))
    axes.grid(visible=False)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    _colour_bar(drawing, axes, figure)
    return drawing


def _colour_bar(drawing: "Drawing", axes: "Axes", figure: HeatMap) -> None:
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    colours = list(SHADES) if figure.low <= figure.high else list(reversed(SHADES))
    low, high = sorted((figure.low, figure.high))
    if low == high:
        return
    scale = ScalarMappable(Normalize(low, high), LinearSegmentedColormap.from_list("shades", colours))
    bar = drawing.colorbar(scale, ax=axes, fraction=0.05, pad=0.02, aspect=22)
    bar.outline.set_visible(False)
    bar.ax.tick_params(labelsize=sized(7), length=0)
    bar.ax.grid(visible=False)
    bar.set_label(figure.word, size=sized(8))
    if figure.percent:
        percent_axis(bar.ax.yaxis, high - low)


def draw_parallel(figure: ParallelCoordinates) -> "Drawing":
    """Upright axes at equal distances, a line for each setting, the best last and wide."""
    count = len(figure.axes)
    drawing = new_drawing(page_width(), 3.2)
    axes = drawing.add_subplot()
    x = np.arange(count)
    faint = 0.75 if len(figure.places) <= 40 else 0.45
    for k in reversed(figure.drawn):
        level = float(figure.levels[k])
        width, alpha = (2.6, 1.0) if k == 0 else (0.9, faint)
        axes.plot(
            x,
            figure.places[k],
            color=shade(level),
            zorder=2 + level,
            solid_joinstyle="round",
            linewidth=width,
            alpha=alpha,
        )
    for j, axis in enumerate(figure.axes):
        axes.plot([j, j], [0, 1], color=SOFT, linewidth=1, zorder=4)
        for place, text in axis.ticks:
            axes.plot([j - 0.015, j + 0.015], [place, place], color=SOFT, linewidth=1, zorder=4)
            last = j == count - 1
            axes.annotate(
                cut(text, min(12, letters_in(0.55 * page_width() / count, 6.5))),
                (j, place),
                (5 if last else -4, 0),
                textcoords="offset points",
                ha="left" if last else "right",
                va="center",
                size=sized(6.5),
                color=INK,
                zorder=5,
                bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.4},
            )
    axes.set_xticks(x, [_wrapped(axis.label, letters_in(page_width() / (count + 1), 8.5)) for axis in figure.axes])
    axes.set_yticks([])
    axes.set_xlim(-0.35, count - 1 + 0.3)
    axes.set_ylim(-0.03, 1.03)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.xaxis.tick_top()
    for spine in axes.spines.values():
        spine.set_visible(False)
    return drawing


def _wrapped(text: str, letters: int) -> str:
    return "\n".join(textwrap.wrap(text, letters, max_lines=2, placeholder="…"))


def draw_importances(figure: Importances) -> "Drawing":
    """A bar for each row with its interval; pairs and what is no axis are paler."""
    drawing = new_drawing(page_width(), 0.27 * len(figure.rows) + 0.8)
    axes = drawing.add_subplot()
    ends = [v for row in figure.rows for v in (row.share, row.high, row.beside) if v is not None]
    right = min(1.02, 1.12 * max([*ends, 0.05]))
    for y, row in enumerate(figure.rows):
        axes.barh(y, max(row.share, 0.0), 0.62, color=MEAN, alpha=0.85 if row.main else 0.4, linewidth=0, zorder=2)
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [y, y], color=INK, linewidth=1.3, solid_capstyle="butt", zorder=3)
            for end in (row.low, row.high):
                axes.plot([end, end], [y - 0.16, y + 0.16], color=INK, linewidth=1.3, zorder=3)
        if row.beside is not None:
            axes.plot([row.beside], [y], "o", markersize=4.5, color="white", markeredgecolor=SOFT, zorder=4)
    axes.set_yticks(
        range(len(figure.rows)), [cut(row.label, min(44, letters_in(0.45 * page_width(), 8.5))) for row in figure.rows]
    )
    axes.set_ylim(len(figure.rows) - 0.4, -0.6)
    axes.set_xlim(0, right)
    axes.grid(visible=False, axis="y")
    axes.grid(visible=True, axis="x", color=GRID)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(figure.x_label)
    percent_axis(axes.xaxis, right)
    return drawing
