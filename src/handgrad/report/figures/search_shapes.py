"""Figures of a search, as numbers.

Scatter    panels of dots in groups, some with an interval, and lines behind them
Timeline   a row for each worker, a bar for each stretch in which a run trained
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from handgrad.report.figures.shapes import CsvRow, Key, Line, Mark, Numbers

MARKERS = ("dot", "ring", "cross")
MOST_ROWS = 40  # of a timeline; of more (hundreds of runs in one program) each is lower, and not all are named


@dataclass(frozen=True, eq=False)
class Dots:
    """A group of dots with one marker (of `MARKERS`) and colour; names: of each dot;  low, high: intervals in y.

    y: not a number of one without a value;  runs: ids of the runs behind each dot, empty where they are not known.
    """

    label: str
    marker: str
    colour: str
    names: tuple[str, ...]
    x: Numbers
    y: Numbers
    low: Numbers | None = None
    high: Numbers | None = None
    runs: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True)
class ScatterPanel:
    """One pair of axes.  lines: in steps where `steps`;  marks: upright lines."""

    title: str
    x_label: str
    dots: tuple[Dots, ...]
    lines: tuple[Line, ...] = ()
    steps: bool = False
    marks: tuple[Mark, ...] = ()
    percent_x: bool = False


@dataclass(frozen=True)
class Scatter:
    """Panels that share their y axis, at whose edge the dots that lie beyond it are drawn.

    y_range: of the axis, as values;  low_is_good: dots without a value are drawn at the other edge.
    """

    name: str
    title: str
    caption: str
    y_label: str
    panels: tuple[ScatterPanel, ...]
    y_range: tuple[float, float]
    percent: bool = False
    log_y: bool = False
    low_is_good: bool = False
    columns: int = 3

    @property
    def groups(self) -> list[Dots]:
        """One group of every label that has dots, in order."""
        found: dict[str, Dots] = {}
        for panel in self.panels:
            for one in panel.dots:
                if len(one.x):
                    found.setdefault(one.label, one)
        return list(found.values())

    def inside(self, y: Numbers) -> Numbers:
        """Values, moved to the edge of the axis where they lie beyond it."""
        low, high = self.y_range
        margin = 0.0 if self.log_y else 0.015 * (high - low)
        return np.clip(np.where(np.isnan(y), high if self.low_is_good else low, y), low + margin, high - margin)

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per dot."""

        def rows() -> Iterator[CsvRow]:
            for panel in self.panels:
                for one in panel.dots:
                    low = one.y if one.low is None else one.low
                    high = one.y if one.high is None else one.high
                    for name, x, *y in zip(one.names, one.x.tolist(), *map(_known, (one.y, low, high)), strict=True):
                        yield [panel.x_label, one.label, name, x, *y]

        return ["against", "group", "setting", "x", "y", "low", "high"], rows()


def _known(y: Numbers) -> list[float | None]:
    return [None if np.isnan(value) else float(value) for value in y]


@dataclass(frozen=True)
class Stripe:
    """A bar of a timeline: its row, from x to x, its number among the blocks of the key, and what it is."""

    row: int
    start: float
    end: float
    block: int
    name: str
    about: str


@dataclass(frozen=True)
class Timeline:
    """rows: names of the workers;  key: what the colours of stripes are;  marks: where time was cut out.

    links: (x, row, x, row) from the end of a stretch to the next one of the same run.
    """

    name: str
    title: str
    caption: str
    x_label: str
    rows: tuple[str, ...]
    stripes: tuple[Stripe, ...]
    key: Key
    links: tuple[tuple[float, int, float, int], ...] = ()
    marks: tuple[Mark, ...] = ()

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per stretch."""
        rows = (
            [self.rows[one.row], one.name, one.start, one.end, self.key.blocks[one.block][1], one.about]
            for one in self.stripes
        )
        return ["worker", "run", "start", "end", "colour", "about"], rows
