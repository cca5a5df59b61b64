"""Dense layers of a program: the products of `products`, chosen as for networks without images."""

from typing import Any

from handgrad.training.engines.compiled.kernels import products
from handgrad.training.engines.compiled.kernels.images.ops import BIAS, CHANNELS, N_IN, NARROW, A, D, W, of
from handgrad.training.engines.compiled.kernels.layout import panels, place
from handgrad.training.engines.compiled.kernels.vectors import at, kernel, lanes, load, splat, store, zero

TURN_ROWS = 8  # from so many rows on it pays to turn W for dx


@kernel
def gather_rows(program: Any, x: Any, order: Any, first: int, rows: int, a: Any) -> None:
    """Examples order[first : first + rows] as rows of a matrix in panels."""
    n, L = of(program, 0, CHANNELS), lanes(a)
    for i in range(rows):
        source = at(order, first + i) * n
        for p in range(0, n, L):
            o = of(program, 0, A) + place(i, p, rows, L)
            if p + L <= n:
                store(a, o, load(x, source + p))
            else:
                for j in range(L):
                    a[o + j] = at(x, source + p + j) if p + j < n else zero(a)


@kernel
def dense_forward(program: Any, k: int, theta: Any, a: Any, rows: int) -> None:
    """Twin of `dense_forward` for one operation."""
    L, n, units = lanes(a), of(program, k, N_IN), of(program, k, CHANNELS)
    x, z, wo, bo = of(program, k - 1, A), of(program, k, A), of(program, k, W), of(program, k, BIAS)
    if of(program, k, NARROW):
        products.dots(a, x, rows, n, theta, wo, units, theta, bo, True, a, z)
    else:
        for p in range(panels(units, L)):
            bias = load(theta, bo + p * L)
            products.forward_panel(a, x, rows, n, theta, wo + p * n * L, bias, a, z + p * rows * L)


@kernel
def dense_backward(
    program: Any, k: int, rule: int, m: Any, h: Any, a: Any, turned: Any, rows: int, wants_dx: bool
) -> None:
    """Fused twin of `dense_backward` and the update, for one operation; dx is made before W changes."""
    L, n, units = lanes(a), of(program, k, N_IN), of(program, k, CHANNELS)
    x, dx, dz, wo = of(program, k - 1, A), of(program, k - 1, D), of(program, k, D), of(program, k, W)
    narrow, o = of(program, k, NARROW) != 0, splat(zero(a))
    if wants_dx and narrow:
        for p in range(panels(n, L)):
            products.forward_panel(a, dz, rows, units, m.theta, wo + p * units * L, o, a, dx + p * rows * L)
    elif wants_dx and rows < TURN_ROWS:
        products.dots(a, dz, rows, units, m.theta, wo, n, m.theta, 0, False, a, dx)
    elif wants_dx:
        products.turn(m.theta, wo, n, units, turned)
        for p in range(panels(n, L)):
            products.forward_panel(a, dz, rows, units, turned, p * units * L, o, a, dx + p * rows * L)
    if narrow:
        for p in range(panels(n, L)):
            products.gradient_panel(rule, m, wo + p * units * L, h, a, dz, rows, units, a, x + p * rows * L)
    else:
        for p in range(panels(units, L)):
            products.gradient_panel(rule, m, wo + p * n * L, h, a, x, rows, n, a, dz + p * rows * L)
    products.sum_rows(rule, m, of(program, k, BIAS), h, a, dz, rows, units)
