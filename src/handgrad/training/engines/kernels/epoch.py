"""The epoch: forward, loss, backward, update, batch after batch, in one compiled call.

A batch larger than the workspace is worked through in parts: the gradients of its parts are added, then applied.
The first layer is the largest.  With sparse inputs its update is done panel by panel, and while a panel of W is
near, the next batch goes forward through it: that batch's pass has begun when this one's ends.
"""

import math
from typing import Any, NamedTuple

from handgrad.training.engines.kernels import activations, losses, products, updates
from handgrad.training.engines.kernels.dropout import fill_mask, multiply
from handgrad.training.engines.kernels.layout import (
    A, ACTIVATION, B, DROPOUT, DZ, LIMIT, MASK, N_IN, N_OUT, NARROW, W, X, of, panels, place,
)  # fmt: skip
from handgrad.training.engines.kernels.vectors import at, kernel, lanes, load, splat, store, zero

TURN_ROWS = 8  # from so many rows on it pays to turn W for dx

# what the plan of a training holds, in whole numbers
STAGES, BATCH, ROWS, SPARSE, SEGMENTS, LOSS, FUSED, MEAN, RULE, KEY, PER_EXAMPLE, PARAMETERS = range(12)
PLAN = 12  # STAGES: dense layers; SPARSE: 1 where inputs are; PARAMETERS: how many, padding included
# and in float64: `updates.numbers_of_step` says what the first three are
CLIP, DECAY = 3, 4  # CLIP: 0 is none
RATES = 5


class Inputs(NamedTuple):
    """Examples: sparse where `sparse.values` is not empty, else `dense`, row after row; and their classes."""

    sparse: products.Sparse
    dense: Any
    classes: Any


class Work(NamedTuple):
    """Workspace: matrices of one part of a batch, their layers' masks' non-zero value, scratch rows."""

    space: Any
    kept: Any
    turned: Any
    row: Any
    drow: Any
    columns: products.Columns


@kernel
def gather(net: Any, plan: Any, work: Work, inputs: Inputs, order: Any, first: int, rows: int, batch_row: int, step: int, train: bool) -> None:
    """Copy dense examples order[first : first + rows] into the workspace, dropout of the input included."""
    space, n = work.space, of(net, 0, N_OUT)
    L = lanes(space)
    for i in range(rows):
        source = at(order, first + i) * n
        for p in range(0, n, L):
            o = of(net, 0, A) + place(i, p, rows, L)
            if p + L <= n:
                store(space, o, load(inputs.dense, source + p))
            else:
                store(space, o, splat(zero(space)))
                for j in range(n - p):
                    space[o + j] = inputs.dense[source + p + j]
    drop(net, 0, plan, work, rows, batch_row, step, train)


@kernel
def drop(net: Any, l: int, plan: Any, work: Work, rows: int, batch_row: int, step: int, train: bool) -> None:
    """Dropout behind stage l, if it has one: X = A · mask; in use, X = A."""
    count = panels(of(net, l, N_OUT), lanes(work.space)) * rows * lanes(work.space)
    if of(net, l, DROPOUT) >= 0 and train:
        mask = of(net, l, MASK)
        fill_mask(
            work.space, mask, rows, of(net, l, N_OUT), plan[KEY], step, of(net, l, DROPOUT), batch_row, of(net, l, LIMIT), work.kept[l]
        )
        multiply(work.space, of(net, l, X), work.space, of(net, l, A), work.space, mask, count)
    elif of(net, l, DROPOUT) >= 0:
        for i in range(0, count, lanes(work.space)):
            store(work.space, of(net, l, X) + i, load(work.space, of(net, l, A) + i))


@kernel
def forward_first(net: Any, plan: Any, theta: Any, work: Work, inputs: Inputs, order: Any, first: int, rows: int, p: int) -> None:
    """z of the first layer for one panel and sparse examples order[first : first + rows]."""
    L = lanes(theta)
    wo, zo = of(net, 1, W) + p * of(net, 1, N_IN) * L, of(net, 1, A) + p * rows * L
    bias = load(theta, of(net, 1, B) + p * L)
    products.sparse_forward_panel(inputs.sparse, order, first, rows, plan[SEGMENTS], theta, wo, bias, work.space, zo)


@kernel
def dense_forward(net: Any, l: int, theta: Any, space: Any, rows: int) -> None:
    """Twin of `dense_forward` for stage l: z into its place A."""
    L, n, units = lanes(theta), of(net, l, N_IN), of(net, l, N_OUT)
    if of(net, l, NARROW):
        products.dots(space, of(net, l - 1, X), rows, n, theta, of(net, l, W), units, theta, of(net, l, B), True, space, of(net, l, A))
    else:
        for p in range(panels(units, L)):
            bias = load(theta, of(net, l, B) + p * L)
            zo = of(net, l, A) + p * rows * L
            products.forward_panel(space, of(net, l - 1, X), rows, n, theta, of(net, l, W) + p * n * L, bias, space, zo)


