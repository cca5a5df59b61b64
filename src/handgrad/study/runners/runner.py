"""Runners: where runs execute.  What they share, and `serial`, which executes runs in this process.

A runner has one method, `map`: jobs go in, outcomes come out in the order in which they end.  Jobs are taken from
the iterable one at a time, when there is room for one.  A job and a record are data and cross processes; splits
do not: workers map the files of a split into their memory.

Every end of a run becomes its outcome, an exception and the death of a worker included (its job is given out again
twice, then given up).  Only a disk that cannot be written ends the whole map, as no result could be kept.

Where the setting says that runs share a program (`training.stack`), a worker gets several jobs at a time.
"""

import errno
import functools
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from handgrad import limits
from handgrad.data.contents import Split
from handgrad.data.storage import open_split
from handgrad.errors import HandgradError, InputError, ResultsError, is_interrupt
from handgrad.study.folder.disk import is_disk_error, unwritable
from handgrad.training.engines import OneRun
from handgrad.training.loop import train_together
from handgrad.training.progress import WAITING
from handgrad.training.record import Record, load
from handgrad.training.run import Run
from handgrad.training.task import End, EpochEnd, Paused, Task

RETRIES = 2  # of a job whose worker died
WAVES = 4  # how many runs for each place of a program are given to a worker at a time


@dataclass(frozen=True)
class RunJob:
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

    job: RunJob
    record: Record | None
    error: str | None = None
    paused: Paused | None = None


Group = tuple[RunJob, ...]  # what a worker does together: one job, or several whose runs share a program
Heard = Callable[[RunJob, EpochEnd | None], None]  # a job has started (None), or has ended an epoch


def ignore(job: RunJob, news: EpochEnd | None) -> None:
    """A listener that does nothing."""


class Runner(Protocol):
    """Where runs execute."""

    name: str

    @property
    def workers(self) -> int:
        """Runs at a time, each with one thread."""

    def map(self, jobs: Iterable[RunJob | None], heard: Heard = ignore) -> Iterator[Outcome]:
        """The outcome of every job, as it ends.

        None among the jobs means "nothing now": the runner asks again when its caller has taken up another outcome.
        The outcome of a job with `until` decides what comes next, so no job is asked for before it is taken up, but for
        those that share its program: a program of R runs is as R workers.
        Raises ResultsError when the disk cannot be written, RuntimeError where None waits for nothing in progress.
        """

    def close(self) -> None:
        """End what is still going on; checkpoints are left for the next time."""


@functools.lru_cache(maxsize=2)
def _split(folder: Path) -> Split:
    return open_split(folder)


def perform(jobs: Group, heard: Heard = ignore, one: OneRun | None = None) -> Iterator[Outcome]:
    """Execute one group in this process.  one: as in `train_together`.

    Raises ResultsError when the disk cannot be written.
    """
    return perform_with(
        lambda: _split(jobs[0].split), lambda job: load(job.parent) if job.parent else None, jobs, heard, one
    )


def perform_with(
    data: Callable[[], Split],
    parent: Callable[[RunJob], Record | None],
    jobs: Group,
    heard: Heard = ignore,
    one: OneRun | None = None,
) -> Iterator[Outcome]:
    """Execute one group with a split and records of parents that come from elsewhere than the jobs' folders."""
    tasks: dict[str, Task] = {}
    for job in jobs:
        try:
            _check_additions(job)
            split = data()
            observers = (functools.partial(heard, job),)
            tasks[job.id] = Task(job.run, job.checkpoint, parent(job), observers, job.until, job.prune)
        except Exception as error:
            yield _outcome(job, error)
    ready = [job for job in jobs if job.id in tasks]
    for number, end in train_together([tasks[job.id] for job in ready], split, one) if ready else ():
        yield _outcome(ready[number], end)


def _check_additions(job: RunJob) -> None:
    """Raise InputError where public tables hold something else here than where the run was planned."""
    if job.run.id != job.id:
        raise InputError(
            f"run {job.id} names something that was added to a public table where it was planned, and that is not the "
            "same in this worker process; make such additions at the top level of a module or script, not under "
            '`if __name__ == "__main__":`, or use jobs=1'
        )


