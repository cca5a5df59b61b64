"""The runs of a study: the summaries of those that have ended, the jobs of the others, records while they are written.

Memory does not grow with their number: a record is written and let go, only its summary is kept.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from handgrad.study.execution.events import StudyProgress
from handgrad.study.folder.kept_examples import asked_examples
from handgrad.study.folder.store import Store, Writer
from handgrad.study.planning.plan import Plan
from handgrad.study.planning.planned import PlannedPhase, PlannedRun, PlannedSetting
from handgrad.study.reading.setting_refs import SettingRefs
from handgrad.study.rules.budget import BudgetTracker
from handgrad.study.rules.select import RunSummary
from handgrad.study.runners.runner import Outcome, RunJob
from handgrad.training.recording import failed_record
from handgrad.training.task import EpochEnd


@dataclass(frozen=True)
class _Origin:
    """Where a run belongs in the plan, and the error that it ended with."""

    phase: PlannedPhase
    setting: PlannedSetting
    planned: PlannedRun
    error: str | None


class Runs:
    """`ended`: id -> summary of every run that has a record; `where`: what executes them, noted in their records."""

    def __init__(self, plan: Plan, store: Store, progress: StudyProgress, where: Mapping[str, Any]) -> None:
        self._plan, self._store, self._progress, self._where = plan, store, progress, where
        self._refs = SettingRefs(plan.study)
        self._asked = asked_examples(plan.study.spec)
        self.ended: dict[str, RunSummary] = {}
        self._writer: Writer[_Origin] = Writer(store)
        self._of: dict[str, tuple[PlannedPhase, PlannedSetting, PlannedRun]] = {}  # id -> the origin of a job
        self._begun: set[str] = set()

    def is_left(self, run: PlannedRun) -> bool:
        """Whether a run has not come to its end."""
        return run.id not in self.ended or self.ended[run.id].status == "pruned"

    def has_record(self, run_id: str) -> bool:
        """Whether a run has a record that does not say it failed."""
        return run_id in self.ended and self.ended[run_id].status != "failed"

    def look_for(self, setting: PlannedSetting) -> None:
        """Take over the runs of a setting that an earlier call finished."""
        for run in setting.runs:
            assert run.id is not None
            if run.id in self.ended:
                continue
            summary, note = self._store.finished(run.id, run.continues)
            if note:
                self._progress.note(note)
            if summary is not None:
                self.ended[run.id] = summary
                self._progress.ended(summary, setting.cost)
                told = {"label": setting.label, "run": run.id, "seed": run.seed, "fold": run.fold}
                told |= {"status": summary.status, "metrics": summary.metrics, "epochs": summary.epochs}
                self._progress.tell("run found", **told)
        for key in setting.data_keys:
            if (problem := self._store.data_problem(key, self._asked)) is not None:
                if problem and (self._store.folder / "data" / f"{key}.json").exists():
                    self._progress.note(f"{problem.partition('; ')[0]}; it is made again")
                self._store.write_data(key, self._plan.splits.split(key), self._asked)

    def jobs(self, phase: PlannedPhase, tracker: BudgetTracker) -> Iterator[RunJob]:
        """The unfinished runs of a phase, seeds of a setting together, as far as the budget goes.

        Settings whose runs can share a program stand together, where the first of them stands.
        """
        splits = self._plan.splits
        for setting in phase.settings:
            for key in dict.fromkeys(setting.data_of(run) for run in setting.runs if self.is_left(run)):
                splits.path(key)
        splits.clear()
        kinds = [self._kind(setting) for setting in phase.settings]
        for _, setting in sorted(zip(map(kinds.index, kinds), phase.settings, strict=True), key=lambda pair: pair[0]):
            left = [run for run in setting.runs if self.is_left(run)]
            if not tracker.take({str(run.id): setting.epochs for run in setting.runs}, begun=not left):
                continue
            for planned in left:
                job = self.job(phase, setting, planned, None, prune=False)
                if job is not None:
                    yield job

    def _kind(self, setting: PlannedSetting) -> str:
        """Equal for settings whose runs can share a program; the label for a setting whose runs share none."""
        assert setting.setting is not None
        if setting.setting.training.stack == 1:
            return setting.label
        checksum = self._plan.splits.facts(setting.setting.data).checksum
        return f"{setting.data} {setting.run(setting.runs[0], checksum).group_key}"

    def job(
        self, phase: PlannedPhase, setting: PlannedSetting, planned: PlannedRun, until: int | None, *, prune: bool
    ) -> RunJob | None:
        """The job of a run; None where the run that it continues has failed, which is recorded."""
        assert setting.setting is not None
        assert planned.id is not None
        run = setting.run(planned, self._plan.splits.facts(setting.setting.data).checksum)
        parent = None if planned.continues is None else self.ended[planned.continues]
        self._of[planned.id] = phase, setting, planned
        if parent is not None and parent.status == "failed":
            text = f"the run {parent.id} that it continues has failed"
            self.keep(Outcome(RunJob(run, planned.id, Path()), None, text))
            return None
        if planned.id in self.ended and self.ended[planned.id].status == "pruned":
            self._store.revive(planned.id)
        return RunJob(
            run=run,
            id=planned.id,
            split=self._plan.splits.path(setting.data_of(planned)),
            checkpoint=self._store.checkpoint(planned.id),
            parent=None if parent is None else self._store.run_folder(parent.id),
            until=until,
            prune=prune,
        )

    def heard(self, job: RunJob, news: EpochEnd | None) -> None:
        """A job has started, or has ended an epoch."""
        phase, setting, planned = self._of[job.id]
        name = self._refs.row_name(phase.name, setting.axes)
        told: dict[str, Any] = {"phase": phase.name, "label": setting.label, "name": name, "run": job.id}
        told |= {"seed": planned.seed, "fold": planned.fold}
        if news is None:
            if job.id not in self._begun:  # one that goes on has its folder
                self._store.begun(job.id)
                self._begun.add(job.id)
            self._progress.tell("run started", **told)
        else:
            self._progress.at(job.id, setting.cost * news.epoch / news.epochs)
            self._progress.tell("epoch done", epoch=news.epoch, epochs=news.epochs, metrics=news.metrics, **told)

    def keep(self, outcome: Outcome) -> None:
        """Give the record of a run to the writer; does not wait for it."""
        origin = _Origin(*self._of.pop(outcome.job.id), outcome.error)
        record = outcome.record or failed_record(outcome.job.run, outcome.job.id, outcome.error or "unknown")
        where = {**record.environment, "execution": self._where}
        self._writer.save(record.model_copy(update={"environment": where}), origin)

    def settle(self, *, all_of_them: bool = False) -> None:
        """Note and tell of the runs whose records are on the disk."""
        for summary, origin in self._writer.saved(all_of_them=all_of_them):
            self.ended[summary.id] = summary
            self._progress.ended(summary, origin.setting.cost)
            self._progress.tell(
                "run finished",
                phase=origin.phase.name,
                label=origin.setting.label,
                name=self._refs.row_name(origin.phase.name, origin.setting.axes),
                run=summary.id,
                seed=origin.planned.seed,
                fold=origin.planned.fold,
                status=summary.status,
                metrics=summary.metrics,
                seconds=summary.seconds,
                epochs=summary.epochs,
                text=origin.error or "",
            )

    def close(self) -> None:
        """Wait for what is being written."""
        self._writer.close()
