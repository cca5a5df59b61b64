"""Figures for print: PNG, SVG and PDF by matplotlib, the same bytes for the same numbers.

No pyplot, hence no global state: a figure is made, drawn and forgotten.  `draw` returns matplotlib's figure, so that
tests can look at its artists; `save` writes the files.
"""

import math
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from handgrad.report.figures import Curves, Figure, Matrix, Panel, Pictures, Predictions, Ranking, RankingRow
from handgrad.report.palette import COLOURS, RIGHT, WRONG, colour, dash

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

STYLE: Any = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#5F6368",
    "axes.grid": True,
    "axes.labelcolor": "#202124",
    "axes.labelsize": 9,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "figure.dpi": 160,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": "#E3E5E8",
    "grid.linewidth": 0.7,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.fonttype": "path",
    "svg.hashsalt": "handgrad",
    "text.parse_math": False,  # a class named "$5" is no formula
    "xtick.color": "#5F6368",
    "xtick.labelcolor": "#202124",
    "xtick.labelsize": 8.5,
    "ytick.color": "#5F6368",
    "ytick.labelcolor": "#202124",
    "ytick.labelsize": 8.5,
}
NO_DATES: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
PAGE_WIDTH = 7.2  # inches: the text width of A4 with ordinary margins


def save(figure: Figure, folder: Path, formats: Iterable[str] = ("png", "svg", "pdf")) -> list[Path]:
    """Write `<name>.<format>` for every format and return the paths."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # not the user's own style: the same numbers give the same picture everywhere
        matplotlib.rcParams.update(STYLE)
        drawing = draw(figure)
        paths = []
        for form in formats:
            paths.append(folder / f"{figure.name}.{form}")
            drawing.savefig(paths[-1], format=form, metadata=NO_DATES[form], bbox_inches="tight", pad_inches=0.08)
    return paths


def draw(figure: Figure) -> "Drawing":
    """matplotlib's figure of our numbers."""
    if isinstance(figure, Curves):
        return _curves(figure)
    if isinstance(figure, Ranking):
        return _ranking(figure)
    if isinstance(figure, Matrix):
        return _matrix(figure)
    if isinstance(figure, Pictures):
        return _pictures(figure)
    return _predictions(figure)


def _new(width: float, height: float) -> "Drawing":
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure as Drawing

    drawing = Drawing(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing


def _curves(figure: Curves) -> "Drawing":
    columns = min(figure.columns, len(figure.panels))
    rows = math.ceil(len(figure.panels) / columns)
    legend = figure.legend
    longest = max((len(line.label) for line in legend), default=0)
    across = max(1, min(len(legend), int(110 / (longest + 8)), 6))
    names = math.ceil(len(legend) / across) if len(legend) > 1 else 0
    drawing = _new(PAGE_WIDTH if columns > 1 else 5.6, (2.35 if columns > 1 else 3.0) * rows + 0.2 * names + 0.2)
    shared: dict[str, Axes] = {}
    for position, panel in enumerate(figure.panels):
        axes = drawing.add_subplot(rows, columns, position + 1, sharey=shared.get(panel.y_label))
        shared.setdefault(panel.y_label, axes)
        _panel(axes, panel)
    if names:
        handles = {line.label: _handle(line.style) for line in legend}
        labels = [textwrap.shorten(label, 60, placeholder="…") for label in handles]
        drawing.legend(list(handles.values()), labels, loc="outside lower center", ncols=across, handlelength=2.6)
    return drawing


def _handle(style: int | None) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour(style), linestyle=_linestyle(style), linewidth=1.8)


def _linestyle(style: int | None) -> Any:
    return "-" if dash(style) == "solid" else (0, (4, 1.6))


def _panel(axes: "Axes", panel: Panel) -> None:
    for line in sorted(panel.lines, key=lambda line: line.style is not None):  # context lies behind
        muted = line.style is None
        ink = colour(line.style)
        if line.low is not None and line.high is not None and not muted:
            axes.fill_between(line.x, line.low, line.high, color=ink, alpha=0.16, linewidth=0)
        axes.plot(
            line.x,
            line.y,
            color=ink,
            linestyle=_linestyle(line.style),
            linewidth=0.6 if muted else 1.5,
            alpha=0.45 if muted else 1.0,
            marker="o" if len(line.x) <= 12 and not muted else "",
            markersize=3,
            label=line.label,
        )
    if panel.log_y:
        from matplotlib.ticker import FuncFormatter

        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if panel.percent:
        _percent_axis(axes.yaxis)
    if panel.x_label == "epoch":
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    elif panel.x_label.startswith("step"):
        from matplotlib.ticker import FuncFormatter

        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.set_title(panel.title)
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)


