"""Pooling of blocks of images: twins of `handgrad.network.pooling`.

Letters: x the input's first number, z the output's; B examples lie side by side (see `ops`).  Vectors run along
examples; what is left of B beyond whole lines is done number by number.  Of a single example they run along columns.
Other letters: letters.md.
"""

from typing import Any

from handgrad.training.engines.compiled.kernels.images import ops
from handgrad.training.engines.compiled.kernels.images.ops import of_op, row_at
from handgrad.training.engines.compiled.kernels.vectors import (
    at,
    evens,
    inlined,
    kernel,
    larger,
    larger_number,
    line,
    load_line,
    lower,
    number,
    odds,
    splat_line,
    store,
    upper,
    where_won,
    zero,
)


@inlined
def _paired(program: Any, k: int, B: int) -> bool:
    """Whether one example is pooled in windows of 2×2 side by side: then vectors run along the columns."""
    size = of_op(program, k, ops.SIZE_ROWS) == 2 and of_op(program, k, ops.SIZE_COLS) == 2
    return B == 1 and size and of_op(program, k, ops.STRIDE_COLS) == 2


@inlined
def _pairs(cols: int, lane: int, i: int) -> int:
    """Where the line of windows i, i + 1, … begins: the last line ends with the row, and may repeat some windows."""
    return max(0, min(i, cols - lane))


@kernel
def max_pool_forward(program: Any, k: int, B: int, a: Any, xo: int, zo: int) -> None:
    """Twin of `max_pool_forward` for one block, from x at xo to z at zo: z = max of its window of x."""
    lane, pitch, paired = line(a), of_op(program, k - 1, ops.PITCH), _paired(program, k, B)
    x_plane, z_plane = of_op(program, k - 1, ops.PLANE), of_op(program, k, ops.PLANE)
    z_pitch = of_op(program, k, ops.PITCH)
    rows, cols, down = of_op(program, k, ops.ROWS), of_op(program, k, ops.COLS), of_op(program, k, ops.STRIDE_ROWS)
    right, n = of_op(program, k, ops.STRIDE_COLS) * B, B // lane * lane
    size_rows, size_cols = of_op(program, k, ops.SIZE_ROWS), of_op(program, k, ops.SIZE_COLS)
    for c in range(of_op(program, k, ops.CHANNELS)):
        for r in range(rows):
            x, z = xo + c * x_plane + r * down * pitch, zo + c * z_plane + r * z_pitch
            if paired:
                for i in range(0, cols, lane):
                    q = _pairs(cols, lane, i)
                    x0, x1 = load_line(a, x + 2 * q), load_line(a, x + 2 * q + lane)
                    x2, x3 = load_line(a, x + pitch + 2 * q), load_line(a, x + pitch + 2 * q + lane)
                    top, bottom = larger(evens(x0, x1), odds(x0, x1)), larger(evens(x2, x3), odds(x2, x3))
                    store(a, z + q, larger(top, bottom))
                continue
            for _ in range(cols):
                for i in range(0, n, lane):
                    v = load_line(a, x + i)
                    for row in range(size_rows):
                        for col in range(size_cols):
                            v = larger(v, load_line(a, x + row * pitch + col * B + i))
                    store(a, z + i, v)
                for i in range(n, B):
                    s = at(a, x + i)
                    for row in range(size_rows):
                        for col in range(size_cols):
                            s = larger_number(s, at(a, x + row * pitch + col * B + i))
                    a[z + i] = s
                x += right
                z += B


