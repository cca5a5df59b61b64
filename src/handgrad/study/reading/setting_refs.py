"""Which setting of a study each row and reference of [original] and [[figure]] means, before any label is known.

A `SettingRef` is a phase and the axes of one of its choices.  Rows of a table of settings and the settings of its
phases are matched by order.  A study file refers to a setting by, in this order: "winner"; the label of a row or, where
no table has rows, the number of a setting of the first phase; the name of a variant or bundle; or a table of axes.

`reference_problems` says which of them fit no phase, setting, key or name of the study, before anything runs.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from handgrad.names import listed as names_listed
from handgrad.names import nearest, short, shown, unknown
from handgrad.study.changes import canonical, is_path, leaves
from handgrad.study.changes import shown as as_in_plan
from handgrad.study.design.axes import Choice
from handgrad.study.design.settings import Study
from handgrad.study.design.study_spec import FIRST, StudySpec
from handgrad.study.published.items import WINNER, Original
from handgrad.study.published.numbers import MEASURES
from handgrad.study.published.published_tables import SettingsTable

MOST_PHASES = 3  # that a message lists


@dataclass(frozen=True)
class SettingRef:
    """A setting of a phase.  `axes` is None for whichever wins."""

    phase: str
    axes: Mapping[str, Any] | None = field(compare=False)
    key: str = ""  # the axes as text, by which references are compared


def setting_ref(phase: str, axes: Mapping[str, Any] | None) -> SettingRef:
    """The reference to a setting; equal axes make equal references, whatever types a file gave them."""
    return SettingRef(phase, axes, WINNER if axes is None else json.dumps(_plain(axes), sort_keys=True, default=repr))


def drawn_ref(phase: str, number: int) -> SettingRef:
    """The reference to the number-th setting that a sampler draws, from 1; its axes are not known before."""
    return SettingRef(phase, {}, f"draw {number}")


def _plain(value: Any) -> Any:
    """1.0 as 1 and tuples as lists, so that equal values are equal texts."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class SettingRefs:
    """The settings of every phase of a study, and what its [original] and [[figure]] refer to."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.original: Original | None = study.spec.original

    @cached_property
    def phases(self) -> dict[str, list[SettingRef]]:
        """The settings of every phase; a setting that is there twice has one."""
        return {
            phase.name: [drawn_ref(phase.name, number) for number in range(1, phase.sampling.runs + 1)]
            if phase.sampling is not None
            else list(
                dict.fromkeys(
                    setting_ref(phase.name, phase.changes | choice.axes) for choice in self._distinct(phase.number)
                )
            )
            for phase in self.study.phases
        }

    def _distinct(self, number: int) -> Iterator[Choice]:
        """The choices of a phase, those of the first phase that make an equal setting once."""
        seen = set[str]()
        for one in self.study.settings.from_base(number):
            if (
                number == 0 and one.setting is not None
            ):  # what a later phase starts from is not known: its choices differ
                text = one.setting.resolved().model_dump_json(by_alias=True)
                if text in seen:
                    continue
                seen.add(text)
            yield one.choice

    @property
    def run_count(self) -> int:
        """How many runs the study has at most; which later settings have run before, only their winners will tell."""
        return sum(len(self.phases[phase.name]) * len(phase.seeds) for phase in self.study.phases)

    def of(self, phases: Iterable[str]) -> list[SettingRef]:
        """The settings of some phases, one after the other."""
        return [one for phase in phases for one in self.phases.get(phase, [])]

    def rows(self, table: SettingsTable) -> list[SettingRef | None]:
        """The setting of every row of a table; None where the study does not run it."""
        refs = iter(self.of(table.phase))
        return [next(refs, None) if row.run else None for row in table.rows]

    @cached_property
    def labels(self) -> dict[str, list[SettingRef]]:
        """label of a row -> its refs, of all tables of settings; none where the row is not run."""
        found: dict[str, list[SettingRef]] = {}
        for table in self.original.table if self.original else ():
            if isinstance(table, SettingsTable):
                for row, there in zip(table.rows, self.rows(table), strict=True):
                    found.setdefault(row.label, []).extend([there] if there is not None else [])
        return found

    @cached_property
    def row_names(self) -> dict[SettingRef, str]:
        """The label of the first row of each setting in the original's own tables."""
        found: dict[SettingRef, str] = {}
        for table in self.original.table if self.original else ():
            if isinstance(table, SettingsTable) and not table.ours:
                for row, there in zip(table.rows, self.rows(table), strict=True):
                    if there is not None:
                        found.setdefault(there, row.label)
        return found

    def row_name(self, phase: str, axes: Mapping[str, Any]) -> str:
        """What the original calls a setting; empty where no row of its tables is of it."""
        return self.row_names.get(setting_ref(phase, axes), "") if self.row_names else ""

    @cached_property
    def numbers(self) -> dict[str, SettingRef]:
        """The settings of the first phase by their number; none where rows of tables have labels."""
        first = [] if self.labels else self.phases[FIRST]
        return {str(number): there for number, there in enumerate(first, start=1)}

    def find(self, reference: Any, phases: Iterable[str]) -> list[SettingRef | None]:
        """The settings that a reference means.  None: a row that is not run.  Raises ValueError where there is none.

        A label that rows of several phases have is that of the phases asked for, else of the first table.
        """
        phases = tuple(phases)
        if reference == WINNER:
            return [setting_ref(phases[-1], None)]
        if reference is None:
            return [*self.of(phases)]
        if isinstance(reference, str):
            if reference in self.labels:
                rows = self.labels[reference]
                return [next((row for row in rows if row.phase in phases), rows[0] if rows else None)]
            if FIRST in phases and reference in self.numbers:
                return [self.numbers[reference]]
            named = [one for one in self.of(phases) if reference in self._names(one)]
            if named:
                return [*named]
            numbers = [f"1 to {len(self.numbers)}"] if FIRST in phases and self.numbers else []
            known = [WINNER, *self.labels, *(name for one in self.of(phases) for name in self._names(one)), *numbers]
            raise ValueError("is an " + unknown(reference, dict.fromkeys(known), "setting"))
        wanted = {self.shown(path): value for path, value in reference.items()}
        having = [one for one in self.of(phases) if _has(one, wanted)]
        if not having:
            if any(self.study.phases[n].sampling for n, name in enumerate(self.phases) if name in phases):
                raise ValueError(f'must be "{WINNER}" or a number: the settings are drawn while the study runs')
            axes = dict.fromkeys(path for one in self.of(phases) for path in one.axes or ())
            stray = next((path for path in wanted if path not in axes), None)
            if stray is not None:
                raise ValueError(
                    "has an " + unknown(stray, axes, "axis") if axes else f"has {short(stray)}: nothing varies"
                )
            text = short(", ".join(f"{path} = {as_in_plan(value)}" for path, value in wanted.items()), 120)
            raise ValueError(f"must be a setting of phase {listed(phases)}; none has {text}")
        return [*having]

    def _names(self, one: SettingRef) -> list[str]:
        """The names of its variant and bundles."""
        return [value for path, value in (one.axes or {}).items() if not is_path(path) and isinstance(value, str)]

    @cached_property
    def axes(self) -> list[str]:
        """Every axis of every phase."""
        return list(dict.fromkeys(path for places in self.phases.values() for one in places for path in one.axes or ()))

    @cached_property
    def shows(self) -> set[str]:
        """Every axis, and every key that a setting has."""
        found = set(self.axes)
        for number in range(len(self.study.phases)):
            for one in self.study.settings.from_base(number):
                if one.setting is not None:
                    dumped = one.setting.model_dump(mode="json", by_alias=True)
                    found |= {path for path, _ in leaves(dumped)} | set(_tables(dumped))
        return found

    def shown(self, path: str) -> str:
        """The path as a setting has it: other libraries' names are replaced by ours."""
        return canonical(path, self.study.spec) if is_path(path) else path

    def phase_problems(self, phases: Iterable[str], where: str) -> list[str]:
        """Phases that are not there."""
        return [f"{where}.phase is an " + unknown(n, self.phases, "phase") for n in phases if n not in self.phases]

    def one_problems(self, reference: Any, phases: tuple[str, ...], where: str) -> list[str]:
        """What is wrong with a reference that must mean one setting."""
        if problems := self.phase_problems(phases, where):
            return problems
        try:
            found = self.find(reference, phases)
        except ValueError as error:
            return [f"{where}.setting {error}"]
        if len(found) == 1:
            return []
        what = "is missing: name one" if reference is None else "must be one setting"
        return [f"{where}.setting {what}; phase {listed(phases)} has {len(found)}"]

    def row_problems(self, rows: int, phases: tuple[str, ...], where: str) -> list[str]:
        """What is wrong with the number of rows of a table that has one for every setting."""
        settings = len(self.of(phases))
        if rows == settings:
            return []
        each = names_listed(f"{len(self.phases[name])} in {shown(name, 60)}" for name in phases)
        return [
            f"{where} has {rows} rows for {settings} settings ({each}; a setting that is there twice counts once); "
            "give every setting its row, in order, and say run = false in a row that this study does not run"
        ]

    def show_problems(self, shows: Iterable[tuple[str, str]]) -> list[str]:
        """Of (where, what a column or row shows): those that are no measure, axis or key of a setting."""
        special = ("original", "reproduced", *MEASURES)
        found = []
        for where, show in shows:
            if show in special or self.shown(show) in self.shows:
                continue
            guess = nearest(show, [*special, *self.shows])
            hint = f"; did you mean {shown(guess)}?" if guess else "."
            axes = [path for path in self.axes if not is_path(path)]
            known = f"{names_listed([*special, *axes])}, a key of the setting such as training.optimizer.lr"
            found.append(f"{where}.show is an unknown column {shown(show)}{hint} Known: {known}")
        return found


