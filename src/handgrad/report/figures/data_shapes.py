"""Figures that show examples of the data, as numbers.

ClassBalance      how many examples of each class every part has
DecisionRegions   the class that a network predicts at every point of the plane, and examples on it
Activations       one example, what every layer makes of it, and the outputs
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.names import plural
from handgrad.report.figures.palette import RIGHT, WRONG
from handgrad.report.figures.shapes import CsvRow, Numbers

MOST_CLASSES = 40  # that class balance draws; of more the largest and the smallest
MOST_OUTPUTS = 20  # that are drawn; of more the largest, and that of the actual class


@dataclass(frozen=True)
class ClassBalance:
    """counts: part -> examples of each class, in the order of `classes`."""

    name: str
    title: str
    caption: str
    classes: tuple[str, ...]
    counts: tuple[tuple[str, tuple[int, ...]], ...]

    @property
    def drawn(self) -> list[int]:
        """The classes that are drawn, in order; of more than `MOST_CLASSES` half the largest, half the smallest."""
        k, totals = len(self.classes), np.sum([counts for _, counts in self.counts], axis=0)
        if k <= MOST_CLASSES:
            return list(range(k))
        order = np.argsort(-totals, kind="stable").tolist()
        return sorted(order[: MOST_CLASSES // 2] + order[-MOST_CLASSES // 2 :])

    def share(self, counts: tuple[int, ...], position: int) -> float:
        """The share of a class among the examples of a part."""
        return counts[position] / max(sum(counts), 1)

    @property
    def largest_share(self) -> float:
        """Of all classes and parts: the end of the axes, which all parts have in common."""
        return max(self.share(counts, i) for _, counts in self.counts for i in range(len(counts)))

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per class and part."""
        rows: Iterator[CsvRow] = (
            [part, label, counts[i], 100 * self.share(counts, i)]
            for part, counts in self.counts
            for i, label in enumerate(self.classes)
        )
        return ["part", "class", "examples", "percent of the part"], rows


@dataclass(frozen=True, eq=False)
class RegionPanel:
    """One network on the plane.  title: what sets it apart, empty of one alone.

    x, y (n,): places of the grid, in the units of the data;  regions (n, n): the class predicted there, a row for each
    y;  names: (x, y, class), where the name of a class stands, within the largest of its regions;  points (m, 2):
    examples, with their actual and predicted class (m,) and index (m,).
    """

    title: str
    x: Numbers
    y: Numbers
    regions: NDArray[np.int64]
    names: tuple[tuple[float, float, int], ...]
    points: Numbers
    actual: NDArray[np.int64]
    predicted: NDArray[np.int64]
    index: NDArray[np.int64]

    @property
    def right(self) -> str:
        """How many of the examples are right, in words."""
        return f"{len(self.actual) - int(self.wrong.sum()):,} of {len(self.actual):,} right"

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """Which examples are taken for another class."""
        return np.asarray(self.actual != self.predicted)


