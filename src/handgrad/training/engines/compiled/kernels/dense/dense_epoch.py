"""The epoch of dense layers: forward, loss, backward, update, batch after batch, in one compiled call.

A batch larger than the workspace is worked through in chunks: the gradients of its chunks are added, then applied.
The first layer is the largest.  With sparse examples its update is done panel by panel, and while a panel of W is
near, the next batch goes forward through it: that batch's pass has begun when this one's ends.  `image_epoch` has no
such overlap, so the two epochs are written apart.  Letters: letters.md.
"""

import math
from typing import Any

from handgrad.training.engines.compiled.kernels import biases, products, updates
from handgrad.training.engines.compiled.kernels.constants import (
    ASIDE,
    BATCH,
    CHUNK,
    CLIP_NORM,
    LAZY,
    MEAN,
    OPTIMIZER,
    PARAMETERS,
    SEGMENTS,
    SPARSE,
    STAGES,
    STOP,
)
from handgrad.training.engines.compiled.kernels.dense import lazy_updates, stages
from handgrad.training.engines.compiled.kernels.dense.dense_passes import (
    DenseInputs,
    DenseWork,
    backward,
    change_biases,
    first_panel_forward,
    first_panel_gradient,
    forward,
    gather,
    loss_of_row,
    update_biases_put_aside,
)
from handgrad.training.engines.compiled.kernels.dense.stages import of_stage
from handgrad.training.engines.compiled.kernels.example_rows import read_outputs
from handgrad.training.engines.compiled.kernels.layout import panels
from handgrad.training.engines.compiled.kernels.vectors import at, lanes, look, number, spliced, zero


@spliced
def update_kept(net: Any, constants: Any, rates: Any, m: updates.Memory, h: Any, size: int) -> None:
    """Clip the whole gradient that was put aside, then update every parameter with it."""
    L, update_code = lanes(m.theta), constants[OPTIMIZER]
    change_biases(net, constants, m, size)
    factor = updates.clip_kept(m.grad, constants[PARAMETERS], rates[CLIP_NORM])
    for stage in range(1, constants[STAGES] + 1):
        w, b = of_stage(net, stage, stages.W), of_stage(net, stage, stages.B)  # W ends where b begins
        updates.apply_kept(update_code, m, w, b, factor, h, True)
        b_end = b + panels(of_stage(net, stage, stages.N_OUT), L) * L
        biases.update_biases(constants, update_code, m, b, b_end, factor, h)


