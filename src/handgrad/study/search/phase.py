"""The search of one phase of a study that runs: its rule, source and decisions put together, and its files."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from handgrad.measures import lower_is_better
from handgrad.study.folder.decisions import Decisions
from handgrad.study.folder.store import Store
from handgrad.study.planning.plan import Plan
from handgrad.study.planning.planned import PlannedPhase, PlannedRun, PlannedSetting
from handgrad.study.rules.budget import BudgetTracker
from handgrad.study.rules.samplers import SAMPLERS
from handgrad.study.runners.runner import Job
from handgrad.study.search.search import Ended, Misfit, Search
from handgrad.study.search.setting_sources import Drawn, Listed, SettingSource
from handgrad.training.record import load, load_curves


class Execution(Protocol):
    """What the running study does for a search."""

    plan: Plan
    store: Store
    tracker: BudgetTracker

    def ready(self, setting: PlannedSetting) -> None:
        """Find finished runs, compile."""

    def has_record(self, run_id: str) -> bool:
        """Whether a run has a record that does not say it failed."""

    def job(
        self, phase: PlannedPhase, setting: PlannedSetting, planned: PlannedRun, until: int | None, *, prune: bool
    ) -> Job | None:
        """The job of a run, None where it cannot run."""

    def note(self, text: str) -> None:
        """Say something."""


class _PhaseHost:
    """`search.SearchHost` of one phase."""

    def __init__(self, execution: Execution, number: int, metric: str) -> None:
        self._execution, self._number, self._metric = execution, number, metric
        self.ready: Callable[[PlannedSetting], None] = execution.ready
        self.note: Callable[[str], None] = execution.note

    def past(self, run_id: str) -> Ended | None:
        if not self._execution.has_record(run_id):
            return None
        folder = self._execution.store.run_folder(run_id)
        record = load(folder, arrays=False)
        return Ended.of(record, load_curves(folder, record), self._metric)

    def job(self, setting: PlannedSetting, planned: PlannedRun, until: int, *, prune: bool) -> Job | None:
        phase = self._execution.plan.phases[self._number]
        return self._execution.job(phase, setting, planned, until, prune=prune)


@contextmanager
def opened_search(execution: Execution, number: int) -> Iterator[Search]:
    """The search of a phase, gone on with from what was recorded of it."""
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
