"""A study that was read, and every setting that it can come to: each is read once, with its problems.

    study.phases            the study's own axes, then its [[phase]] tables, with every choice that they make
    study.settings          what all of that comes to: planning, checking and reporting take their settings from here

The settings of the first phase are certain.  Those of a later phase depend on which setting wins, so they are
read on top of every setting that could win, up to `MOST_SETTINGS` for a phase (then on evenly spaced ones) and
fewer where there are more than ten phases.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from handgrad.displays import Display, Displayed
from handgrad.names import listed, short
from handgrad.sections import Section
from handgrad.study.changes import (
    SECTIONS,
    Changes,
    Table,
    apply,
    axis_names,
    canonical,
    changes_of,
    is_path,
    leaves,
    shown,
)
from handgrad.study.design.axes import Axes, Choice, choices, sampling
from handgrad.study.design.study_spec import FIRST, StudySpec
from handgrad.study.rules.samplers import SAMPLERS, Sampling
from handgrad.study.rules.search_rules import Asha
from handgrad.study.toml import dumps
from handgrad.training.run import Setting
from handgrad.training.usual_values import with_usual_values

MOST_SETTINGS = 400  # of a phase, on which later phases are read
LISTED = 8  # values of an axis that a study shows of itself
SECTION_TYPES: dict[str, type[Section]] = {name: Setting.model_fields[name].annotation for name in SECTIONS}  # type: ignore[misc]


@dataclass(frozen=True)
class Phase:
    """A phase as it is planned.  `changes`: to the baseline; `after`: number of the phase whose winner is the base.

    `start`: which choice of that phase is the base instead, by its name or axes.  `seeds`: of its runs, which `vary`
    these sources of chance (`training.sources`; None: nothing is said of it).
    `asha`: how its runs are stopped short.  `sampling`: where its settings are drawn by their results while the study
    runs; `choices` then are drawn blindly, for what has to be known before.
    """

    name: str
    number: int
    after: int | None
    continues: bool
    changes: Changes
    choices: tuple[Choice, ...]
    seeds: tuple[int, ...]
    asha: Asha | None = None
    sampling: Sampling | None = None
    start: str | Changes | None = None
    vary: tuple[str, ...] | None = None

    @property
    def shares_runs(self) -> tuple[Any, ...]:
        """Equal for phases whose settings can be compared run by run: their seeds, and what these vary."""
        return self.seeds, self.vary

    def starts(self, earlier: "Phase") -> list[Choice]:
        """The choices of the earlier phase that `start` means."""
        return [choice for choice in earlier.choices if _means(self.start, earlier.changes | choice.axes)]


def _means(start: str | Changes | None, axes: Mapping[str, Any]) -> bool:
    """Whether axes are those that a start names: the name of a variant or bundle among them, or all that it lists."""
    if isinstance(start, str):
        return any(value == start for path, value in axes.items() if not is_path(path))
    return start is not None and all(path in axes and axes[path] == value for path, value in start.items())


@dataclass(frozen=True, repr=False)
class Study(Displayed):
    """A study that was read.  `where` names it in messages, `folder` is where relative paths start.

    `changed`: those changes of the command line that make it another study than the file's (`overrides.alters`).
    `file`: where its tables were read, for the lines of messages.
    """

    spec: StudySpec
    where: str
    folder: Path
    notes: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    file: Path | None = field(default=None, compare=False, repr=False)

    def _display(self) -> Display:
        spec = self.spec
        rows = [("title", spec.title or ""), ("file", (spec.made and spec.made.file) or "")]
        rows += [(f"phase {phase.name}" if spec.phase else "settings", _told(phase)) for phase in self.phases]
        rows += [("seeds", listed(spec.seeds)), ("data", spec.data.name)]
        rows.append(("base", ", ".join(f"{path} = {shown(value)}" for path, value in leaves(self.base) if value != {})))
        rows.append(("notes", "; ".join(self.notes)))
        return Display(f"Study {spec.name}" + " (quick)" * self.quick, tuple(rows))

    @property
    def quick(self) -> bool:
        """Whether it is its file's own small version."""
        return self.spec.made is not None and self.spec.made.quick

    @cached_property
    def base(self) -> Table:
        """The base setting as the file writes it, without what it leaves to the defaults."""
        return {name: getattr(self.spec, name).model_dump(exclude_unset=True, by_alias=True) for name in SECTIONS}

    @cached_property
    def defaults(self) -> Table:
        """Every default of a setting, so that `training.optimizer.lr` knows which optimizer is meant."""
        return Setting().model_dump(by_alias=True)

    @cached_property
    def phases(self) -> tuple[Phase, ...]:
        """The study's own axes, then its phases, with every choice that they make."""
        spec = self.spec
        first = choices(spec)
        if not (spec.grid or spec.bundle or spec.random) and (spec.one_factor or spec.variant):
            first = first if first[0].changes == {} else [Choice(), *first]
        ours = tuple(map(self._ours, first))
        found = [Phase(FIRST, 0, None, False, {}, ours, spec.seeds, spec.asha, self._sampling(spec), None, spec.vary)]
        numbers = {FIRST: 0}
        for number, phase in enumerate(spec.phase, start=1):
            after = number - 1 if phase.after is None else numbers[phase.after]
            numbers[phase.name] = number
            listed = choices(phase, number)
            if (phase.one_factor or phase.variant) and not (phase.grid or phase.bundle) and not phase.set:
                listed = [choice for choice in listed if choice.changes]  # the baseline is the winner, which has run
            changes = {self._path(path): value for path, value in changes_of(phase.set or {}).items()}
            ours = tuple(map(self._ours, listed))
            drawn = self._sampling(phase)
            start = phase.start
            if isinstance(start, Mapping):
                start = {self._path(path) if is_path(path) else path: value for path, value in start.items()}
            seeds, name = phase.seeds(spec.seeds), phase.name
            vary = spec.vary if phase.vary is None else phase.vary
            found.append(
                Phase(name, number, after, phase.continues, changes, ours, seeds, phase.asha, drawn, start, vary)
            )
        return tuple(found)

    @cached_property
    def settings(self) -> "StudySettings":
        """Every setting that the study can come to."""
        return StudySettings(self)

    def noting(self, notes: Iterable[str]) -> "Study":
        """The same study with more notes, each once; what was read of it stays read."""
        noted = replace(self, notes=tuple(dict.fromkeys([*self.notes, *notes])))
        vars(noted).update({name: value for name, value in vars(self).items() if name != "notes"})
        return noted

    def _sampling(self, axes: Axes) -> Sampling | None:
        """What is drawn while the study runs; what is drawn blindly is listed like everything else."""
        drawn = self._drawn(axes)
        return None if drawn is None or SAMPLERS[drawn.sampler].sequential is None else drawn

    def sampling_of(self, phase: str) -> Sampling | None:
        """The ranges from which a phase draws its settings, before or while it runs; None where they are listed."""
        axes: Axes = next((one for one in self.spec.phase if one.name == phase), self.spec)
        return self._drawn(axes)

    def _drawn(self, axes: Axes) -> Sampling | None:
        drawn = sampling(axes)
        if drawn is None:
            return None
        return replace(drawn, ranges=tuple((self._path(path), kind, what) for path, kind, what in drawn.ranges))

    def _path(self, path: str) -> str:
        return canonical(path, self.spec)

    def _ours(self, choice: Choice) -> Choice:
        return Choice(
            {self._path(name) if is_path(name) else name: value for name, value in choice.axes.items()},
            {self._path(path): value for path, value in choice.changes.items()},
            {self._path(path): table for path, table in choice.written.items()},
        )

    @property
    def default_out(self) -> Path:
        """results/<study>, or results/<study>-quick."""
        return Path("results") / (self.spec.name + ("-quick" if self.quick else ""))

    def toml(self) -> str:
        """The study as it ran, --quick and all changes laid in.  Read again, it is the same study and knows them still.

        Every default follows as a comment.
        """
        tables = self.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
        if self.quick:
            tables.pop("quick", None)
        given = dumps({key: value for key, value in tables.items() if value is not None and value != []})
        full = {name: getattr(self.spec, name).model_dump(mode="json", by_alias=True) for name in SECTIONS}
        comments = "".join(f"# {line}".rstrip() + "\n" for line in dumps(full).splitlines())
        return f"{given}\n# The base setting with every default in force:\n#\n{comments}"


