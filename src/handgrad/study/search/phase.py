"""The search of one phase of a study that runs: its rule, its source of settings and its decisions put together.

Settings come from the plan's list, or from a sampler that sees results before it draws.  Serially a sampler is
deterministic by `random.seed`; with several workers it depends on the order of results, so every question and answer
is written down (`folder.decisions`), and asking again in the same order gives the same settings.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from handgrad.measures import lower_is_better
from handgrad.study.folder.decisions import Decisions
from handgrad.study.folder.store import Store
from handgrad.study.planning.plan import Plan
from handgrad.study.planning.planned import PlannedPhase, PlannedRun, PlannedSetting
from handgrad.study.rules.budget import BudgetTracker
from handgrad.study.rules.samplers import SAMPLERS, SequentialSampler
from handgrad.study.runners.runner import RunJob
from handgrad.study.search.search import Ended, Misfit, Search, SettingSource
from handgrad.training.curves import by_epoch
from handgrad.training.record import load, load_curves


class SearchedStudy(Protocol):
    """The running study, for a search."""

    plan: Plan
    store: Store
    tracker: BudgetTracker

    def ready(self, setting: PlannedSetting) -> None:
        """Take over the finished runs of a setting and compile its kernels."""

    def has_record(self, run_id: str) -> bool:
        """Whether a run has a record that does not say it failed."""

    def job(
        self, phase: PlannedPhase, setting: PlannedSetting, planned: PlannedRun, until: int | None, *, prune: bool
    ) -> RunJob | None:
        """The job of a run, None where it cannot run."""

    def note(self, text: str) -> None:
        """Tell the observer a note."""


class _PhaseHost:
    """`search.SearchHost` of one phase."""

    def __init__(self, execution: SearchedStudy, number: int, metric: str) -> None:
        self._execution, self._number, self._metric = execution, number, metric
        self.ready: Callable[[PlannedSetting], None] = execution.ready
        self.note: Callable[[str], None] = execution.note

    def past(self, run_id: str) -> Ended | None:
        if not self._execution.has_record(run_id):
            return None
        folder = self._execution.store.run_folder(run_id)
        record = load(folder, arrays=False)
        curves = load_curves(folder, record)
        if record.status != "diverged" and self._metric not in by_epoch(curves):
            self.note(f"run {run_id} is made again: an earlier version did not score {self._metric} after every epoch")
            return None
        return Ended.of(record, curves, self._metric)

    def job(self, setting: PlannedSetting, planned: PlannedRun, until: int, *, prune: bool) -> RunJob | None:
        phase = self._execution.plan.phases[self._number]
        return self._execution.job(phase, setting, planned, until, prune=prune)


@contextmanager
def opened_search(execution: SearchedStudy, number: int) -> Iterator[Search]:
    """The search of a phase, continued from its recorded decisions."""
    plan, phase = execution.plan, execution.plan.phases[number]
    drawn = plan.study.phases[number].sampling
    metric = (phase.asha.metric if phase.asha else None) or plan.study.spec.select_by
    head: dict[str, Any] = {
        "phase": phase.name,
        "start": phase.start,
        "metric": metric,
        "asha": None if phase.asha is None else phase.asha.model_dump(),
        "sampler": None if drawn is None else {"name": drawn.sampler, "seed": drawn.seed, "ranges": drawn.ranges},
    }
    decisions = Decisions(execution.store.decisions(number), head)
    if decisions.problem:
        execution.note(
            f'phase "{phase.name}": {decisions.path.name}, {decisions.problem}; '
            "the search is decided anew from there, trained epochs are kept"
        )
    if decisions.other:
        execution.note(f'phase "{phase.name}": its search has changed and is decided anew; trained epochs are kept')

    def begun() -> Search:
        source: SettingSource
        sequential = None if drawn is None else SAMPLERS[drawn.sampler].sequential
        if drawn is None or sequential is None:
            source = Listed(phase.settings)
        else:
            plan.open(number)

            def add(parameters: Mapping[str, Any]) -> PlannedSetting:
                return plan.add(number, parameters)

            sampler = sequential(drawn, not lower_is_better(metric))
            source = Drawn(sampler, drawn.runs, add, decisions.add)
        host = _PhaseHost(execution, number, metric)
        return Search(phase.asha, metric, source, decisions, execution.tracker, host)

    search = begun()
    try:
        search.replay()
    except Misfit as misfit:
        execution.note(
            f'phase "{phase.name}": {decisions.path.name}, {misfit}; '
            "the search is decided anew, trained epochs are kept"
        )
        decisions.restart()
        search = begun()
    try:
        yield search
    finally:
        decisions.close()


class Listed:
    """The settings of the plan, in its order."""

    def __init__(self, settings: Sequence[PlannedSetting]) -> None:
        self._left = deque(settings)

    def next(self) -> PlannedSetting | None:
        return self._left.popleft() if self._left else None

    def recorded(self, parameters: Mapping[str, Any]) -> PlannedSetting | None:
        return None  # a list is not asked

    def tell(self, label: str, epoch: int, value: float | None, *, last: bool) -> None:
        pass


class Drawn:
    """At most `runs` draws of a sampler.  `add` puts a drawn setting into the plan, `note` writes the draw down."""

    def __init__(
        self,
        sampler: SequentialSampler,
        runs: int,
        add: Callable[[Mapping[str, Any]], PlannedSetting],
        note: Callable[..., None],
    ) -> None:
        self._sampler, self._runs, self._add, self._note = sampler, runs, add, note
        self._draws = 0
        self._labels: set[str] = set()

    def next(self) -> PlannedSetting | None:
        while self._draws < self._runs:
            number, parameters = self._sampler.ask()
            setting, new = self._take(parameters)
            self._note("asked", number=number, parameters=parameters, setting=setting.label)
            if new:
                return setting
        return None

    def recorded(self, parameters: Mapping[str, Any]) -> PlannedSetting | None:
        self._sampler.replay(parameters)
        return self._take(parameters)[0]

    def tell(self, label: str, epoch: int, value: float | None, *, last: bool) -> None:
        self._sampler.tell(label, epoch, value, last=last)

    def _take(self, parameters: Mapping[str, Any]) -> tuple[PlannedSetting, bool]:
        """(the setting, whether it is new): the same one may be drawn twice where every axis is a choice."""
        self._draws += 1
        setting = self._add(parameters)
        new = setting.label not in self._labels
        self._labels.add(setting.label)
        self._sampler.drew(setting.label)
        return setting, new
