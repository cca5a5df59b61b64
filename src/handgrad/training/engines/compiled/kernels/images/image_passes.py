"""One chunk of a batch forward and backward through a program: twins of `handgrad.network.passes`.

Operations of images go block by block, all others take every row of the chunk at once.  An operation whose kind is not
known here raises: `program` makes no such one.  Letters: letters.md.
"""

from typing import Any, NamedTuple

from handgrad.training.engines.compiled.kernels import activations, biases, dense_layers, dropout, updates
from handgrad.training.engines.compiled.kernels.constants import (
    DROPS,
    FIRST,
    FUSED,
    KEY,
    LANES,
    OPERATIONS,
    SHARED,
    TRAIN,
)
from handgrad.training.engines.compiled.kernels.example_rows import gather_rows, row_loss
from handgrad.training.engines.compiled.kernels.images import batch_norm, convolution, image_blocks, ops, pooling
from handgrad.training.engines.compiled.kernels.images.ops import block_at, of_op
from handgrad.training.engines.compiled.kernels.layout import copy, panels
from handgrad.training.engines.compiled.kernels.vectors import at, kernel, lanes, splat, spliced, store, zero


class ImageInputs(NamedTuple):
    """Examples, one after the other; their classes; and the weights of their losses, or none."""

    x: Any
    classes: Any
    weights: Any


class ImageWork(NamedTuple):
    """Workspace: images and matrices of one chunk, the list of taps, 1/(1 − rate) of each dropout operation, room for a
    W transposed, scratch."""

    space: Any
    taps: Any
    kept: Any
    transposed: Any
    row: Any
    drow: Any
    ones: Any
    hashes: Any


@kernel
def forward(
    program: Any, constants: Any, theta: Any, work: ImageWork, x: Any, order: Any, first: int, rows: int,
    batch_row: int, step: int,
) -> None:  # fmt: skip
    """Twin of `passes.forward`: examples order[first : first + rows] from the inputs to what the loss takes."""
    a, B, last, train = work.space, constants[LANES], constants[OPERATIONS] - 1, constants[TRAIN] != 0
    blocks = (rows + B - 1) // B
    for k in range(last + 1):
        kind, z, units = of_op(program, k, ops.KIND), of_op(program, k, ops.A), of_op(program, k, ops.CHANNELS)
        if kind == ops.IMAGE_NORM and train:
            batch_norm.image_statistics(program, k, B, rows, a, work.ones)
        if kind in (ops.DENSE, ops.DROPOUT, ops.NORM, ops.ROWS_OF_NUMBERS):
            if kind == ops.ROWS_OF_NUMBERS:
                gather_rows(x, units, order, first, rows, a, z)
            elif kind == ops.DENSE:
                _dense_forward(program, k, theta, a, rows)
            elif kind == ops.DROPOUT:
                _row_dropout(program, k, constants, work, rows, batch_row, step)
            elif kind == ops.NORM:
                _row_norm(program, k, theta, a, rows, train)
            if k < last or not constants[FUSED]:
                if of_op(program, k, ops.POINT) != z:
                    copy(a, of_op(program, k, ops.POINT), z, panels(units, lanes(a)) * rows * lanes(a))
                activations.activation_forward(of_op(program, k, ops.ACTIVATION), a, z, rows, units, work.row)
        else:
            for g in range(blocks):
                valid = min(B, rows - g * B)
                _block_forward(
                    program, k, constants, theta, work, x, order, first + g * B, valid, g, rows, batch_row, step, train
                )
            if kind == ops.FLATTEN:
                activations.clear_padding(a, z, rows, units)


@spliced
def _dense_forward(program: Any, k: int, theta: Any, a: Any, rows: int) -> None:
    """z = x @ W + b of operation k."""
    x, z, n = of_op(program, k - 1, ops.A), of_op(program, k, ops.A), of_op(program, k, ops.N_IN)
    w, b, narrow = of_op(program, k, ops.W), of_op(program, k, ops.BIAS), of_op(program, k, ops.NARROW) != 0
    dense_layers.dense_forward(a, x, rows, n, theta, w, b, of_op(program, k, ops.CHANNELS), narrow, z)


