"""What a study reproduces: the tables and figures of the original, under their numbers, with the published numbers.

    [original]            what it is, the assumed readings, where it errs
    [[original.table]]    kind = settings | labels | winner | confusion | facts
    [[original.figure]]   a kind of `figure_options`, of some settings

`reading.original` checks what needs no study; whether rows, keys and names fit the study's settings,
`reading.place_problems` checks.
"""

import re
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, create_model

from handgrad.measures import METRICS
from handgrad.sections import Section, flag, one_of, real, whole
from handgrad.study.changes import changes_of
from handgrad.study.original.figure_options import FIGURES, figure_kind
from handgrad.study.original.published import MEASURES, RANKS, UNITS, value


def file_name(number: str) -> str:
    """The files of an item; those of the study's own tables and figures begin with other words.

    >>> file_name("Table 1"), file_name("Fig. 3 / 4"), file_name("Confusion matrix")
    ('table-1', 'fig-3-4', 'original-confusion-matrix')
    """
    name = slug(number)
    return name if name.startswith(("table", "fig")) else f"original-{name}"


def slug(words: str) -> str:
    """Words as a part of a file's name: 60 letters at most, and a checksum where more or other alphabets are left out.

    >>> slug("Loss of 3 and 9"), slug("犬"), slug("a" * 400)[55:] == slug("a" * 401)[55:]
    ('loss-of-3-and-9', 'item-1e82f9b0', False)
    """
    name = re.sub(r"[^a-z0-9]+", "-", words.lower()).strip("-")
    foreign = any(letter.isalnum() and not letter.isascii() for letter in words)
    if len(name) <= 60 and not foreign:
        return name or "item"
    return f"{name[:50].strip('-') or 'item'}-{sha256(words.encode('utf-8', 'replace')).hexdigest()[:8]}"


def text(given: Any) -> str:
    if not isinstance(given, str) or not given.strip():
        raise ValueError("must be text")
    return given


def _label(given: Any) -> str:
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    return text(given)


def _sentences(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(line, str) and line.strip() for line in given):
        raise ValueError("must be a list of sentences")
    return tuple(given)


def _phases(given: Any) -> tuple[str, ...]:
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not names or not all(isinstance(name, str) for name in names):
        raise ValueError("must be the name of a phase, or a list of names")
    return tuple(names)


def _reference(given: Any) -> Any:
    if isinstance(given, Mapping) and given:
        return changes_of(given)
    if isinstance(given, Mapping):
        raise ValueError('must be a label, "winner", the name of a variant, or axes such as { training.epochs = 25 }')
    return _label(given)


def _references(given: Any) -> tuple[Any, ...]:
    listed = given if isinstance(given, list | tuple) else [given]
    if not listed:
        raise ValueError("is an empty list; name at least one setting, or leave it out for all of the phase")
    return tuple(map(_reference, listed))


def _optional(check: Callable[[Any], Any]) -> BeforeValidator:
    return BeforeValidator(lambda given: None if given is None else check(given))


Text = Annotated[str, BeforeValidator(text)]
Note = Annotated[str | None, _optional(text)]
Phases = Annotated[tuple[str, ...], BeforeValidator(_phases)]
Value = Annotated[Any, _optional(value)]
Reference = Annotated[Any, _optional(_reference)]
Unit = Annotated[str | None, _optional(one_of(UNITS, "unit"))]
Digits = Annotated[int | None, _optional(whole("[0, 12]"))]
Count = Annotated[int | None, _optional(whole("[1, inf)"))]
Examples = Annotated[int | None, _optional(whole("[0, inf)"))]
Flag = Annotated[bool, BeforeValidator(flag)]


class Column(Section):
    """A column of the original.  show: original, reproduced, a measure, a key of the setting, or an axis.

    stat: "mean" or "std" where the original has a column for each.
    """

    head: Text
    show: Text
    unit: Unit = None
    digits: Digits = None
    stat: Annotated[str, BeforeValidator(one_of(("both", "mean", "std"), "statistic"))] = "both"


_FIELDS: Any = dict.fromkeys(MEASURES, (Value, None))
_OfMeasures = create_model("_OfMeasures", __base__=Section, **_FIELDS)


class Measured(_OfMeasures):
    """Published values by their measure."""

    @property
    def measures(self) -> dict[str, Any]:
        """measure -> what was published, as it was written."""
        return {name: given for name in MEASURES if (given := getattr(self, name)) is not None}


class SettingRow(Measured):
    """A row of a table of settings.  run: false where this study has no setting for it.

    rank: "best" or "worst" where the original says so of the row, in whatever words.
    """

    label: Annotated[str, BeforeValidator(_label)]
    note: Note = None
    run: Flag = True
    rank: Annotated[str | None, _optional(one_of(RANKS, "rank"))] = None


class FactRow(Measured):
    """Single numbers, of one setting."""

    label: Annotated[str, BeforeValidator(_label)]
    note: Note = None
    run: Flag = True
    phase: Phases = ("main",)
    setting: Reference = None
    unit: Unit = None
    digits: Digits = None


