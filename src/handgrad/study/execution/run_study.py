"""Running a study: phase by phase, only runs that are not finished yet; each record is written when its run ends."""

import os
import shlex
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from handgrad.data.datasets import Dataset
from handgrad.errors import HandgradError, InputError, ResultsError
from handgrad.foreign import as_path
from handgrad.names import plural, shown
from handgrad.sections import given
from handgrad.study.design.settings import Study
from handgrad.study.execution.choose_runner import jobs_for, open_runner
from handgrad.study.execution.events import Event, Observer, StudyProgress
from handgrad.study.execution.notebook_progress import watched_study
from handgrad.study.execution.run_jobs import Runs
from handgrad.study.folder.left_behind import left_behind
from handgrad.study.folder.results_folder import Results
from handgrad.study.folder.store import Store, opened
from handgrad.study.planning.memory import check_memory
from handgrad.study.planning.plan import Plan
from handgrad.study.planning.planned import PlannedPhase, PlannedSetting
from handgrad.study.planning.split_cache import SplitCache
from handgrad.study.reading.loading import as_study
from handgrad.study.rules.budget import BudgetTracker
from handgrad.study.runners.processes import Processes, refuse_unguarded
from handgrad.study.runners.runner import Runner, Serial, cores
from handgrad.study.search.phase import opened_search
from handgrad.training.engines import kernels_for, prepare


def run_study(
    study: Study | Mapping[str, Any] | str | os.PathLike[str],
    out: str | Path | None = None,
    *,
    jobs: int | None = None,
    observer: Observer | None = None,
    data: Dataset | None = None,
    runner: Runner | str | None = None,
    address: str | None = None,
    cpus_per_run: float | None = None,
    phases: Sequence[str] = (),
) -> Results:
    """Run what is not finished of a study and return its results.  Running it again continues it.

    study: a `Study`, a study file or the name of a ready-made one, or the tables of a file.
    out: the results folder (default results/<study>).
    jobs: worker processes (default one per core, or 1 where all runs share a GPU; 1 is this process); any number of
    them gives the same bits.
    observer: called with an `Event` for whatever happens (default: a bar in a notebook, else nothing).
    data: a data set in memory, for studies whose data.name is its name.
    runner: a name in `RUNNERS` ("serial", "processes", "ray"), or a runner of your own.
    address: "host:port" of a Ray cluster (default: RAY_ADDRESS, else one started here); cpus_per_run: the CPUs that it
    reserves for a run (default 1).
    phases: the names of those that are run, with those that they come after (default all).
    Raises InputError before anything runs where something does not fit, and KeyboardInterrupt when interrupted:
    runs in progress then continue from their checkpoints.

    >>> import tempfile
    >>> from handgrad.study import load_study
    >>> study = load_study("quickstart", ["seeds=1", "training.epochs=1", "grid.network.hidden=[8]"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run_study(study, folder, jobs=1).state
    'done'
    """
    check_call(observer, runner, data)
    study = as_study(study)
    folder = study.default_out if out is None else as_path(out, "out")
    plan = Plan(study, SplitCache(study.folder, data), _names(phases))
    with watched_study(observer) as watch:
        return execute_plan(plan, folder, Execution, runner, jobs, watch, address=address, cpus_per_run=cpus_per_run)


def _names(phases: Any) -> tuple[str, ...]:
    """The phases that are asked for, as names."""
    if isinstance(phases, str) or not isinstance(phases, Iterable):
        raise InputError(f'phases must be a list of names, as in ["main"]; got {shown(phases)}')
    found = tuple(phases)
    if not all(isinstance(name, str) for name in found):
        raise InputError(f'phases must be a list of names, as in ["main"]; got {shown(found)}')
    return found


def check_call(observer: Any, runner: Any, data: Any) -> None:
    """Raise InputError for a script without a guard, for data, a runner or an observer that is none."""
    refuse_unguarded()
    if data is not None:
        given(data, Dataset, "data", "Make one of arrays with hg.from_arrays(x, y)")
    if observer is not None and not callable(observer):
        raise InputError(f"observer must be a function that takes an Event; got {shown(observer)}")
    if not (runner is None or isinstance(runner, str) or hasattr(runner, "map")):
        raise InputError(f"runner must be serial, processes, ray or a runner of your own; got {shown(runner)}")


def execute_plan(
    plan: Plan,
    folder: Path,
    execution: "type[Execution]",
    runner: Runner | str | None,
    jobs: int | None,
    observer: Observer,
    *,
    address: str | None = None,
    cpus_per_run: float | None = None,
) -> Results:
    """Execute a plan in a results folder with the runner that is asked for, as `run_study` says."""
    if runner is None or isinstance(runner, str):
        runner, notes = open_runner(
            jobs_for(plan, jobs) if runner is None else jobs,
            runner,
            address=address,
            cpus_per_run=cpus_per_run,
            say=lambda text: observer(Event("note", text=text)),
        )
        plan.notes += notes
    try:
        if isinstance(runner, Serial | Processes):  # what the machines of a cluster have is not known here
            check_memory(plan.heaviest, runner.workers)
        with opened(folder, plan.study.spec.name) as store:
            return execution(plan, store, runner, observer).run()
    finally:
        runner.close()


