"""Batch normalization of blocks of images and of rows in panels: twins of `handgrad.network.batch_norm`.

Letters as there; m numbers of a unit in the batch.  A batch is never cut into parts in a network that has batch norm.
Statistics of the batch lie in the workspace, μ of unit u at s + u and σ² at s + units + u.

Images: the numbers of a channel are summed along rows with `ones`, which is 1 for examples of this batch and 0 for
what a vector takes in besides them.
"""

import math
from typing import Any

from handgrad.network.batch_norm import EPS, MOMENTUM
from handgrad.training.engines.compiled.kernels.images.ops import (
    BIAS,
    BLOCK,
    CHANNELS,
    COLS,
    MEAN,
    PITCH,
    PLANE,
    ROWS,
    STATISTICS,
    VARIANCE,
    A,
    D,
    W,
    of,
)  # fmt: skip
from handgrad.training.engines.compiled.kernels.layout import panels
from handgrad.training.engines.compiled.kernels.updates import apply
from handgrad.training.engines.compiled.kernels.vectors import (
    at,
    fill,
    fma,
    inlined,
    kernel,
    lanes,
    load,
    number,
    splat,
    sqrt,
    store,
    total,
    zero,
)  # fmt: skip


@kernel
def fill_ones(ones: Any, B: int, cols: int, valid: int) -> None:
    """1 for the first `valid` of B examples in each of `cols` columns, then zeros as far as a vector reaches."""
    for i in range(cols * B + lanes(ones)):
        ones[i] = number(ones, 1 if i < cols * B and i % B < valid else 0)


