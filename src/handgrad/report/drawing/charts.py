"""Panels of lines and rankings for print: bands, marks, names at the ends of lines, a legend or a key of colours."""

import math
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from handgrad.decimals import significant
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
from handgrad.report.drawing.lettering import cut, spaced, told_apart
from handgrad.report.figures.palette import COLOURS, CONTEXT, LineStyle
from handgrad.report.figures.row_shapes import Estimates, Ranking, RankingRow
from handgrad.report.figures.shapes import Curves, Key, Line, Panel

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing


END_SIZE = 6.5  # points, of names at the ends of lines
MARKERS = ("o", "s", "^", "D", "v", "X")  # one for each colour of the palette
MARKED = 8  # points of a line with its sign, where not every one has it


def draw_curves(figure: Curves) -> "Drawing":
    """Panels in rows; below them the legend, or the key."""
    columns = side_by_side(min(figure.columns, len(figure.panels)))
    rows = math.ceil(len(figure.panels) / columns)
    entries = _entries(figure)
    most = min(60, letters_in(page_width(), 8.5) - 8)  # of a name in the legend
    longest = max((len(cut(text, most)) for text, _ in entries), default=0)
    across = max(1, min(len(entries), int(letters_in(page_width(), 8.5) / (longest + 8)), 12 if longest <= 4 else 6))
    named = math.ceil(len(entries) / across) if entries else 0
    bar = figure.key is not None and not entries
    width, height = (page_width(), 2.35) if columns > 1 else (5.6, 3.0)
    if is_narrow():
        width, height = page_width(), 2.1
    if figure.small:
        height = 0.4 + 0.85 * page_width() / columns
    if figure.named_ends:
        height = max(height, 3.6)
    drawing = new_drawing(width, height * rows + 0.2 * named + 0.2 + 0.45 * bar)
    ratios = [height] * rows + [0.14] * bar
    grid = drawing.add_gridspec(rows + bar, columns, height_ratios=ratios)
    shared: dict[str, Axes] = {}
    first = None
    for position, panel in enumerate(figure.panels):
        row, column = divmod(position, columns)
        below = position + columns < len(figure.panels)
        axes = drawing.add_subplot(
            grid[row, column], sharey=shared.get(panel.y_label), sharex=first if figure.small else None
        )
        shared.setdefault(panel.y_label, axes)
        first = first or axes
        _panel(axes, panel, dots=figure.dotted)
        if figure.small:
            _small(axes, panel.title, letters_in(page_width() / columns, 7.5), left=column == 0, bottom=not below)
        elif columns > 2:
            axes.set_title(_two_lines(panel.title, letters_in(page_width() / columns, 8)), size=sized(8))
        if beyond := figure.beyond(panel.y_label):
            _fitted(axes, panel, figure.y_range(panel.y_label), beyond)
    for axes, panel in zip(drawing.axes, figure.panels, strict=True):
        _inset(axes, panel, dots=figure.dotted)
    for position, panel in enumerate(figure.panels):
        _ends(drawing.axes[position], panel, height)
    if entries:
        handles = [_handle(style) for _, style in entries]
        labels = [cut(text, most) for text, _ in entries]
        title = "" if figure.key is None else figure.key.title
        short = longest <= 4
        legend = drawing.legend(
            handles,
            labels,
            loc="outside lower center",
            ncols=across,
            handlelength=1.4 if short else 2.6,
            columnspacing=1.0 if short else 2.0,
        )
        legend.set_title(title)
        legend.get_title().set_fontsize(sized(8.5))
    elif figure.key is not None:
        _bar(drawing.add_subplot(grid[-1, :]), figure.key)
    return drawing


def _entries(figure: Curves) -> list[tuple[str, LineStyle]]:
    """What the legend names: the lines, or the blocks of a key that all have names; nothing where a bar shows them."""
    if figure.key is None:
        lines = figure.legend
        return [(line.label, line.style) for line in lines] if len(lines) > 1 else []
    if not figure.key.named:
        return []
    return [(text, LineStyle(ink, width=1.8)) for ink, text in figure.key.blocks]


