"""One example on its way through a network for print: the picture, cells and maps of every layer, the outputs."""

from typing import TYPE_CHECKING

import numpy as np

from handgrad.report.drawing.canvas import GRID, INK, SOFT, letters_in, new_drawing, page_width, sized
from handgrad.report.drawing.grids import signed_colours
from handgrad.report.drawing.lettering import cut
from handgrad.report.figures.data_shapes import Activations, LayerOutputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

CELL = 0.2  # inches of a cell of units at most
MAP = 0.8  # inches of a map at most
TITLE = 0.34  # inches above what every layer makes
LEFT = 0.5  # inches beside it, for the numbers of units


def draw_activations(figure: Activations) -> "Drawing":
    """The example and the outputs side by side, and below them a row for every layer."""
    strips = figure.strips
    heights = [_size(one)[1] + TITLE for one in strips]
    shown = figure.drawn
    top = max(1.3, 0.16 * len(shown) + 0.5)
    drawing = new_drawing(page_width(), top + sum(heights))
    grid = drawing.add_gridspec(1 + len(strips), 1, height_ratios=[top, *heights])
    beside = grid[0].subgridspec(
        1, 1 if figure.image is None else 2, width_ratios=None if figure.image is None else [1, 2]
    )
    if figure.image is not None:
        axes = drawing.add_subplot(beside[0])
        axes.imshow(figure.image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        _bare(axes)
        most = letters_in(page_width() / 3, 8)
        axes.set_title("\n".join(cut(line, most) for line in figure.said), size=sized(8))
    _outputs(drawing.add_subplot(beside[-1]), figure, shown)
    for position, one in enumerate(strips):
        _strip(drawing.add_subplot(grid[1 + position]), one)
    return drawing


def _size(one: LayerOutputs) -> tuple[float, float]:
    """(width, height) in inches of what a layer makes."""
    rows, cols = one.mosaic[0].shape
    width = min(page_width() - LEFT, (MAP if one.are_maps else CELL) * one.across)
    return width, width * rows / cols


def _bare(axes: "Axes") -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _outputs(axes: "Axes", figure: Activations, shown: list[int]) -> None:
    """A bar for each class, the actual one in bold letters; the colours are those of `Activations.ink`."""
    values = figure.outputs[shown]
    inks = [figure.ink(i) or SOFT for i in shown]
    axes.barh(range(len(shown)), values, height=0.72, color=inks)
    axes.set_yticks(range(len(shown)), [cut(figure.classes[i], 18) for i in shown], size=sized(7.5))
    for text, i in zip(axes.get_yticklabels(), shown, strict=True):
        text.set_fontweight("bold" if i == figure.actual else "normal")
    for y, value in enumerate(values.tolist()):
        axes.annotate(
            f"{value:.3g}",
            (max(value, 0), y),
            (2, 0),
            textcoords="offset points",
            va="center",
            size=sized(7),
            color=INK,
        )
    axes.set_ylim(len(shown) - 0.4, -0.6)
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    axes.set_xlim(low, (1.0 if figure.what == "probability" else high) + 0.18 * (high - low or 1.0))
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=sized(7.5))
    axes.set_title(f"{figure.what} ({figure.colours})", size=sized(8))


def _strip(axes: "Axes", one: LayerOutputs) -> None:
    """Cells or maps in their colours; at the left the number of the first one of each row."""
    from matplotlib.collections import PatchCollection
    from matplotlib.patches import Rectangle

    values, _ = one.mosaic
    colours = signed_colours(np.nan_to_num(values), one.limit)
    colours[np.isnan(values)] = 1.0
    axes.imshow(colours, interpolation="nearest")
    _bare(axes)
    width, _ = _size(one)
    axes.set_anchor("W")
    if not one.are_maps:  # cells that are 0 are seen as well
        places = np.argwhere(~np.isnan(values))
        axes.add_collection(
            PatchCollection([Rectangle((x - 0.5, y - 0.5), 1, 1) for y, x in places], facecolor="none", edgecolor=GRID)
        )
    axes.set_yticks(list(one.rows.values()), list(map(str, one.rows)), size=sized(6.5))
    axes.tick_params(length=0)
    axes.set_title(cut(one.words, letters_in(page_width(), 7.5) - 2), size=sized(7.5), weight="normal")
    axes.set_xlim(-0.5, (page_width() - LEFT) / width * values.shape[1] - 0.5)  # all layers begin at the left