def _outcome(job: RunJob, end: End | Exception) -> Outcome:
    """What became of a job.  Raises ResultsError when the disk cannot be written, and KeyboardInterrupt."""
    if isinstance(end, ResultsError):
        raise end
    if isinstance(end, Exception):
        if is_interrupt(end):  # a library made an error of its own of it
            raise KeyboardInterrupt from end
        if is_disk_error(end):
            raise unwritable((job.checkpoint or job.split).parent, end) from end  # type: ignore[arg-type]
        if isinstance(end, OSError) and end.errno in (errno.EMFILE, errno.ENFILE):  # every other run would fail as well
            raise ResultsError(
                f"{limits.reached(end)}. Finished runs are safe; raise the limit, then run the same command"
            )
        return Outcome(job, None, _described(end))
    return Outcome(job, None, paused=end) if isinstance(end, Paused) else Outcome(job, end)


def _described(error: BaseException) -> str:
    if isinstance(error, HandgradError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" (in {Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"


def nothing_to_wait_for() -> RuntimeError:
    """The error of a caller whose jobs say None while none of them is in progress."""
    return RuntimeError("the jobs wait for an outcome (None), but no job is in progress")


class JobQueue:
    """The jobs to come, in groups.  `waits`: None was said, and no outcome has been taken up since.

    workers: among how many they are shared out, where that is known.  A single one gets more than fill its program, so
    that a place whose run ends early is taken by the next.
    """

    def __init__(self, jobs: Iterable[RunJob | None], workers: int | None = None) -> None:
        self._jobs = iter(jobs)
        self._waves = WAVES if workers == 1 else 1
        self._again: list[Group] = []
        self._deaths: dict[str, int] = {}
        self._held: RunJob | None = None  # asked for, but of another kind than those before it
        self.waits = False

    def take(self) -> Group | None:
        """What the next free worker does; None where there is nothing, now or ever."""
        if self._again:
            return self._again.pop()
        first = self._next()
        if first is None:
            return None
        group = [first]
        stack = int(first.run.setting.resolved().training.stack)
        size = stack * self._waves if stack > 1 and first.until is None else stack
        while len(group) < size:
            job = self._next()
            if job is None:
                break
            if (job.split, job.run.group_key, job.until is None) != (
                first.split,
                first.run.group_key,
                first.until is None,
            ):
                self._held = job
                break
            group.append(job)
        return tuple(group)

    def _next(self) -> RunJob | None:
        if self._held is not None:
            job, self._held = self._held, None
            return job
        if self.waits:
            return None
        try:
            following = next(self._jobs)
        except StopIteration:
            return None
        self.waits = following is None
        return following

    def died(self, jobs: Group) -> Group:
        """Take back what a worker that died had not done, `RETRIES` times -> those that are given up.

        After a second death each is done by itself: one of them may be the reason.
        """
        for job in jobs:
            self._deaths[job.id] = self._deaths.get(job.id, 0) + 1
        again = tuple(job for job in jobs if self._deaths[job.id] <= RETRIES)
        alone = any(self._deaths[job.id] > 1 for job in again)
        self._again += [(job,) for job in again] if alone else [again] if again else []
        return tuple(job for job in jobs if self._deaths[job.id] > RETRIES)

    @property
    def has_again(self) -> bool:
        """Whether there are jobs that were given out before and are to be given out again."""
        return bool(self._again)

    def back(self, jobs: Group) -> None:
        """Take back jobs that no worker has begun."""
        if jobs:
            self._again.append(jobs)

    def ended(self, job: RunJob) -> None:
        """An outcome has come; a later job of the same run begins anew."""
        self._deaths.pop(job.id, None)


class Serial:
    """One run after the other, in this process."""

    name = "serial"
    workers = 1

    def map(self, jobs: Iterable[RunJob | None], heard: Heard = ignore) -> Iterator[Outcome]:
        source, one = JobQueue(jobs, self.workers), OneRun()
        while (group := source.take()) is not None:
            for job in group:
                heard(job, None)
            for outcome in perform(group, heard, one):
                yield outcome
                source.waits = False
        if source.waits:
            raise nothing_to_wait_for()

    def close(self) -> None:
        _split.cache_clear()
        WAITING.clear()


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
