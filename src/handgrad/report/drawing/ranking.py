"""A ranking for print: a row per setting, its seeds, their mean and interval."""

from typing import TYPE_CHECKING

from handgrad.report.drawing.canvas import PAGE_WIDTH, SOFT, new_drawing, percent_axis
from handgrad.report.drawing.labels import cut
from handgrad.report.figures.figure import Ranking, RankingRow
from handgrad.report.figures.palette import COLOURS

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Drawing


def draw_ranking(figure: Ranking) -> "Drawing":
    drawing = new_drawing(PAGE_WIDTH, 0.27 * len(figure.rows) + 0.8)
    axes = drawing.add_subplot()
    for y, row in enumerate(figure.rows):
        ink = COLOURS[0] if row.best else SOFT
        if row.tied or row.best:
            axes.axhspan(y - 0.5, y + 0.5, color=COLOURS[0], alpha=0.09, linewidth=0)
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [y, y], color=ink, linewidth=1.6, solid_capstyle="round", zorder=2)
        points = list(row.points.values())
        axes.plot(points, [y] * len(points), "o", color=ink, alpha=0.4, markersize=5.5, markeredgewidth=0, zorder=3)
        if row.mean is not None:
            axes.plot([row.mean], [y], "D", color=ink, markersize=4.5, markeredgecolor="white", zorder=4)
    axes.set_yticks(range(len(figure.rows)))
    axes.set_yticklabels([noted(row, 56) for row in figure.rows])
    for text, row in zip(axes.get_yticklabels(), figure.rows, strict=True):
        text.set_fontweight("bold" if row.best else "normal")
    axes.set_ylim(len(figure.rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(figure.x_label)
    low, high = ranking_range(figure)
    axes.set_xlim(low, high)
    if figure.percent:
        percent_axis(axes.xaxis, high - low)
    return drawing


def noted(row: RankingRow, most: int) -> str:
    """A row's label, cut to `most` letters together with its note."""
    note = f" — {row.note}" if row.note else ""
    room = most - len(note)
    return cut(row.label, room) + note


def ranking_range(figure: Ranking) -> tuple[float, float]:
    """The x axis: all seeds and means with a margin; an interval wider than that (few seeds) runs off the axis."""
    values = [v for row in figure.rows for v in (*row.points.values(), row.mean) if v is not None]
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    margin = 0.15 * (high - low) or 0.01 * (abs(high) or 1)
    return low - margin, high + margin