@spliced
def train(
    net: Any, constants: Any, rates: Any, m: updates.Memory, work: DenseWork, inputs: DenseInputs, T: Any, order: Any,
    count: int, lrs: Any, steps: int, first_step: int, t: int, h: Any, curve: Any,
) -> int:  # fmt: skip
    """One epoch over the examples in `order`: the loss of every batch into `curve`; returns how many batches were done.

    Ends at a loss that is not finite, before that batch's update; and where it is stopped, with nothing of use.
    """
    L, space, batch, capacity = lanes(work.space), work.space, constants[BATCH], constants[CHUNK]
    sparse, pixels, late = constants[SPARSE] != 0, of_stage(net, 1, stages.N_IN), work.late
    lazy = constants[LAZY] != 0 and constants[OPTIMIZER] not in (updates.SGD, updates.ADAGRAD)
    units, w, b = of_stage(net, 1, stages.N_OUT), of_stage(net, 1, stages.W), of_stage(net, 1, stages.B)
    first_panels = panels(pixels if of_stage(net, 1, stages.NARROW) else units, L)
    if lazy:
        lazy_updates.begin_epoch(late, pixels, m.theta, rates, constants[OPTIMIZER], lrs, steps, t)
    if sparse:
        for p in range(first_panels):
            first_panel_forward(net, constants, m.theta, work, inputs, order, 0, min(capacity, batch, count), p)
    begin = 0
    for step in range(steps):
        end = min(begin + batch, count)
        size = end - begin
        direct = size <= capacity and rates[CLIP_NORM] == 0
        updates.begin_step(h, constants, rates, lrs[step], size, t + step + 1)
        scale = number(space, updates.gradient_scale(constants, rates, size))
        summed = 0.0
        for first in range(begin, end, capacity):
            if look(constants, STOP) != 0:
                return step + 1
            rows = min(capacity, end - first)
            if sparse:
                soon = min(capacity, batch, count - first - rows)
                products.fetch(inputs.sparse, order, first + rows, soon, constants[SEGMENTS])
            update_code = constants[OPTIMIZER] if direct else (updates.KEEP if first == begin else updates.ADD)
            if not sparse:
                gather(net, constants, work, inputs, order, first, rows, first - begin, first_step + step)
            forward(net, constants, m.theta, work, rows, sparse, first - begin, first_step + step)
            for i in range(rows):
                example = at(order, first + i)
                summed += float(loss_of_row(net, constants, work, inputs, T, example, rows, i, scale))
            if first + rows == end:
                curve[step] = summed / size if constants[MEAN] else summed
                if not math.isfinite(curve[step]):
                    if lazy:
                        lazy_updates.end_epoch(late, constants[OPTIMIZER], m, w, pixels, first_panels, h, step)
                    return step + 1
            backward(net, constants, update_code, m, h, work, rows)
            bias_code = biases.code_of_biases(constants, update_code)
            products.sum_rows(bias_code, m, b, h, space, of_stage(net, 1, stages.DZ), rows, units)
            if direct and constants[ASIDE] != 0:
                update_biases_put_aside(net, constants, update_code, m, h, size)
            listed = 0
            if sparse:  # to add nothing, and to make a step that waits, is left out
                every = update_code == updates.KEEP or (update_code != updates.ADD and not constants[LAZY])
                listed = products.to_columns(
                    inputs.sparse, order, first, rows, constants[SEGMENTS], pixels, every, work.columns
                )
            last = first + rows == end
            upcoming = first + rows
            upcoming_rows = min(capacity, batch if last else end - upcoming, count - upcoming)
            ready = sparse and upcoming < count and (direct or not last)  # the weights that the next chunk will see
            behind = 0
            if lazy:
                behind = lazy_updates.look_ahead(
                    late, work.columns, listed, inputs.sparse, order, upcoming, upcoming_rows, constants[SEGMENTS],
                    step + 1,
                )  # fmt: skip
            for p in range(first_panels):
                first_panel_gradient(net, update_code, m, h, work, rows, sparse, listed, p)
                lazy_updates.catch_up(late, behind, update_code, m, w + p * pixels * L, h, step + 1)
                if ready:
                    first_panel_forward(net, constants, m.theta, work, inputs, order, upcoming, upcoming_rows, p)
        if not direct:
            update_kept(net, constants, rates, m, h, size)
            if sparse and end < count:
                rows = min(capacity, batch, count - end)
                for p in range(first_panels):
                    first_panel_forward(net, constants, m.theta, work, inputs, order, end, rows, p)
        begin = end
    if lazy:
        lazy_updates.end_epoch(late, constants[OPTIMIZER], m, w, pixels, first_panels, h, steps)
    return steps


@spliced
def score(
    net: Any, constants: Any, theta: Any, work: DenseWork, inputs: DenseInputs, T: Any, order: Any, count: int,
    step: int, of_example: Any, predicted: Any, outputs: Any, wanted: bool,
) -> None:  # fmt: skip
    """Loss, predicted class and outputs of the examples in `order` (outputs: where wanted).

    Dropout is off; where a slip has it on, its masks are those of the step `step`.
    """
    L, space, last = lanes(work.space), work.space, constants[STAGES]
    sparse, k, a = constants[SPARSE] != 0, of_stage(net, last, stages.N_OUT), of_stage(net, last, stages.A)
    for first in range(0, count, constants[CHUNK]):
        if look(constants, STOP) != 0:
            return
        rows = min(constants[CHUNK], count - first)
        if sparse:
            for p in range(panels(of_stage(net, 1, stages.N_OUT), L)):
                first_panel_forward(net, constants, theta, work, inputs, order, first, rows, p)
        else:
            gather(net, constants, work, inputs, order, first, rows, first, step)
        forward(net, constants, theta, work, rows, sparse, first, step)
        for i in range(rows):
            example = at(order, first + i)
            of_example[first + i] = loss_of_row(net, constants, work, inputs, T, example, rows, i, zero(space))
        code = of_stage(net, last, stages.ACTIVATION)
        read_outputs(constants, code, space, a, rows, k, work.row, first, predicted, outputs, wanted)
