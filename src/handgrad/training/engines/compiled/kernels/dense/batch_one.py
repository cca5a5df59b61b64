"""Batch size 1 with sparse examples and plain descent: several steps at a time, so that less memory is moved.

With batch size 1 a step reads and writes the rows of W of one example's pixels, and the memory's speed is the limit.
A *block* of steps u = 0, 1, … needs W only at its start.  With x_u the example and g_u = dz of the first layer at step
u,

    W_i = c_i·W_0 − Σ_{u<i} a_u x_u g_uᵀ          so          z_i = c_i·(W_0ᵀ x_i) − Σ_{u<i} a_u (x_u·x_i) g_u + b_i

where after each step a_u and c are multiplied with 1 − lr·λ (1 − λ where a slip leaves lr out) and a new a_i = lr is
added (λ = 0: c = 1, a_u = lr).  The products W_0ᵀ x_i of all examples of the block are one sparse product, the x_u·x_i
are few, and W is updated once a block.  All other layers, and b, are updated at every step.  Nothing is approximated:
these are the steps of plain descent, in another order of additions.  Letters: letters.md.
"""

import math
from typing import Any, NamedTuple

from handgrad.training.engines.compiled.kernels import biases, products, updates
from handgrad.training.engines.compiled.kernels.constants import (
    ASIDE,
    BESIDE,
    SEGMENTS,
    STEP_BLOCK,
    STOP,
    WEIGHT_DECAY,
)
from handgrad.training.engines.compiled.kernels.dense import stages
from handgrad.training.engines.compiled.kernels.dense.dense_passes import (
    DenseInputs,
    DenseWork,
    backward,
    forward,
    loss_of_row,
    update_biases_put_aside,
)
from handgrad.training.engines.compiled.kernels.dense.stages import of_stage
from handgrad.training.engines.compiled.kernels.layout import panels
from handgrad.training.engines.compiled.kernels.vectors import (
    at,
    fma,
    inlined,
    kernel,
    lanes,
    load,
    load_line,
    look,
    number,
    splat,
    splat_line,
    spliced,
    store,
    zero,
)  # fmt: skip


class StepBlock(NamedTuple):
    """What a block of steps needs: z0 = W_0ᵀ x_u and g_u in panels, its pixels as columns, dots = x_u·x_i, and a_u."""

    z0: Any
    g: Any
    pixels: Any
    dots: Any
    a: Any


@kernel
def example_dots(x: products.Sparse, order: Any, first: int, rows: int, S: int, w: StepBlock, lines: int) -> None:
    """dots[i, u] = x_u · x_i for the examples order[first : first + rows]; w.pixels is zero before and after.

    w.pixels holds the block as a matrix (pixels, lines): a row is a line of the cache.
    """
    for u in range(rows):
        o = at(order, first + u) * S
        for k in range(at(x.starts, o), at(x.starts, o + S)):
            w.pixels[int(at(x.pixels, k)) * lines + u] = at(x.values, k)
    for i in range(rows):
        o = at(order, first + i) * S
        k, end = at(x.starts, o), at(x.starts, o + S)
        s0 = s1 = s2 = s3 = splat_line(zero(w.dots))
        while k + 4 <= end:  # four sums, so that none waits for the one before it
            s0 = fma(splat_line(at(x.values, k)), load_line(w.pixels, int(at(x.pixels, k)) * lines), s0)
            s1 = fma(splat_line(at(x.values, k + 1)), load_line(w.pixels, int(at(x.pixels, k + 1)) * lines), s1)
            s2 = fma(splat_line(at(x.values, k + 2)), load_line(w.pixels, int(at(x.pixels, k + 2)) * lines), s2)
            s3 = fma(splat_line(at(x.values, k + 3)), load_line(w.pixels, int(at(x.pixels, k + 3)) * lines), s3)
            k += 4
        while k < end:
            s0 = fma(splat_line(at(x.values, k)), load_line(w.pixels, int(at(x.pixels, k)) * lines), s0)
            k += 1
        store(w.dots, i * lines, (s0 + s1) + (s2 + s3))
    for u in range(rows):
        o = at(order, first + u) * S
        for k in range(at(x.starts, o), at(x.starts, o + S)):
            store(w.pixels, int(at(x.pixels, k)) * lines, splat_line(zero(w.pixels)))