class Execution:
    """A plan that is executed; for the searches of its phases it is their `search.phase.SearchedStudy`."""

    def __init__(self, plan: Plan, store: Store, runner: Runner, observer: Observer) -> None:
        self.plan, self.store, self.runner = plan, store, runner
        self.plan.splits.folder = store.working
        self.where = {"runner": runner.name, "workers": runner.workers, "threads_per_worker": 1, "cores": cores()}
        self.progress = StudyProgress(plan, observer)
        self.runs = Runs(plan, store, self.progress, self.where)
        self.tracker = BudgetTracker(plan.study.spec.budget, store.seconds_spent())
        self.prepared: set[tuple[str, str, str]] = set()
        self.note, self.job, self.has_record = self.progress.note, self.runs.job, self.runs.has_record

    def run(self) -> Results:
        first = self.plan.phases[0]
        try:
            replaced = self.store.begin(self.plan.study.toml(), first.to_json())
        except BaseException:  # what the folder held is as it was
            self.runs.close()
            raise
        try:
            self._write("running")
            if replaced is not None:
                self.progress.tell("note", text=replaced)
            notes = dict.fromkeys(self.plan.notes)  # what is noted from here on is told when it happens
            self._look_over(first)
            self.progress.tell("planned")
            for note in notes:
                self.progress.tell("note", text=note)
            self.phases()
        except BaseException:  # an interrupt, a full disk: the same command goes on from here
            self.runs.close()
            with suppress(HandgradError):
                self._write("interrupted")
            raise
        self.runs.close()
        self.store.tidy({run_id for run_id in self.runs.ended if self.runs.has_record(run_id)})
        self.progress.grown()
        if self.tracker.spent:
            left = self.plan.run_count - len(self.runs.ended)
            self.note(
                f"the budget of {self.tracker.budget} is spent: {left} of at most {plural(self.plan.run_count, 'run')} "
                f"{'was' if left == 1 else 'were'} not begun; the same command with a larger budget goes on"
            )
        some_failed = any(summary.status == "failed" for summary in self.runs.ended.values())
        if left := len(self.plan.phases) - len(self.plan.taken_phases):
            self.note(
                f"phases that were not asked for and not begun: {left} of {len(self.plan.phases)}; the same command "
                "without --phase goes on"
            )
        self._write("failed" if some_failed else "done")
        self._name_left_behind()
        self.progress.tell("study finished")
        return Results.open(self.store.folder)

    def _name_left_behind(self) -> None:
        """Say which runs lie in the folder that this study does not list, and what removes them."""
        try:
            left = left_behind(self.store.folder)
        except ResultsError:  # phases that were not asked for may still come to them
            return
        if left:
            what = f"{len(left)} run{'' if len(left) == 1 else 's'} of earlier studies"
            self.progress.tell(
                "note",
                text=f"{self.store.folder} holds {what} that this one does not list; to see and remove them: "
                f"handgrad clean {shlex.quote(str(self.store.folder))}",
            )

    def phases(self) -> None:
        """Run the phases, one after the other."""
        for number, phase in enumerate(self.plan.phases):
            if phase.name in self.plan.taken:
                self._phase(number)

    def _phase(self, number: int) -> None:
        if number:
            if self.plan.phases[self.plan.study.phases[number].after or 0].winner is None:
                self.note(f'phase "{self.plan.phases[number].name}" is left out: there is no winner to start from')
                return
            self.plan.later(number)
            self.begin(number)
        phase = self.plan.phases[number]
        self.progress.tell("phase started", phase=phase.name)
        winner = self._search(number) if phase.asha is not None or phase.drawn else self.every_run(number)
        self._write("running")
        self.progress.tell("phase finished", phase=phase.name, label=winner or "")

    def begin(self, number: int) -> None:
        """A phase is planned: look which of its runs have ended, and write the plan."""
        self.progress.grown(self.plan.cost(number))
        self._look_over(self.plan.phases[number])
        self._write("running")

    def every_run(self, number: int) -> str | None:
        """Run the unfinished runs of a phase -> its winner."""
        phase = self.plan.phases[number]
        self._prepare(phase.settings)
        for outcome in self.runner.map(self.runs.jobs(phase, self.tracker), self.runs.heard):
            self.runs.keep(outcome)
            self.runs.settle()
        self.runs.settle(all_of_them=True)
        return self.plan.decide(number, self.runs.ended)

    def _search(self, number: int) -> str | None:
        """Run a phase with a sequential sampler or a search rule -> its winner."""
        with opened_search(self, number) as search:
            for outcome in self.runner.map(search.jobs(), self.runs.heard):
                if outcome.paused is None:
                    self.runs.keep(outcome)
                search.took(outcome)
                self.runs.settle()
            self.runs.settle(all_of_them=True)
            winner = self.plan.decide(number, self.runs.ended, search.winner)
            search.end(winner)
        return winner

    def ready(self, setting: PlannedSetting) -> None:
        """Prepare a setting that a search is about to begin."""
        self.runs.look_for(setting)
        self._prepare([setting])

    def _look_over(self, phase: PlannedPhase) -> None:
        for setting in phase.settings if phase.known else ():
            self.runs.look_for(setting)

    def _prepare(self, settings: Iterable[PlannedSetting]) -> None:
        """Compile the kernels of the coming runs, here and once, before workers start."""
        waiting = [s.setting for s in settings if any(self.runs.is_left(run) for run in s.runs)]
        resolved = [setting.resolved() for setting in waiting if setting is not None]
        kinds = {
            (
                s.training.engine,
                s.training.dtype,
                kernels_for(s.network.layer_list(1), s.training, self.plan.splits.facts(s.data).nonzero),
            )
            for s in resolved
        }
        for kind in sorted(kinds - self.prepared):
            prepare(*kind, load=isinstance(self.runner, Serial))
            self.prepared.add(kind)

    def _write(self, state: str) -> None:
        budget = {} if self.tracker.budget is None else {"budget": self.tracker.to_json()}
        self.store.write_plan({**self.plan.to_json(), **budget, "state": state, "execution": self.where})
