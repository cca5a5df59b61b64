"""Figures of rows, as numbers: a name on the left, values along one axis.

Ranking       a row per setting: its seeds, their mean and interval
Estimates     a row per name: a value and its interval
"""

from collections.abc import Iterator
from dataclasses import dataclass

from handgrad.report.figures.axis_fit import fitted
from handgrad.report.figures.shapes import CsvRow
from handgrad.report.findings.resampled import has_folds
from handgrad.training.run_keys import RunKey, fold_in, seed_in


@dataclass(frozen=True)
class RankingRow:
    """A setting's seeds (`points`), their mean, an interval, and the word that stands beside it.

    low, high: of the difference from the best, drawn from where the best is; of a setting alone, of its mean.
    runs: ids of the runs of `points`, in their order.
    """

    label: str
    points: dict[RunKey, float]
    mean: float | None
    low: float | None
    high: float | None
    best: bool = False
    shaded: bool = False
    word: str = ""
    note: str = ""
    runs: tuple[str, ...] = ()

    @property
    def values(self) -> list[float]:
        """Of its seeds, and their mean."""
        return [value for value in (*self.points.values(), self.mean) if value is not None]


@dataclass(frozen=True)
class Ranking:
    """A row per setting, best first.

    best_at: the mean of the best, None where there is nothing to compare with;  margin: how far from it is equivalent.
    """

    name: str
    title: str
    caption: str
    x_label: str
    rows: tuple[RankingRow, ...]
    percent: bool = False
    best_at: float | None = None
    margin: float | None = None

    @property
    def ends(self) -> tuple[float, float]:
        """The x axis: means and seeds with a margin, without the few that would squeeze the others (`axis_fit`).

        Fewer than half of the settings are left out by their means, and of the others' seeds those far from all means.
        An interval wider than that (few seeds) is cut.
        """
        rows = [row for row in self.rows if row.values]
        if not rows:
            return 0.0, 1.0
        means = [row.values[0] if row.mean is None else row.mean for row in rows]
        down = means[0] >= means[-1]
        of_means = fitted([(mean, mean) for mean in means], worse_is_lower=down)
        values = [value for k, row in enumerate(rows) if k not in of_means.beyond for value in row.values]
        of_values = fitted([(value, value) for value in values], worse_is_lower=down)
        low, high = min(of_means.low, of_values.low), max(of_means.high, of_values.high)
        margin = 0.15 * (high - low) or 0.01 * (abs(high) or 1)
        return low - margin, high + margin

    @property
    def cuts(self) -> list[tuple[int, str]]:
        """(row, "left" or "right") where an interval, a mean or a seed lies beyond the axis."""
        low, high = self.ends
        rows = [(y, [v for v in (*row.values, row.low, row.high) if v is not None]) for y, row in enumerate(self.rows)]
        left = [(y, "left") for y, values in rows if values and min(values) < low]
        return left + [(y, "right") for y, values in rows if values and max(values) > high]

    @property
    def beyond(self) -> int:
        """How many settings have their mean, or all they have, beyond the axis."""
        low, high = self.ends
        places = [row.mean if row.mean is not None else v for row in self.rows for v in row.values[:1]]
        return sum(not low <= place <= high for place in places)

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per setting and run; mean, interval and word are repeated."""
        folded = any(has_folds(row.points) for row in self.rows)

        def rows() -> Iterator[CsvRow]:
            for row in self.rows:
                rest = (row.mean, row.low, row.high, row.word)
                if not row.points:
                    yield [row.label, *([None] if folded else []), None, None, *rest]
                for key, value in row.points.items():
                    yield [row.label, *([fold_in(key)] if folded else []), seed_in(key), value, *rest]

        return ["setting", *(["fold"] if folded else []), "seed", "value", "mean", "low", "high", "verdict"], rows()


@dataclass(frozen=True)
class EstimateRow:
    """A value >= 0 and the ends of its interval, None where it has none."""

    label: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Estimates:
    """A bar per row, from 0 to its value, and a line for its interval.  head: of the CSV's column of labels."""

    name: str
    title: str
    caption: str
    head: str
    x_label: str
    rows: tuple[EstimateRow, ...]

    @property
    def end(self) -> float:
        """Where the x axis ends: beyond every value and interval."""
        return 1.05 * max(row.value if row.high is None else row.high for row in self.rows) or 1.0

    def table(self) -> tuple[list[str], Iterator[CsvRow]]:
        """A row per label."""
        return [self.head, "value", "low", "high"], ([row.label, row.value, row.low, row.high] for row in self.rows)
