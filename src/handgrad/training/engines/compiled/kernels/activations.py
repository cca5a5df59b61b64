"""Activations on panels: twins of `handgrad.network.activations`, vector by vector or row by row.

exp and tanh are polynomials that stay in vectors, within 2 units in the last place; libm's would double the time of
a tanh network.  e^x = 2ⁿ·e^r with n = rint(x / ln 2) and |r| ≤ ½ ln 2; e^r by its Taylor series, which is exact to the
last place at degree 7 (float32) or 13 (float64).  ln 2 is split in two (Cody & Waite), so that r is exact.

A code that no activation has gives NaN.  Letters: letters.md.
"""

import math
from typing import Any

import numpy as np
from numba import config, types
from numba.extending import overload

from handgrad.network.activations import LEAKY_SLOPE
from handgrad.training import twins
from handgrad.training.engines.compiled.kernels.layout import panels, place
from handgrad.training.engines.compiled.kernels.vectors import (
    fill,
    first_of,
    fma,
    inlined,
    kernel,
    lanes,
    larger,
    largest,
    line,
    load,
    load_line,
    number,
    power_of_two,
    rint,
    splat,
    splat_line,
    store,
    total,
    where_negative,
    where_positive,
    zero,
)  # fmt: skip

IDENTITY, SIGMOID, TANH, RELU, LEAKY_RELU, SOFTMAX, LOG_SOFTMAX = (
    twins.ACTIVATIONS[n].code for n in ("identity", "sigmoid", "tanh", "relu", "leaky-relu", "softmax", "log-softmax")
)
AT_A, AT_Z, TWICE = (twins.DERIVATIVES[f"activation-derivative-{way}"] for way in ("at-a", "at-z", "twice"))

_LOG2E, _LN2_HIGH, _LN2_LOW = 1.4426950408889634, 0.693145751953125, 1.4286068203094173e-06
C2, C3, C4, C5, C6, C7 = (1 / math.factorial(k) for k in range(2, 8))
C8, C9, C10, C11, C12, C13 = (1 / math.factorial(k) for k in range(8, 14))


@inlined
def _seventh(r: Any) -> Any:
    s = fma(fill(r, C7), r, fill(r, C6))
    s = fma(s, r, fill(r, C5))
    s = fma(s, r, fill(r, C4))
    s = fma(s, r, fill(r, C3))
    s = fma(s, r, fill(r, C2))
    return fma(s * r, r, r)


@inlined
def _thirteenth(r: Any) -> Any:
    s = fma(fill(r, C13), r, fill(r, C12))
    s = fma(s, r, fill(r, C11))
    s = fma(s, r, fill(r, C10))
    s = fma(s, r, fill(r, C9))
    s = fma(s, r, fill(r, C8))
    s = fma(s, r, fill(r, C7))
    s = fma(s, r, fill(r, C6))
    s = fma(s, r, fill(r, C5))
    s = fma(s, r, fill(r, C4))
    s = fma(s, r, fill(r, C3))
    s = fma(s, r, fill(r, C2))
    return fma(s * r, r, r)


def _series(r: Any) -> Any:
    """e^r − 1 for |r| ≤ ½ ln 2, by the series that is long enough for the type of r."""
    return _seventh(r) if r.dtype == np.float32 else _thirteenth(r)


def _floor(x: Any) -> float:
    """The logarithm of the smallest normal number of x's type."""
    return -87.0 if x.dtype == np.float32 else -708.0


if not config.DISABLE_JIT:  # what Numba makes of the two functions above: a choice by the type

    @overload(_series)
    def _series_of(r: Any) -> Any:
        chosen = _seventh if r.dtype == types.float32 else _thirteenth

        def series(r: Any) -> Any:
            return chosen(r)

        return series

    @overload(_floor)
    def _floor_of(x: Any) -> Any:
        value = -87.0 if x.dtype == types.float32 else -708.0

        def floor(x: Any) -> float:
            return value

        return floor


@inlined
def exp_minus_one(x: Any) -> Any:
    """e^x − 1 for x ≤ 0; −1 below −80, where it is −1 to the last place."""
    x = where_negative(x + fill(x, 80.0), fill(x, -80.0), x)
    n = rint(x * fill(x, _LOG2E))
    r = fma(n, fill(x, -_LN2_LOW), fma(n, fill(x, -_LN2_HIGH), x))
    scale = power_of_two(n)
    return fma(scale, _series(r), scale - fill(x, 1.0))


@inlined
def exp(x: Any) -> Any:
    """e^x for x ≤ 0; below the smallest normal number (1e-38, 1e-308) the result is that number."""
    floor = fill(x, _floor(x))
    x = where_negative(x - floor, floor, x)
    n = rint(x * fill(x, _LOG2E))
    r = fma(n, fill(x, -_LN2_LOW), fma(n, fill(x, -_LN2_HIGH), x))
    scale = power_of_two(n)
    return fma(scale, _series(r), scale)


@inlined
def exp_or_zero(x: Any) -> Any:
    """e^x for x ≤ 0; 0 where that is below the smallest normal number."""
    return where_negative(x - fill(x, _floor(x)), fill(x, 0.0), exp(x))


@inlined
def largest_of_row(row: Any, k: int) -> Any:
    """max of row[:k]; NaN where one is.  row: with room for whole lines."""
    most = splat_line(row[0])
    for j in range(0, k, line(row)):
        most = larger(most, first_of(load_line(row, j), k - j, most))
    return largest(most)