@spliced
def _row_dropout(program: Any, k: int, constants: Any, work: ImageWork, rows: int, batch_row: int, step: int) -> None:
    """Twin of `dropout_forward` for rows: Z = X · mask; where it is off, Z = X."""
    a, units = work.space, of_op(program, k, ops.CHANNELS)
    count, x, z = panels(units, lanes(a)) * rows * lanes(a), of_op(program, k - 1, ops.A), of_op(program, k, ops.A)
    if constants[DROPS] != 0:
        mask, layer = of_op(program, k, ops.MASK), of_op(program, k, ops.LAYER)
        limit, kept, shared = of_op(program, k, ops.LIMIT), at(work.kept, k), constants[SHARED] != 0
        dropout.fill_mask(a, mask, rows, units, constants[KEY], step, layer, batch_row, limit, kept, shared)
        dropout.multiply(a, z, a, x, a, mask, count)
    else:
        copy(a, z, x, count)


@spliced
def _row_norm(program: Any, k: int, theta: Any, a: Any, rows: int, train: bool) -> None:
    """Batch norm of rows, by the statistics of the batch in training and by the running ones in inference."""
    L, units = lanes(a), of_op(program, k, ops.CHANNELS)
    if train:
        s = of_op(program, k, ops.STATISTICS)
        batch_norm.row_statistics(program, k, rows, a)
        batch_norm.row_norm(program, k, rows, a, a, s, a, s + panels(units, L) * L, theta)
    else:
        mean, variance = of_op(program, k, ops.MEAN), of_op(program, k, ops.VARIANCE)
        batch_norm.row_norm(program, k, rows, a, theta, mean, theta, variance, theta)


@spliced
def _block_forward(
    program: Any, k: int, constants: Any, theta: Any, work: ImageWork, x: Any, order: Any, first: int, valid: int,
    g: int, rows: int, batch_row: int, step: int, train: bool,
) -> None:  # fmt: skip
    """Operation k for block g, with its activation."""
    a, B, kind = work.space, constants[LANES], of_op(program, k, ops.KIND)
    zo = of_op(program, k, ops.A) + g * of_op(program, k, ops.BLOCK)
    xo = of_op(program, max(k - 1, 0), ops.A) + g * of_op(program, max(k - 1, 0), ops.BLOCK)
    if kind == ops.IMAGES:
        image_blocks.gather_images(program, B, x, order, first, valid, a, zo)
    elif kind == ops.ARRANGE:
        image_blocks.arrange(program, k, B, a, xo, zo, False)
    elif kind == ops.CONV:
        T = of_op(program, k, ops.TAPS)
        convolution.correlate(
            a, xo, theta, of_op(program, k, ops.W), T, work.taps, of_op(program, k, ops.TAP_LIST), 1, T, -1,
            theta, of_op(program, k, ops.BIAS), True, a, zo, of_op(program, k, ops.CHANNELS),
            of_op(program, k, ops.PLANE), of_op(program, k, ops.RUNS), of_op(program, k, ops.PITCH),
            of_op(program, k, ops.LENGTH),
        )  # fmt: skip
    elif kind == ops.MAX_POOL:
        pooling.max_pool_forward(program, k, B, a, xo, zo)
    elif kind == ops.AVERAGE_POOL:
        pooling.average_pool_forward(program, k, B, a, xo, zo)
    elif kind == ops.IMAGE_DROPOUT:
        count, start = of_op(program, k, ops.BLOCK), of_op(program, k, ops.FRONT)
        if constants[DROPS] != 0:
            mask = of_op(program, k, ops.MASK) + g * count
            row, kept, shared = batch_row + g * B, at(work.kept, k), constants[SHARED] != 0
            image_blocks.image_mask(program, k, B, constants[KEY], step, row, kept, shared, work.hashes, a, mask)
            dropout.multiply(a, zo - start, a, xo - start, a, mask - start, count)
        else:
            copy(a, zo - start, xo - start, count)
    elif kind == ops.IMAGE_NORM:
        if train:
            s = of_op(program, k, ops.STATISTICS)
            batch_norm.image_norm(program, k, B, g, a, a, s, a, s + of_op(program, k, ops.CHANNELS), theta)
        else:
            mean, variance = of_op(program, k, ops.MEAN), of_op(program, k, ops.VARIANCE)
            batch_norm.image_norm(program, k, B, g, a, theta, mean, theta, variance, theta)
    elif kind == ops.FLATTEN:
        image_blocks.flatten(program, k, B, a, xo, g * B, valid, of_op(program, k, ops.A), rows, False)
    else:
        raise ValueError("an operation of unknown kind goes forward")
    if of_op(program, k, ops.ACTIVATION) != activations.IDENTITY:
        _block_activation(program, k, g, a, work.row, True)


