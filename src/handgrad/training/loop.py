"""The loop: runs are trained to their records, one by one, or many of the same kind in one program.

What a run asks for epoch after epoch is its `Course`; here the epochs are trained.  Runs in one program go in
lockstep: each asks for an epoch, the stack trains them all, each goes on with its own losses.  The place of a run that
has ended makes the steps of another.

A search stops runs short: `advance` trains up to an epoch and pauses there, with a checkpoint from which a later
call goes on with the same bits, or ends there for good, with a record whose status is "pruned".
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import numpy as np

from handgrad.data.datasets import Split
from handgrad.training.course import Answer, Course, Steps
from handgrad.training.engines import Epoch, Job, Session, open_session
from handgrad.training.engines.stacked import Stack, StackPlace
from handgrad.training.environment import one_thread
from handgrad.training.record import Record
from handgrad.training.run import Run
from handgrad.training.task import End, EpochEnd, Observer, Paused, Task

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
    """One run: by itself, or in a stack filled with its copies where its setting says so."""
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
    """Train runs that are of one `Run.kin` in one program -> (number of the task, its end), as they end.

    At most `training.stack` of them; places that are left are filled with copies, so the bits of a run are always the
    same.  What goes wrong with one run is its end, and the others go on.
    """
    if tasks[0].run.setting.resolved().training.stack == 1:
        yield from _one_by_one(tasks, split)
        return
    assert len({task.run.kin for task in tasks}) == 1, "runs of several kinds cannot share a program"
    together = _Together(split)
    with _computing(tasks[0]):
        ended = together.begin(tasks)
    yield from ended
    while together.asks:
        with _computing(tasks[0]):
            ended = together.train_epoch()
        yield from ended


class _Together:
    """Courses in lockstep.  `asks`: the epoch that each of those that go on is waiting for, by its number."""

    def __init__(self, split: Split) -> None:
        self.split = split
        self.stack: Stack | None = None
        self.steps: dict[int, Steps] = {}
        self.places: dict[int, StackPlace] = {}
        self.asks: dict[int, Epoch] = {}

    def begin(self, tasks: Sequence[Task]) -> list[Ended]:
        """Open every course and let it ask -> those that end at once."""
        ended: list[Ended] = []
        for number, task in enumerate(tasks):
            try:
                self.steps[number] = Course(task, self.split, partial(self._place, number)).steps()
            except Exception as error:
                ended.append((number, error))
            else:
                ended += self._go_on(number, None)
        return ended

    def _place(self, number: int, job: Job) -> StackPlace:
        self.stack = self.stack or Stack(job, int(job.training.stack))
        self.places[number] = self.stack.place(job.seed)
        return self.places[number]

    def train_epoch(self) -> list[Ended]:
        """Train the epochs that are asked for -> the runs that ended."""
        assert self.stack is not None
        start = time.perf_counter()
        try:
            losses = self.stack.train_epoch({self.places[n].index: epoch for n, epoch in self.asks.items()})
            trained = time.perf_counter()
            self.stack.score_all(next(iter(self.asks.values())).scored)
        except Exception as error:
            waited, self.asks = self.asks, {}
            return [(number, error) for number in waited]
        training, scoring = (trained - start) / len(self.asks), (time.perf_counter() - trained) / len(self.asks)
        ended: list[Ended] = []
        for number in list(self.asks):
            ended += self._go_on(number, Answer(losses[self.places[number].index], training, scoring))
        return ended

    def _go_on(self, number: int, answer: Answer | None) -> list[Ended]:
        """Let a course take its losses and ask for its next epoch -> itself where it ended instead."""
        self.asks.pop(number, None)
        steps = self.steps[number]
        try:
            self.asks[number] = next(steps) if answer is None else steps.send(answer)
        except StopIteration as over:
            return [(number, over.value)]
        except Exception as error:
            return [(number, error)]
        return []
