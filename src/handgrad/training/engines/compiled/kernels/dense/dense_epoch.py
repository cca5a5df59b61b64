"""The epoch: forward, loss, backward, update, batch after batch, in one compiled call.

A batch larger than the workspace is worked through in parts: the gradients of its parts are added, then applied.
The first layer is the largest.  With sparse inputs its update is done panel by panel, and while a panel of W is
near, the next batch goes forward through it: that batch's pass has begun when this one's ends.
"""

import math
from typing import Any

from handgrad.training.engines.compiled.kernels import activations, products, updates
from handgrad.training.engines.compiled.kernels.dense import lazy_updates as deferred
from handgrad.training.engines.compiled.kernels.dense.batch_one import train_singly
from handgrad.training.engines.compiled.kernels.dense.dense_passes import (
    BATCH,
    CLIP,
    DECAY,
    DEFER,
    FUSED,
    MEAN,
    PARAMETERS,
    PER_EXAMPLE,
    ROWS,
    RULE,
    SEGMENTS,
    SPARSE,
    STAGES,
    STOP,
    WINDOW,
    Inputs,
    Work,
    backward_rest,
    first_gradient,
    forward_first,
    forward_rest,
    gather,
    loss_rows,
)  # fmt: skip
from handgrad.training.engines.compiled.kernels.layout import (
    ACTIVATION,
    DZ,
    N_IN,
    N_OUT,
    NARROW,
    A,
    B,
    W,
    of,
    panels,
    place,
)
from handgrad.training.engines.compiled.kernels.vectors import lanes, look, number, spliced, zero


@spliced
def update_kept(net: Any, plan: Any, rates: Any, m: updates.Memory, h: Any) -> None:
    """Clip the whole gradient that was put aside, then update every parameter with it."""
    L = lanes(m.theta)
    factor = 1.0
    if rates[CLIP] > 0:
        factor = updates.clip_kept(m.grad, plan[PARAMETERS], rates[CLIP])
    for stage in range(1, plan[STAGES] + 1):
        bias, end = of(net, stage, B), of(net, stage, B) + panels(of(net, stage, N_OUT), L) * L
        updates.apply_kept(plan[RULE], m, of(net, stage, W), bias, factor, h, True)  # W lies right before b
        updates.apply_kept(plan[RULE], m, bias, end, factor, h, False)


@spliced
def train(
    net: Any, plan: Any, rates: Any, m: updates.Memory, work: Work, inputs: Inputs, codes: Any, order: Any, n: int,
    lrs: Any, steps: int, first_step: int, t: int, h: Any, curve: Any,
) -> int:  # fmt: skip
    """One epoch over the examples in `order`: the loss of every batch into `curve`; returns how many batches were done.

    Ends at a loss that is not finite, before that batch's update; and where it is stopped, with nothing of use.
    """
    if plan[WINDOW] > 0:
        return train_singly(net, plan, rates, m, work, inputs, codes, order, n, lrs, first_step, t, h, curve)
    L, space, batch, capacity = lanes(work.space), work.space, plan[BATCH], plan[ROWS]
    sparse, pixels, late = plan[SPARSE] != 0, of(net, 1, N_IN), work.late
    later = plan[DEFER] != 0 and plan[RULE] not in (updates.SGD, updates.ADAGRAD)
    matrix = of(net, 1, N_IN) if of(net, 1, NARROW) else of(net, 1, N_OUT)
    if later:
        deferred.begin(late, pixels, m.theta, rates, plan[RULE], lrs, steps, t)
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
        scale = number(space, 1.0 / size if plan[MEAN] else 1.0)
        summed = 0.0
        for first in range(begin, end, capacity):
            if look(plan, STOP) != 0:
                return step + 1
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
                    if later:
                        deferred.finish(late, plan[RULE], m, of(net, 1, W), pixels, panels(matrix, L), h, step)
                    return step + 1
            backward_rest(net, plan, rule, m, h, work, rows)
            products.sum_rows(rule, m, of(net, 1, B), h, space, of(net, 1, DZ), rows, of(net, 1, N_OUT))
            if sparse:
                products.to_columns(inputs.sparse, order, first, rows, plan[SEGMENTS], of(net, 1, N_IN), work.columns)
            last = first + rows == end
            upcoming = first + rows
            upcoming_rows = min(capacity, batch if last else end - upcoming, n - upcoming)
            ready = sparse and upcoming < n and (direct or not last)  # the weights that the next part will see
            behind = 0
            if later:
                behind = deferred.look_ahead(
                    late, work.columns, pixels, inputs.sparse, order, upcoming, upcoming_rows, plan[SEGMENTS], step + 1
                )
            for p in range(panels(matrix, L)):
                first_gradient(net, plan, rule, m, h, work, rows, sparse, p)
                deferred.catch_up(late, behind, rule, m, of(net, 1, W) + p * pixels * L, h, step + 1)
                if ready:
                    forward_first(net, plan, m.theta, work, inputs, order, upcoming, upcoming_rows, p)
        if not direct:
            update_kept(net, plan, rates, m, h)
            if sparse and end < n:
                for p in range(panels(matrix, L)):
                    forward_first(net, plan, m.theta, work, inputs, order, end, min(capacity, batch, n - end), p)
        begin = end
    if later:
        deferred.finish(late, plan[RULE], m, of(net, 1, W), pixels, panels(matrix, L), h, steps)
    return steps


@spliced
def score(
    net: Any, plan: Any, theta: Any, work: Work, inputs: Inputs, codes: Any, order: Any, n: int,
    of_example: Any, predicted: Any, outputs: Any, wanted: bool,
) -> None:  # fmt: skip
    """Loss, predicted class and outputs of the examples in `order`, dropout off (outputs: where wanted)."""
    L, space, last = lanes(work.space), work.space, plan[STAGES]
    sparse = plan[SPARSE] != 0
    k = of(net, last, N_OUT)
    for first in range(0, n, plan[ROWS]):
        if look(plan, STOP) != 0:
            return
        rows = min(plan[ROWS], n - first)
        if sparse:
            for p in range(panels(of(net, 1, N_OUT), L)):
                forward_first(net, plan, theta, work, inputs, order, first, rows, p)
        else:
            gather(net, plan, work, inputs, order, first, rows, 0, 0, False)
        forward_rest(net, plan, theta, work, rows, sparse, 0, 0, False)
        for i in range(rows):
            of_example[first + i] = loss_rows(net, plan, work, inputs, codes, order, first, rows, i, zero(space))
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
