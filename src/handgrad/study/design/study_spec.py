"""A study file, checked: the base setting, what varies, the seeds and the phases (docs/studies.md lists every key)."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, model_validator

from handgrad.accepts import POSITIVE, TEXT, WHOLE, accepts, either, list_of
from handgrad.data.data_section import DataSection
from handgrad.displays import SIGNS
from handgrad.measures import DEFAULT_METRIC, VALIDATION_METRICS
from handgrad.names import short, shown
from handgrad.network.network_section import NetworkSection
from handgrad.sections import Section, flag, is_whole, one_of, optional, real, whole
from handgrad.study.changes import changes_of
from handgrad.study.design.axes import Axes, AxisTable
from handgrad.study.published.explain_section import ExplainSection
from handgrad.study.published.items import Drawing, Original
from handgrad.study.published.print_options import PrintOptions
from handgrad.study.rules.budget import Budget
from handgrad.training.sources import checked_sources
from handgrad.training.training_section import TrainingSection
from handgrad.training.usual_values import with_usual_values

MOST_RUNS = 100_000  # of a study: what is planned is held in memory and written as one plan
FIRST = "main"  # the name of the phase that the study's own axes make
_LETTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. ")


@accepts({"type": "string", "minLength": 1, "maxLength": 60})
def folder_name(value: Any) -> str:
    """A name that every system takes as the name of a folder."""
    if (
        not isinstance(value, str)
        or not 0 < len(value) <= 60
        or not set(value) <= _LETTERS
        or not (value[0].isalnum() and (value[-1].isalnum() or value[-1] in "-_"))
    ):
        raise ValueError(
            "must be a name of the signs a to z, A to Z, 0 to 9, - _ . and spaces, at most 60 long (it names a folder)"
        )
    return value


@accepts(either(POSITIVE, list_of(WHOLE, 1)))
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


@accepts(TEXT)
def _phase_name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError('must be a text such as "batch size"')
    if value == FIRST:
        raise ValueError(f"must not be {FIRST!r}, the name of the study's own axes; take another")
    return value


@accepts(either(TEXT, {"type": "object"}))
def _start(value: Any) -> Any:
    if isinstance(value, Mapping) and value:
        return changes_of(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError("must be the name of a variant or bundle, or axes such as { training.optimizer.lr = 0.01 }")
    return value


Vary = Annotated[tuple[str, ...] | None, BeforeValidator(optional(checked_sources))]  # None: nothing is said


class PhaseSpec(Axes):
    """A step that starts from the winner of an earlier one.

    `set` changes the baseline, `continue` makes each run continue the winner's run of the same seed in one history,
    `after` names the phase whose winner is taken (default: the one before), `start` another setting of it than the
    winner: by its variant or bundle, or by its axes.  `new_seeds`: how many seeds it has in place of the study's, the
    whole numbers after the largest of those.  `vary`: what its seeds vary, in place of what those of the study do.
    """

    inside: ClassVar = "set."

    name: Annotated[str, BeforeValidator(_phase_name)]
    set: AxisTable = None
    continues: Annotated[bool, BeforeValidator(flag)] = Field(False, alias="continue")
    after: str | None = None
    start: Annotated[Any, BeforeValidator(optional(_start))] = None
    new_seeds: Annotated[int | None, BeforeValidator(optional(whole("[1, 100]")))] = None
    vary: Vary = None

    def seeds(self, of_study: tuple[int, ...]) -> tuple[int, ...]:
        """The seeds of its runs."""
        if self.new_seeds is None:
            return of_study
        first = max(of_study) + 1
        return tuple(range(first, first + self.new_seeds))


class Made(Section):
    """What a study was made from; handgrad writes it into the study.toml of a results folder.

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


class ConclusionsSection(Section):
    """The table [conclusions] of a study: what its report takes to be equal.

    margin: settings whose mean differs by less are equivalent, in the units of the measure that chooses winners: 0.01
    of an accuracy is one point.
    """

    example: ClassVar = "{ margin = 0.01 }"

    margin: Annotated[float, BeforeValidator(real("(0, inf)"))]


class StudySpec(Axes):
    """A study as its file says it, checked."""

    name: Annotated[str, BeforeValidator(folder_name)]
    title: str | None = None
    description: str | None = None
    takes: str | None = None
    made: Made | None = None
    seeds: Annotated[tuple[int, ...], BeforeValidator(_seeds)] = (0,)
    vary: Vary = None
    select_by: Annotated[str, BeforeValidator(one_of(VALIDATION_METRICS, "measure"))] = DEFAULT_METRIC
    select_on_test: Annotated[bool, BeforeValidator(flag)] = False
    ddof: Annotated[int, BeforeValidator(whole("[0, 1]"))] = 1
    data: DataSection = DataSection()
    network: NetworkSection = NetworkSection()
    training: TrainingSection = TrainingSection()
    budget: Budget | None = None
    conclusions: ConclusionsSection | None = None
    report: PrintOptions | None = None
    phase: tuple[PhaseSpec, ...] = ()
    quick: AxisTable = None
    figure: tuple[Drawing, ...] = ()
    original: Original | None = None
    explain: ExplainSection | None = None

    @model_validator(mode="before")
    @classmethod
    def _usual_values(cls, tables: Any) -> Any:
        return with_usual_values(tables, selects=True)

    def __repr__(self) -> str:
        return short(f"StudySpec({self.model_dump(exclude_unset=True, by_alias=True)!r})", SIGNS)
