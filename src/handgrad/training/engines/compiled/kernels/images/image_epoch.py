"""The epoch of a network of images: forward, loss, backward, update, batch after batch, in one compiled call.

A batch is worked through in parts that fit into the core's second cache: the gradients of its parts are added, then
applied.  In a network with batch norm, whose statistics are the batch's, the part is the whole batch.
"""

import math
from typing import Any

from handgrad.training.engines.compiled.kernels import activations, updates
from handgrad.training.engines.compiled.kernels.images import batch_norm as normalization
from handgrad.training.engines.compiled.kernels.images import ops as p
from handgrad.training.engines.compiled.kernels.images.image_passes import (
    BATCH,
    CLIP,
    DECAY,
    FUSED,
    MEAN,
    OPERATIONS,
    PARAMETERS,
    PART,
    PER_EXAMPLE,
    RULE,
    STOP,
    ImageWork,
    backward,
    forward,
    loss_row,
)  # fmt: skip
from handgrad.training.engines.compiled.kernels.images.ops import of
from handgrad.training.engines.compiled.kernels.layout import panels, place
from handgrad.training.engines.compiled.kernels.vectors import at, lanes, look, number, spliced, zero


@spliced
def update_kept(program: Any, plan: Any, rates: Any, m: updates.Memory, h: Any, every: bool) -> None:
    """Update with the gradients that were put aside: of every operation (then they are clipped first), or of those
    of images only, the others having been updated on the way."""
    factor = 1.0
    if rates[CLIP] > 0:
        factor = updates.clip_kept(m.grad, plan[PARAMETERS], rates[CLIP])
    for k in range(plan[OPERATIONS]):
        kind = of(program, k, p.KIND)
        if kind in (p.CONV, p.IMAGE_NORM) or (every and kind in (p.DENSE, p.NORM)):
            weight = kind in (p.CONV, p.DENSE)
            updates.apply_kept(plan[RULE], m, of(program, k, p.W), of(program, k, p.W_END), factor, h, weight)
            updates.apply_kept(plan[RULE], m, of(program, k, p.BIAS), of(program, k, p.BIAS_END), factor, h, False)


@spliced
def measure(program: Any, plan: Any, theta: Any, a: Any, rows: int) -> None:
    """Twin of `passes.updated_buffers`: the running statistics of batch norm after a batch of `rows`."""
    for k in range(plan[OPERATIONS]):
        units, kind = of(program, k, p.CHANNELS), of(program, k, p.KIND)
        if kind == p.IMAGE_NORM:
            places = of(program, k, p.ROWS) * of(program, k, p.COLS)
            normalization.running(program, k, units, units, rows * places, a, theta)
        elif kind == p.NORM:
            L = lanes(a)
            normalization.running(program, k, units, panels(units, L) * L, rows, a, theta)


@spliced
def train_images(
    program: Any, plan: Any, rates: Any, m: updates.Memory, work: ImageWork, x: Any, classes: Any, codes: Any,
    order: Any, n: int, lrs: Any, steps: int, first_step: int, t: int, h: Any, curve: Any,
) -> int:  # fmt: skip
    """One epoch over the examples in `order`: the loss of every batch into `curve`; returns how many batches were done.

    Ends at a loss that is not finite, before that batch's update; and where it is stopped, with nothing of use.
    """
    a, batch, capacity = work.space, plan[BATCH], plan[PART]
    for step in range(steps):
        begin = step * batch
        end = min(begin + batch, n)
        size = end - begin
        direct = size <= capacity and rates[CLIP] == 0
        decay = rates[DECAY] / size if plan[PER_EXAMPLE] else rates[DECAY]
        updates.numbers_of_step(h, rates, plan[RULE], lrs[step], decay, t + step + 1)
        scale = number(a, 1.0 / size if plan[MEAN] else 1.0)
        summed = 0.0
        for first in range(begin, end, capacity):
            if look(plan, STOP) != 0:
                return step + 1
            rows = min(capacity, end - first)
            rule = plan[RULE] if direct else (updates.KEEP if first == begin else updates.ADD)
            forward(program, plan, m.theta, work, x, order, first, rows, first - begin, first_step + step)
            for i in range(rows):
                example = at(order, first + i)
                summed += float(loss_row(program, plan, work, classes, codes, example, rows, i, scale))
            if first + rows == end:
                curve[step] = summed / size if plan[MEAN] else summed
                if not math.isfinite(curve[step]):
                    return step + 1
            backward(program, plan, rule, first > begin, m, h, work, rows)
        measure(program, plan, m.theta, a, size)
        update_kept(program, plan, rates, m, h, not direct)
    return steps


@spliced
def score_images(
    program: Any, plan: Any, theta: Any, work: ImageWork, x: Any, classes: Any, codes: Any, order: Any, n: int,
    of_example: Any, predicted: Any, outputs: Any, wanted: bool,
) -> None:  # fmt: skip
    """Loss, predicted class and outputs of the examples in `order`, dropout off (outputs: where wanted)."""
    a, last = work.space, plan[OPERATIONS] - 1
    L, k, o = lanes(a), of(program, last, p.CHANNELS), of(program, last, p.A)
    for first in range(0, n, plan[PART]):
        if look(plan, STOP) != 0:
            return
        rows = min(plan[PART], n - first)
        forward(program, plan, theta, work, x, order, first, rows, first, first)  # nothing is drawn here
        for i in range(rows):
            example = at(order, first + i)
            of_example[first + i] = loss_row(program, plan, work, classes, codes, example, rows, i, zero(a))
        if plan[FUSED]:
            activations.activation_forward(of(program, last, p.ACTIVATION), a, o, rows, k, work.row)
        for i in range(rows):
            best = 0
            for j in range(k):
                value = at(a, o + place(i, j, rows, L))
                if wanted:
                    outputs[(first + i) * k + j] = value
                if value > at(a, o + place(i, best, rows, L)):
                    best = j
            predicted[first + i] = best
