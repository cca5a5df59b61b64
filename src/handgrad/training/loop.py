"""The loop: runs are trained to their records, one by one, or many of the same kind in one program.

What a run asks for epoch after epoch is its `Course`; here the epochs are trained.  Runs in one program go in
lockstep: each asks for an epoch, the group trains them all, each goes on with its own losses.  The place of a run that
has ended is given to the next.

A search stops runs short: `advance` trains up to an epoch and pauses there, with a checkpoint from which a later
call goes on with the same bits, or ends there for good, with a record whose status is "pruned".
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from handgrad.data.datasets import Split
from handgrad.training.course import Answer, Course, Steps
from handgrad.training.engines import Epoch, Job, Session, open_session
from handgrad.training.environment import one_thread
from handgrad.training.record import Record
from handgrad.training.run import Run
from handgrad.training.task import End, EpochEnd, Observer, Paused, Task

if TYPE_CHECKING:  # loaded where it is used
    from handgrad.training.engines.jax import Group, GroupPlace

__all__ = ["EpochEnd", "Observer", "Paused", "Task", "advance", "execute", "train_together"]

Ended = tuple[int, End | Exception]  # the number of a run among those in its program, and how it ended


def execute(
    run: Run,
    split: Split,
    *,
    checkpoint: Path | None = None,
    parent: Record | None = None,
    observers: Iterable[Observer] = (),
) -> Record:
    """Train one run to its end.  For `checkpoint` and `parent` see `Task`.

    Same bits whatever the number of threads, the load, or how often it was stopped and continued: one BLAS thread.
    Raises InputError where the setting does not fit the data.
    """
    end = _trained(Task(run, checkpoint, parent, tuple(observers)), split)
    assert isinstance(end, Record)
    return end


def advance(
    run: Run,
    split: Split,
    *,
    until: int,
    prune: bool = False,
    checkpoint: Path | None = None,
    parent: Record | None = None,
    observers: Iterable[Observer] = (),
) -> Record | Paused:
    """Train one run up to epoch `until`, counted as in `EpochEnd`; schedules keep the horizon of the setting.

    Returns the record where the run ends by then: its epochs are over, it stopped early or it diverged.  Otherwise it
    is paused, or with `prune` ended there: a record with the weights of that epoch and the status "pruned".
    Raises InputError as `execute` does, and where a run is to pause that has no checkpoint to wait in.
    """
    return _trained(Task(run, checkpoint, parent, tuple(observers), until, prune), split)


def _trained(task: Task, split: Split) -> End:
    """One run: by itself, or in a group of its size with no one else."""
    ((_, end),) = train_together([task], split)
    if isinstance(end, Exception):
        raise end
    return end


def _one_by_one(tasks: Sequence[Task], split: Split) -> Iterator[Ended]:
    for number, task in enumerate(tasks):
        end: End | Exception
        try:
            with _computing(task):
                end = _alone(task, split)
        except Exception as error:
            end = error
        yield number, end


def _computing(task: Task) -> ExitStack:
    """While this is open, one thread computes, and what is not finite is a result."""
    context = ExitStack()
    context.enter_context(one_thread(task.run.setting.training.library))
    context.enter_context(np.errstate(all="ignore"))
    return context


def _alone(task: Task, split: Split) -> End:
    sessions: list[Session] = []

    def open_place(job: Job) -> Session:
        sessions.append(open_session(job.training.engine, job))
        return sessions[0]

    steps = Course(task, split, open_place).steps()
    try:
        epoch = next(steps)
        while True:
            start = time.perf_counter()
            losses = sessions[0].train_epoch(epoch.order, epoch.lrs, epoch.first_step)
            epoch = steps.send(Answer(losses, time.perf_counter() - start))
    except StopIteration as over:
        end: End = over.value
        return end


def train_together(tasks: Sequence[Task], split: Split) -> Iterator[Ended]:
    """Train runs that are of one `Run.group_key` in one program -> (number of the task, its end), as they end.

    `training.stack` of them at a time; where one ends, the next begins in its place.  A group has always as many
    places, so the bits of a run are always the same.  What goes wrong with one run is its end, and the others go on.
    """
    if tasks[0].run.setting.resolved().training.stack == 1:
        yield from _one_by_one(tasks, split)
        return
    assert len({task.run.group_key for task in tasks}) == 1, "runs of several kinds cannot share a program"
    together = _Together(tasks, split)
    with _computing(tasks[0]):
        ended = together.begin()
    yield from ended
    while together.asks:
        with _computing(tasks[0]):
            ended = together.train_epoch()
        yield from ended


class _Together:
    """Courses in lockstep.  `asks`: the epoch that each of those that go on is waiting for, by its number."""

    def __init__(self, tasks: Sequence[Task], split: Split) -> None:
        self.split = split
        self.waiting = deque(enumerate(tasks))
        self.size = int(tasks[0].run.setting.training.stack)
        self.group: Group | None = None
        self.free: list[GroupPlace] = []  # of runs that have ended
        self.steps: dict[int, Steps] = {}
        self.places: dict[int, GroupPlace] = {}
        self.asks: dict[int, Epoch] = {}

    def begin(self) -> list[Ended]:
        """Open courses while there is a place, and let them ask -> those that end at once."""
        ended: list[Ended] = []
        while self.waiting and len(self.asks) < self.size:
            number, task = self.waiting.popleft()
            try:
                self.steps[number] = Course(task, self.split, partial(self._place, number)).steps()
            except Exception as error:
                ended += self._ended(number, error)
            else:
                ended += self._go_on(number, None)
        return ended

    def _place(self, number: int, job: Job) -> "GroupPlace":
        from handgrad.training.engines.jax import Group

        self.group = self.group or Group(job, self.size)
        self.places[number] = self.group.again(self.free.pop(), job) if self.free else self.group.place(job)
        return self.places[number]

    def train_epoch(self) -> list[Ended]:
        """Train the epochs that are asked for, let the next begin where runs ended -> the runs that ended."""
        assert self.group is not None
        start = time.perf_counter()
        try:
            losses = self.group.train_epoch({self.places[n].index: epoch for n, epoch in self.asks.items()})
            trained = time.perf_counter()
            self.group.score_all(next(iter(self.asks.values())).scored)
        except Exception as error:
            numbers = [*self.asks, *(number for number, _ in self.waiting)]
            self.asks, self.waiting = {}, deque()
            return [(number, error) for number in numbers]
        training, scoring = (trained - start) / len(self.asks), (time.perf_counter() - trained) / len(self.asks)
        ended: list[Ended] = []
        for number in list(self.asks):
            ended += self._go_on(number, Answer(losses[self.places[number].index], training, scoring))
        return ended + self.begin()

    def _go_on(self, number: int, answer: Answer | None) -> list[Ended]:
        """Let a course take its losses and ask for its next epoch -> itself where it ended instead."""
        self.asks.pop(number, None)
        steps = self.steps[number]
        try:
            self.asks[number] = next(steps) if answer is None else steps.send(answer)
        except StopIteration as over:
            return self._ended(number, over.value)
        except Exception as error:
            return self._ended(number, error)
        return []

    def _ended(self, number: int, end: End | Exception) -> list[Ended]:
        if number in self.places:
            self.free.append(self.places.pop(number))
        self.steps.pop(number, None)
        return [(number, end)]