def _told(phase: Phase) -> str:
    """How many settings a phase has, the values of what varies in it, and how a search stops them short."""
    values: dict[str, dict[str, Any]] = {}
    for choice in phase.choices:
        for path, value in choice.axes.items():
            values.setdefault(path, {})[shown(value)] = value
    names = axis_names(list(values))
    parts = [f"{names[path]} {_values(found)}" for path, found in values.items()]
    if phase.asha is not None:
        parts.append(f"stopped short by ASHA from epoch {phase.asha.grace_period} on")
    number = f"{len(phase.choices):,}" + " drawn while it runs" * (phase.sampling is not None)
    return f"{number}: {'; '.join(parts)}" if parts else number


def _values(found: Mapping[str, Any]) -> str:
    """The values of an axis, by their texts: lists in brackets where one of them has several numbers, and the ends of
    more numbers than are listed."""
    values = list(found.values())
    if len(values) > LISTED and all(isinstance(value, int | float) for value in values):
        return f"{len(values)} values from {shown(min(values))} to {shown(max(values))}"
    several = any(isinstance(value, list | tuple) and len(value) > 1 for value in values)
    texts = [f"[{text}]" if several and isinstance(found[text], list | tuple) else text for text in found]
    return listed(texts, most=LISTED)


@dataclass(frozen=True)
class Possible:
    """A setting that can occur: its phase and choice, its tables and what was read from them."""

    phase: Phase
    choice: Choice
    tables: Table
    setting: Setting | None
    problems: tuple[str, ...]

    @property
    def changes(self) -> Changes:
        """To what it starts from."""
        return self.phase.changes | self.choice.changes

    @property
    def where(self) -> str:
        """What a message calls it."""
        changes = ", ".join(f"{name} = {shown(value)}" for name, value in self.choice.axes.items())
        changes = short(changes, 160) or "the base setting"
        return f'phase "{short(self.phase.name, 60)}", {changes}' if self.phase.number else changes


