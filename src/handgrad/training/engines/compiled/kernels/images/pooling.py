"""Pooling of blocks of images: twins of `handgrad.network.pooling`.

Letters: x the input's first number, z the output's; B examples lie side by side (see `program`).  Vectors run along
examples; what is left of B beyond whole lines is done number by number.  A single example has its columns there.
"""

from typing import Any

from handgrad.training.engines.compiled.kernels.images.ops import (
    CHANNELS,
    COLS,
    ONCE,
    PITCH,
    PLANE,
    ROWS,
    SIZE_COLS,
    SIZE_ROWS,
    STRIDE_COLS,
    STRIDE_ROWS,
    of,
)  # fmt: skip
from handgrad.training.engines.compiled.kernels.lines import (
    evens,
    larger,
    larger_number,
    line,
    lower,
    odds,
    upper,
    where_won,
)
from handgrad.training.engines.compiled.kernels.vectors import (
    at,
    inlined,
    kernel,
    load_line,
    number,
    splat_line,
    store,
    zero,
)


@inlined
def _paired(program: Any, k: int, B: int) -> bool:
    """Whether one example is pooled in windows of 2×2 side by side: then vectors run along the columns."""
    size = of(program, k, SIZE_ROWS) == 2 and of(program, k, SIZE_COLS) == 2
    return B == 1 and size and of(program, k, STRIDE_COLS) == 2


@inlined
def _pairs(cols: int, lane: int, i: int) -> int:
    """Where the line of windows i, i + 1, … begins: the last line ends with the row, and may repeat some windows."""
    return max(0, min(i, cols - lane))


@kernel
def max_pool_forward(program: Any, k: int, B: int, a: Any, xo: int, zo: int) -> None:
    """Twin of `max_pool_forward` for one block: from x at xo to z at zo."""
    lane, pitch, paired = line(a), of(program, k - 1, PITCH), _paired(program, k, B)
    x_plane, z_plane, z_pitch = of(program, k - 1, PLANE), of(program, k, PLANE), of(program, k, PITCH)
    rows, cols, down = of(program, k, ROWS), of(program, k, COLS), of(program, k, STRIDE_ROWS)
    right, n = of(program, k, STRIDE_COLS) * B, B // lane * lane
    size_rows, size_cols = of(program, k, SIZE_ROWS), of(program, k, SIZE_COLS)
    for c in range(of(program, k, CHANNELS)):
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
    lane, pitch, once = line(a), of(program, k - 1, PITCH), of(program, k, ONCE) != 0
    x_plane, z_plane, z_pitch = of(program, k - 1, PLANE), of(program, k, PLANE), of(program, k, PITCH)
    rows, cols, down = of(program, k, ROWS), of(program, k, COLS), of(program, k, STRIDE_ROWS)
    right, n, paired = of(program, k, STRIDE_COLS) * B, B // lane * lane, once and _paired(program, k, B)
    size_rows, size_cols = of(program, k, SIZE_ROWS), of(program, k, SIZE_COLS)
    nothing = splat_line(zero(a))
    for c in range(of(program, k, CHANNELS)):
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
                    rest, most = at(a, dzo + z + i), at(a, zo + z + i)
                    for row in range(size_rows):
                        for col in range(size_cols):
                            o = x + row * pitch + col * B + i
                            s = at(a, xo + o)
                            won = s == most or s != s
                            found = rest if won else zero(a)
                            rest = zero(a) if won else rest
                            a[dxo + o] = found if once else at(a, dxo + o) + found
                x += right
                z += B


@kernel
def average_pool_forward(program: Any, k: int, B: int, a: Any, xo: int, zo: int) -> None:
    """Twin of `average_pool_forward` for one block."""
    lane, pitch = line(a), of(program, k - 1, PITCH)
    size = number(a, of(program, k, SIZE_ROWS) * of(program, k, SIZE_COLS))
    for c in range(of(program, k, CHANNELS)):
        for r in range(of(program, k, ROWS)):
            for q in range(of(program, k, COLS)):
                x = xo + c * of(program, k - 1, PLANE) + r * of(program, k, STRIDE_ROWS) * pitch
                x += q * of(program, k, STRIDE_COLS) * B
                z = zo + c * of(program, k, PLANE) + r * of(program, k, PITCH) + q * B
                n = B // lane * lane
                for i in range(0, n, lane):
                    v = splat_line(zero(a))
                    for row in range(of(program, k, SIZE_ROWS)):
                        for col in range(of(program, k, SIZE_COLS)):
                            v = v + load_line(a, x + row * pitch + col * B + i)
                    store(a, z + i, v / splat_line(size))
                for i in range(n, B):
                    s = zero(a)
                    for row in range(of(program, k, SIZE_ROWS)):
                        for col in range(of(program, k, SIZE_COLS)):
                            s += at(a, x + row * pitch + col * B + i)
                    a[z + i] = s / size


@kernel
def average_pool_backward(program: Any, k: int, B: int, a: Any, dxo: int, dzo: int) -> None:
    """Twin of `average_pool_backward` for one block."""
    lane, pitch, once = line(a), of(program, k - 1, PITCH), of(program, k, ONCE) != 0
    size = number(a, of(program, k, SIZE_ROWS) * of(program, k, SIZE_COLS))
    for c in range(of(program, k, CHANNELS)):
        for r in range(of(program, k, ROWS)):
            for q in range(of(program, k, COLS)):
                x = dxo + c * of(program, k - 1, PLANE) + r * of(program, k, STRIDE_ROWS) * pitch
                x += q * of(program, k, STRIDE_COLS) * B
                z = dzo + c * of(program, k, PLANE) + r * of(program, k, PITCH) + q * B
                n = B // lane * lane
                for i in range(0, n, lane):
                    g = load_line(a, z + i) / splat_line(size)
                    for row in range(of(program, k, SIZE_ROWS)):
                        for col in range(of(program, k, SIZE_COLS)):
                            o = x + row * pitch + col * B + i
                            store(a, o, g if once else load_line(a, o) + g)
                for i in range(n, B):
                    s = at(a, z + i) / size
                    for row in range(of(program, k, SIZE_ROWS)):
                        for col in range(of(program, k, SIZE_COLS)):
                            o = x + row * pitch + col * B + i
                            a[o] = s if once else at(a, o) + s