@inlined
def tanh(z: Any) -> Any:
    """Twin of `tanh_forward`: −t / (2 + t) with t = e^(−2|z|) − 1, and the sign of z."""
    negative = where_negative(z, z + z, fill(z, -2.0) * z)  # −2|z|
    t = exp_minus_one(negative)
    a = (fill(z, 0.0) - t) / (fill(z, 2.0) + t)
    return where_negative(z, fill(z, 0.0) - a, a)


@inlined
def sigmoid(z: Any) -> Any:
    """Twin of `sigmoid_forward`: e^min(z,0) / (1 + e^−|z|)."""
    e = exp(where_negative(z, z, fill(z, 0.0) - z))
    return where_negative(z, e, fill(z, 1.0)) / (fill(z, 1.0) + e)


@inlined
def _forward(code: int, z: Any) -> Any:
    """f(z) of the activations that act on each number by itself, but for the identity."""
    if code == RELU:
        return where_negative(z, fill(z, 0.0), z)
    if code == TANH:
        return tanh(z)
    if code == SIGMOID:
        return sigmoid(z)
    if code == LEAKY_RELU:
        return where_negative(z, fill(z, LEAKY_SLOPE) * z, z)
    return fill(z, math.nan)


@inlined
def _backward(code: int, da: Any, a: Any) -> Any:
    """da·f′(z), from a = f(z)."""
    if code == RELU:
        return where_positive(a, da, fill(a, 0.0))
    if code == TANH:
        return da * (fill(a, 1.0) - a * a)
    if code == SIGMOID:
        return da * a * (fill(a, 1.0) - a)
    if code == LEAKY_RELU:
        return where_positive(a, da, fill(a, LEAKY_SLOPE) * da)
    return fill(da, math.nan)


@kernel
def clear_padding(a: Any, offset: int, rows: int, columns: int) -> None:
    """Zero what lies beyond the last column."""
    L = lanes(a)
    p = columns // L
    if p * L < columns:
        for i in range(offset + p * rows * L, offset + (p + 1) * rows * L, L):
            store(a, i, first_of(load(a, i), columns - p * L, splat(zero(a))))


@kernel
def activation_forward(code: int, a: Any, offset: int, rows: int, columns: int, row: Any) -> None:
    """Fused twin of `ACTIVATIONS[...].forward`: z (rows, columns) becomes a = f(z) in place.  row: scratch."""
    L = lanes(a)
    if code in (SOFTMAX, LOG_SOFTMAX):
        for i in range(rows):
            for p in range(0, columns, L):
                store(row, p, load(a, offset + place(i, p, rows, L)))
            softmax_row(row, columns, code == LOG_SOFTMAX)
            for p in range(0, columns, L):
                store(a, offset + place(i, p, rows, L), load(row, p))
    elif code != IDENTITY:
        for i in range(offset, offset + panels(columns, L) * rows * L, L):
            store(a, i, _forward(code, load(a, i)))
    clear_padding(a, offset, rows, columns)


@kernel
def softmax_row(row: Any, k: int, log: bool) -> None:
    """Twin of `softmax_forward` for one row in place: a_i = e^z_i / Σ_j e^z_j.

    log: twin of `log_softmax_forward`, a_i = z_i − log Σ_j e^z_j.  row: with room for whole lines.
    """
    most, none = splat_line(largest_of_row(row, k)), splat_line(zero(row))
    s = none
    for j in range(0, k, line(row)):
        x = load_line(row, j) - most
        e = exp_or_zero(x)
        store(row, j, x if log else e)
        s = s + first_of(e, k - j, none)
    if log:
        of_all = splat_line(number(row, math.log(total(s))))
        for j in range(0, k, line(row)):
            store(row, j, load_line(row, j) - of_all)
    else:
        of_all = splat_line(total(s))
        for j in range(0, k, line(row)):
            store(row, j, load_line(row, j) / of_all)


@kernel
def activation_backward(code: int, d: Any, do: int, a: Any, ao: int, rows: int, columns: int) -> None:
    """Fused twin of `ACTIVATIONS[...].backward`: da (rows, columns) becomes dz = da·f′(z) in place.

    softmax: dz_i = a_i·(da_i − Σ_j da_j·a_j);  log-softmax: dz_i = da_i − e^a_i·Σ_j da_j.
    """
    L = lanes(a)
    if code in (SOFTMAX, LOG_SOFTMAX):
        for i in range(rows):
            s = zero(d)
            for j in range(columns):
                at = place(i, j, rows, L)
                s += d[do + at] if code == LOG_SOFTMAX else d[do + at] * a[ao + at]
            for j in range(columns):
                at = place(i, j, rows, L)
                if code == LOG_SOFTMAX:
                    d[do + at] -= math.exp(a[ao + at]) * s
                else:
                    d[do + at] = a[ao + at] * (d[do + at] - s)
    elif code != IDENTITY:
        for i in range(0, panels(columns, L) * rows * L, L):
            store(d, do + i, _backward(code, load(d, do + i), load(a, ao + i)))


@kernel
def backward_in_way(way: int, code: int, d: Any, do: int, a: Any, ao: int, rows: int, columns: int, row: Any) -> None:
    """`activation_backward` in the way of a slip; way 0 is the right one.  row: scratch.

    AT_A: dz = da·f′(a), for which a becomes f(a) in place, so no kernel may need a afterwards;  TWICE: dz = da·f′(z)².
    AT_Z is the right way at another place: z is what stands at ao.
    """
    if way == AT_A:
        activation_forward(code, a, ao, rows, columns, row)
    for _ in range(2 if way == TWICE else 1):
        activation_backward(code, d, do, a, ao, rows, columns)
