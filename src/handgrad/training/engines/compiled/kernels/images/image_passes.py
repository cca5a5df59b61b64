"""One part of a batch forward and backward through a program: twins of `handgrad.network.passes`.

Also what these kernels share: the plan of a training and its workspace.
"""

from typing import Any, NamedTuple

from handgrad.training.engines.compiled.kernels import activations, dropout, losses, updates
from handgrad.training.engines.compiled.kernels import dense_layers as dense_rows
from handgrad.training.engines.compiled.kernels.images import batch_norm as normalization
from handgrad.training.engines.compiled.kernels.images import convolution, image_blocks
from handgrad.training.engines.compiled.kernels.images import ops as p
from handgrad.training.engines.compiled.kernels.images import pooling as pools
from handgrad.training.engines.compiled.kernels.images.ops import of
from handgrad.training.engines.compiled.kernels.layout import panels, place
from handgrad.training.engines.compiled.kernels.vectors import at, kernel, lanes, splat, spliced, store, zero

# what the plan of a training holds, in whole numbers
OPERATIONS, FIRST, BATCH, PART, LANES, LOSS, FUSED, MEAN, RULE, KEY, PER_EXAMPLE, PARAMETERS, TRAIN, STOP = range(14)
# FIRST: the first operation with parameters; PART: examples at once, in blocks of LANES; TRAIN: 0 in use, 1 in training
# STOP: as `passes.STOP`
PLAN = 14
CLIP, DECAY = 3, 4  # and in float64: as `passes.CLIP` and `passes.DECAY`


class ImageWork(NamedTuple):
    """Workspace: images and matrices of one part; list of taps; dropout's non-zero values; scratch."""

    space: Any
    taps: Any
    kept: Any
    turned: Any
    row: Any
    drow: Any
    ones: Any
    hashes: Any


@kernel
def forward(
    program: Any, plan: Any, theta: Any, work: ImageWork, x: Any, order: Any, first: int, rows: int, batch_row: int,
    step: int,
) -> None:  # fmt: skip
    """Examples order[first : first + rows] from the input to what the loss looks at."""
    a, B, last, train = work.space, plan[LANES], plan[OPERATIONS] - 1, plan[TRAIN] != 0
    L, blocks = lanes(a), (rows + B - 1) // B
    for k in range(last + 1):
        kind, z, units = of(program, k, p.KIND), of(program, k, p.A), of(program, k, p.CHANNELS)
        if kind == p.IMAGE_NORM and train:
            normalization.image_statistics(program, k, B, rows, a, work.ones)
        if kind in (p.DENSE, p.DROPOUT, p.NORM, p.ROWS_OF_NUMBERS):
            if kind == p.ROWS_OF_NUMBERS:
                dense_rows.gather_rows(program, x, order, first, rows, a)
            elif kind == p.DENSE:
                dense_rows.dense_forward(program, k, theta, a, rows)
            elif kind == p.DROPOUT:
                _drop_rows(program, k, plan, work, rows, batch_row, step, train)
            elif train:
                s = of(program, k, p.STATISTICS)
                normalization.row_statistics(program, k, rows, a)
                normalization.row_norm(program, k, rows, a, a, s, a, s + panels(units, L) * L, theta)
            else:
                mean, variance = of(program, k, p.MEAN), of(program, k, p.VARIANCE)
                normalization.row_norm(program, k, rows, a, theta, mean, theta, variance, theta)
            if k < last or not plan[FUSED]:
                activations.activation_forward(of(program, k, p.ACTIVATION), a, z, rows, units, work.row)
        else:
            for g in range(blocks):
                valid = min(B, rows - g * B)
                _block_forward(
                    program, k, plan, theta, work, x, order, first + g * B, valid, g, rows, batch_row, step, train
                )
            if kind == p.FLATTEN:
                activations.clear_padding(a, z, rows, units)


