"""A figure is a frozen dataclass of numbers.  It knows what is shown and what its caption says, not how it is drawn.

    Curves        panels of lines, some with a band
    Ranking       a row per setting: its seeds, their mean and interval
    Matrix        a confusion matrix, rows actual, columns predicted
    Pictures      a grid of pictures (first-layer weights)
    Predictions   sample images with what the network said before and after training

Every figure has `name` (its file), `title`, `caption`, and `table()`: the header and rows of the CSV behind it.
`drawers` draws them for print, `page_figures` for the page.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Row = list[object]


@dataclass(frozen=True, eq=False)
class Line:
    """y over x, with a band from low to high where several seeds stand behind it.

    `style` chooses colour and dashes, the same for one setting in all figures; None is a grey line of context.
    """

    label: str
    x: Numbers
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    style: int | None = 0


@dataclass(frozen=True)
class Panel:
    """One pair of axes.  Panels of one figure with the same `y_label` share their y axis."""

    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    log_y: bool = False
    percent: bool = False


@dataclass(frozen=True)
class Curves:
    """Panels of lines over epochs or steps."""

    name: str
    title: str
    caption: str
    panels: tuple[Panel, ...]
    columns: int = 2

    @property
    def legend(self) -> list[Line]:
        """One line for every label that is not mere context, in the order of their styles."""
        found: dict[str, Line] = {}
        for panel in self.panels:
            for line in panel.lines:
                if line.style is not None:
                    found.setdefault(line.label, line)
        return sorted(found.values(), key=lambda line: line.style or 0)

    def table(self) -> tuple[list[str], Iterator[Row]]:
        """A row per point."""

        def rows() -> Iterator[Row]:
            for panel in self.panels:
                for line in panel.lines:
                    low = line.y if line.low is None else line.low
                    high = line.y if line.high is None else line.high
                    for x, y, a, b in zip(line.x.tolist(), line.y.tolist(), low.tolist(), high.tolist(), strict=True):
                        yield [panel.title, line.label, x, y, a, b]

        return ["panel", "line", _column(self.panels[0].x_label if self.panels else "x"), "y", "low", "high"], rows()


@dataclass(frozen=True)
class RankingRow:
    """A setting's seeds (`points`), their mean, and the interval of the mean."""

    label: str
    points: dict[int, float]
    mean: float | None
    low: float | None
    high: float | None
    best: bool = False
    tied: bool = False
    note: str = ""


@dataclass(frozen=True)
class Ranking:
    """A row per setting, best first."""

    name: str
    title: str
    caption: str
    x_label: str
    rows: tuple[RankingRow, ...]
    percent: bool = False

    def table(self) -> tuple[list[str], Iterator[Row]]:
        """A row per setting and seed; mean and interval are repeated."""

        def rows() -> Iterator[Row]:
            for row in self.rows:
                for seed, value in row.points.items() or [(None, None)]:
                    yield [row.label, seed, value, row.mean, row.low, row.high]

        return ["setting", "seed", "value", "mean", "low", "high"], rows()


@dataclass(frozen=True, eq=False)
class Matrix:
    """A confusion matrix: counts[actual, predicted]."""

    name: str
    title: str
    caption: str
    classes: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def shares(self) -> Numbers:
        """Counts over the sum of their row; 0 where a class has no examples."""
        sums = self.counts.sum(axis=1, keepdims=True)
        return np.asarray(self.counts / np.maximum(sums, 1), dtype=np.float64)

    def table(self) -> tuple[list[str], Iterator[Row]]:
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

    def table(self) -> tuple[list[str], Iterator[Row]]:
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

    def table(self) -> tuple[list[str], Iterator[Row]]:
        """A row per example."""
        return ["index", "actual", "before", "after"], (
            list(row) for row in zip(self.index, self.actual, self.before, self.after, strict=True)
        )


Figure = Curves | Ranking | Matrix | Pictures | Predictions


@dataclass(frozen=True, eq=False)
class Series:
    """One seed's curve, before seeds are put together."""

    x: Numbers
    y: Numbers
    seed: int = 0


def over_seeds(label: str, curves: Sequence[Series], style: int | None = 0) -> Line:
    """The mean over the seeds that reached each x, and a band from the lowest to the highest of them.

    Values that are not finite are left out.  All x must be whole numbers counted alike (epochs).

    >>> line = over_seeds("a", [Series(np.arange(2), np.array([1.0, 2.0])), Series(np.arange(1), np.array([3.0]))])
    >>> line.y.tolist(), line.low.tolist(), line.high.tolist()
    ([2.0, 2.0], [1.0, 2.0], [3.0, 2.0])
    """
    values: dict[float, list[float]] = {}
    for curve in curves:
        for x, y in zip(curve.x.tolist(), curve.y.tolist(), strict=True):
            if np.isfinite(y):
                values.setdefault(x, []).append(y)
    x = np.array(sorted(values), dtype=np.float64)
    y = np.array([sum(values[k]) / len(values[k]) for k in x.tolist()])
    if len(curves) < 2:
        return Line(label, x, y, style=style)
    low = np.array([min(values[k]) for k in x.tolist()])
    high = np.array([max(values[k]) for k in x.tolist()])
    return Line(label, x, y, low, high, style)


def wide(lines: Sequence[Line], ratio: float = 50.0) -> bool:
    """Whether positive values span more than `ratio`, so that a logarithmic axis shows them better.

    >>> wide([Line("a", np.arange(2.0), np.array([0.01, 1.0]))])
    True
    """
    parts = [line.y[np.isfinite(line.y)] for line in lines]
    y = np.concatenate(parts) if parts else np.empty(0)
    return bool(y.size and y.min() > 0 and y.max() / y.min() > ratio)


def _column(label: str) -> str:
    return label.split(" (")[0].replace(" ", "_")