@kernel
def max_pool_backward(program: Any, k: int, B: int, a: Any, xo: int, zo: int, dxo: int, dzo: int) -> None:
    """Twin of `max_pool_backward` for one block: the first largest number of a window gets dz, in its place in dx."""
    lane, pitch, once = line(a), of_op(program, k - 1, ops.PITCH), of_op(program, k, ops.ONCE) != 0
    x_plane, z_plane = of_op(program, k - 1, ops.PLANE), of_op(program, k, ops.PLANE)
    z_pitch = of_op(program, k, ops.PITCH)
    rows, cols, down = of_op(program, k, ops.ROWS), of_op(program, k, ops.COLS), of_op(program, k, ops.STRIDE_ROWS)
    right, n = of_op(program, k, ops.STRIDE_COLS) * B, B // lane * lane
    paired = once and _paired(program, k, B)
    size_rows, size_cols = of_op(program, k, ops.SIZE_ROWS), of_op(program, k, ops.SIZE_COLS)
    nothing = splat_line(zero(a))
    for c in range(of_op(program, k, ops.CHANNELS)):
        for r in range(rows):
            x, z = c * x_plane + r * down * pitch, c * z_plane + r * z_pitch
            if paired:
                for i in range(0, cols, lane):
                    q = _pairs(cols, lane, i)
                    left, largest = load_line(a, dzo + z + q), load_line(a, zo + z + q)
                    for row in range(2):  # what goes past the end of the first row is written again with the second
                        o = x + row * pitch + 2 * q
                        x0, x1 = load_line(a, xo + o), load_line(a, xo + o + lane)
                        first, second = evens(x0, x1), odds(x0, x1)
                        g = where_won(first, largest, left, nothing)
                        left = where_won(first, largest, nothing, left)
                        h = where_won(second, largest, left, nothing)
                        left = where_won(second, largest, nothing, left)
                        store(a, dxo + o, lower(g, h))
                        store(a, dxo + o + lane, upper(g, h))
                continue
            for _ in range(cols):
                for i in range(0, n, lane):
                    left, largest = load_line(a, dzo + z + i), load_line(a, zo + z + i)
                    for row in range(size_rows):
                        for col in range(size_cols):
                            o = x + row * pitch + col * B + i
                            seen = load_line(a, xo + o)
                            g = where_won(seen, largest, left, nothing)
                            left = where_won(seen, largest, nothing, left)
                            store(a, dxo + o, g if once else load_line(a, dxo + o) + g)
                for i in range(n, B):
                    waiting, most = at(a, dzo + z + i), at(a, zo + z + i)
                    for row in range(size_rows):
                        for col in range(size_cols):
                            o = x + row * pitch + col * B + i
                            s = at(a, xo + o)
                            won = s == most or s != s
                            found = waiting if won else zero(a)
                            waiting = zero(a) if won else waiting
                            a[dxo + o] = found if once else at(a, dxo + o) + found
                x += right
                z += B


@kernel
def average_pool_forward(program: Any, k: int, B: int, a: Any, xo: int, zo: int) -> None:
    """Twin of `average_pool_forward` for one block: z = Σ x / (rows·cols) of its window."""
    lane, pitch = line(a), of_op(program, k - 1, ops.PITCH)
    size = number(a, of_op(program, k, ops.SIZE_ROWS) * of_op(program, k, ops.SIZE_COLS))
    for c in range(of_op(program, k, ops.CHANNELS)):
        for r in range(of_op(program, k, ops.ROWS)):
            for q in range(of_op(program, k, ops.COLS)):
                x = row_at(program, k - 1, xo, c, r * of_op(program, k, ops.STRIDE_ROWS))
                x += q * of_op(program, k, ops.STRIDE_COLS) * B
                z = row_at(program, k, zo, c, r) + q * B
                n = B // lane * lane
                for i in range(0, n, lane):
                    v = splat_line(zero(a))
                    for row in range(of_op(program, k, ops.SIZE_ROWS)):
                        for col in range(of_op(program, k, ops.SIZE_COLS)):
                            v = v + load_line(a, x + row * pitch + col * B + i)
                    store(a, z + i, v / splat_line(size))
                for i in range(n, B):
                    s = zero(a)
                    for row in range(of_op(program, k, ops.SIZE_ROWS)):
                        for col in range(of_op(program, k, ops.SIZE_COLS)):
                            s += at(a, x + row * pitch + col * B + i)
                    a[z + i] = s / size


@kernel
def average_pool_backward(program: Any, k: int, B: int, a: Any, dxo: int, dzo: int) -> None:
    """Twin of `average_pool_backward` for one block: each x of a window gets dz / (rows·cols)."""
    lane, pitch, once = line(a), of_op(program, k - 1, ops.PITCH), of_op(program, k, ops.ONCE) != 0
    size = number(a, of_op(program, k, ops.SIZE_ROWS) * of_op(program, k, ops.SIZE_COLS))
    for c in range(of_op(program, k, ops.CHANNELS)):
        for r in range(of_op(program, k, ops.ROWS)):
            for q in range(of_op(program, k, ops.COLS)):
                x = row_at(program, k - 1, dxo, c, r * of_op(program, k, ops.STRIDE_ROWS))
                x += q * of_op(program, k, ops.STRIDE_COLS) * B
                z = row_at(program, k, dzo, c, r) + q * B
                n = B // lane * lane
                for i in range(0, n, lane):
                    g = load_line(a, z + i) / splat_line(size)
                    for row in range(of_op(program, k, ops.SIZE_ROWS)):
                        for col in range(of_op(program, k, ops.SIZE_COLS)):
                            o = x + row * pitch + col * B + i
                            store(a, o, g if once else load_line(a, o) + g)
                for i in range(n, B):
                    s = at(a, z + i) / size
                    for row in range(of_op(program, k, ops.SIZE_ROWS)):
                        for col in range(of_op(program, k, ops.SIZE_COLS)):
                            o = x + row * pitch + col * B + i
                            a[o] = s if once else at(a, o) + s