@spliced
def _block_forward(
    program: Any, k: int, plan: Any, theta: Any, work: ImageWork, x: Any, order: Any, first: int, valid: int, g: int,
    rows: int, batch_row: int, step: int, train: bool,
) -> None:  # fmt: skip
    """One operation for block g."""
    a, B, kind = work.space, plan[LANES], of(program, k, p.KIND)
    zo = of(program, k, p.A) + g * of(program, k, p.BLOCK)
    xo = of(program, max(k - 1, 0), p.A) + g * of(program, max(k - 1, 0), p.BLOCK)
    if kind == p.IMAGES:
        image_blocks.gather_images(program, B, x, order, first, valid, a, zo)
    elif kind == p.ARRANGE:
        image_blocks.arrange(program, k, B, a, xo, zo, False)
    elif kind == p.CONV:
        T = of(program, k, p.TAPS)
        convolution.correlate(
            a, xo, theta, of(program, k, p.W), T, work.taps, of(program, k, p.TAP_LIST), 1, T, -1,
            theta, of(program, k, p.BIAS), True, a, zo, of(program, k, p.CHANNELS), of(program, k, p.PLANE),
            of(program, k, p.RUNS), of(program, k, p.PITCH), of(program, k, p.LENGTH),
        )  # fmt: skip
    elif kind == p.MAX_POOL:
        pools.max_pool_forward(program, k, B, a, xo, zo)
    elif kind == p.AVERAGE_POOL:
        pools.average_pool_forward(program, k, B, a, xo, zo)
    elif kind == p.IMAGE_DROPOUT:
        count, start = of(program, k, p.BLOCK), of(program, k, p.FRONT)
        if train:
            mask = of(program, k, p.MASK) + g * count
            row = batch_row + g * B
            image_blocks.image_mask(program, k, B, plan[KEY], step, row, at(work.kept, k), work.hashes, a, mask)
            dropout.multiply(a, zo - start, a, xo - start, a, mask - start, count)
        else:
            copy(a, zo - start, xo - start, count)
    elif kind == p.IMAGE_NORM:
        if train:
            s = of(program, k, p.STATISTICS)
            normalization.image_norm(program, k, B, g, a, a, s, a, s + of(program, k, p.CHANNELS), theta)
        else:
            mean, variance = of(program, k, p.MEAN), of(program, k, p.VARIANCE)
            normalization.image_norm(program, k, B, g, a, theta, mean, theta, variance, theta)
    else:
        image_blocks.flatten(program, k, B, a, xo, g * B, valid, of(program, k, p.A), rows, False)
    if of(program, k, p.ACTIVATION) != activations.IDENTITY:
        _whole_block(program, k, zo, a, zo, work.row, True)


@kernel
def _whole_block(program: Any, k: int, zo: int, a: Any, do: int, row: Any, forward: bool) -> None:
    """The activation of an operation on all numbers of a block."""
    L, start, code = lanes(a), of(program, k, p.FRONT), of(program, k, p.ACTIVATION)
    rows = of(program, k, p.BLOCK) // L
    if forward:
        activations.activation_forward(code, a, zo - start, rows, L, row)
    else:
        activations.activation_backward(code, a, do - start, a, zo - start, rows, L)


@kernel
def copy(a: Any, to: int, start: int, count: int) -> None:
    """a[to : to + count] = a[start : start + count], whole vectors."""
    for i in range(0, count, lanes(a)):
        for j in range(i, i + lanes(a)):
            a[to + j] = at(a, start + j)


@spliced
def _drop_rows(
    program: Any, k: int, plan: Any, work: ImageWork, rows: int, batch_row: int, step: int, train: bool
) -> None:
    """Dropout of rows: A · mask; in use, A."""
    a, units = work.space, of(program, k, p.CHANNELS)
    count, xo, zo, mask = panels(units, lanes(a)) * rows * lanes(a), of(program, k - 1, p.A), of(program, k, p.A), 0
    if train:
        mask, layer = of(program, k, p.MASK), of(program, k, p.LAYER)
        limit, kept = of(program, k, p.LIMIT), at(work.kept, k)
        dropout.fill_mask(a, mask, rows, units, plan[KEY], step, layer, batch_row, limit, kept)
        dropout.multiply(a, zo, a, xo, a, mask, count)
    else:
        copy(a, zo, xo, count)


@kernel
def loss_row(
    program: Any, plan: Any, work: ImageWork, classes: Any, codes: Any, example: int, rows: int, i: int, scale: Any
) -> Any:
    """Loss of row i of the part; its gradient, times scale, into D of the last operation."""
    last, L, a = plan[OPERATIONS] - 1, lanes(work.space), work.space
    n = of(program, last, p.CHANNELS)
    for j in range(n):
        work.row[j] = a[of(program, last, p.A) + place(i, j, rows, L)]
    loss = losses.loss_of(plan[LOSS], work.row, codes, classes[example], n, work.drow)
    for j in range(n):
        a[of(program, last, p.D) + place(i, j, rows, L)] = work.drow[j] * scale
    return loss


