"""The loop: for epoch, for batch, step; runs go in, and records come out.

    for epoch    `_train_until_one_ends`, here, for one run or for a group of runs that share a program
    for batch    `train_epoch` of the engine (read `engines.array`): an engine abstracts an epoch, so that it can fuse
    step         `engines.array.train_step`

A search stops runs short: `advance` trains up to an epoch and pauses there, with a checkpoint from which a later
call goes on with the same bits, or ends there for good, with a record whose status is "pruned".
"""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from handgrad.data.contents import Split
from handgrad.training.engines import Group, OneRun, open_group
from handgrad.training.environment import one_thread
from handgrad.training.in_progress import RunInProgress
from handgrad.training.record import Record
from handgrad.training.run import Run
from handgrad.training.task import End, EpochEnd, Observer, Paused, Task

__all__ = ["EpochEnd", "Observer", "Paused", "Task", "advance", "execute", "train_together"]

Ends = dict[int, End | Exception]  # how runs ended, by their number among the tasks


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
    end = _train_one(Task(run, checkpoint, parent, tuple(observers)), split)
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
    return _train_one(Task(run, checkpoint, parent, tuple(observers), until, prune), split)


def _train_one(task: Task, split: Split) -> End:
    ((_, end),) = train_together([task], split)
    if isinstance(end, Exception):
        raise end
    return end


def train_together(
    tasks: Sequence[Task], split: Split, one: OneRun | None = None
) -> Iterator[tuple[int, End | Exception]]:
    """Train runs of one `Run.group_key` -> (number of the task, how its run ended), as they end.

    `training.stack` of them share a program: 1 trains them one after the other.  An error of one run is how that run
    ends, and the others go on; an error of the program ends all runs that are in it.
    one: the group of one in which the runs before these were trained.
    """
    training = tasks[0].run.setting.resolved().training
    group = open_group(training, one or OneRun())
    assert group.size == 1 or len({task.run.group_key for task in tasks}) == 1, "runs of several kinds share no program"
    waiting, going = deque(enumerate(tasks)), dict[int, RunInProgress]()
    while waiting or going:
        with one_thread(training.library), np.errstate(all="ignore"):  # a number that is not finite is a result
            ends = _train_until_one_ends(group, split, waiting, going)
        yield from ends.items()


def _train_until_one_ends(
    group: Group, split: Split, waiting: deque[tuple[int, Task]], going: dict[int, RunInProgress]
) -> Ends:
    """Train epoch after epoch, up to the one in which a run of the group ends, or several."""
    ends: Ends = {}
    while not ends:  # for epoch
        while waiting and len(going) < group.size:
            number, task = waiting.popleft()
            with _ErrorEnds(ends, number):
                going[number] = RunInProgress(task, split, group)

        runs = {number: run for number, run in going.items() if run.goes_on}
        if runs:
            with _ErrorEnds(ends, *runs):
                _train_epoch(group, runs, ends)

        for number, run in going.items():
            if number not in ends and not run.goes_on:
                with _ErrorEnds(ends, number):
                    ends[number] = run.end()
        for number in ends.keys() & going.keys():
            run = going.pop(number)
            group.release(run.member, sound=run.diverged is None and not isinstance(ends[number], Exception))
    return ends


def _train_epoch(group: Group, runs: dict[int, RunInProgress], ends: Ends) -> None:
    """One epoch of every run: its order and learning rates, its steps, its scores; seconds are shared evenly."""
    start = time.perf_counter()
    losses = group.train_epoch({run.member: run.next_epoch() for run in runs.values()})  # for batch: step
    trained = time.perf_counter()
    group.score([part.scored for part in next(iter(runs.values())).scored_y])
    for number, run in runs.items():
        with _ErrorEnds(ends, number):
            run.take_epoch(losses[run.member])
    scored = time.perf_counter()
    for number, run in runs.items():
        if number not in ends:
            with _ErrorEnds(ends, number):
                run.finish_epoch((trained - start) / len(runs), (scored - trained) / len(runs))


class _ErrorEnds:
    """An error within is how the runs of these numbers end."""

    def __init__(self, ends: Ends, *numbers: int) -> None:
        self.ends, self.numbers = ends, numbers

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        if not isinstance(error, Exception):
            return False
        self.ends.update(dict.fromkeys(self.numbers, error))
        return True
