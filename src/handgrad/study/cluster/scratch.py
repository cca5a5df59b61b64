"""A folder for a run on its node that does not outlive it: what a killed worker leaves behind, the next one removes.

Each folder has a lock file beside it, which the system lets go when its process ends in whatever way.  A folder whose
lock is free belongs to nobody any more.  Lock files are made before their folder and removed after it.
"""

import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "handgrad-run-"


@contextmanager
def scratch() -> Iterator[Path]:
    """A new folder among the system's temporary ones, until the end of the block; sweeps first."""
    sweep()
    folder = Path(tempfile.gettempdir()) / f"{PREFIX}{uuid.uuid4().hex[:12]}"
    with FileLock(_lock_of(folder)):
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            _remove(folder)


def sweep() -> list[Path]:
    """Remove the folders of processes of this machine that are no more; those that were removed."""
    removed = []
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        if not folder.is_dir():
            continue
        with suppress(Timeout, OSError), FileLock(_lock_of(folder), timeout=0):
            _remove(folder)
            removed.append(folder)
    return removed


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _remove(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        _lock_of(folder).unlink()
