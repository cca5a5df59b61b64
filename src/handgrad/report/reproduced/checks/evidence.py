"""What the checks of an original read: its published numbers, what it says of them, and, where there are runs, ours.

    Evidence            the original as a whole
      TableEvidence     a table of settings or of single numbers
        RowEvidence     a row: keys of its setting, published values, and our samples
    Finding             what a check found: where it stands, a sentence, the numbers that it rests on

A check is a function Evidence -> findings.  What is not known (how many examples were scored, a key of a setting that
only a later winner decides) is absent, and a check that needs it finds nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from handgrad.measures import PARTS, TEST, TRAIN, VALIDATION, is_fraction, is_proportion, part_of
from handgrad.report.findings.statistics import Sample
from handgrad.report.findings.summary import SettingSummary, Summary
from handgrad.report.reproduced.item_table import setting_at
from handgrad.report.reproduced.judge import digits_of, shown_published
from handgrad.study.changes import leaves
from handgrad.study.published.items import Original, PublishedTable
from handgrad.study.published.numbers import Published, published, units_of
from handgrad.study.published.original_text import SCORES, ChosenRow, OriginalText
from handgrad.study.published.published_tables import ConfusionTable, FactsTable, LabelsTable, SettingsTable
from handgrad.study.reading.setting_refs import SettingRef, SettingRefs


@dataclass(frozen=True)
class Finding:
    """Something in which an original errs.

    where: the item, or the places in its text;  text: a sentence that can stand alone;  numbers: by name, as data.
    """

    where: str
    text: str
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class RowEvidence:
    """A row of a table.

    keys: path or axis -> value, as far as it is known;  values: measure -> what was published;  rank: "best", "worst"
    or None;  scored: part -> examples;  samples: metric -> ours, empty without runs;  epochs: those of our runs.
    """

    label: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    values: Mapping[str, Published] = field(default_factory=dict)
    rank: str | None = None
    scored: Mapping[str, int] = field(default_factory=dict)
    samples: Mapping[str, Sample] = field(default_factory=dict)
    epochs: float | None = None

    def value(self, measure: str) -> float | None:
        """The published mean in our unit."""
        given = self.values.get(measure)
        return None if given is None else given.value

    def text(self, measure: str) -> str:
        """The published value as the original prints it."""
        return shown_published(self.values.get(measure), self.values[measure].digits)

    def examples(self, measure: str) -> int | None:
        """On how many validation or test examples a fraction was scored.

        None where that is not known; of training examples an original may have scored any number.
        """
        part = part_of(measure)
        if part is None or part is TRAIN or not is_proportion(measure):
            return None
        return self.scored.get(part.name)


@dataclass(frozen=True)
class TableEvidence:
    """A table.

    k: runs behind every number;  ddof: of its deviations;  settings: whether its rows can be ranked;  heads: of its
    columns, with what each shows.
    """

    number: str
    rows: tuple[RowEvidence, ...]
    k: int = 1
    ddof: int = 1
    settings: bool = True
    heads: Mapping[str, str] = field(default_factory=dict)

    def row(self, label: str) -> RowEvidence | None:
        """The row of this label."""
        return next((row for row in self.rows if row.label == label), None)

    @cached_property
    def measures(self) -> list[str]:
        """The accuracies and losses that are published of any row."""
        return [measure for measure in SCORES if any(measure in row.values for row in self.rows)]

    def ranked(self, measure: str) -> list[RowEvidence]:
        """The rows with a published number of this measure, the best first."""
        rows = [row for row in self.rows if row.value(measure) is not None]
        return sorted(rows, key=lambda row: row.value(measure) or 0.0, reverse=is_fraction(measure))

    def best(self, measure: str) -> list[RowEvidence]:
        """The rows with the best published number of this measure."""
        ranked = self.ranked(measure)
        return [row for row in ranked if row.value(measure) == ranked[0].value(measure)]


@dataclass(frozen=True)
class Evidence:
    """An original, laid out for checks.

    labels, matrices: its tables of label counts and its confusion matrices;  counts: part -> class -> examples of the
    data set in use here, as far as they are the original's;  test_set: those of the whole test set, of which
    validation may be a part;  classes: how many, None where it is not known;  held_out_of: the part of the data set
    that validation examples are taken from;  judged: whether our runs are of the original's study.
    """

    text: OriginalText = field(default_factory=OriginalText)
    tables: tuple[TableEvidence, ...] = ()
    labels: tuple[LabelsTable, ...] = ()
    matrices: tuple[ConfusionTable, ...] = ()
    counts: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    test_set: Mapping[str, int] = field(default_factory=dict)
    classes: int | None = None
    held_out_of: str = "train"
    judged: bool = False

    def table(self, number: str) -> TableEvidence | None:
        """The table of this number."""
        return next((table for table in self.tables if table.number == number), None)

    def choices(self) -> Iterator[tuple[TableEvidence, ChosenRow, str]]:
        """(table, the row that the original chose in it, the measure by which it did)."""
        for one in self.text.chosen:
            table = self.table(one.item)
            if table is not None and one.column in table.heads:
                yield table, one, table.heads[one.column]

    def ranked_by(self, table: TableEvidence) -> str | None:
        """The measure by which a row of a table was chosen; of others the last accuracy or loss that is published."""
        measures = [measure for measure in table.measures if part_of(measure) is not None]
        chosen = [measure for other, _, measure in self.choices() if other is table]
        return next(iter(chosen + measures[::-1]), None)

    def shares(self, part: str) -> tuple[float, float] | None:
        """The smallest and the largest share of a class in a part: what a network that predicts one class scores.

        Where the counts are not known, a tenth below and above an equal share.
        """
        counts = list(self.counts.get(part, {}).values())
        if counts and sum(counts):
            return min(counts) / sum(counts), max(counts) / sum(counts)
        return (0.9 / self.classes, 1.1 / self.classes) if self.classes else None


def evidence_of(
    refs: SettingRefs, summary: Summary | None = None, counts: Mapping[str, Mapping[str, int]] | None = None
) -> Evidence:
    """The evidence of the original of a study; `summary`: of its runs, `counts`: of the data where there are none."""
    original = refs.original
    assert original is not None
    data = next((s.dataset for s in summary.settings if s.dataset), None) if summary else None
    section = refs.study.spec.data
    source = section.validation.source if section.validation else TRAIN.name
    in_test = [part for part in (VALIDATION.name, TEST.name) if part == TEST.name or source == TEST.name]
    here = dict(counts or {})
    if data is not None:
        here = {part: dict(zip(data.classes, table, strict=False)) for part, table in data.label_table.items()}
    names = list(next(iter(here.values()), {}))
    test_set = {name: sum(here[part][name] for part in in_test) for name in names if all(p in here for p in in_test)}
    if summary is not None and summary.made_with:  # --quick has fewer examples; which it tests on it may leave whole
        whole = summary.quick and not summary.changed and section.test is None
        test_set = test_set if whole else {}
        here = {TEST.name: test_set} if whole and in_test == [TEST.name] else {}
    return Evidence(
        text=original.text,
        tables=tuple(_tables(refs, original, summary, here)),
        labels=tuple(table for table in original.table if isinstance(table, LabelsTable) and not table.ours),
        matrices=tuple(table for table in original.table if isinstance(table, ConfusionTable) and not table.ours),
        counts=here,
        test_set=test_set,
        classes=len(names) or None,
        held_out_of=source,
        judged=summary is not None and not summary.made_with,
    )


def _tables(
    refs: SettingRefs, original: Original, summary: Summary | None, counts: Mapping[str, Mapping[str, int]]
) -> Iterator[TableEvidence]:
    for table in original.table:
        if table.ours or not isinstance(table, SettingsTable | FactsTable):
            continue
        rows = [
            _row(refs, summary, counts, row, given, there)
            for row, given, there in zip(table.rows, _published(table), _settings(refs, table), strict=True)
            if not getattr(row, "ours", False)
        ]
        settings = isinstance(table, SettingsTable)
        heads = {column.head: column.show for column in getattr(table, "columns", ())}
        yield TableEvidence(table.number, tuple(rows), table.n or original.n, refs.study.spec.ddof, settings, heads)


def _row(
    refs: SettingRefs,
    summary: Summary | None,
    counts: Mapping[str, Mapping[str, int]],
    row: Any,
    given: Mapping[str, Published],
    there: SettingRef | None,
) -> RowEvidence:
    setting = setting_at(summary, there) if summary else None
    ours = setting if setting is not None and summary is not None and not summary.made_with else None
    scored = {part: sum(classes.values()) for part, classes in counts.items()}
    epochs = {record.epochs for record in ours.records} if ours else set()
    return RowEvidence(
        row.label,
        _keys(refs, there, setting if summary and not summary.made_with else None),
        given,
        getattr(row, "rank", None),
        dict(ours.dataset.counts) if ours and ours.dataset else scored,
        dict(ours.samples) if ours else {},
        float(epochs.pop()) if len(epochs) == 1 else None,
    )


def _keys(refs: SettingRefs, there: SettingRef | None, setting: SettingSummary | None) -> dict[str, Any]:
    """The keys of a row's setting: all of the first phase, of a later one those that its own axes say, or its runs."""
    if there is None or there.axes is None:
        return {}
    axes = {refs.shown(path): value for path, value in there.axes.items()}
    if setting is not None:
        return {**dict(leaves(dict(setting.setting))), **axes}
    for number, phase in enumerate(refs.study.phases):
        for possible in refs.study.settings.from_base(number) if phase.name == there.phase else ():
            if dict(phase.changes | possible.choice.axes) == dict(there.axes):
                if number or possible.setting is None:
                    return {**phase.changes, **possible.choice.changes, **axes}
                return {**dict(leaves(possible.setting.model_dump(mode="json", by_alias=True))), **axes}
    return axes


