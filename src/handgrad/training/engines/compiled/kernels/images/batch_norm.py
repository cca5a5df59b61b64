"""Batch normalization of blocks of images and of rows in panels: twins of `handgrad.network.batch_norm`.

Letters as there; m numbers of a unit in the batch.  A batch is never cut into parts in a network that has batch norm.
Statistics of the batch lie in the workspace, μ of unit u at s + u and σ² at s + units + u.

Images: the numbers of a channel are summed along rows with `ones`, which is 1 for examples of this batch and 0 for
what a vector takes in besides them.  Other letters: letters.md.
"""

import math
from typing import Any

from handgrad.network.batch_norm import EPS, MOMENTUM
from handgrad.training.engines.compiled.kernels.images import ops
from handgrad.training.engines.compiled.kernels.images.ops import block_at, of_op, row_at
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
    """Twin of `batch_statistics` for a batch of `rows` images in blocks of B: μ = Σ x/m, σ² = Σ (x − μ)²/m."""
    channels, height = of_op(program, k, ops.CHANNELS), of_op(program, k, ops.ROWS)
    length = of_op(program, k, ops.COLS) * B
    mean, variance = of_op(program, k, ops.STATISTICS), of_op(program, k, ops.STATISTICS) + channels
    m = number(a, rows * height * of_op(program, k, ops.COLS))
    for c in range(channels):
        for second in range(2):
            middle, s = splat(at(a, mean + c) if second else zero(a)), splat(zero(a))
            for g in range((rows + B - 1) // B):
                fill_ones(ones, B, of_op(program, k, ops.COLS), min(B, rows - g * B))
                for r in range(height):
                    x = row_at(program, k - 1, block_at(program, k - 1, ops.A, g), c, r)
                    for i in range(0, length, lanes(a)):
                        d = (load(a, x + i) - middle) * load(ones, i)
                        s = fma(d, d, s) if second else s + d
            a[(variance if second else mean) + c] = total(s) / m


@kernel
def image_norm(
    program: Any, k: int, B: int, g: int, a: Any, mean: Any, mo: int, variance: Any, vo: int, theta: Any
) -> None:
    """Twin of `batch_norm_inference` for block g: z = γ·(x − μ)/√(σ² + ε) + β, with μ from mo and σ² from vo on."""
    for c in range(of_op(program, k, ops.CHANNELS)):
        root = math.sqrt(at(variance, vo + c) + number(a, EPS))
        gamma, beta = at(theta, of_op(program, k, ops.W) + c), splat(at(theta, of_op(program, k, ops.BIAS) + c))
        scale, middle = splat(gamma / root), splat(at(mean, mo + c))
        for r in range(of_op(program, k, ops.ROWS)):
            x = row_at(program, k - 1, block_at(program, k - 1, ops.A, g), c, r)
            z = row_at(program, k, block_at(program, k, ops.A, g), c, r)
            for i in range(0, of_op(program, k, ops.COLS) * B, lanes(a)):
                store(a, z + i, fma(load(a, x + i) - middle, scale, beta))


@kernel
def image_norm_backward(
    program: Any, k: int, B: int, rows: int, a: Any, theta: Any, ones: Any, grad: Any, wants_dx: bool
) -> None:
    """Twin of `batch_norm_backward` for a batch of `rows` images: dγ and dβ into grad, dx into its place.

    dβ = Σ dz;  dγ = Σ dz·x̂;  dx = γ/√(σ² + ε)·(dz − dβ/m − x̂·dγ/m)
    """
    channels, height = of_op(program, k, ops.CHANNELS), of_op(program, k, ops.ROWS)
    length = of_op(program, k, ops.COLS) * B
    mean, variance = of_op(program, k, ops.STATISTICS), of_op(program, k, ops.STATISTICS) + channels
    m = number(a, rows * height * of_op(program, k, ops.COLS))
    for c in range(channels):
        gamma = at(theta, of_op(program, k, ops.W) + c)
        scale = number(a, 1) / math.sqrt(at(a, variance + c) + number(a, EPS))
        middle, wide = splat(at(a, mean + c)), splat(scale)
        dbeta = dgamma = splat(zero(a))
        shift = factor = dbeta
        for second in range(2 if wants_dx else 1):
            for g in range((rows + B - 1) // B):
                fill_ones(ones, B, of_op(program, k, ops.COLS), min(B, rows - g * B))
                for r in range(height):
                    x = row_at(program, k - 1, block_at(program, k - 1, ops.A, g), c, r)
                    dx = row_at(program, k - 1, block_at(program, k - 1, ops.D, g), c, r)
                    dz = row_at(program, k, block_at(program, k, ops.D, g), c, r)
                    for i in range(0, length, lanes(a)):
                        d = load(a, dz + i) * load(ones, i)
                        x_hat = (load(a, x + i) - middle) * wide
                        if second:
                            v = splat(gamma * scale) * (d - shift - x_hat * factor)
                            store(a, dx + i, v * load(ones, i))
                        else:
                            dbeta = dbeta + d
                            dgamma = fma(d, x_hat, dgamma)
            if not second:
                grad[of_op(program, k, ops.W) + c] = total(dgamma)
                grad[of_op(program, k, ops.BIAS) + c] = total(dbeta)
                shift, factor = splat(total(dbeta) / m), splat(total(dgamma) / m)


@kernel
def row_statistics(program: Any, k: int, rows: int, a: Any) -> None:
    """Twin of `batch_statistics` for `rows` rows in panels: μ = Σ x/m, σ² = Σ (x − μ)²/m with m = rows."""
    L, units = lanes(a), of_op(program, k, ops.CHANNELS)
    mean, variance = of_op(program, k, ops.STATISTICS), of_op(program, k, ops.STATISTICS) + panels(units, L) * L
    m = splat(number(a, rows))
    for p in range(panels(units, L)):
        x = of_op(program, k - 1, ops.A) + p * rows * L
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
    """Twin of `batch_norm_inference` for `rows` rows in panels: z = γ·(x − μ)/√(σ² + ε) + β."""
    L = lanes(a)
    for p in range(panels(of_op(program, k, ops.CHANNELS), L)):
        v = load(variance, vo + p * L)
        scale = load(theta, of_op(program, k, ops.W) + p * L) / sqrt(v + fill(v, EPS))
        middle, beta = load(mean, mo + p * L), load(theta, of_op(program, k, ops.BIAS) + p * L)
        for i in range(p * rows * L, (p + 1) * rows * L, L):
            store(a, of_op(program, k, ops.A) + i, fma(load(a, of_op(program, k - 1, ops.A) + i) - middle, scale, beta))


@kernel
def row_norm_backward(
    program: Any, k: int, update_code: int, m: Any, h: Any, rows: int, a: Any, wants_dx: bool
) -> None:
    """Fused twin of `batch_norm_backward` for rows in panels (`image_norm_backward`) and the update of γ and β."""
    L, units = lanes(a), of_op(program, k, ops.CHANNELS)
    mean, variance = of_op(program, k, ops.STATISTICS), of_op(program, k, ops.STATISTICS) + panels(units, L) * L
    count = splat(number(a, rows))
    for p in range(panels(units, L)):
        v, gamma = load(a, variance + p * L), load(m.theta, of_op(program, k, ops.W) + p * L)
        scale, middle = fill(v, 1.0) / sqrt(v + fill(v, EPS)), load(a, mean + p * L)
        dbeta = dgamma = splat(zero(a))
        for i in range(p * rows * L, (p + 1) * rows * L, L):
            dz = load(a, of_op(program, k, ops.D) + i)
            dbeta = dbeta + dz
            dgamma = fma(dz, (load(a, of_op(program, k - 1, ops.A) + i) - middle) * scale, dgamma)
        if wants_dx:
            shift, factor = dbeta / count, dgamma / count
            for i in range(p * rows * L, (p + 1) * rows * L, L):
                x_hat = (load(a, of_op(program, k - 1, ops.A) + i) - middle) * scale
                dx = gamma * scale * (load(a, of_op(program, k, ops.D) + i) - shift - x_hat * factor)
                store(a, of_op(program, k - 1, ops.D) + i, dx)
        apply(update_code, m, of_op(program, k, ops.W) + p * L, dgamma, h, False)
        apply(update_code, m, of_op(program, k, ops.BIAS) + p * L, dbeta, h, False)


@inlined
def _blend(theta: Any, i: int, value: Any) -> None:
    """A running statistic, at i, after a batch whose own is `value`."""
    theta[i] = number(theta, 1 - MOMENTUM) * at(theta, i) + number(theta, MOMENTUM) * value


@kernel
def running(program: Any, k: int, units: int, stride: int, m: int, a: Any, theta: Any) -> None:
    """Twin of `batch_norm_running` after a batch of m numbers a unit; stride: from μ to σ² of the batch."""
    if m < 2:
        return
    s = of_op(program, k, ops.STATISTICS)
    for u in range(units):
        _blend(theta, of_op(program, k, ops.MEAN) + u, at(a, s + u))
        _blend(theta, of_op(program, k, ops.VARIANCE) + u, number(a, m / (m - 1)) * at(a, s + stride + u))