def _tables(table: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            here = f"{path}.{key}" if path else key
            yield here
            yield from _tables(value, here)


def _has(one: SettingRef, wanted: Mapping[str, Any]) -> bool:
    axes = one.axes or {}
    return all(
        path in axes and setting_ref("", {"": axes[path]}) == setting_ref("", {"": value})
        for path, value in wanted.items()
    )


def listed(names: Iterable[str]) -> str:
    """Names of phases in a message."""
    return " or ".join(f'"{short(name, 60)}"' for name in list(names)[:MOST_PHASES])


def reference_problems(study: Study) -> list[str]:
    """Everything in [original] and [[figure]] that does not fit the study's phases, settings and keys."""
    refs = SettingRefs(study)
    found: list[str] = []
    for figure in study.spec.figure:
        found += figure.figure_problems(refs, f'figure "{short(figure.title, 60)}"')[1]
    for item in (*refs.original.items, *refs.original.statement) if refs.original else ():
        found += item.reference_problems(refs)
    return found + (refs.original.text.problems(refs.original, refs) if refs.original else [])


def class_problems(original: Original | None, classes: Sequence[str]) -> list[str]:
    """Rows of label counts, cells of confusion matrices and classes of examples that are no class of the data."""
    items = original.items if original else ()
    return list(dict.fromkeys(line for item in items for line in item.class_problems(classes)))


def narrowed(spec: StudySpec, whole: Study, now: Study) -> StudySpec:
    """[original] and [[figure]] for a study that varies otherwise: rows and references find their settings again.

    What has none left is not run, and the report says so.  A published number never stands beside another setting's.
    """
    before, after = SettingRefs(whole), SettingRefs(now)
    if before.phases == after.phases:
        return spec
    figures = tuple(item.model_copy(update=item.narrowed_settings(before, after)) for item in spec.figure)
    changed: dict[str, Any] = {"figure": figures}
    if spec.original is not None:
        tables = tuple(table.narrowed(before, after) for table in spec.original.table)
        drawn = tuple(figure.narrowed(before, after) for figure in spec.original.figure)
        said = tuple(statement.narrowed(before, after) for statement in spec.original.statement)
        changed["original"] = spec.original.model_copy(
            update={"table": tables, "figure": drawn} | ({"statement": said} if said else {})
        )
    return spec.model_copy(update=changed)
