"""Small batches of sparse examples and plain descent: several steps at a time, so that less memory is moved.

A step of a small batch reads and writes the rows of W of its examples' pixels, and that takes longer than what is
computed with them.  A *window* of some batches needs W only at its start.  With x_u an example, g_u its row of dz of
the first layer, and i an example of the batch that begins with example `first`,

    W_i = c·W_0 + Σ_{u<first} a_u x_u g_uᵀ        so        z_i = c·(W_0ᵀ x_i) + Σ_{u<first} a_u (x_u·x_i) g_u + b

where after each step a_u and c are multiplied with 1 − lr·λ (1 − λ where a slip leaves lr out) and a_u = −lr is added
for the examples of its batch (λ = 0: c = 1, a_u = −lr).  The products W_0ᵀ x_i of all examples of the window are one
sparse product, the x_u·x_i are another, as wide as the window, and W is updated once a window.  All other layers, and
b, are updated at every step.  Nothing is approximated: these are the steps of plain descent, in another order of
additions, as long as x_u·x_i and a_u (x_u·x_i) are numbers of the type.  Letters: letters.md.
"""

import math
from typing import Any, NamedTuple

from handgrad.training.engines.compiled.kernels import biases, products, updates
from handgrad.training.engines.compiled.kernels.constants import (
    ASIDE,
    BATCH,
    BESIDE,
    MEAN,
    SEGMENTS,
    STOP,
    WEIGHT_DECAY,
    WINDOW,
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
from handgrad.training.engines.compiled.kernels.layout import panels, place
from handgrad.training.engines.compiled.kernels.quads import four, place_of, places, spread
from handgrad.training.engines.compiled.kernels.vectors import (
    at,
    fma,
    inlined,
    kernel,
    lanes,
    line,
    load,
    load_line,
    look,
    number,
    splat,
    splat_line,
    spliced,
    store,
    zero,
)

LONGEST = 64  # examples of a window
LARGEST = 16  # examples of a batch, of which a window must hold several for this to pay
WIDE = 64  # units; of fewer, rows of W are so short that half as many examples are the limit


def pay(batch: int, units: int) -> bool:
    """Whether windows take less time for a first layer of so many units: what they save is work on rows of W.

    >>> pay(8, 30), pay(10, 30), pay(10, 300), pay(32, 3000)
    (True, False, True, False)
    """
    return batch <= (LARGEST if units > WIDE else LARGEST // 2)


class Window(NamedTuple):
    """What a window needs, row by row of its examples: z0 = W_0ᵀ x and g in panels, `pixels` (pixels, width) in panels
    of a line, dots = x_u·x_i as rows of width numbers, and a (width,)."""

    z0: Any
    g: Any
    pixels: Any
    dots: Any
    a: Any


@inlined
def _line_of_dots(x: products.Sparse, k: int, end: int, pixels: Any, o: int) -> Any:
    """Σ values[k] · pixels[x.pixels[k], :] for k < end, over the panel of a line that begins at o."""
    width = line(pixels)
    s0 = s1 = s2 = s3 = splat_line(zero(pixels))
    while k + 4 <= end:  # four sums, so that none waits for the one before it
        v, w = four(x.values, k), places(x.pixels, k)
        s0 = fma(spread(s0, v, 0), load_line(pixels, o + place_of(w, 0) * width), s0)
        s1 = fma(spread(s1, v, 1), load_line(pixels, o + place_of(w, 1) * width), s1)
        s2 = fma(spread(s2, v, 2), load_line(pixels, o + place_of(w, 2) * width), s2)
        s3 = fma(spread(s3, v, 3), load_line(pixels, o + place_of(w, 3) * width), s3)
        k += 4
    while k < end:
        s0 = fma(splat_line(at(x.values, k)), load_line(pixels, o + int(at(x.pixels, k)) * width), s0)
        k += 1
    return (s0 + s1) + (s2 + s3)


@kernel
def example_dots(
    x: products.Sparse, order: Any, begin: int, rows: int, S: int, batch: int, w: Window, width: int,
    c: products.Columns, listed: int, pixels: int,
) -> None:  # fmt: skip
    """dots[i, u] = x_u · x_i for examples of order[begin : begin + rows] and all u of earlier batches.

    c: the same examples by pixel.  w.pixels is zero before and after.
    """
    step, last = line(w.dots), (rows - 1) // batch * batch  # what the last batch learns is not needed before the end
    for u in range(last):
        o, to = at(order, begin + u) * S, place(0, u, pixels, step)
        for k in range(at(x.starts, o), at(x.starts, o + S)):
            w.pixels[to + int(at(x.pixels, k)) * step] = at(x.values, k)
    for u in range(0, last, step):
        for i in range((u // batch + 1) * batch, rows):  # from the batch behind that of u on
            o = at(order, begin + i) * S
            store(w.dots, i * width + u, _line_of_dots(x, at(x.starts, o), at(x.starts, o + S), w.pixels, u * pixels))
    for u in range(0, last, step):
        for t in range(listed):
            store(w.pixels, u * pixels + at(c.pixels, t) * step, splat_line(zero(w.dots)))


@kernel
def forward_from_start(
    w: Window, width: int, rows: int, first: int, size: int, c: Any, bias: Any, p: int, z: Any, zo: int
) -> None:
    """Panel p of z_i = c·z0_i + Σ_{u<first} dots[i, u] g_u + bias for `size` examples from `first` on, into z."""
    L = lanes(z)
    i, o, g, f = 0, (p * rows + first) * L, p * rows * L, splat(c)
    while i + 4 <= size:
        s0, s1 = fma(f, load(w.z0, o), bias), fma(f, load(w.z0, o + L), bias)
        s2, s3 = fma(f, load(w.z0, o + 2 * L), bias), fma(f, load(w.z0, o + 3 * L), bias)
        s0, s1, s2, s3 = products.four_sums(w.dots, (first + i) * width, width, 1, first, w.g, g, s0, s1, s2, s3)
        store(z, zo + i * L, s0)
        store(z, zo + i * L + L, s1)
        store(z, zo + i * L + 2 * L, s2)
        store(z, zo + i * L + 3 * L, s3)
        i += 4
        o += 4 * L
    while i < size:
        s = fma(f, load(w.z0, o), bias)
        store(z, zo + i * L, products.one_sum(w.dots, (first + i) * width, 1, first, w.g, g, s))
        i += 1
        o += L


@spliced
def train_in_windows(
    net: Any, constants: Any, rates: Any, m: updates.Memory, work: DenseWork, inputs: DenseInputs, T: Any, order: Any,
    count: int, lrs: Any, first_step: int, t: int, h: Any, curve: Any,
) -> int:  # fmt: skip
    """`dense_epoch.train` for sparse examples, batches that a window holds, plain descent and no clipping."""
    w, space, length, S, batch = work.window, work.space, constants[WINDOW], constants[SEGMENTS], constants[BATCH]
    L, pixels, units = lanes(space), of_stage(net, 1, stages.N_IN), of_stage(net, 1, stages.N_OUT)
    first_w, bias, z = of_stage(net, 1, stages.W), of_stage(net, 1, stages.B), of_stage(net, 1, stages.A)
    dz, width = of_stage(net, 1, stages.DZ), panels(length, line(space)) * line(space)
    no_bias = splat(zero(space))
    every, bias_code = rates[WEIGHT_DECAY] != 0, biases.code_of_biases(constants, updates.SGD)
    for p in range(panels(units, L)):
        wo, zo = first_w + p * pixels * L, p * min(length, count) * L
        products.sparse_forward_panel(
            inputs.sparse, order, 0, min(length, count), S, m.theta, wo, no_bias, units - p * L, w.z0, zo
        )
    step = 0
    for begin in range(0, count, length):
        if look(constants, STOP) != 0:
            return step + 1
        rows = min(length, count - begin)
        upcoming, upcoming_rows = begin + rows, min(length, count - begin - rows)
        products.fetch(inputs.sparse, order, upcoming, upcoming_rows, S)
        listed = products.to_columns(inputs.sparse, order, begin, rows, S, pixels, every, work.columns)
        example_dots(inputs.sparse, order, begin, rows, S, batch, w, width, work.columns, listed, pixels)
        c, done = number(space, 1), rows
        for first in range(0, rows, batch):
            size = min(batch, rows - first)
            updates.begin_step(h, constants, rates, lrs[step], size, t + step + 1)
            scale = number(space, updates.gradient_scale(constants, rates, size))
            for i in range(first, first + size):
                for u in range(i * width, i * width + first, line(space)):
                    store(w.dots, u, load_line(w.dots, u) * load_line(w.a, u - i * width))
            for p in range(panels(units, L)):
                b = load(m.theta, bias + p * L)
                forward_from_start(w, width, rows, first, size, c, b, p, space, z + p * size * L)
            forward(net, constants, m.theta, work, size, True, 0, first_step + step)
            summed = 0.0
            for i in range(size):
                example = at(order, begin + first + i)
                summed += float(loss_of_row(net, constants, work, inputs, T, example, size, i, scale))
            curve[step] = summed / size if constants[MEAN] else summed
            if not math.isfinite(curve[step]):
                done = first
                break
            backward(net, constants, updates.SGD, m, h, work, size)
            products.sum_rows(bias_code, m, bias, h, space, dz, size, units)
            if constants[ASIDE] != 0:
                update_biases_put_aside(net, constants, updates.SGD, m, h, size)
            if every:
                shrink = 1.0 - (1.0 if constants[BESIDE] != 0 else lrs[step]) * float(at(h, updates.DECAY))
                c *= number(space, shrink)
                for u in range(first):
                    w.a[u] *= number(space, shrink)
            for i in range(size):
                w.a[first + i] = -lrs[step]
                for p in range(panels(units, L)):
                    store(w.g, (p * rows + first + i) * L, load(space, dz + (p * size + i) * L))
            step += 1
        if done < rows:  # what comes after the stop, NaN perhaps, must not count
            listed = products.to_columns(inputs.sparse, order, begin, done, S, pixels, every, work.columns)
        for i in range(rows):  # the window's steps as one: W ← c·W + Σ_u x_u (a_u g_u)ᵀ
            for p in range(panels(units, L)):
                g = (p * rows + i) * L
                store(w.g, g, splat(w.a[i]) * load(w.g, g) if i < done else no_bias)
        h[updates.LR], h[updates.DECAY], h[updates.SHRINKS] = -1.0, float(c) - 1.0, 0.0
        for p in range(panels(units, L)):
            wo = first_w + p * pixels * L
            products.sparse_gradient_panel(
                updates.SGD, m, wo, h, work.columns, listed, done, w.g, p * rows * L, units - p * L
            )
            if upcoming_rows > 0:
                zo = p * upcoming_rows * L
                products.sparse_forward_panel(
                    inputs.sparse, order, upcoming, upcoming_rows, S, m.theta, wo, no_bias, units - p * L, w.z0, zo
                )
        if done < rows:
            return step + 1
    return step