@inlined
def _correct(w: StepBlock, i: int, rows: int, lines: int, c: Any, bias: Any, p: int, z: Any, zo: int) -> None:
    """One panel of z_i = c·z0_i − Σ_{u<i} a_u (x_u·x_i) g_u + b."""
    L = lanes(z)
    s = fma(splat(c), load(w.z0, (p * rows + i) * L), bias)
    for u in range(i):
        s = fma(splat(-at(w.a, u) * at(w.dots, i * lines + u)), load(w.g, (p * rows + u) * L), s)
    store(z, zo, s)


@spliced
def train_batch_one(
    net: Any, constants: Any, rates: Any, m: updates.Memory, work: DenseWork, inputs: DenseInputs, T: Any, order: Any,
    count: int, lrs: Any, first_step: int, t: int, h: Any, curve: Any,
) -> int:  # fmt: skip
    """`dense_epoch.train` for sparse examples, batch size 1, plain descent and no clipping."""
    w, space, lines, S = work.step_block, work.space, constants[STEP_BLOCK], constants[SEGMENTS]
    L, pixels, units = lanes(space), of_stage(net, 1, stages.N_IN), of_stage(net, 1, stages.N_OUT)
    first_w, bias, z = of_stage(net, 1, stages.W), of_stage(net, 1, stages.B), of_stage(net, 1, stages.A)
    dz = of_stage(net, 1, stages.DZ)
    no_bias = splat(zero(space))
    scale, beside = number(space, updates.gradient_scale(constants, rates, 1)), constants[BESIDE] != 0
    bias_code = biases.code_of_biases(constants, updates.SGD)
    for p in range(panels(units, L)):
        wo, zo = first_w + p * pixels * L, p * min(lines, count) * L
        products.sparse_forward_panel(inputs.sparse, order, 0, min(lines, count), S, m.theta, wo, no_bias, w.z0, zo)
    for begin in range(0, count, lines):
        if look(constants, STOP) != 0:
            return begin + 1
        rows = min(lines, count - begin)
        upcoming, upcoming_rows = begin + rows, min(lines, count - begin - rows)
        products.fetch(inputs.sparse, order, upcoming, upcoming_rows, S)
        example_dots(inputs.sparse, order, begin, rows, S, w, lines)
        every = rates[WEIGHT_DECAY] != 0
        listed = products.to_columns(inputs.sparse, order, begin, rows, S, pixels, every, work.columns)
        c, done = number(space, 1), rows
        for i in range(rows):
            step = begin + i
            updates.numbers_of_step(h, rates, updates.SGD, lrs[step], rates[WEIGHT_DECAY], t + step + 1, beside)
            for p in range(panels(units, L)):
                _correct(w, i, rows, lines, c, load(m.theta, bias + p * L), p, space, z + p * L)
            forward(net, constants, m.theta, work, 1, True, 0, first_step + step)
            curve[step] = loss_of_row(net, constants, work, inputs, T, at(order, step), 1, 0, scale)
            if not math.isfinite(curve[step]):
                done = i
                break
            backward(net, constants, updates.SGD, m, h, work, 1)
            products.sum_rows(bias_code, m, bias, h, space, dz, 1, units)
            if constants[ASIDE] != 0:
                update_biases_put_aside(net, constants, updates.SGD, m, h, 1)
            shrink = number(space, 1.0 - (1.0 if beside else lrs[step]) * rates[WEIGHT_DECAY])
            c *= shrink
            for u in range(i):
                w.a[u] *= shrink
            w.a[i] = lrs[step]
            for p in range(panels(units, L)):
                store(w.g, (p * rows + i) * L, load(space, dz + p * L))
        if done < rows:  # what comes after the stop, NaN perhaps, must not count
            listed = products.to_columns(inputs.sparse, order, begin, done, S, pixels, every, work.columns)
        for i in range(rows):  # the block's steps as one: W ← c·W − Σ_u x_u (a_u g_u)ᵀ
            for p in range(panels(units, L)):
                g = (p * rows + i) * L
                store(w.g, g, splat(w.a[i]) * load(w.g, g) if i < done else no_bias)
        h[updates.LR], h[updates.DECAY], h[updates.SHRINKS] = 1.0, 1.0 - float(c), 0.0
        for p in range(panels(units, L)):
            wo = first_w + p * pixels * L
            products.sparse_gradient_panel(updates.SGD, m, wo, h, work.columns, listed, done, w.g, p * rows * L)
            if upcoming_rows > 0:
                zo = p * upcoming_rows * L
                products.sparse_forward_panel(
                    inputs.sparse, order, upcoming, upcoming_rows, S, m.theta, wo, no_bias, w.z0, zo
                )
        if done < rows:
            return begin + done + 1
    return count