@kernel
def forward_rest(net: Any, plan: Any, theta: Any, work: Work, rows: int, sparse: bool, batch_row: int, step: int, train: bool) -> None:
    """From the input (sparse: from z of the first layer) to what the loss looks at."""
    last = plan[STAGES]
    for l in range(1, last + 1):
        if l > 1 or not sparse:
            dense_forward(net, l, theta, work.space, rows)
        if l < last or not plan[FUSED]:
            code = of(net, l, ACTIVATION)
            activations.activation_forward(code, work.space, of(net, l, A), rows, of(net, l, N_OUT), work.row)
        drop(net, l, plan, work, rows, batch_row, step, train)


@kernel
def loss_rows(net: Any, plan: Any, work: Work, inputs: Inputs, codes: Any, order: Any, first: int, rows: int, i: int, scale: Any) -> Any:
    """Loss of row i of the part; its gradient, times scale, into dz of the last stage."""
    last, L, space = plan[STAGES], lanes(work.space), work.space
    k = of(net, last, N_OUT)
    for j in range(k):
        work.row[j] = space[of(net, last, A) + place(i, j, rows, L)]
    loss = losses.loss_of(plan[LOSS], work.row, codes, inputs.classes[order[first + i]], k, work.drow)
    for j in range(k):
        space[of(net, last, DZ) + place(i, j, rows, L)] = work.drow[j] * scale
    return loss


@kernel
def backward_rest(net: Any, plan: Any, rule: int, m: updates.Memory, h: Any, work: Work, rows: int) -> None:
    """From dz (or da) of the last stage back to dz of the first; every layer but the first is updated on the way."""
    last, L, space = plan[STAGES], lanes(work.space), work.space
    for l in range(last, 0, -1):
        n, units, dz = of(net, l, N_IN), of(net, l, N_OUT), of(net, l, DZ)
        if l < last and of(net, l, DROPOUT) >= 0:
            multiply(space, dz, space, dz, space, of(net, l, MASK), panels(units, L) * rows * L)
        if l < last or not plan[FUSED]:
            activations.activation_backward(of(net, l, ACTIVATION), space, dz, space, of(net, l, A), rows, units)
        activations.clear_padding(space, dz, rows, units)
        if l > 1:
            dx, x = of(net, l - 1, DZ), of(net, l - 1, X)
            if of(net, l, NARROW):
                for p in range(panels(n, L)):
                    wo = of(net, l, W) + p * units * L
                    o = splat(zero(space))
                    products.forward_panel(space, dz, rows, units, m.theta, wo, o, space, dx + p * rows * L)
                    products.gradient_panel(rule, m, wo, h, space, dz, rows, units, space, x + p * rows * L)
            else:
                if rows < TURN_ROWS:
                    products.dots(space, dz, rows, units, m.theta, of(net, l, W), n, m.theta, 0, False, space, dx)
                else:
                    products.turn(m.theta, of(net, l, W), n, units, work.turned)
                    for p in range(panels(n, L)):
                        o = splat(zero(space))
                        products.forward_panel(
                            space, dz, rows, units, work.turned, p * units * L, o, space, dx + p * rows * L
                        )
                for p in range(panels(units, L)):
                    wo = of(net, l, W) + p * n * L
                    products.gradient_panel(rule, m, wo, h, space, x, rows, n, space, dz + p * rows * L)
            products.sum_rows(rule, m, of(net, l, B), h, space, dz, rows, units)


@kernel
def first_gradient(net: Any, rule: int, m: updates.Memory, h: Any, work: Work, rows: int, sparse: bool, p: int) -> None:
    """Gradient of one panel of the first layer, and what the rule does with it."""
    L, n, space = lanes(work.space), of(net, 1, N_IN), work.space
    dz = of(net, 1, DZ) + p * rows * L
    wo = of(net, 1, W) + p * n * L
    if sparse:
        every = not (rule == updates.ADD or (rule == updates.SGD and at(h, updates.DECAY) == 0))
        products.sparse_gradient_panel(rule, m, wo, h, work.columns, n, every, space, dz)
    elif of(net, 1, NARROW):
        units = of(net, 1, N_OUT)
        wo = of(net, 1, W) + p * units * L
        products.gradient_panel(rule, m, wo, h, space, of(net, 1, DZ), rows, units, space, of(net, 0, X) + p * rows * L)
    else:
        products.gradient_panel(rule, m, wo, h, space, of(net, 0, X), rows, n, space, dz)


@kernel
def update_kept(net: Any, plan: Any, rates: Any, m: updates.Memory, h: Any) -> None:
    """Clip the whole gradient that was put aside, then update every parameter with it."""
    L = lanes(m.theta)
    factor = 1.0
    if rates[CLIP] > 0:
        norm = math.sqrt(float(updates.squares(m.grad, 0, plan[PARAMETERS])))
        factor = updates.clip_factor(norm, rates[CLIP])
    for l in range(1, plan[STAGES] + 1):
        bias, end = of(net, l, B), of(net, l, B) + panels(of(net, l, N_OUT), L) * L
        updates.apply_kept(plan[RULE], m, of(net, l, W), bias, factor, h, True)  # W lies right before b
        updates.apply_kept(plan[RULE], m, bias, end, factor, h, False)


