"""A figure is a frozen dataclass of numbers.  It knows what is shown and what its caption says, not how it is drawn.

    Curves        panels of lines, some with a band; marks, and a key where colours are ordered
    Matrix        a confusion matrix, rows actual, columns predicted
    Pictures      a grid of pictures (first-layer weights)
    Predictions   sample images with the classes predicted before and after training
    Mistakes      pictures that were taken for another class

Others stand in `row_shapes`, `axis_shapes` and `search_shapes`.  Each is a shape of `SHAPES`
(`study/published/figure_options.py`), which says what draws it for print and for the page.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray

from handgrad.names import unknown
from handgrad.report.figures.axis_fit import AxisFit, fitted
from handgrad.report.figures.palette import CONTEXT, LineStyle, line_style
from handgrad.study.published.option_values import Inset

Numbers = NDArray[np.float64]
CsvRow = list[object]
FIRST_STYLE = line_style(0)
CELLS = {  # what a matrix shows in its cells, for its caption
    "both": "each cell shows the count and its percentage of the row, by whose square root it is shaded",
    "percent": "each cell shows its percentage of the row, by whose square root it is shaded",
    "count": "each cell shows the count, and is shaded by the square root of its share of the row",
}


class FigureData(Protocol):
    """What every figure has, a frozen dataclass of numbers.  name: of its files;  caption: how it was computed."""

    __dataclass_fields__: ClassVar[dict[str, Any]]

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...
    @property
    def caption(self) -> str: ...

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """The header and the rows of the CSV behind it."""


@dataclass(frozen=True, eq=False)
class Line:
    """y over x, with a band from low to high where several seeds stand behind it.

    `end` is written where the line ends.  Lines of one label have one style, in all panels of a figure.
    runs: the ids of the runs behind it, none where it is of no runs;  n: how many of them reached each x.
    """

    label: str
    x: Numbers
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    style: LineStyle = FIRST_STYLE
    end: str = ""
    runs: tuple[str, ...] = ()
    n: Numbers | None = None


@dataclass(frozen=True)
class Mark:
    """An event at x, drawn as a thin upright line with a text."""

    x: float
    text: str


@dataclass(frozen=True)
class Panel:
    """One pair of axes.  Panels of one figure with the same `y_label` share their y axis.

    inset: a window of them that is shown enlarged in a corner.  series: which curve of the runs it shows, such as
    "val_loss", where it shows one.
    """

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    log_y: bool = False
    percent: bool = False
    marks: tuple[Mark, ...] = ()
    inset: Inset | None = None
    series: str = ""
    log_x: bool = False

    @property
    def window(self) -> tuple[tuple[float, float], tuple[float, float]] | None:
        """The x and y range of the inset; None where there is none, or no line passes through it."""
        if self.inset is None:
            return None
        (low, high), y = self.inset.x, self.inset.y
        inside = [line.y[(line.x >= low) & (line.x <= high) & np.isfinite(line.y)] for line in self.lines]
        values = np.concatenate(inside) if inside else np.empty(0)
        if not values.size:
            return None
        margin = 0.05 * float(values.max() - values.min()) or 0.05 * abs(float(values.max())) or 0.05
        return (low, high), y or (float(values.min()) - margin, float(values.max()) + margin)

    @property
    def free_corner(self) -> bool:
        """Whether lines fall, so that their upper right corner is free; of those that rise the lower right one is."""
        ends = [(float(line.y[0]), float(line.y[-1])) for line in self.lines if len(line.y)]
        return sum(last - first for first, last in ends) <= 0


@dataclass(frozen=True)
class Key:
    """What ordered colours stand for: blocks of (colour, text) in order; a text may be empty."""

    title: str
    blocks: tuple[tuple[str, str], ...]

    @property
    def named(self) -> bool:
        """Whether its blocks can be named one by one."""
        return len(self.blocks) <= 12 and all(text for _, text in self.blocks)


@dataclass(frozen=True)
class Curves:
    """Panels of lines over epochs or steps.  `small`: many panels, which share their x axis too.

    With a `key`, print shows it in place of the legend.  fit: whether the y axis leaves out the few lines that would
    squeeze the others (`axis_fit`): lower fractions, higher losses.
    """

    name: str
    title: str
    caption: str
    panels: tuple[Panel, ...]
    columns: int = 2
    key: Key | None = None
    small: bool = False
    fit: bool = False

    def y_fit(self, y_label: str) -> tuple[AxisFit, list[str]] | None:
        """The y axis of the panels of one label, without margins, and the names of its items, the lines; None where
        they have no values.  On a logarithmic axis in powers of ten."""
        panels = [panel for panel in self.panels if panel.y_label == y_label]
        found: dict[str, list[float]] = {}
        for panel in panels:
            for line in panel.lines:
                for part in (line.y, line.low, line.high):
                    values = np.empty(0) if part is None else part[np.isfinite(part)]
                    values = np.log10(values[values > 0]) if panel.log_y else values
                    if values.size:
                        found.setdefault(line.label, []).extend((float(values.min()), float(values.max())))
        if not found:
            return None
        spans = [(min(ends), max(ends)) for ends in found.values()]
        whole = AxisFit(min(low for low, _ in spans), max(high for _, high in spans))
        fit = fitted(spans, worse_is_lower=panels[0].percent) if self.fit else whole
        return fit, list(found)

    def y_range(self, y_label: str) -> tuple[float, float] | None:
        """The ends of that axis with margins; on a logarithmic one in powers of ten."""
        if (found := self.y_fit(y_label)) is None:
            return None
        low, high = found[0].low, found[0].high
        margin = 0.05 * (high - low) or 0.05 * (abs(high) or 1.0)
        return low - margin, high + margin

    def beyond(self, y_label: str) -> list[str]:
        """The lines that lie beyond that axis, as a rule none."""
        found = self.y_fit(y_label)
        return [] if found is None else [found[1][i] for i in found[0].beyond]

    @property
    def legend(self) -> list[Line]:
        """One line for every label that is not mere context, in the order of the panels."""
        found: dict[str, Line] = {}
        for panel in self.panels:
            for line in panel.lines:
                if line.style != CONTEXT:
                    found.setdefault(line.label, line)
        return list(found.values())

    @property
    def named_ends(self) -> bool:
        """Whether names are written at the ends of lines."""
        return any(line.end for panel in self.panels for line in panel.lines)

    @property
    def dotted(self) -> bool:
        """Whether every point has a dot: at most 12 points a line and 12 lines, in panels of full size."""
        lines = [line for panel in self.panels for line in panel.lines]
        longest = max((len(line.x) for line in lines), default=0)
        return longest <= 12 and not self.small and len(self.legend) <= 12

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per point."""

        def rows() -> Iterator[CsvRow]:
            for panel in self.panels:
                for line in panel.lines:
                    low = line.y if line.low is None else line.low
                    high = line.y if line.high is None else line.high
                    for x, y, a, b in zip(line.x.tolist(), line.y.tolist(), low.tolist(), high.tolist(), strict=True):
                        yield [panel.title, line.label, x, y, a, b]

        x = self.panels[0].x_label.split(" (")[0].replace(" ", "_") if self.panels else "x"
        return ["panel", "line", x, "y", "low", "high"], rows()