@kernel
def _block_activation(program: Any, k: int, g: int, a: Any, row: Any, forward: bool) -> None:
    """The activation of operation k on all numbers of block g; not forward: its gradient."""
    L, start = lanes(a), of_op(program, k, ops.FRONT)
    rows = of_op(program, k, ops.BLOCK) // L
    zo, point = block_at(program, k, ops.A, g) - start, block_at(program, k, ops.POINT, g) - start
    if forward:
        if point != zo:
            copy(a, point, zo, rows * L)
        activations.activation_forward(of_op(program, k, ops.ACTIVATION), a, zo, rows, L, row)
    else:
        way, code, do = of_op(program, k, ops.WAY), of_op(program, k, ops.DERIVATIVE), block_at(program, k, ops.D, g)
        activations.backward_in_way(way, code, a, do - start, a, point, rows, L, row)


@kernel
def loss_of_row(
    program: Any, constants: Any, work: ImageWork, inputs: ImageInputs, T: Any, example: int, rows: int, i: int,
    scale: Any,
) -> Any:  # fmt: skip
    """Loss of row i of a chunk; its gradient, times scale, into D of the last operation."""
    last = constants[OPERATIONS] - 1
    k, z, d = of_op(program, last, ops.CHANNELS), of_op(program, last, ops.A), of_op(program, last, ops.D)
    return row_loss(constants, work.space, z, d, rows, i, k, T, inputs, example, scale, work.row, work.drow)


@kernel
def backward(
    program: Any, constants: Any, update_code: int, add: bool, m: updates.Memory, h: Any, work: ImageWork, rows: int
) -> None:
    """Twin of `passes.loss_and_gradients`: from D of the last operation back to the first with parameters.

    Dense layers and batch norm of rows are updated at once; gradients of filters and of batch norm of images are put
    aside, added to what is there where `add`, and those of biases that a slip is to change.
    """
    a, B, last = work.space, constants[LANES], constants[OPERATIONS] - 1
    L, blocks = lanes(a), (rows + B - 1) // B
    bias_code = biases.code_of_biases(constants, update_code)
    for k in range(last, constants[FIRST] - 1, -1):
        kind, units = of_op(program, k, ops.KIND), of_op(program, k, ops.CHANNELS)
        dz, wants_dx = of_op(program, k, ops.D), k > constants[FIRST]
        if kind in (ops.DENSE, ops.DROPOUT, ops.NORM):
            if k < last or not constants[FUSED]:
                way, code = of_op(program, k, ops.WAY), of_op(program, k, ops.DERIVATIVE)
                activations.backward_in_way(
                    way, code, a, dz, a, of_op(program, k, ops.POINT), rows, units, work.row
                )  # fmt: skip
            activations.clear_padding(a, dz, rows, units)
            if kind == ops.DENSE:
                _dense_backward(program, k, update_code, bias_code, m, h, work, rows, wants_dx)
            elif kind == ops.NORM:
                batch_norm.row_norm_backward(program, k, update_code, m, h, rows, a, wants_dx)
            elif kind == ops.DROPOUT:
                count = panels(units, L) * rows * L
                dropout.multiply(a, of_op(program, k - 1, ops.D), a, dz, a, of_op(program, k, ops.MASK), count)
            continue
        for g in range(blocks):
            offset = g * of_op(program, k, ops.BLOCK)
            if of_op(program, k, ops.DERIVATIVE) != activations.IDENTITY:
                _block_activation(program, k, g, a, work.row, False)
            if kind == ops.CONV:
                convolution.clear_beyond(
                    a, dz + offset, of_op(program, k, ops.FRONT), units, of_op(program, k, ops.PLANE),
                    of_op(program, k, ops.ROWS), of_op(program, k, ops.PITCH), of_op(program, k, ops.COLS) * B,
                )  # fmt: skip
            if wants_dx:
                _block_backward(program, k, constants, m.theta, work, min(B, rows - g * B), g, rows)
        if kind == ops.CONV:
            _filters_backward(program, k, a, work.taps, blocks, m.grad, add)
        elif kind == ops.IMAGE_NORM:
            batch_norm.image_norm_backward(program, k, B, rows, a, m.theta, work.ones, m.grad, wants_dx)


