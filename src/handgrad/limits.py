"""Limits of this process (`ulimit`, container, machine), and messages where one is too low or was reached."""

import errno
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from handgrad.errors import InputError

MEMORY = 2**30  # bytes of address space below which libraries hang or end the process instead of raising an error
FILES = 32  # open files at a time, for a study in one process
FILES_A_WORKER = 4

SCARCE = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}  # files, files of the system, memory, processes
WORDS = (  # in errors that mean that a limit was reached
    "failed to map",
    "cannot allocate memory",
    "can't start new thread",
    "unable to allocate",
    "too many open files",
)


def in_words(n_bytes: int) -> str:
    """A number of bytes as a message shows it.

    >>> in_words(1234), in_words(6_100_000_000), in_words(280_000_000_000_000)
    ('1234 bytes', '6.1 GB', '280,000 GB')
    """
    if n_bytes < 10**6:
        return f"{n_bytes} bytes"
    if n_bytes < 10**9:
        return f"{n_bytes / 1e6:.1f} MB"
    if n_bytes < 10**11:
        return f"{n_bytes / 1e9:.1f} GB"
    return f"{n_bytes // 10**9:,} GB" if n_bytes < 10**18 else f"{n_bytes:.0e} bytes"


CGROUP = Path("/sys/fs/cgroup/memory.max")


def machine_memory() -> tuple[int, int]:
    """(bytes that all processes share, bytes that one process may use): of the machine, its container, its own limit.

    sys.maxsize where the system does not tell it.
    """
    shared = [sys.maxsize]
    with suppress(AttributeError, ValueError, OSError):  # Windows
        shared.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(ValueError, OSError):  # there is no container, or it has no limit
        shared.append(int(CGROUP.read_text()))
    own = _limit("RLIMIT_AS")
    return min(shared), sys.maxsize if own is None else own


def check_limits() -> None:
    """Raise InputError where a limit is below what every command needs; called before anything is loaded."""
    memory, files = _limit("RLIMIT_AS"), _limit("RLIMIT_NOFILE")
    if memory is not None and memory < MEMORY:
        raise InputError(
            f"a process may have {memory >> 20} MB of memory here (ulimit -v {memory >> 10}); handgrad needs at least "
            f"{MEMORY >> 20} MB. Raise the limit (ulimit -v unlimited), then give the same command; nothing was begun"
        )
    if files is not None and files < FILES:
        raise InputError(
            f"a process may have {files} files open here (ulimit -n {files}); handgrad needs at least {FILES}. "
            "Raise the limit (ulimit -n 1024), then give the same command; nothing was begun"
        )


def workers_at_most(workers: int) -> int:
    """The number of workers, no more than the limit of open files allows (each has pipes)."""
    files = _limit("RLIMIT_NOFILE")
    return workers if files is None else max(1, min(workers, (files - FILES) // FILES_A_WORKER))


def reached(error: BaseException) -> str | None:
    """The message where an error means that a limit was reached; None where it means something else."""
    number = error.errno if isinstance(error, OSError) else None
    if not (
        isinstance(error, MemoryError)
        or number in SCARCE
        or (isinstance(error, ImportError | RuntimeError | OSError) and any(w in str(error).lower() for w in WORDS))
    ):
        return None
    what = " ".join(str(error).split()) or type(error).__name__
    if number in (errno.EMFILE, errno.ENFILE):
        return f"too many files are open at once ({what}){_as_said('RLIMIT_NOFILE', 'n', 1)}"
    if number == errno.EAGAIN:
        return f"no more processes or threads can be started ({what}){_as_said('RLIMIT_NPROC', 'u', 1)}"
    return f"there is not enough memory ({what}){_as_said('RLIMIT_AS', 'v', 1024)}"


def _as_said(name: str, option: str, unit: int) -> str:
    limit = _limit(name)
    return "" if limit is None else f"; this shell allows {limit // unit} (ulimit -{option})"


def _limit(name: str) -> int | None:
    """A limit of this process, None where there is none."""
    with suppress(ImportError, AttributeError, ValueError, OSError):  # Windows has no such limits
        import resource

        found: Any = resource.getrlimit(getattr(resource, name))[0]
        return None if found == resource.RLIM_INFINITY else int(found)
    return None
