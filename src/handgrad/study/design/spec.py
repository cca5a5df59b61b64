"""What a study is: a base setting, what varies, the seeds and the phases (docs/studies.md lists every key).

`StudySpec` is a study file, checked; `Study` is one that was read (`reading`), with every choice of every phase.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from handgrad.data.data_section import DataSection
from handgrad.measures import DEFAULT_METRIC, VALIDATION_METRICS
from handgrad.names import shown
from handgrad.network.network_section import NetworkSection
from handgrad.sections import Section, flag, is_whole, one_of, whole
from handgrad.study.changes import SECTIONS, Changes, Table, canonical, changes_of, is_path
from handgrad.study.design.axes import SAMPLERS, Axes, AxisTable, Choice, Sampling, choices, sampling
from handgrad.study.original.items import Drawing, Original
from handgrad.study.rules.asha import Asha
from handgrad.study.rules.budget import Budget
from handgrad.study.toml import dumps
from handgrad.training.run import Setting, TrainingSection

MOST_RUNS = 100_000  # of a study: what is planned is held in memory and written as one plan
FIRST = "main"  # the name of the phase that the study's own axes make
_LETTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. ")


def folder_name(value: Any) -> str:
    """A name that every system takes as the name of a folder."""
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= 60
        or not set(value) <= _LETTERS
        or not (value[0].isalnum() and (value[-1].isalnum() or value[-1] in "-_"))
    ):
        raise ValueError("must be a name of letters, digits, - _ . and spaces, at most 60 long (it names a folder)")
    return value


def _seeds(value: Any) -> tuple[int, ...]:
    """[42, 268, 975], or a count: 3 means 0, 1, 2."""
    message = "must be a list of different whole numbers >= 0, or how many seeds (3 means 0, 1, 2)"
    count = value if is_whole(value, 1) else len(value) if isinstance(value, list | tuple) else 0
    if count > MOST_RUNS:
        raise ValueError(f"must be at most {MOST_RUNS:,} seeds, as a study can have so many runs; got {count:,}")
    if is_whole(value, 1):
        return tuple(range(value))
    seeds = list(value) if isinstance(value, list | tuple) else []
    if not seeds or not all(map(is_whole, seeds)):
        raise ValueError(message)
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"{message}; a seed is listed twice; got {shown(value)}")
    return tuple(seeds)


def _phase_name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError('must be a text such as "batch size"')
    if value == FIRST:
        raise ValueError(f"must not be {FIRST!r}, the name of the study's own axes; take another")
    return value


def _start(value: Any) -> Any:
    if isinstance(value, Mapping) and value:
        return changes_of(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be the name of a variant or bundle, or axes such as { training.optimizer.lr = 0.01 }")
    return value


class PhaseSpec(Axes):
    """A step that starts from the winner of an earlier one.

    `set` changes the baseline, `continue` makes each run continue the winner's run of the same seed in one history,
    `after` names the phase whose winner is taken (default: the one before), `start` another setting of it than the
    winner: by its variant or bundle, or by its axes.
    """

    inside: ClassVar = "set."

    name: Annotated[str, BeforeValidator(_phase_name)]
    set: AxisTable = None
    continues: Annotated[bool, BeforeValidator(flag)] = Field(False, alias="continue")
    after: str | None = None
    start: Annotated[Any, BeforeValidator(lambda value: None if value is None else _start(value))] = None


class Made(Section):
    """What a study was made from; handgrad writes it into the study.toml of a results folder, and nobody else need.

    file: the study's file (None: tables given in Python);  quick: whether its [quick] table was laid over it;
    changes: what the command line then changed.
    """

    file: str | None = None
    quick: Annotated[bool, BeforeValidator(flag)] = False
    changes: tuple[str, ...] = ()

    @property
    def as_it_is(self) -> bool:
        """Whether nothing was laid over the file."""
        return not (self.quick or self.changes)


class StudySpec(Axes):
    """A study as its file says it, checked."""

    name: Annotated[str, BeforeValidator(folder_name)]
    title: str | None = None
    description: str | None = None
    takes: str | None = None
    made: Made | None = None
    seeds: Annotated[tuple[int, ...], BeforeValidator(_seeds)] = (0,)
    select_by: Annotated[str, BeforeValidator(one_of(VALIDATION_METRICS[::-1], "measure"))] = DEFAULT_METRIC
    select_on_test: Annotated[bool, BeforeValidator(flag)] = False
    ddof: Annotated[int, BeforeValidator(whole("[0, 1]"))] = 1
    data: DataSection = DataSection()
    network: NetworkSection = NetworkSection()
    training: TrainingSection = TrainingSection()
    budget: Budget | None = None
    phase: tuple[PhaseSpec, ...] = ()
    quick: AxisTable = None
    figure: tuple[Drawing, ...] = ()
    original: Original | None = None


@dataclass(frozen=True)
class Phase:
    """A phase as it is planned.  `changes`: to the baseline; `after`: number of the phase whose winner is the base.

    `start`: which choice of that phase is the base instead, by its name or axes.
    `asha`: how its runs are stopped short.  `sampling`: where its settings are drawn by their results while the study
    runs; `choices` then are drawn blindly, for what has to be known before.
    """

    name: str
    number: int
    after: int | None
    continues: bool
    changes: Changes
    choices: tuple[Choice, ...]
    asha: Asha | None = None
    sampling: Sampling | None = None
    start: str | Changes | None = None

    def starts(self, earlier: "Phase") -> list[Choice]:
        """The choices of the earlier phase that `start` means."""
        return [choice for choice in earlier.choices if _means(self.start, earlier.changes | choice.axes)]


def _means(start: str | Changes | None, axes: Mapping[str, Any]) -> bool:
    """Whether axes are those that a start names: the name of a variant or bundle among them, or all that it lists."""
    if isinstance(start, str):
        return any(value == start for path, value in axes.items() if not is_path(path))
    return start is not None and all(path in axes and axes[path] == value for path, value in start.items())


@dataclass(frozen=True)
class Study:
    """A study that was read.  `where` names it in messages, `folder` is where relative paths start.

    `changed`: those changes of the command line that make it another study than the file's (`reading.altered`).
    """

    spec: StudySpec
    where: str
    folder: Path
    notes: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()

    @property
    def quick(self) -> bool:
        """Whether it is its file's own small version."""
        return self.spec.made is not None and self.spec.made.quick

    @cached_property
    def base(self) -> Table:
        """What the file says of the base setting, and nothing that it leaves to the defaults."""
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
        found = [Phase(FIRST, 0, None, False, {}, tuple(map(self._ours, first)), spec.asha, self._sampling(spec))]
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
            found.append(Phase(phase.name, number, after, phase.continues, changes, ours, phase.asha, drawn, start))
        return tuple(found)

    def _sampling(self, axes: Axes) -> Sampling | None:
        """What is drawn while the study runs; what is drawn blindly is listed like everything else."""
        drawn = sampling(axes)
        if drawn is None or drawn.sampler == SAMPLERS[0]:
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
