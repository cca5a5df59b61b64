"""Images into blocks and out of them: gathering, the padding and phases of a convolution, dropout, flattening.

A block holds B examples side by side (see `ops`); `valid` of them are examples of this chunk.  Letters:
letters.md.
"""

from typing import Any

from handgrad.training.engines.compiled.kernels.dropout import LOW, mask_prefix, mix32
from handgrad.training.engines.compiled.kernels.images import ops
from handgrad.training.engines.compiled.kernels.images.ops import of_op, row_at
from handgrad.training.engines.compiled.kernels.layout import place
from handgrad.training.engines.compiled.kernels.vectors import at, kernel, lanes, zero


@kernel
def gather_images(program: Any, B: int, x: Any, order: Any, first: int, valid: int, a: Any, zo: int) -> None:
    """Examples order[first : first + valid] side by side.  Lanes beyond repeat the last, so that all are finite."""
    channels, rows, cols = of_op(program, 0, ops.CHANNELS), of_op(program, 0, ops.ROWS), of_op(program, 0, ops.COLS)
    n = channels * rows * cols
    for i in range(B):
        source = at(order, first + min(i, valid - 1)) * n
        for c in range(channels):
            for r in range(rows):
                o = row_at(program, 0, zo, c, r) + i
                for q in range(cols):
                    a[o + q * B] = at(x, source + (c * rows + r) * cols + q)


@kernel
def arrange(program: Any, k: int, B: int, a: Any, xo: int, zo: int, back: bool) -> None:
    """Twin of `padded`, and one channel for each phase of the stride: pixel (r, q) of channel c goes to

        channel (c·s_r + (r + p_r) mod s_r)·s_c + (q + p_c) mod s_c,  row (r + p_r) // s_r,  column (q + p_c) // s_c

    back: from there to x.  What no pixel goes to is 0 and stays it.
    """
    s_rows, s_cols = of_op(program, k, ops.STRIDE_ROWS), of_op(program, k, ops.STRIDE_COLS)
    for c in range(of_op(program, k - 1, ops.CHANNELS)):
        for r in range(of_op(program, k - 1, ops.ROWS)):
            for q in range(of_op(program, k - 1, ops.COLS)):
                x = row_at(program, k - 1, xo, c, r) + q * B
                row, col = r + of_op(program, k, ops.PAD_ROWS), q + of_op(program, k, ops.PAD_COLS)
                channel = (c * s_rows + row % s_rows) * s_cols + col % s_cols
                z = row_at(program, k, zo, channel, row // s_rows) + col // s_cols * B
                for i in range(B):
                    if back:
                        a[x + i] = at(a, z + i)
                    else:
                        a[z + i] = at(a, x + i)


@kernel
def image_mask(
    program: Any, k: int, B: int, key: int, step: int, batch_row: int, kept: Any, shared: bool, hashes: Any, a: Any,
    mo: int,
) -> None:  # fmt: skip
    """Twin of `dropout_mask` for one block, whose first example is row `batch_row` of the batch.

    shared: every example has the mask of row 0.
    """
    prefix = mask_prefix(key, step, of_op(program, k, ops.LAYER))
    for i in range(B):
        hashes[i] = mix32((0 if shared else batch_row + i) ^ prefix)
    rows, cols, limit = of_op(program, k, ops.ROWS), of_op(program, k, ops.COLS), of_op(program, k, ops.LIMIT)
    for c in range(of_op(program, k, ops.CHANNELS)):
        for r in range(rows):
            for q in range(cols):
                unit = int((c * rows + r) * cols + q) * 0x9E3779B9
                o = row_at(program, k, mo, c, r) + q * B
                for i in range(B):
                    a[o + i] = kept if mix32((at(hashes, i) + unit) & LOW) >= limit else zero(a)


@kernel
def flatten(
    program: Any, k: int, B: int, a: Any, xo: int, first: int, valid: int, zo: int, total: int, back: bool
) -> None:
    """Twin of `flatten_forward`: a block as rows first : first + valid of a matrix of `total` rows in panels.

    back: twin of `flatten_backward`, gradients the other way.
    """
    L = lanes(a)
    rows, cols = of_op(program, k - 1, ops.ROWS), of_op(program, k - 1, ops.COLS)
    for c in range(of_op(program, k - 1, ops.CHANNELS)):
        for r in range(rows):
            for q in range(cols):
                x = row_at(program, k - 1, xo, c, r) + q * B
                z = zo + place(first, (c * rows + r) * cols + q, total, L)
                for i in range(B):
                    if not back:
                        if i < valid:
                            a[z + i * L] = at(a, x + i)
                    else:
                        a[x + i] = at(a, z + i * L) if i < valid else zero(a)