def _percent_axis(axis: Any, span: float | None = None) -> None:
    from matplotlib.ticker import PercentFormatter

    decimals = None if span is None else 0 if span > 0.05 else 1
    axis.set_major_formatter(PercentFormatter(1.0, decimals=decimals, symbol=" %"))


def _ranking(figure: Ranking) -> "Drawing":
    drawing = _new(PAGE_WIDTH, 0.27 * len(figure.rows) + 0.8)
    axes = drawing.add_subplot()
    for y, row in enumerate(figure.rows):
        ink = COLOURS[0] if row.best else "#5F6368"
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
        _percent_axis(axes.xaxis, high - low)
    return drawing


def noted(row: RankingRow, most: int) -> str:
    """A row's label, cut to `most` letters together with its note."""
    note = f" — {row.note}" if row.note else ""
    room = most - len(note)
    return (row.label if len(row.label) <= room else row.label[: room - 1] + "…") + note


def ranking_range(figure: Ranking) -> tuple[float, float]:
    """The x axis: all seeds and means with a margin; an interval wider than that (few seeds) runs off the axis."""
    values = [v for row in figure.rows for v in (*row.points.values(), row.mean) if v is not None]
    if not values:
        return 0.0, 1.0
    low, high = min(values), max(values)
    margin = 0.15 * (high - low) or 0.01 * (abs(high) or 1)
    return low - margin, high + margin


def _matrix(figure: Matrix) -> "Drawing":
    k = len(figure.classes)
    cell = 0.52 if k <= 12 else max(0.18, 6.2 / k)
    drawing = _new(min(PAGE_WIDTH, cell * k + 1.6), min(PAGE_WIDTH, cell * k + 1.0))
    axes = drawing.add_subplot()
    shares = figure.shares
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, aspect="equal")
    axes.grid(visible=False)
    axes.set_xticks(np.arange(k - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(k - 1) + 0.5, minor=True)
    axes.grid(visible=True, which="minor", color="#E3E5E8", linewidth=0.5)
    axes.tick_params(which="both", length=0)
    for side in ("left", "bottom"):
        axes.spines[side].set_visible(False)
    names = [textwrap.shorten(name, 14, placeholder="…") or name[:14] for name in figure.classes]
    turned = max(len(name) for name in names) > 3
    axes.set_xticks(range(k), names, rotation=45 if turned else 0, ha="right" if turned else "center")
    axes.set_yticks(range(k), names)
    axes.set_xlabel("predicted")
    axes.set_ylabel("actual")
    if k <= 20:
        for i in range(k):
            for j in range(k):
                if figure.counts[i, j]:
                    ink = "white" if shares[i, j] > 0.55 else "#202124"
                    axes.text(j, i - 0.16, f"{figure.counts[i, j]:,}", ha="center", va="center", size=7, color=ink)
                    percent = f"{100 * shares[i, j]:.1f}%"
                    axes.text(j, i + 0.2, percent, ha="center", va="center", size=5.5, color=ink)
    return drawing


def _pictures(figure: Pictures) -> "Drawing":
    n = len(figure.images)
    columns = min(figure.columns, n)
    rows = math.ceil(n / columns)
    named = any(figure.labels)
    drawing = _new(min(PAGE_WIDTH, 0.8 * columns), min(PAGE_WIDTH, 0.8 * columns) * rows / columns + 0.3)
    for position, image in enumerate(figure.images):
        axes = drawing.add_subplot(rows, columns, position + 1)
        _image(axes, image, figure.limit)
        if named and n <= 20:
            axes.set_title(figure.labels[position], size=8, weight="normal", loc="center", pad=2)
    return drawing


def _image(axes: "Axes", image: np.ndarray, limit: float = 0.0) -> None:
    if limit:
        axes.imshow(signed_colours(image, limit), interpolation="nearest")
    else:
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
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


def _predictions(figure: Predictions) -> "Drawing":
    n = len(figure.index)
    columns = min(5, n)
    rows = math.ceil(n / columns)
    drawing = _new(PAGE_WIDTH, (1.75 if figure.images is not None else 0.7) * rows)
    for position in range(n):
        axes = drawing.add_subplot(rows, columns, position + 1)
        if figure.images is not None:
            _image(axes, figure.images[position])
        else:
            axes.axis("off")
        actual = figure.actual[position]
        lines = [
            (f"actual: {actual}", "#202124"),
            *(
                (f"{when}: {said} {'✓' if said == actual else '✗'}", RIGHT if said == actual else WRONG)
                for when, said in (("before", figure.before[position]), ("after", figure.after[position]))
                if said
            ),
        ]
        for row, (text, ink) in enumerate(lines):
            axes.annotate(
                textwrap.shorten(text, 24, placeholder="…"),
                (0.5, 0),
                (0, -5 - 10 * row),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="center",
                va="top",
                size=7.5,
                color=ink,
            )
    return drawing
