"""Examples of the data for print: how many each class has, and the regions of the plane that networks give them."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from handgrad.report.drawing.canvas import (
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
from handgrad.report.drawing.charts import MARKERS
from handgrad.report.drawing.lettering import cut
from handgrad.report.figures.data_shapes import ClassBalance, DecisionRegions, RegionPanel
from handgrad.report.figures.palette import COLOURS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

TINT = 0.28  # how much of its colour a region has
HATCH = "////"  # of regions of the seventh class and further ones, whose colours come again


def draw_class_balance(figure: ClassBalance) -> "Drawing":
    """A panel for each part with a bar for each class; all axes end at the same share of their part."""
    from matplotlib.ticker import MaxNLocator

    rows, parts = figure.drawn, figure.counts
    drawing = new_drawing(page_width(), (0.15 if len(rows) > 20 else 0.2) * len(rows) + 0.75)
    end, first = 1.3 * figure.largest_share, None
    for position, (part, counts) in enumerate(parts):
        axes = drawing.add_subplot(1, len(parts), position + 1, sharey=first)
        first = first or axes
        shares = [figure.share(counts, i) for i in rows]
        axes.barh(range(len(rows)), shares, height=0.72, color=COLOURS[0])
        for y, (i, share) in enumerate(zip(rows, shares, strict=True)):
            axes.annotate(
                f"{counts[i]:,}", (share, y), (2, 0), textcoords="offset points", va="center", size=sized(7), color=INK
            )
        axes.set_xlim(0, end)
        axes.set_ylim(len(rows) - 0.4, -0.6)
        percent_axis(axes.xaxis, end)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=2 if is_narrow() else 4))
        if end >= 1:  # no share is above 1
            axes.set_xticks([0, 0.5, 1] if is_narrow() else [0, 0.25, 0.5, 0.75, 1])
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0, labelleft=position == 0)
        axes.set_title(part, size=sized(9))
        axes.set_xlabel("of the part", size=sized(8))
    most = min(24, letters_in(0.25 * page_width(), 8.5))
    if first is not None:
        first.set_yticks(range(len(rows)), [cut(figure.classes[i], most) for i in rows])
    return drawing


def draw_regions(figure: DecisionRegions) -> "Drawing":
    """A panel for each network; below them the signs of the classes."""
    from matplotlib.lines import Line2D

    n = len(figure.panels)
    columns = side_by_side(min(figure.columns, n))
    rows = math.ceil(n / columns)
    width = min(page_width(), 4.6) if n == 1 else page_width()
    across = max(1, letters_in(width, 8.5) // (6 + max(map(len, figure.classes))))
    below = 0.2 * math.ceil((len(figure.classes) + 1) / across)
    drawing = new_drawing(width, (0.85 * width / columns + 0.35) * rows + below)
    first = None
    for position, panel in enumerate(figure.panels):
        axes = drawing.add_subplot(rows, columns, position + 1, sharex=first, sharey=first)
        first = first or axes
        _regions(axes, panel, figure.classes, size=min(4.2, 1.35 * width / columns))
        if panel.title:
            axes.set_title(f"{cut(panel.title, letters_in(width / columns, 8) - 8)}\n{panel.right}", size=sized(8))
        left, bottom = position % columns == 0, position + columns >= n
        axes.tick_params(labelleft=left, labelbottom=bottom)
        axes.set_xlabel(cut(figure.x_label, 40) if bottom else "")
        axes.set_ylabel(cut(figure.y_label, 40) if left else "")
    handles = [
        Line2D([], [], linestyle="none", label=cut(label, 24), **_sign(i)) for i, label in enumerate(figure.classes)
    ]
    if any(panel.wrong.any() for panel in figure.panels):
        handles.append(Line2D([], [], linestyle="none", label="taken for another", **RING))
    drawing.legend(handles=handles, loc="outside lower center", ncols=min(across, len(handles)), columnspacing=1.2)
    return drawing


RING: dict[str, Any] = {
    "marker": "o",
    "markersize": 8,
    "markerfacecolor": "none",
    "markeredgecolor": INK,
    "markeredgewidth": 1.1,
}


def _sign(label: int) -> dict[str, Any]:
    """The sign of a class: of the seventh and further ones hollow."""
    ink, hollow = COLOURS[label % len(COLOURS)], label >= len(COLOURS)
    return {
        "marker": MARKERS[label % len(MARKERS)],
        "color": ink,
        "markersize": 4.5,
        "markerfacecolor": "white" if hollow else ink,
        "markeredgecolor": ink if hollow else "white",
        "markeredgewidth": 1.0 if hollow else 0.4,
    }


def _regions(axes: "Axes", panel: RegionPanel, classes: tuple[str, ...], *, size: float) -> None:
    """size: of signs, in points."""
    from matplotlib.colors import to_rgba
    from matplotlib.patheffects import withStroke
    from scipy.ndimage import gaussian_filter

    for label in np.unique(panel.regions).tolist():
        ink, mask = COLOURS[label % len(COLOURS)], (panel.regions == label).astype(float)
        hatches = [HATCH if label >= len(COLOURS) else None]
        axes.contourf(panel.x, panel.y, mask, levels=[0.5, 1.5], colors=[to_rgba(ink, TINT)], hatches=hatches)
        if mask.min() == 0:  # the line runs smoothly through the steps of the grid
            smooth = gaussian_filter(mask, 1.0, mode="nearest")
            axes.contour(panel.x, panel.y, smooth, levels=[0.5], colors=[SOFT], linewidths=0.9)
    for label in range(len(classes)):
        own = panel.points[panel.actual == label]
        axes.plot(own[:, 0], own[:, 1], linestyle="none", zorder=3, **{**_sign(label), "markersize": size})
    wrong = panel.points[panel.wrong]
    axes.plot(wrong[:, 0], wrong[:, 1], linestyle="none", zorder=4, **{**RING, "markersize": 1.9 * size})
    for x, y, label in panel.names:
        text = axes.text(
            x, y, cut(classes[label], 14), ha="center", va="center", size=sized(8), weight="bold", color=INK, zorder=5
        )
        text.set_path_effects([withStroke(linewidth=2.2, foreground="white")])
    axes.set_xlim(panel.x[0], panel.x[-1])
    axes.set_ylim(panel.y[0], panel.y[-1])
    axes.grid(visible=False)
