"""Where a run happened: versions, processor, threads.  Part of every record."""

import functools
import gc
import importlib.util
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from handgrad import __version__
from handgrad.files import checksum

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


@functools.cache
def _thread_pools() -> "ThreadpoolController":
    """The BLAS libraries of this process; looking for them takes milliseconds, so it is done once."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


class OneBlasThread:
    """The limit to one BLAS thread, which holds for the process: while anybody in any thread of it needs it."""

    def __init__(self) -> None:
        self.lock, self.users = threading.Lock(), 0
        self.limit: Any = None

    def __enter__(self) -> None:
        with self.lock:
            limit = _thread_pools().limit(limits=1)
            self.limit = limit if not self.users else self.limit  # the first one knows how many there were
            self.users += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.users -= 1
            if not self.users and self.limit is not None:
                self.limit.restore_original_limits()


_one_blas_thread = OneBlasThread()


@contextmanager
def one_thread(library: str = "numpy") -> Iterator[None]:
    """While this context is open, `library` computes with one thread: more would change the order of sums, so the bits.

    Several threads can be in it at once: the limit ends with the last.
    PyTorch counts its threads by itself, and again when it first computes, so it has to be told.
    """
    with _one_blas_thread:
        if library != "torch" or importlib.util.find_spec("torch") is None:
            yield
            return
        import torch

        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)


@contextmanager
def without_collection() -> Iterator[None]:
    """While this context is open, Python does not look for cycles of objects by itself; `gc.collect` still does.

    What was made meanwhile counts as old, or all of it would be gone through as soon as the context ends.
    """
    on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if on:
            if gc.get_freeze_count() == 0:  # nothing that somebody else froze
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def worker_id() -> str:
    """Eight letters that tell this process from others that train, here and on other machines."""
    return checksum(f"{platform.node()} {os.getpid()}".encode())[:8]


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
