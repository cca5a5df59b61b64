"""Where a run happened: versions, processor, threads.  Part of every record."""

import functools
import platform
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from handgrad import __version__

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@functools.cache
def _thread_pools() -> "ThreadpoolController":
    """The BLAS libraries of this process; looking for them takes milliseconds, so it is done once."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


def one_thread() -> AbstractContextManager[object]:
    """While this context is open, BLAS uses one thread: more would change the order of sums, and so the bits."""
    limits: AbstractContextManager[object] = _thread_pools().limit(limits=1)
    return limits


@functools.cache
def environment() -> dict[str, Any]:
    """Versions and machine, as plain values; asked for once per process."""
    from threadpoolctl import threadpool_info

    blas = sorted(
        {f"{pool['internal_api']} {pool['version']}" for pool in threadpool_info() if pool["user_api"] == "blas"}
    )
    return {
        "handgrad": __version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "blas": blas,
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
    }


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