@kernel
def image_statistics(program: Any, k: int, B: int, rows: int, a: Any, ones: Any) -> None:
    """Twin of `batch_statistics` for a batch of `rows` images in blocks of B."""
    channels, height, length = of(program, k, CHANNELS), of(program, k, ROWS), of(program, k, COLS) * B
    mean, variance = of(program, k, STATISTICS), of(program, k, STATISTICS) + channels
    m = number(a, rows * height * of(program, k, COLS))
    for c in range(channels):
        for second in range(2):
            middle, s = splat(at(a, mean + c) if second else zero(a)), splat(zero(a))
            for g in range((rows + B - 1) // B):
                fill_ones(ones, B, of(program, k, COLS), min(B, rows - g * B))
                for r in range(height):
                    x = of(program, k - 1, A) + g * of(program, k - 1, BLOCK) + c * of(program, k - 1, PLANE)
                    x += r * of(program, k - 1, PITCH)
                    for i in range(0, length, lanes(a)):
                        d = (load(a, x + i) - middle) * load(ones, i)
                        s = fma(d, d, s) if second else s + d
            a[(variance if second else mean) + c] = total(s) / m


@kernel
def image_norm(
    program: Any, k: int, B: int, block: int, a: Any, mean: Any, mo: int, variance: Any, vo: int, theta: Any
) -> None:
    """Twin of `batch_norm_inference` for one block, with the means from mo and the variances from vo on."""
    for c in range(of(program, k, CHANNELS)):
        root = math.sqrt(at(variance, vo + c) + number(a, EPS))
        scale, beta = splat(at(theta, of(program, k, W) + c) / root), splat(at(theta, of(program, k, BIAS) + c))
        middle = splat(at(mean, mo + c))
        for r in range(of(program, k, ROWS)):
            x = of(program, k - 1, A) + block * of(program, k - 1, BLOCK) + c * of(program, k - 1, PLANE)
            x += r * of(program, k - 1, PITCH)
            z = of(program, k, A) + block * of(program, k, BLOCK) + c * of(program, k, PLANE)
            z += r * of(program, k, PITCH)
            for i in range(0, of(program, k, COLS) * B, lanes(a)):
                store(a, z + i, fma(load(a, x + i) - middle, scale, beta))


@kernel
def image_norm_backward(
    program: Any, k: int, B: int, rows: int, a: Any, theta: Any, ones: Any, grad: Any, wants_dx: bool
) -> None:
    """Twin of `batch_norm_backward` for a batch of `rows` images: dγ and dβ into grad, dx into its place."""
    channels, height, length = of(program, k, CHANNELS), of(program, k, ROWS), of(program, k, COLS) * B
    mean, variance = of(program, k, STATISTICS), of(program, k, STATISTICS) + channels
    m = number(a, rows * height * of(program, k, COLS))
    for c in range(channels):
        gamma = at(theta, of(program, k, W) + c)
        scale = number(a, 1) / math.sqrt(at(a, variance + c) + number(a, EPS))
        middle, wide = splat(at(a, mean + c)), splat(scale)
        dbeta = dgamma = splat(zero(a))
        shift = factor = dbeta
        for second in range(2 if wants_dx else 1):
            for g in range((rows + B - 1) // B):
                fill_ones(ones, B, of(program, k, COLS), min(B, rows - g * B))
                for r in range(height):
                    x = g * of(program, k - 1, BLOCK) + c * of(program, k - 1, PLANE) + r * of(program, k - 1, PITCH)
                    z = of(program, k, D) + g * of(program, k, BLOCK) + c * of(program, k, PLANE)
                    z += r * of(program, k, PITCH)
                    for i in range(0, length, lanes(a)):
                        dz = load(a, z + i) * load(ones, i)
                        x_hat = (load(a, of(program, k - 1, A) + x + i) - middle) * wide
                        if second:
                            dx = splat(gamma * scale) * (dz - shift - x_hat * factor)
                            store(a, of(program, k - 1, D) + x + i, dx * load(ones, i))
                        else:
                            dbeta = dbeta + dz
                            dgamma = fma(dz, x_hat, dgamma)
            if not second:
                grad[of(program, k, W) + c] = total(dgamma)
                grad[of(program, k, BIAS) + c] = total(dbeta)
                shift, factor = splat(total(dbeta) / m), splat(total(dgamma) / m)


@kernel
def row_statistics(program: Any, k: int, rows: int, a: Any) -> None:
    """Twin of `batch_statistics` for `rows` rows in panels."""
    L, units = lanes(a), of(program, k, CHANNELS)
    mean, variance = of(program, k, STATISTICS), of(program, k, STATISTICS) + panels(units, L) * L
    m = splat(number(a, rows))
    for p in range(panels(units, L)):
        x = of(program, k - 1, A) + p * rows * L
        s = splat(zero(a))
        for i in range(rows):
            s = s + load(a, x + i * L)
        store(a, mean + p * L, s / m)
        middle, s = s / m, splat(zero(a))
        for i in range(rows):
            d = load(a, x + i * L) - middle
            s = fma(d, d, s)
        store(a, variance + p * L, s / m)


@kernel
def row_norm(program: Any, k: int, rows: int, a: Any, mean: Any, mo: int, variance: Any, vo: int, theta: Any) -> None:
    """Twin of `batch_norm_inference` for `rows` rows in panels."""
    L = lanes(a)
    for p in range(panels(of(program, k, CHANNELS), L)):
        v = load(variance, vo + p * L)
        scale = load(theta, of(program, k, W) + p * L) / sqrt(v + fill(v, EPS))
        middle, beta = load(mean, mo + p * L), load(theta, of(program, k, BIAS) + p * L)
        for i in range(p * rows * L, (p + 1) * rows * L, L):
            store(a, of(program, k, A) + i, fma(load(a, of(program, k - 1, A) + i) - middle, scale, beta))


@kernel
def row_norm_backward(program: Any, k: int, rule: int, m: Any, h: Any, rows: int, a: Any, wants_dx: bool) -> None:
    """Fused twin of `batch_norm_backward` and the update of γ and β, for `rows` rows in panels."""
    L, units = lanes(a), of(program, k, CHANNELS)
    mean, variance = of(program, k, STATISTICS), of(program, k, STATISTICS) + panels(units, L) * L
    count = splat(number(a, rows))
    for p in range(panels(units, L)):
        v, gamma = load(a, variance + p * L), load(m.theta, of(program, k, W) + p * L)
        scale, middle = fill(v, 1.0) / sqrt(v + fill(v, EPS)), load(a, mean + p * L)
        dbeta = dgamma = splat(zero(a))
        for i in range(p * rows * L, (p + 1) * rows * L, L):
            dz = load(a, of(program, k, D) + i)
            dbeta = dbeta + dz
            dgamma = fma(dz, (load(a, of(program, k - 1, A) + i) - middle) * scale, dgamma)
        if wants_dx:
            shift, factor = dbeta / count, dgamma / count
            for i in range(p * rows * L, (p + 1) * rows * L, L):
                x_hat = (load(a, of(program, k - 1, A) + i) - middle) * scale
                dx = gamma * scale * (load(a, of(program, k, D) + i) - shift - x_hat * factor)
                store(a, of(program, k - 1, D) + i, dx)
        apply(rule, m, of(program, k, W) + p * L, dgamma, h, False)
        apply(rule, m, of(program, k, BIAS) + p * L, dbeta, h, False)


@inlined
def _newest(theta: Any, i: int, value: Any) -> None:
    theta[i] = number(theta, 1 - MOMENTUM) * at(theta, i) + number(theta, MOMENTUM) * value


@kernel
def running(program: Any, k: int, units: int, stride: int, m: int, a: Any, theta: Any) -> None:
    """Twin of `batch_norm_running`: μ and σ² of a batch that gave each unit m numbers; `stride`: from μ to σ²."""
    if m < 2:
        return
    s = of(program, k, STATISTICS)
    for u in range(units):
        _newest(theta, of(program, k, MEAN) + u, at(a, s + u))
        _newest(theta, of(program, k, VARIANCE) + u, number(a, m / (m - 1)) * at(a, s + stride + u))
