"""Figures of hyperparameters against the measure, as numbers: what each value does, alone and in pairs.

    AxisPanels            a panel for each axis: runs as dots, means with intervals or a line with a band
    HeatMap               a cell for each pair of values of two axes
    ParallelCoordinates   a line for each setting through the values of all axes to the measure
    Importances           a bar for each axis or pair: its share of the variance, with its interval

Places on an axis are shares of it, 0 to 1, so that log axes and names of values are drawn alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.decimals import decimals, significant
from handgrad.report.figures.shapes import CsvRow, Numbers

Ticks = tuple[tuple[float, str], ...]  # (place, text)
MOST_LINES = 200  # of parallel coordinates


@dataclass(frozen=True, eq=False)
class AxisPanel:
    """The measure against one axis.

    dots: x and y, and which of them were lost;  line: x and y, and low and high (NaN where there is no interval);
    band: whether the line is one with a band, else means with bars;  joined: whether means are joined, as numbers are;
    values: of the axis, as text, for the points of the line;  best: the place of the best mean;  runs: ids of the runs
    behind each dot, empty where they are not known;  dot_values: of the axis, as text, one for each dot.
    """

    axis: str
    ticks: Ticks
    dots_x: Numbers
    dots_y: Numbers
    lost: NDArray[np.bool_]
    x: Numbers
    y: Numbers
    low: Numbers
    high: Numbers
    values: tuple[str, ...]
    band: bool = False
    joined: bool = True
    best: float | None = None
    runs: tuple[tuple[str, ...], ...] = ()
    dot_values: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class AxisPanels:
    """A panel for each axis; they share the y axis, at whose edge the runs that lie beyond it are drawn.

    dots: what a dot is, "run" or "setting".
    """

    name: str
    title: str
    caption: str
    y_label: str
    panels: tuple[AxisPanel, ...]
    percent: bool = False
    dots: str = "run"

    @property
    def columns(self) -> int:
        """Panels in a row."""
        return 2 if len(self.panels) in (2, 4) else 3

    @property
    def y_range(self) -> tuple[float, float]:
        """All means and their intervals, and the runs that were not lost, with a margin."""
        parts = [p for panel in self.panels for p in (panel.y, panel.low, panel.high, panel.dots_y[~panel.lost])]
        values = np.concatenate(parts) if parts else np.empty(0)
        values = values[np.isfinite(values)]
        if not values.size:
            return 0.0, 1.0
        low, high = float(values.min()), float(values.max())
        inside = [d for panel in self.panels for d in panel.dots_y.tolist()]
        if self.percent and inside:  # an interval beyond what a fraction can be runs off the axis
            low, high = max(low, min(0.0, min(inside))), min(high, max(1.0, max(inside)))
        margin = 0.06 * (high - low) or 0.02 * (abs(high) or 1.0)
        return low - margin, high + margin

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row for each mean or point of a line, and one for each dot."""

        def rows() -> Iterator[CsvRow]:
            for panel in self.panels:
                ends = zip(panel.values, panel.y.tolist(), panel.low.tolist(), panel.high.tolist(), strict=True)
                yield from ([panel.axis, "mean", value, y, low, high, None] for value, y, low, high in ends)
                dots = zip(panel.dot_values, panel.dots_y.tolist(), panel.lost.tolist(), strict=True)
                yield from ([panel.axis, self.dots, value, y, None, None, lost] for value, y, lost in dots)

        return ["axis", "what", "value", self.y_label, "low", "high", "lost"], rows()


@dataclass(frozen=True, eq=False)
class HeatMap:
    """means[y, x] of the settings with two values (NaN where there are none), how many, and how many runs were lost.

    best: (y, x) of the best mean;  low, high: the ends of the colours, as values: the worst mean of cells in which
    nothing was lost, and the best.
    """

    name: str
    title: str
    caption: str
    x_label: str
    y_label: str
    x_values: tuple[str, ...]
    y_values: tuple[str, ...]
    means: Numbers
    counts: NDArray[np.int64]
    lost: NDArray[np.int64]
    best: tuple[int, int]
    low: float
    high: float
    word: str
    percent: bool = False

    def level(self, i: int, j: int) -> float:
        """How good a cell is, 0 to 1 of the colours; the best cell is 1 also where lower is better."""
        if self.high == self.low:
            return 1.0
        return float(np.clip((self.means[i, j] - self.low) / (self.high - self.low), 0, 1))

    def text(self, i: int, j: int) -> str:
        """The mean in a cell."""
        value = float(self.means[i, j])
        return decimals(value, 1, shift=2) if self.percent else significant(value, 3)

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per cell."""
        rows = (
            [x, y, float(self.means[i, j]), int(self.counts[i, j]), int(self.lost[i, j])]
            for i, y in enumerate(self.y_values)
            for j, x in enumerate(self.x_values)
        )
        return [self.x_label, self.y_label, "mean", "runs", "lost"], rows


@dataclass(frozen=True)
class ParallelAxis:
    """An upright axis with its ticks."""

    label: str
    ticks: Ticks


@dataclass(frozen=True, eq=False)
class ParallelCoordinates:
    """places (settings, axes): where each setting crosses each axis; the last axis is the measure.  Best first.

    levels (settings,): the colour of each, 0 (worst) to 1 (best);  texts: values as they are, for the table;  runs: ids
    of the runs of each;  drawn: the positions of the lines that are drawn where there are very many;  percent: whether
    the measure is a fraction, which a page shows in percent.
    """

    name: str
    title: str
    caption: str
    axes: tuple[ParallelAxis, ...]
    places: Numbers
    levels: Numbers
    texts: tuple[tuple[str, ...], ...]
    runs: tuple[tuple[str, ...], ...] = ()
    percent: bool = False

    @property
    def drawn(self) -> list[int]:
        """All lines; of more than `MOST_LINES` as many, evenly by rank, the best and the worst among them."""
        total = len(self.places)
        return list(dict.fromkeys(np.linspace(0, total - 1, min(total, MOST_LINES)).round().astype(int).tolist()))

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per setting, best first."""
        return [axis.label for axis in self.axes], (list(row) for row in self.texts)


@dataclass(frozen=True)
class ImportanceRow:
    """A share of the variance and its interval.  main: of one axis;  note: what stands behind it, such as per tree."""

    label: str
    share: float
    low: float | None
    high: float | None
    main: bool = True
    beside: float | None = None


@dataclass(frozen=True)
class Importances:
    """A bar for each row, largest first.  beside: what the mark beside a bar is; empty where there is none."""

    name: str
    title: str
    caption: str
    x_label: str
    rows: tuple[ImportanceRow, ...]
    beside: str = ""

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per bar."""
        rows: Iterator[CsvRow] = ([row.label, row.share, row.low, row.high, row.beside] for row in self.rows)
        return ["term", "share", "low", "high", self.beside or "beside"], rows
