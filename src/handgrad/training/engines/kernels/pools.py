"""Pooling of blocks of images: twins of `handgrad.network.pooling`.

Letters: x the input's first number, z the output's; B examples lie side by side (see `program`).  Vectors run along
examples; what is left of B beyond whole lines is done number by number.
"""

from typing import Any

from handgrad.training.engines.kernels.lines import larger, larger_number, line, where_won
from handgrad.training.engines.kernels.program import (
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
from handgrad.training.engines.kernels.vectors import at, kernel, load_line, number, splat_line, store, zero


@kernel
def max_pool_forward(program: Any, k: int, B: int, a: Any, xo: int, zo: int) -> None:
    """Twin of `max_pool_forward` for one block: from x at xo to z at zo."""
    lane, pitch = line(a), of(program, k - 1, PITCH)
    for c in range(of(program, k, CHANNELS)):
        for r in range(of(program, k, ROWS)):
            for q in range(of(program, k, COLS)):
                x = xo + c * of(program, k - 1, PLANE) + r * of(program, k, STRIDE_ROWS) * pitch
                x += q * of(program, k, STRIDE_COLS) * B
                z = zo + c * of(program, k, PLANE) + r * of(program, k, PITCH) + q * B
                n = B // lane * lane
                for i in range(0, n, lane):
                    v = load_line(a, x + i)
                    for row in range(of(program, k, SIZE_ROWS)):
                        for col in range(of(program, k, SIZE_COLS)):
                            v = larger(v, load_line(a, x + row * pitch + col * B + i))
                    store(a, z + i, v)
                for i in range(n, B):
                    s = at(a, x + i)
                    for row in range(of(program, k, SIZE_ROWS)):
                        for col in range(of(program, k, SIZE_COLS)):
                            s = larger_number(s, at(a, x + row * pitch + col * B + i))
                    a[z + i] = s


@kernel
def max_pool_backward(program: Any, k: int, B: int, a: Any, xo: int, zo: int, dxo: int, dzo: int) -> None:
    """Twin of `max_pool_backward` for one block: the first largest number of a window gets dz, in its place in dx."""
    lane, pitch, once = line(a), of(program, k - 1, PITCH), of(program, k, ONCE) != 0
    nothing = splat_line(zero(a))
    for c in range(of(program, k, CHANNELS)):
        for r in range(of(program, k, ROWS)):
            for q in range(of(program, k, COLS)):
                x = c * of(program, k - 1, PLANE) + r * of(program, k, STRIDE_ROWS) * pitch
                x += q * of(program, k, STRIDE_COLS) * B
                z = c * of(program, k, PLANE) + r * of(program, k, PITCH) + q * B
                n = B // lane * lane
                for i in range(0, n, lane):
                    left, largest = load_line(a, dzo + z + i), load_line(a, zo + z + i)
                    for row in range(of(program, k, SIZE_ROWS)):
                        for col in range(of(program, k, SIZE_COLS)):
                            o = x + row * pitch + col * B + i
                            seen = load_line(a, xo + o)
                            g = where_won(seen, largest, left, nothing)
                            left = where_won(seen, largest, nothing, left)
                            store(a, dxo + o, g if once else load_line(a, dxo + o) + g)
                for i in range(n, B):
                    rest, top = at(a, dzo + z + i), at(a, zo + z + i)
                    for row in range(of(program, k, SIZE_ROWS)):
                        for col in range(of(program, k, SIZE_COLS)):
                            o = x + row * pitch + col * B + i
                            s = at(a, xo + o)
                            won = s == top or s != s
                            found = rest if won else zero(a)
                            rest = zero(a) if won else rest
                            a[dxo + o] = found if once else at(a, dxo + o) + found


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
