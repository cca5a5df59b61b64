"""Running a study: phase by phase, only what is not finished yet, records written as they come.

Memory does not grow with the number of runs: a record is written and let go, only its summary is kept.
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from handgrad.data.datasets import Dataset
from handgrad.errors import HandgradError
from handgrad.study.plan import Plan, PlannedPhase, PlannedRun, PlannedSetting
from handgrad.study.progress import Event, Observer, silent
from handgrad.study.results import Results
from handgrad.study.runners import Job, Outcome, Runner, cores, failed_record, open_runner
from handgrad.study.select import RunSummary
from handgrad.study.shelf import Shelf
from handgrad.study.spec import Study
from handgrad.study.store import Store, opened
from handgrad.study.writer import Writer
from handgrad.training.engines import kernels_of, prepare
from handgrad.training.loop import EpochEnd


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
        some_failed = any(summary.status == "failed" for summary in self.finished.values())
        self._write("failed" if some_failed else "done")
        self._tell("study finished")
        return Results.open(self.store.folder)

    def _prepare(self, phase: PlannedPhase) -> None:
        """Compile what the runs to come need, here and once, before workers start."""
        waiting = [s.setting for s in phase.settings if any(run.id not in self.finished for run in s.runs)]
        settings = [setting.resolved() for setting in waiting if setting is not None]
        kinds = {(s.training.engine, s.training.dtype, kernels_of(s.network.layer_list(1))) for s in settings}
        for engine, dtype, kernels in sorted(kinds):
            prepare(engine, dtype, kernels)

    def _phase(self, number: int) -> None:
        if number:
            if self.plan.phases[self.plan.study.phases[number].after or 0].winner is None:
                self._note(f'phase "{self.plan.phases[number].name}" is left out: there is no winner to start from')
                return
            self.plan.later(number)
            self.bar.total, self.bar.runs = self.plan.cost, self.plan.run_count
            self._find_finished(self.plan.phases[number])
            self._write("running")
        phase = self.plan.phases[number]
        self._prepare(phase)
        self._tell("phase started", phase=phase.name)
        of: dict[str, tuple[PlannedSetting, PlannedRun]] = {}
        for outcome in self.runner.map(self._jobs(phase, of), lambda job, news: self._heard(phase, of, job, news)):
            self._keep(outcome, _Place(phase, *of.pop(outcome.job.id), outcome.error))
            self._settle()
        self._settle(all_of_them=True)
        winner = self.plan.decide(number, self.finished)
        self._write("running")
        self._tell("phase finished", phase=phase.name, label=winner or "")

    def _find_finished(self, phase: PlannedPhase) -> None:
        """Take over the runs of a phase that an earlier call finished."""
        for setting in phase.settings:
            for run in setting.runs:
                assert run.id is not None
                if run.id in self.finished:
                    continue
                summary, note = self.store.finished(run.id)
                if note:
                    self._note(note)
                if summary is not None:
                    self.finished[run.id] = summary
                    self.bar.ended(run.id, setting.cost)
            if setting.data is not None and not (self.store.folder / "data" / f"{setting.data}.json").exists():
                self.store.write_data(setting.data, self.plan.shelf.split(setting.data))

    def _jobs(self, phase: PlannedPhase, of: dict[str, tuple[PlannedSetting, PlannedRun]]) -> Iterator[Job]:
        """The unfinished runs of a phase, seeds of a setting together."""
        left = [(s, run) for s in phase.settings for run in s.runs if run.id not in self.finished]
        splits = {key: self.plan.shelf.path(key) for setting, _ in left if (key := setting.data) is not None}
        self.plan.shelf.clear()
        for setting, planned in left:
            assert setting.setting is not None
            assert setting.data is not None
            assert planned.id is not None
            run = setting.run(planned, self.plan.shelf.facts(setting.setting.data).checksum)
            parent = None if planned.continues is None else self.finished[planned.continues]
            if parent is not None and parent.status == "failed":
                text = f"the run {parent.id} that it continues has failed"
                self._keep(Outcome(Job(run, planned.id, Path()), None, text), _Place(phase, setting, planned, text))
                continue
            of[planned.id] = setting, planned
            yield Job(
                run=run,
                id=planned.id,
                split=splits[setting.data],
                checkpoint=self.store.checkpoint(planned.id),
                parent=None if parent is None else self.store.run_folder(parent.id),
            )

    def _keep(self, outcome: Outcome, place: "_Place") -> None:
        record = outcome.record or failed_record(outcome.job.run, outcome.job.id, outcome.error or "unknown")
        where: dict[str, Any] = {**record.data["environment"], "execution": self.where}
        self.writer.save(replace(record, data={**record.data, "environment": where}), place)

    def _settle(self, *, all_of_them: bool = False) -> None:
        """Note and tell of the runs whose records are on the disk."""
        for summary, place in self.writer.saved(all_of_them=all_of_them):
            self.finished[summary.id] = summary
            self.bar.ended(summary.id, place.setting.cost)
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

    def _heard(
        self,
        phase: PlannedPhase,
        of: dict[str, tuple[PlannedSetting, PlannedRun]],
        job: Job,
        news: EpochEnd | None,
    ) -> None:
        setting, planned = of[job.id]
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
                    total=self.bar.total,
                    finished=len(self.finished),
                    runs=self.bar.runs,
                    **told,
                )
            )

    def _write(self, state: str) -> None:
        self.store.write_plan({**self.plan.to_json(), "state": state, "execution": self.where})


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
        self.total, self.runs = plan.cost, plan.run_count

    @property
    def work(self) -> float:
        return self._done + sum(self._going.values())

    def at(self, run_id: str, work: float) -> None:
        self._going[run_id] = work

    def ended(self, run_id: str, cost: float) -> None:
        self._going.pop(run_id, None)
        self._done += cost
