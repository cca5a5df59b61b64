"""Where a run happened: versions, processor, threads.  Part of every record."""

import functools
import platform
from pathlib import Path
from typing import Any

import numpy as np

from handgrad import __version__


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
