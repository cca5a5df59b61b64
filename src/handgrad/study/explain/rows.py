"""The rows that are to be explained: published numbers, and the tables of the setting that each of them is of.

A row is a row of a table of settings or facts, or a setting in a figure with published numbers.  A setting of a later
phase is made as the original made it: from the `start` of the phase, else from the row of the phase before that is
published as best.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handgrad.errors import StudyFileError
from handgrad.measures import METRICS, lower_is_better
from handgrad.names import listed, short
from handgrad.study.changes import Table, apply, changes_of
from handgrad.study.design.settings import Phase, Possible, Study
from handgrad.study.published.explain_section import ExplainSection
from handgrad.study.published.items import Figure, Measured, Original, PublishedTable
from handgrad.study.published.numbers import UNITS, Published, published
from handgrad.study.published.published_tables import FactsTable, SettingsTable
from handgrad.study.reading.setting_refs import SettingRef, SettingRefs, setting_ref


@dataclass(frozen=True)
class PublishedRow:
    """Published numbers of one setting.

    numbers: accuracies and losses by their measure;  runs: of the original, behind each of them;  tables: the setting.
    """

    item: str
    label: str
    numbers: Mapping[str, Published]
    runs: int
    tables: Table

    @property
    def key(self) -> str:
        """The row in one text, by which runs are labelled."""
        return f"{self.item}, {self.label}"


@dataclass(frozen=True)
class PublishedRows:
    """Rows that can be explained, and what is said of those that cannot."""

    rows: tuple[PublishedRow, ...]
    notes: tuple[str, ...]


def items_with_numbers(original: Original) -> dict[str, tuple[str, ...]]:
    """The items of an original in which accuracies or losses are published -> the labels of these rows."""
    found = {}
    for item in original.items:
        labels = tuple(label for label, numbers, _, _, _ in _of_item(item) if numbers)
        if labels:
            found[item.number] = labels
    return found


def rows_to_explain(study: Study, section: ExplainSection) -> PublishedRows:
    """The rows to explain.  Raises StudyFileError where there are none, or [explain] names what is not there."""
    where, original = study.where, study.spec.original
    items = {} if original is None else items_with_numbers(original)
    if not items:
        raise StudyFileError(
            where,
            [
                "explain needs published accuracies or losses: write them as [[original.table]] "
                "(docs/studies.md, What a study reproduces)"
            ],
        )
    if problems := section.problems(items):
        raise StudyFileError(where, problems)
    found = published_rows(study, section)
    if not found.rows:
        raise StudyFileError(where, [f"explain: no reading can be tried: {short(listed(found.notes), 400)}"])
    return found


def published_rows(study: Study, section: ExplainSection) -> PublishedRows:
    """The rows that a study is to explain, in the order of its original."""
    original = study.spec.original
    assert original is not None
    refs, settings = SettingRefs(study), _Settings(study, original)
    found: list[PublishedRow] = []
    notes: list[str] = []
    for item in original.items:
        theirs = iter(refs.rows(item)) if isinstance(item, SettingsTable) else None
        for label, numbers, reference, phases, run in _of_item(item):
            there = next(theirs) if theirs is not None else None
            if not numbers or not section.takes(item.number, label):
                continue
            if theirs is None and run:
                (there, *_) = refs.find(reference, phases)
            tables = settings.tables(there) if there is not None else None
            if tables is None:
                notes.append(f"{item.number}, {label}: not run by this study, so no reading is tried on it")
            else:
                tables = apply(tables, changes_of(section.set), study.defaults)
                found.append(PublishedRow(item.number, label, numbers, item.n or original.n, tables))
    return PublishedRows(tuple(found), tuple(notes))


def _of_item(item: PublishedTable | Figure) -> Iterator[tuple[str, dict[str, Published], Any, tuple[str, ...], bool]]:
    """(label, numbers, reference, phases, whether it is run) of every row of an item."""
    if isinstance(item, SettingsTable):
        units = {column.show: column.unit for column in item.columns}
        for row in item.rows:
            yield row.label, _numbers(row, units), None, item.phase, row.run
    elif isinstance(item, FactsTable):
        for fact in item.rows:
            yield fact.label, _numbers(fact, dict.fromkeys(METRICS, fact.unit)), fact.setting, fact.phase, fact.run
    elif isinstance(item, Figure):
        names = [str(one) for one in item.references]
        for name, measured in item.numbers(names).items():
            numbers = _numbers(measured, dict.fromkeys(METRICS, item.unit))
            reference = next((one for one in item.references if str(one) == name), name)
            yield name, numbers, reference, item.phase, item.run


def _numbers(row: Measured, units: Mapping[str, str | None]) -> dict[str, Published]:
    """measure -> what was published, of accuracies and losses.  A word that is no number stands as it is."""
    given = {measure: value for measure, value in row.measures.items() if measure in METRICS}
    return {
        measure: published(value, unit if (unit := units.get(measure)) in UNITS else None)
        for measure, value in given.items()
    }


class _Settings:
    """The tables of every setting that rows refer to, made without knowing who wins."""

    def __init__(self, study: Study, original: Original) -> None:
        self._study, self._original = study, original
        self._refs = SettingRefs(study)
        self._starts: dict[int, Table | None] = {}

    def tables(self, there: SettingRef) -> Table | None:
        """None where the setting is known only when a phase has run: what wins, is drawn or continues other runs."""
        phase = next((one for one in self._study.phases if one.name == there.phase), None)
        if phase is None or there.axes is None or phase.sampling is not None or self._continues(phase):
            return None
        start = self._start(phase)
        for choice in phase.choices:
            if setting_ref(phase.name, phase.changes | choice.axes) == there and start is not None:
                return self._study.settings.at(phase, choice, start).tables
        return None

    def _continues(self, phase: Phase) -> bool:
        return phase.continues or (phase.after is not None and self._continues(self._study.phases[phase.after]))

    def _start(self, phase: Phase) -> Table | None:
        """The tables that a phase starts from."""
        if phase.number not in self._starts:
            self._starts[phase.number] = self._study.base if phase.after is None else self._chosen(phase)
        return self._starts[phase.number]

    def _chosen(self, phase: Phase) -> Table | None:
        assert phase.after is not None
        earlier = self._study.phases[phase.after]
        before = self._start(earlier)
        if before is None:
            return None
        made = [self._study.settings.at(earlier, choice, before) for choice in earlier.choices]
        if phase.start is not None:
            named = phase.starts(earlier)
            return next((one.tables for one in made if one.choice in named), None)
        return self._best(earlier, made) or before

    def _best(self, phase: Phase, made: Sequence[Possible]) -> Table | None:
        """The setting of a phase whose published row is the best by the measure that its table ranks by."""
        found: list[tuple[float, Table]] = []
        for table in self._original.table:
            if not isinstance(table, SettingsTable) or (measure := table.ranked_by) is None:
                continue
            units = {column.show: column.unit for column in table.columns}
            sign = 1 if lower_is_better(measure) else -1
            for row, there in zip(table.rows, self._refs.rows(table), strict=True):
                value = _numbers(row, units).get(measure)
                if there is None or there.phase != phase.name or value is None or value.value is None:
                    continue
                found += [
                    (sign * value.value, one.tables)
                    for one in made
                    if setting_ref(phase.name, phase.changes | one.choice.axes) == there
                ]
        return min(found, key=lambda pair: pair[0])[1] if found else None
