"""Matrices and pictures for print: confusion, first-layer weights, sample images with predictions, mistakes."""

import math
from typing import TYPE_CHECKING

import numpy as np

from handgrad.report.drawing.canvas import (
    GRID,
    INK,
    is_narrow,
    letters_in,
    new_drawing,
    page_width,
    side_by_side,
    sized,
)
from handgrad.report.drawing.lettering import cut
from handgrad.report.figures.palette import RIGHT, WRONG
from handgrad.report.figures.shapes import Matrix, Mistakes, Pictures, Predictions

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing


def draw_matrix(figure: Matrix) -> "Drawing":
    """Cells shaded by the square root of their share of the row; with more than twenty classes no numbers in them."""
    k = len(figure.classes)
    cell = 0.52 if k <= 12 else max(0.18, 6.2 / k)
    if is_narrow():
        cell = min(cell, (page_width() - 0.8) / k)
    drawing = new_drawing(min(page_width(), cell * k + 1.6), min(page_width(), cell * k + 1.0))
    axes = drawing.add_subplot()
    shares = figure.shares
    axes.imshow(np.sqrt(shares), cmap="Blues", vmin=0, vmax=1, aspect="equal")  # rare mistakes are seen
    axes.grid(visible=False)
    axes.set_xticks(np.arange(k - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(k - 1) + 0.5, minor=True)
    axes.grid(visible=True, which="minor", color=GRID, linewidth=0.5)
    axes.tick_params(which="both", length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    names = [cut(name, 14) for name in figure.classes]
    turned = max(len(name) for name in names) > 3
    axes.set_xticks(range(k), names, rotation=45 if turned else 0, ha="right" if turned else "center")
    axes.set_yticks(range(k), names)
    axes.set_xlabel("predicted" + (" (cells: % of the row)" if figure.show == "percent" else ""))
    axes.set_ylabel("actual")
    if k <= 20 and cell >= 0.2:
        for i in range(k):
            for j in range(k):
                if figure.counts[i, j]:
                    ink = "white" if shares[i, j] > 0.35 else INK
                    for text, dy, size in _cell(figure, i, j, tight=cell < 0.4):
                        axes.text(j, i + dy, text, ha="center", va="center", size=sized(size), color=ink)
    return drawing


def _cell(figure: Matrix, i: int, j: int, *, tight: bool) -> list[tuple[str, float, float]]:
    """What stands in a cell: (text, how far below its middle, size); where it is tight, percentages are whole."""
    count, percent = f"{figure.counts[i, j]:,}", f"{100 * figure.shares[i, j]:.{0 if tight else 1}f}%"
    if tight and figure.show == "both":
        return [(count, -0.2, 6), (percent, 0.22, 5.5)]
    if figure.show == "both":
        return [(count, -0.16, 7), (percent, 0.2, 5.5)]
    return [(count, 0, 7)] if figure.show == "count" else [(percent.removesuffix("%"), 0, 7)]


def draw_pictures(figure: Pictures) -> "Drawing":
    """All pictures as one mosaic: an axes each would take seconds."""
    n = len(figure.images)
    columns = min(figure.columns, n)
    rows = math.ceil(n / columns)
    tall, wide = figure.images.shape[1:3]
    named = any(figure.labels) and n <= 20
    gap = max(1, round(0.12 * wide))
    above = max(gap, round(0.3 * wide)) if named else gap  # room for a name
    mosaic = np.ones((rows * (tall + above) - (0 if named else gap), columns * (wide + gap) - gap, 3))
    width = min(page_width(), 0.9 * columns)
    drawing = new_drawing(width, width * mosaic.shape[0] / mosaic.shape[1])
    axes = drawing.add_subplot()
    for position, image in enumerate(figure.images):
        row, column = divmod(position, columns)
        top, left = row * (tall + above) + (above if named else 0), column * (wide + gap)
        mosaic[top : top + tall, left : left + wide] = signed_colours(image, figure.limit)
        if named:
            name = cut(figure.labels[position], min(18, letters_in(width / columns, 7) + 2))
            axes.text(left + (wide - 1) / 2, top - 0.5, name, ha="center", va="bottom", size=sized(7))
    _image(axes, mosaic)
    return drawing


def _image(axes: "Axes", image: np.ndarray) -> None:
    """image: (rows, cols) or (rows, cols, 3) in [0, 1], made bytes here: matplotlib would do it after enlarging it."""
    from matplotlib import colormaps

    shades = colormaps["gray"](image, bytes=True) if image.ndim == 2 else (255 * image).astype(np.uint8)
    axes.imshow(shades, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


def signed_colours(image: np.ndarray, limit: float) -> np.ndarray:
    """(rows, cols) signed numbers or (rows, cols, 3) signed colours -> (rows, cols, 3) in [0, 1].

    One number: orange at −limit, near white at 0, blue at +limit.  Three: ½ + v / (2·limit) in each colour.
    """
    scaled = np.clip(np.asarray(image, dtype=np.float64) / limit, -1, 1)
    if scaled.ndim == 3:
        return np.asarray(0.5 + scaled / 2)
    ends = [np.array([int(ink[i : i + 2], 16) / 255 for i in (1, 3, 5)]) for ink in (WRONG, RIGHT)]
    neutral = np.array([0.97, 0.97, 0.97])
    end = np.where(scaled[..., None] < 0, ends[0], ends[1])
    strength = np.abs(scaled)[..., None]
    return np.asarray(neutral * (1 - strength) + end * strength)


def draw_predictions(figure: Predictions) -> "Drawing":
    """Each example with its actual class and what was predicted below it, in rows of five."""
    n = len(figure.index)
    columns = side_by_side(min(5, n))
    rows = math.ceil(n / columns)
    drawing = new_drawing(page_width(), (1.75 if figure.images is not None else 0.7) * rows)
    most = letters_in(page_width() / columns, 7.5) - 8
    for position in range(n):
        axes = drawing.add_subplot(rows, columns, position + 1)
        if figure.images is not None:
            _image(axes, figure.images[position])
        else:
            axes.axis("off")
        actual = figure.actual[position]
        lines = [
            (f"actual: {cut(actual, min(16, most))}", INK),
            *(
                (
                    f"{word}: {cut(said, min(14, most - 2))} {'✓' if said == actual else '✗'}",
                    RIGHT if said == actual else WRONG,
                )
                for word, said in figure.said(position)
            ),
        ]
        for row, (text, ink) in enumerate(lines):
            axes.annotate(
                text,
                (0.5, 0),
                (0, -5 - 10 * row),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="center",
                va="top",
                size=sized(7.5),
                color=ink,
            )
    return drawing


SHORT = 10  # letters of both classes, up to which they stand in one line


def draw_mistakes(figure: Mistakes) -> "Drawing":
    """Each picture with its actual class, what it was taken for and how confidently below it."""
    n, pairs = len(figure.images), list(zip(figure.actual, figure.predicted, strict=True))
    one_line = all(len(actual) + len(predicted) <= (3 if is_narrow() else SHORT) for actual, predicted in pairs)
    columns = figure.columns if one_line else side_by_side(figure.columns)
    rows, wide = math.ceil(n / columns), page_width() / max(columns, 4)
    most = letters_in(wide, 7.5)
    drawing = new_drawing(wide * columns, (wide + (0.1 if one_line else 0.25)) * rows)
    for position, ((actual, predicted), confidence) in enumerate(zip(pairs, figure.confidence, strict=True)):
        axes = drawing.add_subplot(rows, columns, position + 1)
        _image(axes, figure.images[position])
        first = f"{cut(actual, min(16, most))} →"
        second = f"{cut(predicted, min(14, max(4, most - 5)))}, {confidence:.2f}"
        axes.set_xlabel(
            f"{first} {second}" if one_line else f"{first}\n{second}", size=sized(7.5), color=INK, labelpad=3
        )
    return drawing
