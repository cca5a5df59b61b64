"""Running a study: phase by phase, only what is not finished yet, records written as they come.

Memory does not grow with the number of runs: a record is written and let go, only its summary is kept.
"""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handgrad.data.datasets import Dataset
from handgrad.errors import HandgradError
from handgrad.study.budget import Purse
from handgrad.study.plan import Plan
from handgrad.study.planned import PlannedPhase, PlannedRun, PlannedSetting
from handgrad.study.progress import Event, Observer, silent
from handgrad.study.results import Results
from handgrad.study.runners import Job, Outcome, Runner, cores, failed_record, open_runner
from handgrad.study.search_phase import opened_search
from handgrad.study.select import RunSummary
from handgrad.study.shelf import Shelf
from handgrad.study.spec import Study
from handgrad.study.store import Store, opened
from handgrad.study.writer import Writer
from handgrad.training.course import EpochEnd
from handgrad.training.engines import kernels_of, prepare


def run_study(
    study: Study,
    out: str | Path | None = None,
    *,
    jobs: int | None = None,
    observer: Observer = silent,
    data: Dataset | None = None,
    runner: Runner | str | None = None,
    address: str | None = None,
    cpus_per_run: float | None = None,
) -> Results:
    """Run what is not finished of a study and return its results.  Running it again continues it.

    out: the results folder (default results/<study>).  jobs: worker processes (default one per core; 1 is this
    process).  data: a data set in memory, for studies whose data.name is its name.  Same bits whatever jobs is.
    runner: "serial", "processes", "ray" or a runner of your own.  address: "host:port" of a Ray cluster (default:
    RAY_ADDRESS, else one started here); cpus_per_run: what a run asks of it (default 1).
    Raises InputError before anything runs where something does not fit, and KeyboardInterrupt when interrupted:
    whatever was in progress then continues from its checkpoint.

    >>> import tempfile
    >>> from handgrad.study import load_study
    >>> study = load_study("quickstart", ["seeds=1", "training.epochs=1", "grid.network.hidden=[8]"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run_study(study, folder, jobs=1).state
    'done'
    """
    plan = Plan(study, Shelf(study.folder, data))
    if runner is None or isinstance(runner, str):
        runner, notes = open_runner(
            jobs,
            runner,
            address=address,
            cpus_per_run=cpus_per_run,
            say=lambda text: observer(Event("note", text=text)),
        )
        plan.notes += notes
    try:
        with opened(Path(out) if out is not None else study.default_out, study.spec.name) as store:
            return _Execution(plan, store, runner, observer).run()
    finally:
        runner.close()


