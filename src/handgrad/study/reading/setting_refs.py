"""Places: which setting of a study each row and reference of [original] means, before any label is known.

A place is a phase and the axes of one of its choices.  Rows of a table of settings and the settings of its phases are
matched by order.  A reference is, in this order: "winner", the label of a row or, where there are no such tables, the
number of a setting of the first phase; the name of a variant or bundle; or a table of axes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from handgrad.names import short, unknown
from handgrad.study.changes import apply, canonical, is_path, leaves, shown
from handgrad.study.design.study_spec import FIRST, Study
from handgrad.study.published.items import Original, SettingsTable
from handgrad.training.run import Setting

WINNER = "winner"
MOST_PHASES = 3  # that a message lists


@dataclass(frozen=True)
class Place:
    """A setting of a phase.  `axes` is None for whichever wins."""

    phase: str
    axes: Mapping[str, Any] | None = field(compare=False)
    key: str = ""  # the axes as text, by which places are compared


def place(phase: str, axes: Mapping[str, Any] | None) -> Place:
    """A place; equal axes make equal places, whatever types a file gave them."""
    return Place(phase, axes, WINNER if axes is None else json.dumps(_plain(axes), sort_keys=True, default=repr))


def draw(phase: str, number: int) -> Place:
    """The place of a setting that a sampler draws, from 1; nobody knows its axes before."""
    return Place(phase, {}, f"draw {number}")


def _plain(value: Any) -> Any:
    """1.0 as 1 and tuples as lists, so that equal values are equal texts."""
    if isinstance(value, Mapping):
        return {str(key): _plain(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


class Places:
    """Every place of a study, and what its [original] refers to."""

    def __init__(self, study: Study) -> None:
        self.study = study
        self.original: Original | None = study.spec.original

    @cached_property
    def phases(self) -> dict[str, list[Place]]:
        """The places of every phase; a setting that is there twice has one."""
        return {
            phase.name: [draw(phase.name, number) for number in range(1, phase.sampling.runs + 1)]
            if phase.sampling is not None
            else list(
                dict.fromkeys(place(phase.name, phase.changes | choice.axes) for choice in self._distinct(phase.number))
            )
            for phase in self.study.phases
        }

    def _distinct(self, number: int) -> Iterator[Any]:
        phase, seen = self.study.phases[number], set[str]()
        for choice in phase.choices:
            if number == 0:  # what a later phase starts from is not known, and its choices differ
                tables = apply(self.study.base, choice.changes, self.study.defaults)
                setting, _ = Setting.read(tables)
                if setting is not None:
                    text = setting.resolved().model_dump_json(by_alias=True)
                    if text in seen:
                        continue
                    seen.add(text)
            yield choice

    @property
    def run_count(self) -> int:
        """How many runs the study has at most; which later settings have run before, only their winners will tell."""
        return sum(map(len, self.phases.values())) * len(self.study.spec.seeds)

    def of(self, phases: Iterable[str]) -> list[Place]:
        """The places of some phases, one after the other."""
        return [one for phase in phases for one in self.phases.get(phase, [])]

    def rows(self, table: SettingsTable) -> list[Place | None]:
        """The place of every row of a table; None where the study does not run it."""
        places = iter(self.of(table.phase))
        return [next(places, None) if row.run else None for row in table.rows]

    @cached_property
    def labels(self) -> dict[str, list[Place]]:
        """label of a row -> its places, of all tables of settings; none where the row is not run."""
        found: dict[str, list[Place]] = {}
        for table in self.original.table if self.original else ():
            if isinstance(table, SettingsTable):
                for row, there in zip(table.rows, self.rows(table), strict=True):
                    found.setdefault(row.label, []).extend([there] if there is not None else [])
        return found

    @cached_property
    def numbers(self) -> dict[str, Place]:
        """The settings of the first phase by their number; none where rows of tables have labels."""
        first = [] if self.labels else self.phases[FIRST]
        return {str(number): there for number, there in enumerate(first, start=1)}

    def find(self, reference: Any, phases: Iterable[str]) -> list[Place | None]:
        """The places that a reference means.  None: a row that is not run.  Raises ValueError where there is none.

        A label that rows of several phases have is that of the phases asked for, else of the first table.
        """
        phases = tuple(phases)
        if reference == WINNER:
            return [place(phases[-1], None)]
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
        wanted = {self._path(path): value for path, value in reference.items()}
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
            text = short(", ".join(f"{path} = {shown(value)}" for path, value in wanted.items()), 120)
            raise ValueError(f"must be a setting of phase {listed(phases)}; none has {text}")
        return [*having]

    def _names(self, one: Place) -> list[str]:
        """The names of its variant and bundles."""
        return [value for path, value in (one.axes or {}).items() if not is_path(path) and isinstance(value, str)]

    def _path(self, path: str) -> str:
        return canonical(path, self.study.spec) if is_path(path) else path

    @cached_property
    def axes(self) -> list[str]:
        """Every axis of every phase."""
        return list(dict.fromkeys(path for places in self.phases.values() for one in places for path in one.axes or ()))

    @cached_property
    def shows(self) -> set[str]:
        """Every axis, and every key that a setting has."""
        found = set(self.axes)
        for phase in self.study.phases:
            for choice in phase.choices:
                setting, _ = Setting.read(apply(self.study.base, phase.changes | choice.changes, self.study.defaults))
                if setting is not None:
                    dumped = setting.model_dump(mode="json", by_alias=True)
                    found |= {path for path, _ in leaves(dumped, lambda *_: False)} | set(_tables(dumped))
        return found

    def shown(self, path: str) -> str:
        """The path as a setting has it: other libraries' names are replaced by ours."""
        return self._path(path)


def _tables(table: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            here = f"{path}.{key}" if path else key
            yield here
            yield from _tables(value, here)


def _has(one: Place, wanted: Mapping[str, Any]) -> bool:
    axes = one.axes or {}
    return all(path in axes and place("", {"": axes[path]}) == place("", {"": value}) for path, value in wanted.items())


def listed(names: Iterable[str]) -> str:
    """Names of phases in a message."""
    return " or ".join(f'"{short(name, 60)}"' for name in list(names)[:MOST_PHASES])