@spliced
def _dense_backward(
    program: Any, k: int, update_code: int, bias_code: int, m: updates.Memory, h: Any, work: ImageWork, rows: int,
    wants_dx: bool,
) -> None:  # fmt: skip
    """dx of a dense layer where it is wanted, and the update by dW and db."""
    x, dx, dz = of_op(program, k - 1, ops.A), of_op(program, k - 1, ops.D), of_op(program, k, ops.D)
    w, b, narrow = of_op(program, k, ops.W), of_op(program, k, ops.BIAS), of_op(program, k, ops.NARROW) != 0
    n, units = of_op(program, k, ops.N_IN), of_op(program, k, ops.CHANNELS)
    dense_layers.dense_backward(
        update_code, bias_code, m, w, b, h, work.space, x, dx, dz, rows, n, units, narrow, work.transposed, wants_dx
    )


@spliced
def _filters_backward(program: Any, k: int, a: Any, taps: Any, blocks: int, grad: Any, add: bool) -> None:
    """dW and db of a convolution."""
    dz, plane, block = of_op(program, k, ops.D), of_op(program, k, ops.PLANE), of_op(program, k, ops.BLOCK)
    filters, T = of_op(program, k, ops.CHANNELS), of_op(program, k, ops.TAPS)
    runs, pitch, length = (
        of_op(program, k, ops.TAP_RUNS), of_op(program, k, ops.PITCH), of_op(program, k, ops.TAP_LENGTH)
    )  # fmt: skip
    x, x_block = of_op(program, k - 1, ops.A), of_op(program, k - 1, ops.BLOCK)
    convolution.filter_gradients(
        a, dz, plane, block, a, x, x_block, blocks, taps, of_op(program, k, ops.TAP_LIST), T, filters, runs, pitch,
        length, grad, of_op(program, k, ops.W), add,
    )  # fmt: skip
    convolution.bias_gradients(
        a, dz, plane, block, blocks, filters, runs, pitch, length, grad, of_op(program, k, ops.BIAS), add
    )


@spliced
def _block_backward(
    program: Any, k: int, constants: Any, theta: Any, work: ImageWork, valid: int, g: int, rows: int
) -> None:
    """dx of operation k for block g; not of batch norm, which needs the whole batch for it."""
    a, B, kind = work.space, constants[LANES], of_op(program, k, ops.KIND)
    block, before = g * of_op(program, k, ops.BLOCK), g * of_op(program, k - 1, ops.BLOCK)
    zo, dz = of_op(program, k, ops.A) + block, of_op(program, k, ops.D) + block
    xo, dx = of_op(program, k - 1, ops.A) + before, of_op(program, k - 1, ops.D) + before
    if kind in (ops.MAX_POOL, ops.AVERAGE_POOL) and not of_op(program, k, ops.ONCE):
        o = splat(zero(a))
        start = dx - of_op(program, k - 1, ops.FRONT)
        for i in range(start, start + of_op(program, k - 1, ops.BLOCK), lanes(a)):
            store(a, i, o)
    if kind == ops.CONV:
        taps, begin = work.taps, of_op(program, k, ops.BACK_LIST)
        size = of_op(program, k, ops.SIZE_ROWS) * of_op(program, k, ops.SIZE_COLS)
        last_row = -1 if of_op(program, k, ops.BACK_RUNS) == 1 else of_op(program, k, ops.ROWS) - 1
        for phase in range(at(taps, begin)):
            o = begin + 1 + 4 * phase
            convolution.correlate(
                a, dz, theta, of_op(program, k, ops.W), size, taps, at(taps, o + 3), at(taps, o + 1), at(taps, o + 2),
                last_row, theta, 0, False, a, dx + at(taps, o), of_op(program, k, ops.TAPS) // size,
                at(taps, begin) * of_op(program, k - 1, ops.PLANE),
                of_op(program, k, ops.BACK_RUNS), of_op(program, k, ops.PITCH), of_op(program, k, ops.BACK_LENGTH),
            )  # fmt: skip
    elif kind == ops.MAX_POOL:
        pooling.max_pool_backward(program, k, B, a, xo, zo, dx, dz)
    elif kind == ops.AVERAGE_POOL:
        pooling.average_pool_backward(program, k, B, a, dx, dz)
    elif kind == ops.IMAGE_DROPOUT:
        count, start = of_op(program, k, ops.BLOCK), of_op(program, k, ops.FRONT)
        dropout.multiply(a, dx - start, a, dz - start, a, of_op(program, k, ops.MASK) + g * count - start, count)
    elif kind == ops.ARRANGE:
        image_blocks.arrange(program, k, B, a, dx, dz, True)
    elif kind == ops.FLATTEN:
        image_blocks.flatten(program, k, B, a, dx, g * B, valid, of_op(program, k, ops.D), rows, True)
    elif kind != ops.IMAGE_NORM:
        raise ValueError("an operation of unknown kind goes backward")