class CountRow(Section):
    """Examples of one class, or of all ("sum")."""

    label: Annotated[str, BeforeValidator(_label)]
    train: Examples = None
    validation: Examples = None
    test: Examples = None
    total: Examples = None


class ValueRow(Section):
    """A key, an axis or a measure of the winner, and what was published."""

    label: Text
    show: Text
    published: Any = None
    unit: Unit = None
    digits: Digits = None
    note: Note = None


class CellRow(Section):
    """A cell of a confusion matrix in percent of its row."""

    actual: Annotated[str, BeforeValidator(_label)]
    predicted: Annotated[str, BeforeValidator(_label)]
    percent: Annotated[float, BeforeValidator(real("[0, 100]"))]


class Item(Section):
    """What tables and figures share.  n: runs behind every published number; order: its place among the items.

    ours: the original has no such item; it is added.
    """

    number: Text
    title: Text
    note: Note = None
    n: Count = None
    order: Annotated[float | None, _optional(real())] = None
    ours: Flag = False

    @property
    def file(self) -> str:
        """The name of its files."""
        return file_name(self.number)


class SettingsTable(Item):
    """A row for every setting of its phases, in their order."""

    kind: str = "settings"
    phase: Phases = ("main",)
    columns: tuple[Column, ...]
    rows: tuple[SettingRow, ...]

    @property
    def ranked_by(self) -> str | None:
        """The measure by which rows are best and worst: the first accuracy or loss among the columns."""
        shown = (column.show for column in self.columns if column.show in MEASURES)
        return next((measure for measure in shown if measure in METRICS), None)


class LabelsTable(Item):
    """Examples of every class in the parts of the data."""

    kind: str = "labels"
    phase: Phases = ("main",)
    columns: tuple[Column, ...]
    rows: tuple[CountRow, ...]


class WinnerTable(Item):
    """Keys and values of one setting, as a rule the winner."""

    kind: str = "winner"
    phase: Phases = ("main",)
    setting: Reference = "winner"
    rows: tuple[ValueRow, ...]


class ConfusionTable(Item):
    """The confusion matrix of one setting in percent of its rows, mean over the seeds."""

    kind: str = "confusion"
    phase: Phases = ("main",)
    setting: Reference = None
    part: Annotated[str, BeforeValidator(one_of(("test", "validation"), "part"))] = "test"
    rows: tuple[CellRow, ...] = ()
    run: Flag = True


class FactsTable(Item):
    """Single numbers."""

    kind: str = "facts"
    rows: tuple[FactRow, ...]


class Drawing(Section):
    """A figure of a kind of `figure_options` that a study asks for, of the original's or its own.

    settings: where they are not named, all of the phase, or its winner for kinds that show one;  run: false where
    this study has none of them.
    """

    title: Text
    note: Note = None
    kind: Annotated[str, BeforeValidator(figure_kind)]
    phase: Phases = ("main",)
    settings: Annotated[tuple[Any, ...] | None, _optional(_references)] = None
    options: dict[str, Any] = Field(default_factory=dict)
    run: Flag = True

    @property
    def file(self) -> str:
        """The name of its files."""
        return f"own-{slug(self.title)}"

    @property
    def references(self) -> tuple[Any, ...]:
        """What `settings` says, or stands for."""
        if not self.run:
            return ()
        return self.settings or (("winner",) if FIGURES[self.kind].options.settings[1] == 1 else (None,))


class Figure(Item, Drawing):
    """A figure of the original."""

    published: dict[str, Any] = Field(default_factory=dict)
    unit: Unit = None
    digits: Digits = None

    def numbers(self, names: list[str]) -> dict[str, Measured]:
        """Published values by the name of their setting in the legend."""
        if self.published and not any(isinstance(given, Mapping) for given in self.published.values()):
            return {name: Measured.model_validate(self.published) for name in names[:1]}
        return {name: Measured.model_validate(given) for name, given in self.published.items()}


Table = SettingsTable | LabelsTable | WinnerTable | ConfusionTable | FactsTable


class Original(Section):
    """What a study reproduces.  n: runs behind every published number."""

    title: Text
    source: Note = None
    n: Annotated[int, BeforeValidator(whole("[1, inf)"))] = 1
    readings: Annotated[tuple[str, ...], BeforeValidator(_sentences)] = ()
    errors: Annotated[tuple[str, ...], BeforeValidator(_sentences)] = ()
    table: tuple[Table, ...] = ()
    figure: tuple[Figure, ...] = ()

    @property
    def items(self) -> list[Table | Figure]:
        """Tables and figures in the order of the report."""
        return sorted([*self.table, *self.figure], key=lambda item: (item.order is None, item.order or 0.0))


TABLES: dict[str, type[Section]] = {
    "settings": SettingsTable,
    "labels": LabelsTable,
    "winner": WinnerTable,
    "confusion": ConfusionTable,
    "facts": FactsTable,
}
