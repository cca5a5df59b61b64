"""Runners: where runs execute.  What they share, and `serial`, which executes runs in this process.

A runner has one method, `map`: jobs go in, outcomes come out in the order in which they end.  Jobs are taken from
the iterable one at a time, when there is room for one.  A job and a record are data and cross processes; splits
do not: workers map the files of a split into their memory.

Whatever happens in a run becomes its outcome: an exception, or a worker that dies (its job is taken up again
twice, then given up).  Only a disk that cannot be written ends the whole map, as nothing could be kept any more.
"""

import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from handgrad.data.datasets import Split, open_split
from handgrad.errors import HandgradError, ResultsError
from handgrad.study.folder.files import is_disk_error, unwritable
from handgrad.training.environment import environment
from handgrad.training.loop import EpochEnd, Paused, advance, execute
from handgrad.training.record import FORMAT, Record, load
from handgrad.training.run import Run


@dataclass(frozen=True)
class Job:
    """A run and where its files are.  `parent`: the folder of the record that it continues.

    `until`: an epoch of the run, counted as in `EpochEnd`, at which it pauses in its checkpoint; a later job of the
    same run goes on from there.  With `prune` it ends there instead, with a record whose status is "pruned".
    """

    run: Run
    id: str
    split: Path
    checkpoint: Path | None = None
    parent: Path | None = None
    until: int | None = None
    prune: bool = False


@dataclass(frozen=True)
class Outcome:
    """How a job ended: with a record, with the text of an error, or paused before the run's end."""

    job: Job
    record: Record | None
    error: str | None = None
    paused: Paused | None = None


Heard = Callable[[Job, EpochEnd | None], None]  # a job has started (None), or has ended an epoch


def ignore(job: Job, news: EpochEnd | None) -> None:
    """A listener that does nothing."""


class Runner(Protocol):
    """Where runs execute."""

    name: str

    @property
    def workers(self) -> int:
        """Runs at a time, each with one thread."""

    def map(self, jobs: Iterable[Job | None], heard: Heard = ignore) -> Iterator[Outcome]:
        """The outcome of every job, as it ends.

        None among the jobs means "nothing now": the runner asks again when its caller has taken up another outcome.
        The outcome of a job with `until` decides what comes next, so no job is asked for before it is taken up.
        Raises ResultsError when the disk cannot be written, RuntimeError where None waits for nothing in progress.
        """

    def close(self) -> None:
        """End what is still going on; checkpoints are left for the next time."""


@functools.lru_cache(maxsize=2)
def _split(folder: Path) -> Split:
    return open_split(folder)


def perform(job: Job, heard: Heard = ignore) -> Outcome:
    """Execute one job in this process.  Raises ResultsError when the disk cannot be written."""
    return perform_with(lambda: _split(job.split), lambda: load(job.parent) if job.parent else None, job, heard)


def perform_with(
    data: Callable[[], Split], parent: Callable[[], Record | None], job: Job, heard: Heard = ignore
) -> Outcome:
    """Execute one job with a split and a parent's record that come from elsewhere than the job's folders."""
    try:
        train = execute if job.until is None else functools.partial(advance, until=job.until, prune=job.prune)
        observers = [functools.partial(heard, job)]
        end = train(job.run, data(), checkpoint=job.checkpoint, parent=parent(), observers=observers)
    except ResultsError:
        raise
    except Exception as error:
        if is_disk_error(error):
            raise unwritable((job.checkpoint or job.split).parent, error) from error  # type: ignore[arg-type]
        return Outcome(job, None, _described(error))
    return Outcome(job, None, paused=end) if isinstance(end, Paused) else Outcome(job, end)


def _described(error: BaseException) -> str:
    if isinstance(error, HandgradError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (in {Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def nothing_to_wait_for() -> RuntimeError:
    """What a caller did wrong whose jobs say None while none of them is in progress."""
    return RuntimeError("the jobs wait for an outcome (None), but no job is in progress")


class Source:
    """The jobs to come.  `again`: those of workers that died; `waits`: None was said, no outcome taken up since."""

    def __init__(self, jobs: Iterable[Job | None]) -> None:
        self._jobs = iter(jobs)
        self.again: list[Job] = []
        self.waits = False

    def take(self) -> Job | None:
        if self.again:
            return self.again.pop()
        if self.waits:
            return None
        try:
            job = next(self._jobs)
        except StopIteration:
            return None
        self.waits = job is None
        return job


class Serial:
    """One run after the other, in this process."""

    name = "serial"
    workers = 1

    def map(self, jobs: Iterable[Job | None], heard: Heard = ignore) -> Iterator[Outcome]:
        for job in jobs:
            if job is None:
                raise nothing_to_wait_for()
            heard(job, None)
            yield perform(job, heard)

    def close(self) -> None:
        _split.cache_clear()


def failed_record(run: Run, run_id: str, error: str) -> Record:
    """The record of a run that raised an error or lost its worker: every key of record.json, and no result."""
    setting = run.setting.resolved().model_dump(mode="json", by_alias=True)
    data: dict[str, Any] = {
        "format": FORMAT,
        "id": run_id,
        "seed": run.seed,
        "setting": setting,
        "continues": run.continues,
        "status": "failed",
        "metrics": {},
        "epochs": 0,
        "steps": 0,
        "best_epoch": None,
        "continued_at": [],
        "diverged": None,
        "error": error,
        "network": {"layers": [], "output": "", "parameters": 0, "loss_formula": "", "l2_formula": ""},
        "data": {"name": setting["data"]["name"], "checksum": run.data_checksum, "counts": {}, "scaling": ""},
        "train_score": None,
        "confusion": {},
        "samples": None,
        "optimizer_steps": 0,
        "time": {"total": 0.0, "training": 0.0, "evaluation": 0.0, "epochs": [], "resumed": 0},
        "engine": {"name": setting["training"]["engine"], "threads": 1},
        "environment": environment(),
    }
    return Record(data)


# -- how many


def cores() -> int:
    """How many cores this process may use: of its affinity and, in a container, of its share."""
    count = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            count = min(count, max(1, -(-int(quota) // int(period))))
    except (OSError, ValueError):
        pass
    return max(1, count)