class StudySettings:
    """Every setting that a study can come to.  `possible` and `from_base` hold them; `at` makes those of a search.

    `notes`: what was noted when those made so far were read.  Sections that are written alike are read once: settings
    are frozen, so they share them.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._sections: dict[str, Section] = {}
        self.notes: list[str] = []
        self._from_base: dict[int, tuple[Possible, ...]] = {}

    @cached_property
    def possible(self) -> tuple[Possible, ...]:
        """Every setting that can occur, phase by phase; of a later phase at most `MOST_SETTINGS`."""
        phases, found = self._study.phases, list[Possible]()
        could_win: list[list[Table]] = []
        made: dict[int, list[Possible]] = {}
        named_later = {phase.after for phase in phases if phase.start is not None}
        most = max(20, min(MOST_SETTINGS, MOST_SETTINGS * 10 // len(phases)))  # many phases are checked more coarsely
        for phase in phases:
            rivals = [] if phase.after is None else could_win[phase.after]
            if phase.after is not None and phase.start is not None:
                named = phase.starts(phases[phase.after])
                rivals = [one.tables for one in made[phase.after] if one.choice in named]
            if rivals:
                starts = _spaced(rivals, max(1, most // max(1, len(phase.choices))))
                own = [self.at(phase, choice, start) for start in starts for choice in phase.choices]
            else:
                own = list(self.from_base(phase.number))
            right = [one for one in own if one.setting is not None]  # what is wrong cannot win
            if phase.number in named_later:
                made[phase.number] = right
            could_win.append(_spaced([*rivals, *(one.tables for one in right)], MOST_SETTINGS))
            found += own
        return tuple(found)

    def from_base(self, number: int) -> tuple[Possible, ...]:
        """A setting for every choice of a phase: of a later phase, as if it started from the base."""
        if number not in self._from_base:
            phase = self._study.phases[number]
            self._from_base[number] = tuple(self.at(phase, choice, self._study.base) for choice in phase.choices)
        return self._from_base[number]

    def at(self, phase: Phase, choice: Choice, start: Mapping[str, Any]) -> Possible:
        """The setting that a choice of a phase makes of the tables it starts from."""
        tables = apply(start, phase.changes | choice.changes, self._study.defaults)
        setting, problems = self._read(tables)
        return Possible(phase, choice, tables, setting, tuple(problems))

    def _read(self, tables: Table) -> tuple[Setting | None, list[str]]:
        sections: dict[str, Any] = {}
        tables = with_usual_values(tables)
        for name, table in tables.items():
            if name not in SECTIONS:
                return Setting.read(tables)
            key = f"{name} {json.dumps(table, default=repr)}"
            if key not in self._sections:
                section, _ = SECTION_TYPES[name].read(table, notes=self.notes)
                if section is None:
                    return Setting.read(tables)
                self._sections[key] = section
            sections[name] = self._sections[key]
        return Setting.model_construct(set(sections), **sections), []


def _spaced(tables: list[Table], most: int) -> list[Table]:
    return tables if len(tables) <= most else [tables[i * len(tables) // most] for i in range(most)]
