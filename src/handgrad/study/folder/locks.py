"""Locks: one process at a time writes the runs of a results folder, and one its report.

    .lock          held while a study runs
    .report.lock   held while a report is made or put aside; whoever comes second waits for it

They are apart so that a report can be made of a study that still runs.  The system frees a lock when its process ends,
also by a kill, so half-written files under a free lock belong to no process any more.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from handgrad.errors import ResultsError
from handgrad.study.folder.disk import unwritable

WRITING, REPORTING = ".lock", ".report.lock"
PATIENCE = 0.2  # seconds for a reader that looks at this moment (`is_written`)
REPORT_PATIENCE = 300.0  # seconds for another report to be made


ELSEWHERE = "Wait for it to end, or choose another folder with --out"


def writing(folder: Path, remedy: str = ELSEWHERE) -> AbstractContextManager[None]:
    """Hold a results folder for a study.  Raises ResultsError where another process does, or it cannot be written.

    remedy: what to do where another process does.
    """
    return _held(folder, WRITING, PATIENCE, "another process is writing these results at this moment", remedy)


def reporting(folder: Path, patience: float = REPORT_PATIENCE) -> AbstractContextManager[None]:
    """Hold the report of a results folder; waits for the process that holds it.  Raises ResultsError, as `writing`."""
    return _held(folder, REPORTING, patience, "another process is making the report of these results", ELSEWHERE)


@contextmanager
def _held(folder: Path, name: str, patience: float, busy: str, remedy: str) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / name)
    try:
        lock.acquire(timeout=patience, poll_interval=0.02)
    except Timeout:
        raise ResultsError(f"{folder}: {busy}. {remedy}") from None
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def is_written(folder: Path) -> bool:
    """Whether a process of this machine runs the study of a results folder at this moment."""
    from filelock import FileLock, Timeout

    if not (folder / WRITING).exists():
        return False
    try:
        with FileLock(folder / WRITING, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a folder that may only be read
        return True