def _handle(style: LineStyle) -> Any:
    from matplotlib.lines import Line2D

    return Line2D(
        [], [], color=style.colour, linestyle=_linestyle(style), linewidth=1.8, marker=_marker(style), markersize=4
    )


def _marker(style: LineStyle) -> str:
    """The sign of a line's colour: lines are told apart in grey and by colour-blind readers, on noisy curves too.

    Ordered colours have none: their lightness only rises.
    """
    return MARKERS[COLOURS.index(style.colour)] if style.colour in COLOURS and style != CONTEXT else ""


def _places(style: LineStyle, n: int) -> list[int]:
    """Which of the n points of a line have its sign: about eight, those of each colour a little further on."""
    gap = max(1, n // MARKED)
    return list(range(COLOURS.index(style.colour) * gap // len(COLOURS), n, gap))


def _linestyle(style: LineStyle) -> Any:
    return "-" if style.dash == "solid" else (0, (4, 1.6))


def _inset(axes: "Axes", panel: Panel, *, dots: bool) -> None:
    """The panel's window, enlarged in the corner that its lines leave free, and where it lies."""
    window = panel.window
    if window is None:
        return
    x, y = window
    inner = axes.inset_axes((0.5, 0.5 if panel.free_corner else 0.12, 0.47, 0.4))
    _lines(inner, panel, dots=dots)
    inner.set_xlim(*x)
    inner.set_ylim(*y)
    if panel.percent:
        percent_axis(inner.yaxis, y[1] - y[0])
    if panel.x_label == "epoch":
        from matplotlib.ticker import MaxNLocator

        inner.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    inner.tick_params(labelsize=sized(6.5))
    for spine in inner.spines.values():
        spine.set(visible=True, color=SOFT, linewidth=0.6)
    axes.indicate_inset_zoom(inner, edgecolor=SOFT)


def _minor(value: float, low: float, high: float) -> str:
    """What stands at a minor tick of a logarithmic axis: 2 and 5 of each decade where there are not two decades.

    >>> _minor(0.2, 0.1, 3), _minor(0.3, 0.1, 3), _minor(0.2, 0.01, 3)
    ('0.2', '', '')
    """
    digit = round(value / 10 ** math.floor(math.log10(value)))
    return significant(value, 6) if digit in (2, 5) and high / low < 100 else ""


def _panel(axes: "Axes", panel: Panel, *, dots: bool) -> None:
    _lines(axes, panel, dots=dots)
    if panel.log_y:
        from matplotlib.ticker import FuncFormatter

        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: significant(value, 6)))
        axes.yaxis.set_minor_formatter(FuncFormatter(lambda value, _: _minor(value, *axes.get_ylim())))
    if panel.percent:
        percent_axis(axes.yaxis)
    if panel.log_x:
        from matplotlib.ticker import FuncFormatter

        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: significant(value, 6)))
        axes.xaxis.set_minor_formatter(FuncFormatter(lambda value, _: _minor(value, *axes.get_xlim())))
    elif panel.x_label == "epoch":
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    elif panel.x_label != "epochs":
        from matplotlib.ticker import FuncFormatter, MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(nbins=6))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    for mark in panel.marks:
        axes.axvline(mark.x, color=SOFT, linewidth=0.8, linestyle=(0, (1.5, 1.5)), zorder=1)
        axes.annotate(
            mark.text,
            (mark.x, 1),
            (-2.5, -2),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            rotation=90,
            ha="right",
            va="top",
            size=sized(6.5),
            color=SOFT,
        )
    axes.set_title(cut(panel.title, 44))
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)


def _lines(axes: "Axes", panel: Panel, *, dots: bool) -> None:
    for line in sorted(panel.lines, key=lambda line: line.style != CONTEXT):  # context lies behind
        style = line.style
        if line.low is not None and line.high is not None and style != CONTEXT:
            axes.fill_between(line.x, line.low, line.high, color=style.colour, alpha=0.16, linewidth=0)
        axes.plot(
            line.x,
            line.y,
            color=style.colour,
            linestyle=_linestyle(style),
            linewidth=style.width,
            alpha=style.opacity,
            marker=(marker := _marker(style)) or ("o" if dots and style != CONTEXT else ""),
            markevery=_places(style, len(line.x)) if marker and not dots else None,
            markersize=3.5 if marker else 3,
            label=line.label,
        )