@kernel
def backward(
    program: Any, plan: Any, rule: int, add: bool, m: updates.Memory, h: Any, work: ImageWork, rows: int
) -> None:
    """From D of the last operation back to the first with parameters.  Dense layers follow `rule` at once; gradients
    of filters and of batch norm of images are put aside, added to what is there where `add`."""
    a, B, last = work.space, plan[LANES], plan[OPERATIONS] - 1
    L, blocks = lanes(a), (rows + B - 1) // B
    for k in range(last, plan[FIRST] - 1, -1):
        kind, units = of(program, k, p.KIND), of(program, k, p.CHANNELS)
        z, dz, wants_dx = of(program, k, p.A), of(program, k, p.D), k > plan[FIRST]
        if kind in (p.DENSE, p.DROPOUT, p.NORM):
            if k < last or not plan[FUSED]:
                activations.activation_backward(of(program, k, p.ACTIVATION), a, dz, a, z, rows, units)
            activations.clear_padding(a, dz, rows, units)
            if kind == p.DENSE:
                dense_rows.dense_backward(program, k, rule, m, h, a, work.turned, rows, wants_dx)
            elif kind == p.NORM:
                normalization.row_norm_backward(program, k, rule, m, h, rows, a, wants_dx)
            else:
                count = panels(units, L) * rows * L
                dropout.multiply(a, of(program, k - 1, p.D), a, dz, a, of(program, k, p.MASK), count)
            continue
        for g in range(blocks):
            offset = g * of(program, k, p.BLOCK)
            if of(program, k, p.ACTIVATION) != activations.IDENTITY:
                _whole_block(program, k, z + offset, a, dz + offset, work.row, False)
            if kind == p.CONV:
                convolution.clear_beyond(
                    a, dz + offset, of(program, k, p.FRONT), units, of(program, k, p.PLANE),
                    of(program, k, p.ROWS), of(program, k, p.PITCH), of(program, k, p.COLS) * B,
                )  # fmt: skip
            if wants_dx:
                _block_backward(program, k, plan, m.theta, work, min(B, rows - g * B), g, rows)
        if kind == p.CONV:
            _filters_backward(program, k, a, work.taps, blocks, m.grad, add)
        elif kind == p.IMAGE_NORM:
            normalization.image_norm_backward(program, k, B, rows, a, m.theta, work.ones, m.grad, wants_dx)


@spliced
def _filters_backward(program: Any, k: int, a: Any, taps: Any, blocks: int, grad: Any, add: bool) -> None:
    """dW and db of a convolution."""
    dz, plane, block = of(program, k, p.D), of(program, k, p.PLANE), of(program, k, p.BLOCK)
    filters, T = of(program, k, p.CHANNELS), of(program, k, p.TAPS)
    runs, pitch, length = of(program, k, p.TAP_RUNS), of(program, k, p.PITCH), of(program, k, p.TAP_LENGTH)
    x, x_block = of(program, k - 1, p.A), of(program, k - 1, p.BLOCK)
    convolution.filter_gradients(
        a, dz, plane, block, a, x, x_block, blocks, taps, of(program, k, p.TAP_LIST), T, filters, runs, pitch, length,
        grad, of(program, k, p.W), add,
    )  # fmt: skip
    convolution.bias_gradients(
        a, dz, plane, block, blocks, filters, runs, pitch, length, grad, of(program, k, p.BIAS), add
    )


@spliced
def _block_backward(
    program: Any, k: int, plan: Any, theta: Any, work: ImageWork, valid: int, g: int, rows: int
) -> None:
    """dx of one operation for block g.  (Batch norm needs the whole batch for it.)"""
    a, B, kind = work.space, plan[LANES], of(program, k, p.KIND)
    block, before = g * of(program, k, p.BLOCK), g * of(program, k - 1, p.BLOCK)
    zo, dz = of(program, k, p.A) + block, of(program, k, p.D) + block
    xo, dx = of(program, k - 1, p.A) + before, of(program, k - 1, p.D) + before
    if kind in (p.MAX_POOL, p.AVERAGE_POOL) and not of(program, k, p.ONCE):
        o = splat(zero(a))
        start = dx - of(program, k - 1, p.FRONT)
        for i in range(start, start + of(program, k - 1, p.BLOCK), lanes(a)):
            store(a, i, o)
    if kind == p.CONV:
        taps, begin = work.taps, of(program, k, p.BACK_LIST)
        for phase in range(at(taps, begin)):
            o = begin + 1 + 4 * phase
            flat = of(program, k, p.BACK_RUNS) == 1
            convolution.correlate(
                a, dz, theta, of(program, k, p.W), of(program, k, p.SIZE_ROWS) * of(program, k, p.SIZE_COLS), taps,
                at(taps, o + 3), at(taps, o + 1), at(taps, o + 2), -1 if flat else of(program, k, p.ROWS) - 1,
                theta, 0, False, a, dx + at(taps, o),
                of(program, k, p.TAPS) // (of(program, k, p.SIZE_ROWS) * of(program, k, p.SIZE_COLS)),
                at(taps, begin) * of(program, k - 1, p.PLANE),
                of(program, k, p.BACK_RUNS), of(program, k, p.PITCH), of(program, k, p.BACK_LENGTH),
            )  # fmt: skip
    elif kind == p.MAX_POOL:
        pools.max_pool_backward(program, k, B, a, xo, zo, dx, dz)
    elif kind == p.AVERAGE_POOL:
        pools.average_pool_backward(program, k, B, a, dx, dz)
    elif kind == p.IMAGE_DROPOUT:
        count, start = of(program, k, p.BLOCK), of(program, k, p.FRONT)
        dropout.multiply(a, dx - start, a, dz - start, a, of(program, k, p.MASK) + g * count - start, count)
    elif kind == p.ARRANGE:
        image_blocks.arrange(program, k, B, a, dx, dz, True)
    elif kind == p.FLATTEN:
        image_blocks.flatten(program, k, B, a, dx, g * B, valid, of(program, k, p.D), rows, True)
