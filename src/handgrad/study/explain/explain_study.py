"""Running an explanation: rung by rung, each run once, as any study; the same command continues it."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from handgrad.data.datasets import Dataset
from handgrad.foreign import as_path
from handgrad.study.design.settings import Study
from handgrad.study.execution.events import Observer
from handgrad.study.execution.notebook_progress import watched_study
from handgrad.study.execution.run_study import Execution, check_call, execute_plan
from handgrad.study.explain.explain_plan import ExplainPlan
from handgrad.study.explain.ladder import LEAST, Rung
from handgrad.study.explain.rung_results import RungResult, alike_in, nearly_alike_in, rung_result
from handgrad.study.explain.space import WRITTEN, Reading
from handgrad.study.folder.results_folder import Results
from handgrad.study.planning.split_cache import SplitCache
from handgrad.study.reading.loading import as_study
from handgrad.study.rules.ranked_readings import survivors
from handgrad.study.runners.runner import Runner
from handgrad.training.record import Record, load


def explained_folder(study: Study) -> Path:
    """results/<study>-explained."""
    return Path("results") / f"{study.spec.name}-explained"


def explain_study(
    study: Study | Mapping[str, Any] | str | os.PathLike[str],
    out: str | Path | None = None,
    *,
    jobs: int | None = None,
    observer: Observer | None = None,
    data: Dataset | None = None,
    runner: Runner | str | None = None,
    address: str | None = None,
    cpus_per_run: float | None = None,
) -> Results:
    """Try the readings of a study's published numbers, and return the results; doing it again continues it.

    study: with an [original] that has published accuracies or losses; its [explain] lists readings (docs/explain.md).
    out: the results folder (default results/<study>-explained).  All others are those of `run_study`.
    Which reading explains the numbers: `read_explanation(results)`, or the report of the folder.
    Raises InputError before anything runs where something does not fit.
    """
    check_call(observer, runner, data)
    study = as_study(study)
    folder = explained_folder(study) if out is None else as_path(out, "out")
    plan = ExplainPlan(study, SplitCache(study.folder, data))
    with watched_study(observer) as watch:
        return execute_plan(plan, folder, Explaining, runner, jobs, watch, address=address, cpus_per_run=cpus_per_run)


def going_on(
    before: RungResult, rung: Rung, fewest: int, readings: Sequence[Reading]
) -> tuple[list[int], dict[int, int]]:
    """The readings that go on to a rung, and those that are left to another, whose very numbers they gave.

    Of readings with the same numbers the first is ranked for all.  After whole runs the others are left to it.  Cheaper
    runs may be too short to show a difference (an order that is the same in every epoch, in one epoch): the others go
    on with it, as many as the rung takes, those of fewer departures first, and after them those that gave nearly the
    numbers of a reading that departs as they do and in less.
    """
    alike = alike_in(before)
    nearly = {number: first for number, first in nearly_alike_in(before, readings).items() if number not in alike}
    waiting = alike.keys() | nearly.keys()
    ranked = [fit for fit in before.ranking.readings if int(fit.name) not in waiting]
    chosen = survivors(replace(before.ranking, readings=tuple(ranked)), min(fewest, len(ranked)), rung.most)
    numbers = {WRITTEN, *map(int, chosen)}
    if before.share < 1:
        places = {number: place for place, number in enumerate(map(int, chosen))}
        departures = {int(fit.name): fit.departures for fit in before.ranking.readings}
        others = [
            (one in nearly, departures[one], places[first], one)
            for one, first in (nearly | alike).items()
            if first in places
        ]
        numbers.update(one for *_, one in sorted(others)[: rung.alike])
    return sorted(numbers), {number: first for number, first in alike.items() if number not in numbers}


class Explaining(Execution):
    """An explanation that runs: which readings go on is decided by the records of the rung before."""

    plan: ExplainPlan

    def phases(self) -> None:
        """Run the rungs of the ladder, one after the other."""
        plan = self.plan
        before: RungResult | None = None
        for number, rung in enumerate(plan.ladder):
            if before is not None:
                numbers, left = going_on(before, rung, min(rung.most, plan.ladder[-1].most, LEAST), plan.readings)
                plan.alike.update(left)
                plan.rung(rung, [plan.readings[number] for number in numbers])
                self.begin(number)
            self.progress.tell("phase started", phase=rung.name)
            self.every_run(number)
            self._write("running")
            before = rung_result(
                plan.rungs_run[-1],
                plan.rows,
                plan.scored,
                plan.readings,
                plan.study.spec.ddof,
                self._records(number),
                before,
            )
            self.progress.tell("phase finished", phase=rung.name)

    def _records(self, number: int) -> Any:
        """label -> the records of its runs that have come to an end."""
        ids = {setting.label: [str(run.id) for run in setting.runs] for setting in self.plan.phases[number].settings}

        def of(label: str) -> Sequence[Record]:
            return [load(self.store.run_folder(one), arrays=False) for one in ids[label] if self.has_record(one)]

        return of