@dataclass(frozen=True, eq=False)
class Matrix:
    """A confusion matrix: counts[actual, predicted].  `show` in its cells: count, percent (of the row) or both."""

    name: str
    title: str
    caption: str
    classes: tuple[str, ...]
    counts: NDArray[np.int64]
    show: str = "both"

    def __post_init__(self) -> None:
        if self.show not in CELLS:
            raise ValueError(unknown(self.show, CELLS, "content of cells"))

    @property
    def shares(self) -> Numbers:
        """Counts over the sum of their row; 0 where a class has no examples."""
        sums = self.counts.sum(axis=1, keepdims=True)
        return np.asarray(self.counts / np.maximum(sums, 1), dtype=np.float64)

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per pair of classes."""
        shares = self.shares
        rows = (
            [actual, predicted, int(self.counts[i, j]), 100 * float(shares[i, j])]
            for i, actual in enumerate(self.classes)
            for j, predicted in enumerate(self.classes)
        )
        return ["actual", "predicted", "count", "row percent"], rows


@dataclass(frozen=True, eq=False)
class Pictures:
    """A grid of pictures: images (n, rows, cols) of signed numbers, or (n, rows, cols, 3) of colours.

    Signed numbers are drawn from −limit (one colour) over 0 (neutral) to +limit (the other).
    """

    name: str
    title: str
    caption: str
    images: Numbers
    labels: tuple[str, ...]
    limit: float
    columns: int = 8

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the pictures: as those of classes, they are numbers where no font has their signs."""
        return self.labels

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per picture, its numbers in reading order."""
        size = int(np.prod(self.images.shape[1:]))
        rows = ([label, *image.ravel().tolist()] for label, image in zip(self.labels, self.images, strict=True))
        return ["picture", *(f"v{i}" for i in range(size))], rows


@dataclass(frozen=True, eq=False)
class Predictions:
    """Sample images (n, rows, cols[, 3]) in [0, 1], with the actual class and what was predicted; "" where unknown."""

    name: str
    title: str
    caption: str
    images: Numbers | None
    index: tuple[int, ...]
    actual: tuple[str, ...]
    before: tuple[str, ...]
    after: tuple[str, ...]
    classes: tuple[str, ...] = ()  # all there are, in order

    def said(self, position: int) -> list[tuple[str, str]]:
        """What was predicted of one example: (before, …) and (after, …), or (predicted, …) where only one is known."""
        both = any(self.before) and any(self.after)
        found = (("before", self.before[position]), ("after", self.after[position]))
        return [(when if both else "predicted", said) for when, said in found if said]

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per example."""
        return ["index", "actual", "before", "after"], (
            list(row) for row in zip(self.index, self.actual, self.before, self.after, strict=True)
        )


@dataclass(frozen=True, eq=False)
class Mistakes:
    """Pictures (n, rows, cols[, 3]) in [0, 1] with their actual class, what each was taken for, and how confidently."""

    name: str
    title: str
    caption: str
    images: Numbers
    index: tuple[int, ...]
    actual: tuple[str, ...]
    predicted: tuple[str, ...]
    confidence: tuple[float, ...]
    columns: int = 5
    classes: tuple[str, ...] = ()  # all there are, in order

    @property
    def labels(self) -> tuple[str, ...]:
        """What is written below each picture, such as "3 → 5, 0.98"."""
        found = zip(self.actual, self.predicted, self.confidence, strict=True)
        return tuple(f"{actual} → {predicted}, {confidence:.2f}" for actual, predicted, confidence in found)

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per picture."""
        return ["index", "actual", "predicted", "confidence"], (
            list(row) for row in zip(self.index, self.actual, self.predicted, self.confidence, strict=True)
        )