class _Execution:
    def __init__(self, plan: Plan, store: Store, runner: Runner, observer: Observer) -> None:
        self.plan, self.store, self.runner, self.observer = plan, store, runner, observer
        self.plan.shelf.folder = store.working
        self.finished: dict[str, RunSummary] = {}  # id -> summary, of this study's runs
        self.where = {"runner": runner.name, "workers": runner.workers, "threads_per_worker": 1, "cores": cores()}
        self.bar = _Bar(plan)
        self.writer: Writer[_Place] = Writer(store)
        self.purse = Purse(plan.study.spec.budget, store.seconds_spent())
        self.prepared: set[tuple[str, str, str]] = set()
        self.of: dict[str, tuple[PlannedPhase, PlannedSetting, PlannedRun]] = {}  # id -> the place of a job

    def run(self) -> Results:
        try:
            self.store.write_study(self.plan.study.toml())
            self._write("running")
            self._find_finished(self.plan.phases[0])
            self._tell("planned", details=self.where)
            for note in dict.fromkeys(self.plan.notes):
                self._tell("note", text=note)
            for number in range(len(self.plan.phases)):
                self._phase(number)
        except BaseException:  # an interrupt, a full disk: the same command goes on from here
            self.writer.close()
            with suppress(HandgradError):
                self._write("interrupted")
            raise
        self.writer.close()
        self.bar.total = self.bar.work
        if self.purse.spent:
            left = self.plan.run_count - len(self.finished)
            self._note(
                f"the budget of {self.purse.budget} is spent: {left} of at most {self.plan.run_count} runs were not "
                "begun; the same command with a larger budget goes on"
            )
        some_failed = any(summary.status == "failed" for summary in self.finished.values())
        self._write("failed" if some_failed else "done")
        self._tell("study finished")
        return Results.open(self.store.folder)

    def _prepare(self, settings: Iterable[PlannedSetting]) -> None:
        """Compile what the runs to come need, here and once, before workers start."""
        waiting = [s.setting for s in settings if any(self._is_left(run) for run in s.runs)]
        resolved = [setting.resolved() for setting in waiting if setting is not None]
        kinds = {(s.training.engine, s.training.dtype, kernels_of(s.network.layer_list(1))) for s in resolved}
        for kind in sorted(kinds - self.prepared):
            prepare(*kind)
            self.prepared.add(kind)

    def _is_left(self, run: PlannedRun) -> bool:
        """Whether a run has not come to its end."""
        return run.id not in self.finished or self.finished[run.id].status == "pruned"

    def _phase(self, number: int) -> None:
        if number:
            if self.plan.phases[self.plan.study.phases[number].after or 0].winner is None:
                self._note(f'phase "{self.plan.phases[number].name}" is left out: there is no winner to start from')
                return
            self.plan.later(number)
            self.bar.total, self.bar.runs = self.bar.work + self.plan.cost(number), self.plan.run_count
            self._find_finished(self.plan.phases[number])
            self._write("running")
        phase = self.plan.phases[number]
        self._tell("phase started", phase=phase.name)
        if phase.asha is not None or phase.drawn:
            winner = self._search(number)
        else:
            self._prepare(phase.settings)
            for outcome in self.runner.map(self._jobs(phase), self._heard):
                self._keep(outcome)
                self._settle()
            self._settle(all_of_them=True)
            winner = self.plan.decide(number, self.finished)
        self._write("running")
        self._tell("phase finished", phase=phase.name, label=winner or "")

    def _search(self, number: int) -> str | None:
        """Run a phase whose settings are drawn, or whose runs are stopped, while it goes on; its winner."""
        with opened_search(self, number) as search:
            for outcome in self.runner.map(search.jobs(), self._heard):
                if outcome.paused is None:
                    self._keep(outcome)
                search.took(outcome)
                self._settle()
            self._settle(all_of_them=True)
            winner = self.plan.decide(number, self.finished, search.winner)
            search.end(winner)
        return winner

    # -- what a search asks of the study (`search_phase.Execution`)

    def ready(self, setting: PlannedSetting) -> None:
        self._look_for(setting)
        self._prepare([setting])

    def has_record(self, run_id: str) -> bool:
        return run_id in self.finished and self.finished[run_id].status != "failed"

    def note(self, text: str) -> None:
        self._note(text)

    def job(
        self, phase: PlannedPhase, setting: PlannedSetting, planned: PlannedRun, until: int | None, *, prune: bool
    ) -> Job | None:
        """The job of a run; None where the run that it continues has failed, which is recorded."""
        assert setting.setting is not None
        assert setting.data is not None
        assert planned.id is not None
        run = setting.run(planned, self.plan.shelf.facts(setting.setting.data).checksum)
        parent = None if planned.continues is None else self.finished[planned.continues]
        self.of[planned.id] = phase, setting, planned
        if parent is not None and parent.status == "failed":
            text = f"the run {parent.id} that it continues has failed"
            self._keep(Outcome(Job(run, planned.id, Path()), None, text))
            return None
        if planned.id in self.finished and self.finished[planned.id].status == "pruned":
            self.store.revive(planned.id)
        return Job(
            run=run,
            id=planned.id,
            split=self.plan.shelf.path(setting.data),
            checkpoint=self.store.checkpoint(planned.id),
            parent=None if parent is None else self.store.run_folder(parent.id),
            until=until,
            prune=prune,
        )

    # -- runs

    def _find_finished(self, phase: PlannedPhase) -> None:
        """Take over the runs of a phase that an earlier call finished."""
        for setting in phase.settings if phase.known else ():
            self._look_for(setting)

    def _look_for(self, setting: PlannedSetting) -> None:
        for run in setting.runs:
            assert run.id is not None
            if run.id in self.finished:
                continue
            summary, note = self.store.finished(run.id)
            if note:
                self._note(note)
            if summary is not None:
                self.finished[run.id] = summary
                self.bar.ended(summary, setting.cost)
        if setting.data is not None and not (self.store.folder / "data" / f"{setting.data}.json").exists():
            self.store.write_data(setting.data, self.plan.shelf.split(setting.data))

    def _jobs(self, phase: PlannedPhase) -> Iterator[Job]:
        """The unfinished runs of a phase, seeds of a setting together, as far as the budget goes."""
        for setting in phase.settings:
            if setting.data is not None and any(self._is_left(run) for run in setting.runs):
                self.plan.shelf.path(setting.data)
        self.plan.shelf.clear()
        for setting in phase.settings:
            left = [run for run in setting.runs if self._is_left(run)]
            if not self.purse.take({str(run.id): setting.epochs for run in setting.runs}, begun=not left):
                continue
            for planned in left:
                job = self.job(phase, setting, planned, None, prune=False)
                if job is not None:
                    yield job

    def _keep(self, outcome: Outcome) -> None:
        place = _Place(*self.of.pop(outcome.job.id), outcome.error)
        record = outcome.record or failed_record(outcome.job.run, outcome.job.id, outcome.error or "unknown")
        where: dict[str, Any] = {**record.data["environment"], "execution": self.where}
        self.writer.save(replace(record, data={**record.data, "environment": where}), place)

    def _settle(self, *, all_of_them: bool = False) -> None:
        """Note and tell of the runs whose records are on the disk."""
        for summary, place in self.writer.saved(all_of_them=all_of_them):
            self.finished[summary.id] = summary
            self.bar.ended(summary, place.setting.cost)
            self._tell(
                "run finished",
                phase=place.phase.name,
                label=place.setting.label,
                run=summary.id,
                seed=place.planned.seed,
                status=summary.status,
                metrics=summary.metrics,
                seconds=summary.seconds,
                epochs=summary.epochs,
                text=place.error or "",
            )

    def _heard(self, job: Job, news: EpochEnd | None) -> None:
        phase, setting, planned = self.of[job.id]
        told = {"phase": phase.name, "label": setting.label, "run": job.id, "seed": planned.seed}
        if news is None:
            self._tell("run started", **told)
        else:
            self.bar.at(job.id, setting.cost * news.epoch / news.epochs)
            self._tell("epoch done", epoch=news.epoch, epochs=news.epochs, metrics=news.metrics, **told)

    def _note(self, text: str) -> None:
        self.plan.notes.append(text)
        self._tell("note", text=text)

    def _tell(self, kind: str, **told: Any) -> None:
        if self.observer is not silent:
            self.observer(
                Event(
                    kind,
                    work=self.bar.work,
                    total=max(self.bar.work, self.bar.total),
                    finished=len(self.finished),
                    runs=self.bar.runs,
                    **told,
                )
            )

    def _write(self, state: str) -> None:
        budget = {} if self.purse.budget is None else {"budget": self.purse.to_json()}
        self.store.write_plan({**self.plan.to_json(), **budget, "state": state, "execution": self.where})


@dataclass(frozen=True)
class _Place:
    """Where a run belongs in the plan, and the error that it ended with."""

    phase: PlannedPhase
    setting: PlannedSetting
    planned: PlannedRun
    error: str | None


class _Bar:
    """How much of the work is done, that of runs in progress included."""

    def __init__(self, plan: Plan) -> None:
        self._done = 0.0
        self._going: dict[str, float] = {}
        self.total, self.runs = plan.cost(), plan.run_count

    @property
    def work(self) -> float:
        return self._done + sum(self._going.values())

    def at(self, run_id: str, work: float) -> None:
        self._going[run_id] = work

    def ended(self, summary: RunSummary, cost: float) -> None:
        trained = self._going.pop(summary.id, 0.0)
        self._done += trained if summary.status == "pruned" else cost
