"""The tables of an original, one class for each kind: its rows, what is wrong with it, and what of it is left.

A kind of one's own is one more class in `TABLES`: a study file can then have such a table, and the report shows what
its `maker` makes of it.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any, Self

from pydantic import BeforeValidator

from handgrad.measures import METRICS
from handgrad.names import short, shown, unknown
from handgrad.sections import Section, one_of, optional, real
from handgrad.study.published.items import (
    Digits,
    Examples,
    Flag,
    Label,
    Measured,
    Note,
    Phases,
    PublishedTable,
    Reference,
    References,
    Text,
    Unit,
    left_of,
)
from handgrad.study.published.numbers import MEASURES, RANKS, unit_problems, value, value_problems

COUNTS = ("class", "train", "validation", "test", "held_out", "total")


class PublishedColumn(Section):
    """A column of the original.  show: original, reproduced, a measure, a key of the setting, or an axis.

    stat: "mean" or "std" where the original has a column for each.  ours: the original has no such column.
    """

    head: Text
    show: Text
    unit: Unit = None
    digits: Digits = None
    stat: Annotated[str, BeforeValidator(one_of(("both", "mean", "std"), "statistic"))] = "both"
    ours: Flag = False


class SettingRow(Measured):
    """A row of a table of settings.  run: false where this study has no setting for it.

    ours: the original has no such row; it is added.
    rank: "best" or "worst" where the original calls the row so, in these or other words.
    """

    label: Label
    note: Note = None
    run: Flag = True
    ours: Flag = False
    rank: Annotated[str | None, BeforeValidator(optional(one_of(RANKS, "rank")))] = None


class FactRow(Measured):
    """Single numbers, of one setting."""

    label: Label
    note: Note = None
    run: Flag = True
    phase: Phases = ("main",)
    setting: Reference = None
    unit: Unit = None
    digits: Digits = None


class CountRow(Section):
    """Examples of one class, or of all ("sum").  held_out: validation and test together.

    ours: the original has no such row; it is added.
    """

    label: Label
    train: Examples = None
    validation: Examples = None
    test: Examples = None
    held_out: Examples = None
    total: Examples = None
    ours: Flag = False


class ValueRow(Section):
    """A key, an axis or a measure of the winner, and what was published.  ours: the original has no such row."""

    label: Text
    show: Text
    published: Any = None
    unit: Unit = None
    digits: Digits = None
    note: Note = None
    ours: Flag = False


class CellRow(Section):
    """A cell of a confusion matrix in percent of its row."""

    actual: Label
    predicted: Label
    percent: Annotated[float, BeforeValidator(real("[0, 100]"))]


class SettingsTable(PublishedTable):
    """A row for every setting of its phases, in their order."""

    row = SettingRow
    maker = "handgrad.report.reproduced.settings_table:settings_table"

    kind: str = "settings"
    phase: Phases = ("main",)
    columns: tuple[PublishedColumn, ...]
    rows: tuple[SettingRow, ...]

    @property
    def ranked_by(self) -> str | None:
        """The measure by which rows are best and worst: the first accuracy or loss among the columns."""
        shown = (column.show for column in self.columns if column.show in MEASURES)
        return next((measure for measure in shown if measure in METRICS), None)

    def part_problems(self) -> list[str]:
        found = _twice(self)
        units: dict[str, str | None] = {}
        for column in self.columns:
            place = f'{self.where}.columns "{short(column.head, 60)}"'
            if column.show in MEASURES:
                found += unit_problems(column.show, column.unit, place)
                if units.setdefault(column.show, column.unit) != column.unit:
                    found.append(f"{place}.unit must be that of the other column of {column.show}")
            elif column.unit is not None or column.digits is not None or column.stat != "both":
                found.append(f"{place}: unit, digits and stat belong to measures; show is {shown(column.show)}")
        for row in self.rows:
            if row.rank is not None and self.ranked_by is None:
                place = f"{_row(self, row)}.rank"
                found.append(f"{place} needs a column that shows an accuracy or a loss, to be judged by")
            elif row.rank is not None and all(other.rank == row.rank for other in self.rows if other.run):
                found.append(f"{self.where}.rows: every row is said to be {row.rank}; take rank out where it is not")
            for measure, given in row.measures.items():
                place = f"{_row(self, row)}.{measure}"
                if measure not in units:
                    found.append(f"{place} is published, but no column shows it; add a column with show = {measure!r}")
                else:
                    found += value_problems(measure, given, units[measure], place)
        return found

    def reference_problems(self, refs: References) -> list[str]:
        if found := refs.phase_problems(self.phase, self.where):
            return found
        shows = [(f'{self.where}.columns "{short(column.head, 60)}"', column.show) for column in self.columns]
        rows = sum(row.run for row in self.rows)
        return refs.row_problems(rows, self.phase, self.where) + refs.show_problems(shows)

    def narrowed(self, before: References, after: References) -> Self:
        """The rows whose settings are left keep them; the others are not run; a new setting has an empty row."""
        now = after.of(self.phase)
        row_of = {there: row for row, there in zip(self.rows, before.rows(self), strict=True) if there is not None}
        if [there for there in row_of if there in set(now)] == now:
            rows = [
                row if there in set(now) else row.model_copy(update={"run": False})
                for row, there in zip(self.rows, before.rows(self), strict=True)
            ]
        else:
            rows = [row_of.get(there) or SettingRow(label=f"new {number}") for number, there in enumerate(now, start=1)]
            rows += [row.model_copy(update={"run": False}) for row in self.rows if row not in rows]
        return self.model_copy(update={"rows": tuple(rows)})


class LabelsTable(PublishedTable):
    """Examples of every class in the parts of the data."""

    row = CountRow
    maker = "handgrad.report.reproduced.number_tables:labels_table"

    kind: str = "labels"
    phase: Phases = ("main",)
    columns: tuple[PublishedColumn, ...]
    rows: tuple[CountRow, ...]

    def part_problems(self) -> list[str]:
        return _twice(self) + [
            f'{self.where}.columns "{short(column.head, 60)}".show is an ' + unknown(column.show, COUNTS, "count")
            for column in self.columns
            if column.show not in COUNTS
        ]

    def reference_problems(self, refs: References) -> list[str]:
        return refs.phase_problems(self.phase, self.where)

    def class_problems(self, classes: Sequence[str]) -> list[str]:
        known = (*classes, "sum")
        rows = [row for row in self.rows if row.label not in known]
        return [f"{_row(self, row)} is an " + unknown(row.label, known, "class") for row in rows]


class WinnerTable(PublishedTable):
    """Keys and values of one setting, as a rule the winner."""

    row = ValueRow
    maker = "handgrad.report.reproduced.number_tables:winner_table"

    kind: str = "winner"
    phase: Phases = ("main",)
    setting: Reference = "winner"
    rows: tuple[ValueRow, ...]

    def part_problems(self) -> list[str]:
        return [line for row in self.rows for line in _shown_problems(row, _row(self, row))]

    def reference_problems(self, refs: References) -> list[str]:
        if found := refs.phase_problems(self.phase, self.where):
            return found
        rows = [(_row(self, row), row.show) for row in self.rows]
        return refs.one_problems(self.setting, self.phase, self.where) + refs.show_problems(rows)


class ConfusionTable(PublishedTable):
    """The confusion matrix of one setting in percent of its rows, mean over the seeds."""

    row = CellRow
    maker = "handgrad.report.reproduced.number_tables:confusion_table"

    kind: str = "confusion"
    phase: Phases = ("main",)
    setting: Reference = None
    part: Annotated[str, BeforeValidator(one_of(("test", "validation"), "part"))] = "test"
    rows: tuple[CellRow, ...] = ()
    run: Flag = True

    def reference_problems(self, refs: References) -> list[str]:
        if found := refs.phase_problems(self.phase, self.where):
            return found
        return refs.one_problems(self.setting, self.phase, self.where) if self.run else []

    def class_problems(self, classes: Sequence[str]) -> list[str]:
        names = [name for cell in self.rows for name in (cell.actual, cell.predicted) if name not in classes]
        return [f"{self.where}.rows has an " + unknown(name, classes, "class") for name in names]

    def narrowed(self, before: References, after: References) -> Self:
        return self if left_of(self.setting, self.phase, before, after) else self.model_copy(update={"run": False})


class FactsTable(PublishedTable):
    """Single numbers."""

    row = FactRow
    maker = "handgrad.report.reproduced.number_tables:facts_table"

    kind: str = "facts"
    rows: tuple[FactRow, ...]

    def part_problems(self) -> list[str]:
        found: list[str] = []
        for row in self.rows:
            place = _row(self, row)
            found += [] if row.measures else [f"{place} publishes nothing; give it a measure: {', '.join(MEASURES)}"]
            for measure, given in row.measures.items():
                found += value_problems(measure, given, row.unit, f"{place}.{measure}")
        return found

    def reference_problems(self, refs: References) -> list[str]:
        run = [row for row in self.rows if row.run]
        return [line for row in run for line in refs.one_problems(row.setting, row.phase, _row(self, row))]

    def narrowed(self, before: References, after: References) -> Self:
        rows = (
            row if left_of(row.setting, row.phase, before, after) else row.model_copy(update={"run": False})
            for row in self.rows
        )
        return self.model_copy(update={"rows": tuple(rows)})


def _row(table: PublishedTable, row: Any) -> str:
    """What messages call a row."""
    return f'{table.where}.rows "{short(row.label, 60)}"'


def _twice(table: Any) -> list[str]:
    """Labels that several rows have."""
    labels = Counter(row.label for row in table.rows)
    where = f"{table.where}.rows has"
    return [f'{where} "{short(label, 60)}" twice; name each row once' for label, n in labels.items() if n > 1]


def _shown_problems(row: ValueRow, where: str) -> list[str]:
    if row.show not in MEASURES:
        wrong = row.unit is not None or row.digits is not None
        return [f"{where}: unit and digits belong to measures; show is {shown(row.show)}"] if wrong else []
    found = unit_problems(row.show, row.unit, where)
    if row.published is not None:
        try:
            value(row.published)
        except ValueError as error:
            return [*found, f"{where}.published {error}; got {shown(row.published)}"]
        found += value_problems(row.show, row.published, row.unit, f"{where}.published")
    return found


TABLES: dict[str, type[PublishedTable]] = {
    "settings": SettingsTable,
    "labels": LabelsTable,
    "winner": WinnerTable,
    "confusion": ConfusionTable,
    "facts": FactsTable,
}
