"""Calling a kernel from the main thread, where Python hears Ctrl-C: within a second, at any size of epoch.

Python handles a signal between two of its own instructions, in the main thread, and a kernel is one instruction.  So a
call that may last is made in a thread of its own, while the main thread waits and can be interrupted.  Then the kernel
is told to stop: it reads `constants[STOP]` before every chunk of a batch.  Its numbers are of no use after that: a run
goes on from its checkpoint.
"""

import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.training.engines.compiled.kernels.constants import STOP

SHORT = 2**28  # products forward (of a weight and a number) that take well below a second with all that belongs to them
LOOK = 0.5  # seconds after which the main thread wakes where waiting cannot be interrupted (Windows)
PATIENCE = 1.0  # seconds for a kernel to come to its next chunk


def call(kernel: Callable[..., Any], arguments: tuple[Any, ...], *, constants: np.ndarray, products: int) -> Any:
    """kernel(*arguments).  constants: those that the kernel reads; products: how many it makes forward."""
    if products < SHORT or threading.current_thread() is not threading.main_thread():
        return kernel(*arguments)
    ended: list[Any] = []
    failed: list[BaseException] = []

    def work() -> None:
        try:
            ended.append(kernel(*arguments))
        except BaseException as error:
            failed.append(error)

    constants[STOP] = 0
    thread = threading.Thread(target=work, daemon=True, name="handgrad-kernel")
    try:
        thread.start()
        while thread.is_alive():
            thread.join(LOOK)
    except BaseException:
        constants[STOP] = 1
        thread.join(PATIENCE)
        raise
    if failed:
        raise failed[0]
    return ended[0]
