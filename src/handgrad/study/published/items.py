"""What a study reproduces: the tables and figures of the original, under their numbers, with the published numbers.

    [original]            what it is, the assumed readings, where it errs
    [original.text]       what it says of its own numbers (`published.original_text`)
    [[original.table]]    kind = settings | labels | winner | confusion | facts
    [[original.figure]]   a kind of `figure_options`, of some settings
    [[original.statement]]  what it says in words (`statements`)

`reading.published_reader` checks what needs no study, `reading.setting_refs` whether rows, keys and names fit the
study's settings.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Protocol, Self

from pydantic import BeforeValidator, Field, SerializeAsAny, create_model

from handgrad.accepts import TEXT, accepts, either, list_of
from handgrad.names import short, unknown
from handgrad.sections import Section, flag, one_of, optional, real, text, whole
from handgrad.study.changes import changes_of
from handgrad.study.published.figure_options import FIGURES, Function, figure_kind
from handgrad.study.published.numbers import MEASURES, UNITS, value
from handgrad.study.published.original_text import OriginalText
from handgrad.study.published.print_options import PrintOptions

WINNER = "winner"  # the reference to whichever setting wins


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


@accepts(either(TEXT, {"type": "integer"}))
def _label(given: Any) -> str:
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    return text(given)


@accepts(list_of(TEXT))
def _sentences(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not all(isinstance(line, str) and line.strip() for line in given):
        raise ValueError("must be a list of sentences")
    return tuple(given)


@accepts(either(TEXT, list_of(TEXT, 1)))
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


def references(given: Any) -> tuple[Any, ...]:
    """One reference to settings, or a list of them; raises ValueError for anything else."""
    listed = given if isinstance(given, list | tuple) else [given]
    if not listed:
        raise ValueError("is an empty list; name at least one setting, or leave it out for all of the phase")
    return tuple(map(_reference, listed))


@accepts(list_of(either(TEXT, {"type": "integer"}), 1))
def _classes(given: Any) -> tuple[str, ...]:
    if not isinstance(given, list | tuple) or not given:
        raise ValueError("must be a list with the class of every example")
    return tuple(map(_label, given))


Text = Annotated[str, BeforeValidator(text)]
Label = Annotated[str, BeforeValidator(_label)]
Note = Annotated[str | None, BeforeValidator(optional(text))]
Phases = Annotated[tuple[str, ...], BeforeValidator(_phases)]
Value = Annotated[Any, BeforeValidator(optional(value))]
Reference = Annotated[Any, BeforeValidator(optional(_reference))]
Unit = Annotated[str | None, BeforeValidator(optional(one_of(UNITS, "unit")))]
Digits = Annotated[int | None, BeforeValidator(optional(whole("[0, 12]")))]
Count = Annotated[int | None, BeforeValidator(optional(whole("[1, inf)")))]
Examples = Annotated[int | None, BeforeValidator(optional(whole("[0, inf)")))]
Flag = Annotated[bool, BeforeValidator(flag)]
Classes = Annotated[tuple[str, ...], BeforeValidator(_classes)]


_FIELDS: Any = dict.fromkeys(MEASURES, (Value, None))
_OfMeasures = create_model("_OfMeasures", __base__=Section, **_FIELDS)


class Measured(_OfMeasures):
    """Published values by their measure."""

    @property
    def measures(self) -> dict[str, Any]:
        """measure -> what was published, as it was written."""
        return {name: given for name in MEASURES if (given := getattr(self, name)) is not None}


class References(Protocol):
    """The settings of a study, as items of the original refer to them (`reading.setting_refs.SettingRefs`)."""

    @property
    def labels(self) -> Mapping[str, Any]:
        """By the labels of rows."""

    @property
    def numbers(self) -> Mapping[str, Any]:
        """By their number in the first phase."""

    @property
    def axes(self) -> Sequence[str]:
        """Every axis of every phase."""

    def shown(self, path: str) -> str:
        """The path as a setting has it."""

    def of(self, phases: Iterable[str]) -> Sequence[Any]:
        """All of some phases."""

    def rows(self, table: Any) -> Sequence[Any]:
        """One for each row of a table of settings, None where the row is not run."""

    def find(self, reference: Any, phases: Iterable[str]) -> Sequence[Any]:
        """Those that a reference means.  Raises ValueError."""

    def phase_problems(self, phases: Iterable[str], where: str) -> list[str]:
        """Phases that are not there."""

    def one_problems(self, reference: Any, phases: tuple[str, ...], where: str) -> list[str]:
        """Of a reference that must mean one setting."""

    def row_problems(self, rows: int, phases: tuple[str, ...], where: str) -> list[str]:
        """Of a table that must have a row for every setting."""

    def show_problems(self, shows: Iterable[tuple[str, str]]) -> list[str]:
        """Of (where, what a column or row shows)."""


def left_of(reference: Any, phases: tuple[str, ...], before: References, after: References) -> bool:
    """Whether a reference still means a setting; of a row that is not run, the report says so."""
    if reference == WINNER or (isinstance(reference, str) and reference in before.labels):
        return True
    left = set(after.of(phases))
    return any(one in left for one in before.find(reference, phases))


class Item(Section):
    """What tables and figures share.  n: runs behind every published number; order: its place among the items.

    ours: the original has no such item; it is added.
    """

    number: Text
    title: Text
    note: Note = None
    n: Count = None
    order: Annotated[float | None, BeforeValidator(optional(real()))] = None
    ours: Flag = False

    @property
    def file(self) -> str:
        """The name of its files."""
        return file_name(self.number)

    @property
    def where(self) -> str:
        """What messages call it."""
        return f'original "{short(self.number, 60)}"'

    def reference_problems(self, refs: References) -> list[str]:
        """What of it fits no phase, setting or key of the study."""
        return []

    def narrowed(self, before: References, after: References) -> Self:
        """The same item for a study that varies less, or otherwise: what has no setting left is not run."""
        return self


class PublishedTable(Item):
    """A table of the original.  A kind of one's own is a class like those of `published_tables`, put into `TABLES`.

    row: the type of its rows, if it has any; its columns are `PublishedColumn`s.
    maker: (summary, item) -> ItemTable (`report/reproduced/item_table.py`), the function that makes the report's table
    of it, or its name "module:function".
    """

    row: ClassVar[type[Section] | None] = None
    maker: ClassVar[Function] = ""

    kind: str

    def part_problems(self) -> list[str]:
        """What is wrong between its parts, in any study."""
        return []

    def class_problems(self, classes: Sequence[str]) -> list[str]:
        """Rows that are of no class of the data."""
        return []


class Drawing(PrintOptions):
    """A figure of a kind of `figure_options` that a study asks for, of the original's or its own; how it is printed.

    settings: where they are not named, all of the phase, or its winner for kinds that show one;  run: false where
    this study has none of them.
    """

    title: Text
    note: Note = None
    kind: Annotated[str, BeforeValidator(figure_kind)]
    phase: Phases = ("main",)
    settings: Annotated[tuple[Any, ...] | None, BeforeValidator(optional(references))] = None
    options: dict[str, Any] = Field(default_factory=dict)
    run: Flag = True

    @property
    def file(self) -> str:
        """The name of its files."""
        return f"own-{slug(self.title)}"

    @property
    def print_options(self) -> PrintOptions:
        """How it is drawn for print, as far as it says it."""
        return PrintOptions(column=self.column, width=self.width, font_size=self.font_size, font=self.font)

    @property
    def references(self) -> tuple[Any, ...]:
        """What `settings` says, or stands for."""
        if not self.run:
            return ()
        return self.settings or ((WINNER,) if FIGURES[self.kind].options.settings[1] == 1 else (None,))

    def figure_problems(self, refs: References, where: str) -> tuple[list[str], list[str]]:
        """(the names by which it refers to its settings, what fits none or is too many of them)."""
        if (found := refs.phase_problems(self.phase, where)) or not self.run:
            return [], found
        names = list[str]()
        for reference in self.references:
            try:
                names += [reference if isinstance(reference, str) else "" for _ in refs.find(reference, self.phase)]
            except ValueError as error:
                found.append(f"{where}.settings {error}")
        least, most = FIGURES[self.kind].options.settings
        if not found and (len(names) < least or (most is not None and len(names) > most)):
            allowed = str(least) if least == most else f"at least {least}" if most is None else f"{least} to {most}"
            found.append(f"{where}.settings: a figure of kind {self.kind} shows {allowed}; got {len(names)}")
        return names, found

    def narrowed_settings(self, before: References, after: References) -> dict[str, Any]:
        """What changes where settings are named of which some are left; the number of one is what it is now."""
        if self.settings is None:
            return {}
        now = {there: number for number, there in after.numbers.items()}
        kept = tuple(
            now[before.numbers[one]] if isinstance(one, str) and one in before.numbers else one
            for one in self.settings
            if left_of(one, self.phase, before, after)
        )
        least = FIGURES[self.kind].options.settings[0]
        return {"settings": kept} if len(kept) >= least else {"run": False}


class Figure(Item, Drawing):
    """A figure of the original.

    actual, predicted: the published classes of the examples that it shows (kind predictions).
    """

    published: dict[str, Any] = Field(default_factory=dict)
    actual: Classes = ()
    predicted: Classes = ()
    unit: Unit = None
    digits: Digits = None

    def numbers(self, names: list[str]) -> dict[str, Measured]:
        """Published values by the name of their setting in the legend."""
        if self.published and not any(isinstance(given, Mapping) for given in self.published.values()):
            return {name: Measured.model_validate(self.published) for name in names[:1]}
        return {name: Measured.model_validate(given) for name, given in self.published.items()}

    def class_list_problems(self) -> list[str]:
        """What is wrong with the published classes of examples."""
        if not self.actual and not self.predicted:
            return []
        if self.kind != "predictions":
            return [f"{self.where}: actual and predicted belong to figures of kind predictions; kind is {self.kind}"]
        if len(self.actual) != len(self.predicted):
            both = f"got {len(self.actual)} and {len(self.predicted)}"
            return [f"{self.where}: actual and predicted must have a class for each of the same examples; {both}"]
        return []

    def class_problems(self, classes: Sequence[str]) -> list[str]:
        """Published classes that the data has not."""
        wrong = dict.fromkeys(name for name in (*self.actual, *self.predicted) if name not in classes)
        return [f"{self.where} has an " + unknown(name, classes, "class") for name in wrong]

    def reference_problems(self, refs: References) -> list[str]:
        names, found = self.figure_problems(refs, self.where)
        if not self.run or refs.phase_problems(self.phase, self.where):
            return found
        if any(isinstance(given, Mapping) for given in self.published.values()):
            listed = [name for name in names if name]
            return found + [
                f"{self.where}.published is an " + unknown(name, listed, "setting of the figure")
                for name in self.published
                if name not in listed
            ]
        if self.published and len(names) > 1:
            found.append(
                f"{self.where}.published is of one setting and the figure shows {len(names)}; "
                'name each, as in { "2" = { test_accuracy = 0.98 } }'
            )
        return found

    def narrowed(self, before: References, after: References) -> Self:
        changed = self.narrowed_settings(before, after)
        kept = changed.get("settings", ())
        names = {given: part for given, part in self.published.items() if given in kept or given in MEASURES}
        return self.model_copy(update=changed | ({"published": names} if kept else {}))


class Saying(Section):
    """What the original says in words, where, and what it claims: a `statements.Statement`.

    run: false where this study has not the settings that it is about.
    """

    says: Text
    where: Text
    run: Flag = True

    def reference_problems(self, refs: References) -> list[str]:
        """What of it fits no phase, setting or axis of the study."""
        return []

    def narrowed(self, before: References, after: References) -> Self:
        """The same for a study that varies less, or otherwise."""
        return self


class Original(Section):
    """What a study reproduces.  n: runs behind every published number."""

    title: Text
    source: Note = None
    n: Annotated[int, BeforeValidator(whole("[1, inf)"))] = 1
    readings: Annotated[tuple[str, ...], BeforeValidator(_sentences)] = ()
    errors: Annotated[tuple[str, ...], BeforeValidator(_sentences)] = ()
    text: OriginalText = OriginalText()
    table: tuple[SerializeAsAny[PublishedTable], ...] = ()
    figure: tuple[Figure, ...] = ()
    statement: tuple[SerializeAsAny[Saying], ...] = ()

    @property
    def names_predictions(self) -> bool:
        """Whether a figure has published classes of examples."""
        return any(figure.actual for figure in self.figure)

    @property
    def items(self) -> list[PublishedTable | Figure]:
        """Tables and figures in the order of the report."""
        return sorted([*self.table, *self.figure], key=lambda item: (item.order is None, item.order or 0.0))
