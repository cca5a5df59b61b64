"""The epoch of a program: forward, loss, backward, update, batch after batch, in one compiled call.

A batch is worked through in chunks that fit into the core's second cache: the gradients of its chunks are added, then
applied.  In a network with batch norm, whose statistics are the batch's, the chunk is the whole batch.  Letters:
letters.md.
"""

import math
from typing import Any

from handgrad.training.engines.compiled.kernels import biases, updates
from handgrad.training.engines.compiled.kernels.constants import (
    ASIDE,
    BATCH,
    CHUNK,
    CLIP_NORM,
    MEAN,
    OPERATIONS,
    OPTIMIZER,
    PARAMETERS,
    STOP,
)
from handgrad.training.engines.compiled.kernels.example_rows import read_outputs
from handgrad.training.engines.compiled.kernels.images import batch_norm, ops
from handgrad.training.engines.compiled.kernels.images.image_passes import (
    ImageInputs,
    ImageWork,
    backward,
    forward,
    loss_of_row,
)
from handgrad.training.engines.compiled.kernels.images.ops import of_op
from handgrad.training.engines.compiled.kernels.layout import panels
from handgrad.training.engines.compiled.kernels.vectors import at, lanes, look, number, spliced, zero


@spliced
def update_kept(program: Any, constants: Any, rates: Any, m: updates.Memory, h: Any, every: bool, size: int) -> None:
    """Update with the gradients that were put aside: of every operation (then they are clipped first), or of those
    of images only and of biases that a slip changes, the others having been updated on the way."""
    for k in range(constants[OPERATIONS]):
        if of_op(program, k, ops.KIND) in (ops.CONV, ops.DENSE):
            b, units = of_op(program, k, ops.BIAS), of_op(program, k, ops.CHANNELS)
            biases.change_gradient(constants, m.grad, b, units, size)
    update_code, factor = constants[OPTIMIZER], updates.clip_kept(m.grad, constants[PARAMETERS], rates[CLIP_NORM])
    for k in range(constants[OPERATIONS]):
        kind = of_op(program, k, ops.KIND)
        w, w_end = of_op(program, k, ops.W), of_op(program, k, ops.W_END)
        b, b_end = of_op(program, k, ops.BIAS), of_op(program, k, ops.BIAS_END)
        whole = kind in (ops.CONV, ops.IMAGE_NORM) or (every and kind in (ops.DENSE, ops.NORM))
        if whole:
            updates.apply_kept(update_code, m, w, w_end, factor, h, kind in (ops.CONV, ops.DENSE))
        if whole and kind in (ops.IMAGE_NORM, ops.NORM):
            updates.apply_kept(update_code, m, b, b_end, factor, h, False)
        elif whole or (kind == ops.DENSE and constants[ASIDE] != 0):
            biases.update_biases(constants, update_code, m, b, b_end, factor, h)


@spliced
def update_running_statistics(program: Any, constants: Any, theta: Any, a: Any, rows: int) -> None:
    """Twin of `passes.updated_buffers`: the running statistics of batch norm after a batch of `rows`."""
    for k in range(constants[OPERATIONS]):
        units, kind = of_op(program, k, ops.CHANNELS), of_op(program, k, ops.KIND)
        if kind == ops.IMAGE_NORM:
            places = of_op(program, k, ops.ROWS) * of_op(program, k, ops.COLS)
            batch_norm.running(program, k, units, units, rows * places, a, theta)
        elif kind == ops.NORM:
            L = lanes(a)
            batch_norm.running(program, k, units, panels(units, L) * L, rows, a, theta)


@spliced
def train_images(
    program: Any, constants: Any, rates: Any, m: updates.Memory, work: ImageWork, inputs: ImageInputs, T: Any,
    order: Any, count: int, lrs: Any, steps: int, first_step: int, t: int, h: Any, curve: Any,
) -> int:  # fmt: skip
    """One epoch over the examples in `order`: the loss of every batch into `curve`; returns how many batches were done.

    Ends at a loss that is not finite, before that batch's update; and where it is stopped, with nothing of use.
    """
    a, batch, capacity = work.space, constants[BATCH], constants[CHUNK]
    for step in range(steps):
        begin = step * batch
        end = min(begin + batch, count)
        size = end - begin
        direct = size <= capacity and rates[CLIP_NORM] == 0
        updates.begin_step(h, constants, rates, lrs[step], size, t + step + 1)
        scale = number(a, updates.gradient_scale(constants, rates, size))
        summed = 0.0
        for first in range(begin, end, capacity):
            if look(constants, STOP) != 0:
                return step + 1
            rows = min(capacity, end - first)
            update_code = constants[OPTIMIZER] if direct else (updates.KEEP if first == begin else updates.ADD)
            forward(program, constants, m.theta, work, inputs.x, order, first, rows, first - begin, first_step + step)
            for i in range(rows):
                example = at(order, first + i)
                summed += float(loss_of_row(program, constants, work, inputs, T, example, rows, i, scale))
            if first + rows == end:
                curve[step] = summed / size if constants[MEAN] else summed
                if not math.isfinite(curve[step]):
                    return step + 1
            backward(program, constants, update_code, first > begin, m, h, work, rows)
        update_running_statistics(program, constants, m.theta, a, size)
        update_kept(program, constants, rates, m, h, not direct, size)
    return steps


@spliced
def score_images(
    program: Any, constants: Any, theta: Any, work: ImageWork, inputs: ImageInputs, T: Any, order: Any, count: int,
    step: int, of_example: Any, predicted: Any, outputs: Any, wanted: bool,
) -> None:  # fmt: skip
    """Loss, predicted class and outputs of the examples in `order` (outputs: where wanted).

    Dropout is off; where a slip has it on, its masks are those of the step `step`.
    """
    a, last = work.space, constants[OPERATIONS] - 1
    k, z = of_op(program, last, ops.CHANNELS), of_op(program, last, ops.A)
    for first in range(0, count, constants[CHUNK]):
        if look(constants, STOP) != 0:
            return
        rows = min(constants[CHUNK], count - first)
        forward(program, constants, theta, work, inputs.x, order, first, rows, first, step)
        for i in range(rows):
            example = at(order, first + i)
            of_example[first + i] = loss_of_row(program, constants, work, inputs, T, example, rows, i, zero(a))
        code = of_op(program, last, ops.ACTIVATION)
        read_outputs(constants, code, a, z, rows, k, work.row, first, predicted, outputs, wanted)