@dataclass(frozen=True, eq=False)
class DecisionRegions:
    """A panel for each network, all on the same plane.  part: whose examples are shown."""

    name: str
    title: str
    caption: str
    x_label: str
    y_label: str
    part: str
    classes: tuple[str, ...]
    panels: tuple[RegionPanel, ...]
    columns: int = 3

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row for each example, and one for each place of the grid, which has no actual class."""

        def rows() -> Iterator[CsvRow]:
            for panel in self.panels:
                pairs = zip(panel.actual.tolist(), panel.predicted.tolist(), panel.index.tolist(), strict=True)
                for (x, y), (actual, predicted, index) in zip(panel.points.tolist(), pairs, strict=True):
                    yield [panel.title, self.part, index, x, y, self.classes[actual], self.classes[predicted]]
                for y, row in zip(panel.y.tolist(), panel.regions.tolist(), strict=True):
                    for x, predicted in zip(panel.x.tolist(), row, strict=True):
                        yield [panel.title, "plane", None, x, y, None, self.classes[predicted]]

        return ["setting", "what", "index", self.x_label, self.y_label, "actual", "predicted"], rows()


@dataclass(frozen=True, eq=False)
class LayerOutputs:
    """What one layer makes of the example: maps (n, rows, cols), or units (n,); the first `len(values)` of `total`.

    limit: the largest absolute value, of full colour.
    """

    label: str
    values: Numbers
    total: int
    limit: float

    @property
    def words(self) -> str:
        """The layer, how much of it is shown, and its scale."""
        n, word = len(self.values), "map" if self.are_maps else "unit"
        of = f"{n} of {self.total:,} {word}s" if n < self.total else plural(n, word)
        return f"{self.label} ({of}, ±{self.limit:.3g})"

    @property
    def are_maps(self) -> bool:
        """Whether the layer makes pictures."""
        return self.values.ndim == 3

    @property
    def across(self) -> int:
        """Maps, or cells of units, in a row: maps twice as many as rows of them; of units 32."""
        n = len(self.values)
        return min(n, max(8, math.ceil(math.sqrt(2 * n)))) if self.are_maps else min(n, 32)

    @property
    def rows(self) -> dict[int, float]:
        """Rows of the mosaic that are numbered: the number of their first map or unit, from 1 -> their middle."""
        down = math.ceil(len(self.values) / self.across)
        tall = self.values.shape[1] if self.are_maps else 1
        step = tall + self.gap
        return {row * self.across + 1: row * step + (tall - 1) / 2 for row in range(0, down, math.ceil(down / 4))}

    @property
    def gap(self) -> int:
        """Pixels between maps."""
        return max(1, round(self.values.shape[2] / 8)) if self.are_maps else 0

    @property
    def mosaic(self) -> tuple[Numbers, NDArray[np.int64]]:
        """All of it as one picture (rows, cols), and the number of the unit or map at each place, from 0.

        Gaps between maps and places behind the last one are NaN, and −1.
        """
        n, across = len(self.values), self.across
        down = math.ceil(n / across)
        rows, cols = self.values.shape[1:] if self.are_maps else (1, 1)
        gap = self.gap
        values = np.full((down * (rows + gap) - gap, across * (cols + gap) - gap), np.nan)
        numbers = np.full(values.shape, -1, dtype=np.int64)
        for position, one in enumerate(self.values):
            row, column = divmod(position, across)
            top, left = row * (rows + gap), column * (cols + gap)
            values[top : top + rows, left : left + cols] = one
            numbers[top : top + rows, left : left + cols] = position
        return values, numbers


@dataclass(frozen=True, eq=False)
class Activations:
    """One example on its way through a network.

    image: (rows, cols[, 3]) in [0, 1], None where it is no picture;  inputs: then its numbers, as the network takes
    them, else None;  features: their names;  layers: those before the last;  outputs (k,): of the last layer, or
    probabilities where it gives them;  what: what the outputs are, "probability" or "output".
    """

    name: str
    title: str
    caption: str
    image: Numbers | None
    inputs: LayerOutputs | None
    features: tuple[str, ...]
    layers: tuple[LayerOutputs, ...]
    outputs: Numbers
    what: str
    actual: int
    classes: tuple[str, ...]

    @property
    def predicted(self) -> int:
        """The class of the largest output."""
        return int(np.argmax(np.nan_to_num(self.outputs, nan=-np.inf)))

    @property
    def said(self) -> tuple[str, ...]:
        """Its class, and what it is taken for where that is another one."""
        taken = () if self.predicted == self.actual else (f"taken for {self.classes[self.predicted]}",)
        return (f"actual: {self.classes[self.actual]}", *taken)

    @property
    def colours(self) -> str:
        """What the colours of bars mean."""
        return "blue: actual" if self.predicted == self.actual else "blue: actual, orange: taken for"

    def ink(self, i: int) -> str:
        """The colour of the bar of a class: blue the actual one, orange what it is taken for; of others none."""
        return RIGHT if i == self.actual else WRONG if i == self.predicted else ""

    @property
    def drawn(self) -> list[int]:
        """The classes whose outputs are drawn, in order."""
        if len(self.classes) <= MOST_OUTPUTS:
            return list(range(len(self.classes)))
        order = np.argsort(-self.outputs, kind="stable").tolist()
        return sorted({*order[:MOST_OUTPUTS], self.actual})

    @property
    def strips(self) -> tuple[LayerOutputs, ...]:
        """What is shown as cells and maps: the layers, before them the numbers of an example that is no picture."""
        return (*([] if self.inputs is None else [self.inputs]), *self.layers)

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row for each number: of a map its place in it, of an output its class."""

        def rows() -> Iterator[CsvRow]:
            for layer in self.strips:
                for place, value in np.ndenumerate(layer.values):
                    name = self.features[place[0]] if layer is self.inputs else place[0] + 1
                    yield [layer.label, name, *(place[1:] or (None, None)), float(value)]
            for label, value in zip(self.classes, self.outputs.tolist(), strict=True):
                yield [self.what, label, None, None, value]

        return ["layer", "unit", "row", "column", "value"], rows()