def _settings(refs: SettingRefs, table: PublishedTable) -> Sequence[SettingRef | None]:
    if isinstance(table, SettingsTable):
        return refs.rows(table)
    rows = getattr(table, "rows", ())
    return [next(iter(refs.find(row.setting, row.phase)), None) if row.run else None for row in rows]


def _published(table: SettingsTable | FactsTable) -> list[dict[str, Published]]:
    """Of every row the published values by their measure, with the decimals that the column is printed with."""
    found: list[dict[str, Published]] = []
    if isinstance(table, FactsTable):
        for row in table.rows:
            unit_of = {m: row.unit if row.unit in units_of(m) else None for m in row.measures}
            values = {m: published(raw, unit_of[m]) for m, raw in row.measures.items()}
            found.append({m: one.printed(digits_of([one], row.digits)) for m, one in values.items()})
        return found
    units = {column.show: column for column in reversed(table.columns)}
    found = [
        {m: published(raw, units[m].unit if m in units else None) for m, raw in row.measures.items()}
        for row in table.rows
    ]
    for measure in {measure for values in found for measure in values}:
        column = units.get(measure)
        given = [values[measure] for values in found if measure in values]
        digits = digits_of(given, column.digits if column else None)
        for values in found:
            if measure in values:
                values[measure] = values[measure].printed(digits)
    return found


def part_names(parts: Sequence[str]) -> str:
    """Parts of the data in a sentence: "validation and test"."""
    return " and ".join(PARTS[part].word for part in parts)
