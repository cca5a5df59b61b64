"""What one core of this machine can do, and what a step needs of it at least."""

import statistics
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba import njit

from handgrad.training.engines.compiled.kernels.layout import aligned
from handgrad.training.engines.compiled.kernels.vectors import fma, lanes, load, pointer, splat, store


@njit
def _multiply_add(a: Any, n: int) -> None:
    a = pointer(a)
    L = lanes(a)
    s0, s1, s2, b = load(a, 0), load(a, L), load(a, 2 * L), load(a, 3 * L)
    for _ in range(n):
        s0, s1, s2 = fma(s0, b, b), fma(s1, b, b), fma(s2, b, b)
    store(a, 0, s0)
    store(a, L, s1)
    store(a, 2 * L, s2)


@njit
def _read(a: Any, n: int, times: int) -> None:
    a = pointer(a)
    L = lanes(a)
    s0, s1, one = load(a, 0), load(a, L), splat(a[0])
    for _ in range(times):
        for i in range(0, n, 2 * L):
            s0, s1 = fma(one, load(a, i), s0), fma(one, load(a, i + L), s1)
    store(a, 0, fma(one, s0, s1))


@njit
def _update(a: Any, n: int, times: int) -> None:
    a = pointer(a)
    step = splat(a[0])
    for _ in range(times):
        for i in range(0, n, lanes(a)):
            store(a, i, fma(step, load(a, i), load(a, i)))


def _seconds(function: Any, *args: Any) -> float:
    function(*args)
    times = []
    for _ in range(7):
        start = time.process_time()
        function(*args)
        times.append(time.process_time() - start)
    return statistics.median(times)


def of_machine() -> tuple[float, dict[int, tuple[float, float]]]:
    """(float32 operations a second, {bytes: (bytes read a second, bytes read and written a second by updates)})."""
    a = aligned(1024, np.float32)
    peak = 1e6 * 2 * 3 * int(_lanes()) / _seconds(_multiply_add, a, 1_000_000)
    speeds = {}
    for size in (24 << 10, 800 << 10, 4 << 20):
        a, times = aligned(size // 4, np.float32), (256 << 20) // size
        speeds[size] = (
            size * times / _seconds(_read, a, len(a), times),
            2 * size * times / _seconds(_update, a, len(a), times),
        )
    return peak, speeds


@njit
def _lanes() -> int:
    return lanes(np.zeros(1, np.float32))


class Limits(NamedTuple):
    """What one step of a case needs at least: multiplications and additions, and seconds for them and for memory."""

    operations: float
    arithmetic: float
    memory: float

    def text(self, seconds: float) -> str:
        """How near a step that takes so long is to the two limits."""
        least = max(self.arithmetic, self.memory)
        bound = "arithmetic" if self.arithmetic >= self.memory else "memory"
        return (
            f"{self.arithmetic / seconds:.0%} of the arithmetic peak; its limit is {bound}, "
            f"{least * 1e6:.2f} µs a step, and it runs at {least / seconds:.0%} of that"
        )


def of_case(case: Path, batch: int, peak: float, speeds: dict[int, tuple[float, float]]) -> Limits:
    """The limits of a case: each row of W that a batch touches is read for z, then read and written by the update."""
    with np.load(case) as arrays:
        x, (n_in, units), order = arrays["x"], arrays["W1"].shape, arrays["order"]
    some = [order[i * batch : (i + 1) * batch] for i in range(max(1, min(20, len(order) // batch)))]
    nonzero = statistics.mean(np.count_nonzero(x[rows]) / batch for rows in some)
    touched = statistics.mean(np.count_nonzero(x[rows].any(axis=0)) for rows in some)
    operations = batch * 2 * units * (2 * nonzero + 3 * 10)
    read, updated = speeds[max((s for s in speeds if s <= n_in * units * 4), default=min(speeds))]
    return Limits(operations, operations / peak, touched * units * 4 * (1 / read + 2 / updated))