@kernel
def train(
    net: Any, plan: Any, rates: Any, m: updates.Memory, work: Work, inputs: Inputs, codes: Any, order: Any, n: int, lrs: Any, steps: int,
    first_step: int, t: int, h: Any, curve: Any,
) -> int:  # fmt: skip
    """One epoch over the examples in `order`: the loss of every batch into `curve`; returns how many batches were done.

    Ends at a loss that is not finite, before that batch's update.
    """
    L, space, batch, capacity = lanes(work.space), work.space, plan[BATCH], plan[ROWS]
    sparse = plan[SPARSE] != 0
    matrix = of(net, 1, N_IN) if of(net, 1, NARROW) else of(net, 1, N_OUT)
    if sparse:
        for p in range(panels(matrix, L)):
            forward_first(net, plan, m.theta, work, inputs, order, 0, min(capacity, batch, n), p)
    begin = 0
    for step in range(steps):
        end = min(begin + batch, n)
        size = end - begin
        direct = size <= capacity and rates[CLIP] == 0
        decay = rates[DECAY] / size if plan[PER_EXAMPLE] else rates[DECAY]
        updates.numbers_of_step(h, rates, plan[RULE], lrs[step], decay, t + step + 1)
        scale = zero(space) + 1
        if plan[MEAN]:
            scale = scale / size
        summed = 0.0
        for first in range(begin, end, capacity):
            rows = min(capacity, end - first)
            rule = plan[RULE] if direct else (updates.KEEP if first == begin else updates.ADD)
            if not sparse:
                gather(net, plan, work, inputs, order, first, rows, first - begin, first_step + step, True)
            forward_rest(net, plan, m.theta, work, rows, sparse, first - begin, first_step + step, True)
            for i in range(rows):
                summed += float(loss_rows(net, plan, work, inputs, codes, order, first, rows, i, scale))
            if first + rows == end:
                curve[step] = summed / size if plan[MEAN] else summed
                if not math.isfinite(curve[step]):
                    return step + 1
            backward_rest(net, plan, rule, m, h, work, rows)
            products.sum_rows(rule, m, of(net, 1, B), h, space, of(net, 1, DZ), rows, of(net, 1, N_OUT))
            if sparse:
                products.to_columns(inputs.sparse, order, first, rows, plan[SEGMENTS], of(net, 1, N_IN), work.columns)
            last = first + rows == end
            upcoming = first + rows
            upcoming_rows = min(capacity, batch if last else end - upcoming, n - upcoming)
            ready = sparse and upcoming < n and (direct or not last)  # the weights that the next part will see
            for p in range(panels(matrix, L)):
                first_gradient(net, rule, m, h, work, rows, sparse, p)
                if ready:
                    forward_first(net, plan, m.theta, work, inputs, order, upcoming, upcoming_rows, p)
        if not direct:
            update_kept(net, plan, rates, m, h)
            if sparse and end < n:
                for p in range(panels(matrix, L)):
                    forward_first(net, plan, m.theta, work, inputs, order, end, min(capacity, batch, n - end), p)
        begin = end
    return steps


@kernel
def score(
    net: Any, plan: Any, theta: Any, work: Work, inputs: Inputs, codes: Any, order: Any, n: int,
    of_example: Any, predicted: Any, outputs: Any, wanted: bool,
) -> None:  # fmt: skip
    """Loss, predicted class and outputs of the examples in `order`, dropout off (outputs: where wanted)."""
    L, space, last = lanes(work.space), work.space, plan[STAGES]
    sparse = plan[SPARSE] != 0
    k = of(net, last, N_OUT)
    for first in range(0, n, plan[ROWS]):
        rows = min(plan[ROWS], n - first)
        if sparse:
            for p in range(panels(of(net, 1, N_OUT), L)):
                forward_first(net, plan, theta, work, inputs, order, first, rows, p)
        else:
            gather(net, plan, work, inputs, order, first, rows, 0, 0, False)
        forward_rest(net, plan, theta, work, rows, sparse, 0, 0, False)
        for i in range(rows):
            of_example[first + i] = loss_rows(
                net, plan, work, inputs, codes, order, first, rows, i, zero(space)
            )
        if plan[FUSED]:
            activations.activation_forward(of(net, last, ACTIVATION), space, of(net, last, A), rows, k, work.row)
        for i in range(rows):
            best = 0
            for j in range(k):
                value = space[of(net, last, A) + place(i, j, rows, L)]
                if wanted:
                    outputs[(first + i) * k + j] = value
                if value > space[of(net, last, A) + place(i, best, rows, L)]:
                    best = j
            predicted[first + i] = best