def _fitted(axes: "Axes", panel: Panel, ends: tuple[float, float] | None, beyond: list[str]) -> None:
    """The y axis without the lines beyond it, for each an arrow at its edge."""
    if ends is None:
        return
    low, high = (10**end for end in ends) if panel.log_y else ends
    axes.set_ylim(low, high)
    y, marker = (low, "v") if panel.percent else (high, "^")
    for line in panel.lines:
        if line.label in beyond and len(line.x):
            axes.plot([line.x[-1]], [y], marker, color=line.style.colour, markersize=5, clip_on=False)


def _two_lines(title: str, letters: int) -> str:
    return "\n".join(textwrap.wrap(title, letters, max_lines=2, placeholder="…"))


def _small(axes: "Axes", title: str, letters: int, *, left: bool, bottom: bool) -> None:
    """A panel among many: small letters, a title of two lines, axes only at the edges."""
    axes.set_title(_two_lines(title, letters), size=sized(7.5))
    axes.tick_params(labelsize=sized(7), labelleft=left, labelbottom=bottom)
    axes.set_xlabel(axes.get_xlabel() if bottom else "", size=sized(8))
    axes.set_ylabel(axes.get_ylabel() if left else "", size=sized(8))


def _ends(axes: "Axes", panel: Panel, height: float) -> None:
    """Names at the ends of lines: beside the axes for those that reach the last x, else at their last point."""
    from matplotlib.patheffects import withStroke

    lines = [line for line in panel.lines if line.end]
    if not lines:
        return
    low, high = axes.get_ylim()
    axes.set_ylim(low, high)
    last = max(float(line.x[-1]) for line in lines)
    groups: dict[float, list[Line]] = {}
    for line in lines:
        groups.setdefault(float(line.x[-1]), []).append(line)
    gap = 1.15 * sized(END_SIZE) / (72 * height * 0.74)
    for x, group in groups.items():
        at = [_share(float(line.y[-1]), low, high, panel.log_y) for line in group]
        for line, wanted, place in zip(group, at, spaced(at, gap), strict=True):
            ink = line.style.colour
            axes.plot([x], [line.y[-1]], "o", color=ink, markersize=2.5, clip_on=False)
            beside: dict[str, Any] = {"xytext": (1.07, place), "textcoords": "axes fraction"}
            if x < last:
                beside = {"xytext": (6, (place - wanted) * 72 * height * 0.74), "textcoords": "offset points"}
            text = axes.annotate(
                cut(line.end, 14 if is_narrow() else 24),
                (x, float(line.y[-1])),
                **beside,
                ha="left",
                va="center",
                size=sized(END_SIZE),
                color=INK,
                annotation_clip=False,
                arrowprops={"arrowstyle": "-", "color": ink, "linewidth": 0.6, "shrinkA": 0, "shrinkB": 1},
            )
            text.set_path_effects([withStroke(linewidth=1.6, foreground="white")])


def _share(y: float, low: float, high: float, log: bool) -> float:
    """Where y lies between the ends of its axis, in [0, 1]."""
    if log:
        y, low, high = (math.log(max(value, 1e-300)) for value in (y, low, high))
    return float(np.clip((y - low) / ((high - low) or 1.0), 0, 1))


def _bar(axes: "Axes", key: Key) -> None:
    """Blocks of ordered colours in a row, with the texts that some of them have."""
    from matplotlib.colors import to_rgb

    axes.imshow([[to_rgb(ink) for ink, _ in key.blocks]], aspect="auto", interpolation="nearest")
    named = [(i, text) for i, (_, text) in enumerate(key.blocks) if text]
    axes.set_xticks([i for i, _ in named], [text for _, text in named])
    axes.set_yticks([])
    axes.grid(visible=False)
    axes.tick_params(length=0, labelsize=sized(7.5))
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_ylabel(key.title, rotation=0, ha="right", va="center", size=sized(8.5))


