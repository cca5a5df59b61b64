"""Runs that make trouble in a worker: they are pickled, so they stand in a module that workers can import."""

import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, PlainSerializer

from handgrad.training import in_progress
from handgrad.training.run import Run, Setting


def _arrive(run, marks, times):
    """What a worker unpickles: the run, after the worker died `times` times of it."""
    died = len(list(Path(marks).iterdir()))
    if died < times:
        (Path(marks) / str(died)).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return run


@dataclass(frozen=True)
class Deadly:
    """Kills the process that unpickles it, the first `times` times."""

    run: Run
    marks: str
    times: int

    @property
    def setting(self):
        return self.run.setting

    @property
    def group_key(self):
        return self.run.group_key

    def __reduce__(self):
        return _arrive, (self.run, self.marks, self.times)


def _train_and_die(run, mark):
    """What a worker unpickles: the run; the first worker is killed when everything is ready for training."""
    from handgrad.study.cluster import remote

    def killed(*arguments):
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)

    if not Path(mark).exists():
        remote.perform_with = killed
    return run


@dataclass(frozen=True)
class Fatal:
    """Kills the first process that begins to train it."""

    run: Run
    mark: str

    @property
    def setting(self):
        return self.run.setting

    def __reduce__(self):
        return _train_and_die, (self.run, self.mark)


def _in_slow_motion(run, mark, seconds):
    """What a worker unpickles: the run; for `seconds` from now on epochs last long and each writes a checkpoint."""
    import ray

    Path(mark).write_text(ray.get_runtime_context().get_node_id())
    end = time.monotonic() + seconds

    usual = in_progress.RunInProgress.next_epoch

    def next_epoch(self):
        if time.monotonic() < end:
            time.sleep(0.1)
        return usual(self)

    in_progress.RunInProgress.next_epoch = next_epoch
    in_progress.CHECKPOINT_SECONDS, in_progress.CHECKPOINT_SHARE = 0.0, 1e9
    return run


@dataclass(frozen=True)
class Slow:
    """A run in whose `seconds` something can happen; `mark`: a file that will say on which node it is."""

    run: Run
    mark: str
    seconds: float

    @property
    def setting(self):
        return self.run.setting

    def __reduce__(self):
        return _in_slow_motion, (self.run, self.mark, self.seconds)


@dataclass(frozen=True)
class Broken:
    """Raises as soon as it is looked at."""

    id: str
    setting = Setting()

    @property
    def continues(self):
        raise ZeroDivisionError("boom")


def _interrupt(_):
    raise KeyboardInterrupt


class Inner(BaseModel):
    number: Annotated[int, PlainSerializer(_interrupt)] = 1


class Outer(BaseModel):
    inner: Annotated[Inner, PlainSerializer(lambda inner: inner.model_dump())] = Inner()


@dataclass(frozen=True)
class Interrupted:
    """Ctrl-C while a library is at work that makes an error of its own of it, as pydantic does while it writes."""

    id: str
    setting = Setting()

    @property
    def continues(self):
        return Outer().model_dump()


@dataclass(frozen=True)
class Full:
    """A run in whose middle the disk is full."""

    id: str
    setting = Setting()

    @property
    def continues(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
