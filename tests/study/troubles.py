"""Runs that make trouble in a worker: they are pickled, so they stand in a module that workers can import."""

import errno
import os
import signal
from dataclasses import dataclass
from pathlib import Path

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

    def __reduce__(self):
        return _arrive, (self.run, self.marks, self.times)


class Broken:
    """Raises as soon as it is looked at."""

    setting = Setting()

    @property
    def continues(self):
        raise ZeroDivisionError("boom")


class Full:
    """A run in whose middle the disk is full."""

    setting = Setting()

    @property
    def continues(self):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