def draw_ranking(figure: Ranking) -> "Drawing":
    """A row per setting: seeds as circles, their mean as a diamond, an interval as a bar; a line at the best."""
    labels = row_labels(figure.rows, min(56, letters_in(0.38 * page_width(), 8.5)), below=is_narrow())
    most = max((label.count("\n") for label in labels), default=0)
    drawing = new_drawing(page_width(), (0.27, 0.33, 0.45)[most] * len(figure.rows) + 0.8)
    axes = drawing.add_subplot()
    low, high = figure.ends
    if figure.best_at is not None:
        if figure.margin is not None:
            ends = (max(figure.best_at - figure.margin, low), min(figure.best_at + figure.margin, high))
            axes.axvspan(*ends, color=SOFT, alpha=0.15, linewidth=0)
        axes.axvline(figure.best_at, color=COLOURS[0], linewidth=0.8, zorder=1)
    for y, row in enumerate(figure.rows):
        ink = COLOURS[0] if row.best else SOFT
        if row.shaded:
            axes.axhspan(y - 0.5, y + 0.5, color=COLOURS[0], alpha=0.09, linewidth=0)
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [y, y], color=ink, linewidth=1.6, solid_capstyle="round", zorder=2)
        points = list(row.points.values())
        axes.plot(points, [y] * len(points), "o", color=ink, alpha=0.4, markersize=5.5, markeredgewidth=0, zorder=3)
        if row.mean is not None:
            axes.plot([row.mean], [y], "D", color=ink, markersize=4.5, markeredgecolor="white", zorder=4)
        if row.word:
            weight = "bold" if row.best else "normal"
            place = axes.get_yaxis_transform()
            axes.text(
                1.04 if is_narrow() else 1.01,
                y,
                row.word,
                transform=place,
                va="center",
                size=sized(8),
                color=INK,
                fontweight=weight,
            )
    for y, side in figure.cuts:  # the interval goes on beyond the axis
        x, marker = (low, "<") if side == "left" else (high, ">")
        axes.plot([x], [y], marker, color=COLOURS[0] if figure.rows[y].best else SOFT, markersize=5, clip_on=False)
    axes.set_yticks(range(len(figure.rows)))
    axes.set_yticklabels(labels)
    for text, row in zip(axes.get_yticklabels(), figure.rows, strict=True):
        text.set_fontweight("bold" if row.best else "normal")
    axes.set_ylim(len(figure.rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(figure.x_label)
    axes.set_xlim(low, high)
    if figure.percent:
        percent_axis(axes.xaxis, high - low)
    return drawing


def draw_estimates(figure: Estimates) -> "Drawing":
    """A bar per row, with a line for its interval."""
    drawing = new_drawing(page_width(), 0.3 * len(figure.rows) + 0.8)
    axes = drawing.add_subplot()
    for y, row in enumerate(figure.rows):
        axes.barh(y, row.value, height=0.6, color=COLOURS[0], alpha=0.45)
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [y, y], color=INK, linewidth=1.4, marker="|", markersize=7)
    axes.set_yticks(range(len(figure.rows)))
    axes.set_yticklabels([cut(row.label, min(56, letters_in(0.45 * page_width(), 8.5))) for row in figure.rows])
    axes.set_ylim(len(figure.rows) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.set_xlim(0, figure.end)
    axes.set_xlabel(figure.x_label)
    return drawing


def row_labels(rows: Sequence[RankingRow], most: int, *, below: bool = False) -> list[str]:
    """The rows' names on two lines of `most` letters at most, each with its note; below: that has a line of its own."""
    names = told_apart([row.label for row in rows], most)
    found = []
    for name, row in zip(names, rows, strict=True):
        *above, last = name.split("\n")
        if row.note and (below or len(last) + len(row.note) + 3 > most):
            found.append("\n".join([*above, last, cut(row.note, most)]))
        else:
            found.append(f"{name} — {row.note}" if row.note else name)
    return found
