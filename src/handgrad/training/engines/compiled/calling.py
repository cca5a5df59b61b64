"""Long work in a thread of its own, so that the main thread can hear Ctrl-C: within a second, at any size of epoch.

Python handles a signal between two of its own instructions, in the main thread, and a kernel is one instruction.  So a
call that may last is made beside the main thread, which waits and can be interrupted.  Then the kernel is told to
stop: it reads `constants[STOP]` before every chunk of a batch.  Its numbers are of no use after that: a run goes on
from its checkpoint.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from handgrad.training.engines.compiled.kernels.constants import STOP

SHORT = 2**28  # products forward (of a weight and a number) that take well below a second with all that belongs to them
LOOK = 0.5  # seconds after which the main thread wakes where waiting cannot be interrupted (Windows)
PATIENCE = 1.0  # seconds for a kernel to come to its next chunk

Result = TypeVar("Result")


def call(kernel: Callable[..., Any], arguments: tuple[Any, ...], *, constants: np.ndarray, products: int) -> Any:
    """kernel(*arguments).  constants: those that the kernel reads; products: how many it makes forward."""
    if products < SHORT:
        return kernel(*arguments)

    def stop(thread: threading.Thread) -> None:
        constants[STOP] = 1
        thread.join(PATIENCE)

    constants[STOP] = 0
    return beside(lambda: kernel(*arguments), stop=stop)


def machine_code(entry_point: Callable[..., Any]) -> Callable[..., Any]:
    """The code of an entry point, which trusts the types of its arguments.

    To compare them takes Numba as long as to score fifty examples, in every call.
    """
    compiled = getattr(entry_point, "overloads", None)  # there is none where Numba does not compile
    return entry_point if compiled is None else next(iter(compiled.values())).entry_point


def beside(work: Callable[[], Result], *, stop: Callable[[threading.Thread], None] | None = None) -> Result:
    """work(), in a thread beside the main one, in which it would be interrupted at any of its instructions.

    What work raises is raised here.  When the wait is interrupted, `stop` is called with the thread; what is not
    stopped goes on to its end unheard.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    ended: list[Result] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            ended.append(work())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="handgrad-kernel")
    try:
        thread.start()
        while thread.is_alive():
            thread.join(LOOK)
    except BaseException:
        if stop is not None:
            stop(thread)
        raise
    if failed:
        raise failed[0]
    return ended[0]
