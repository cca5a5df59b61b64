"""A dense layer z = x @ W + b in panels, of either kind of network: twins of `handgrad.network.dense`.

A layer keeps W (n, units) in panels, or, where it is *narrow* (few outputs, such as the ten classes), W transposed
(units, n), which fills its vectors.  A first layer that takes sparse examples is not narrow: it needs the rows of W.
Both kernels are inlined: at batch size 1 calls take 5 % of a step.
"""

from typing import Any

from handgrad.training.engines.compiled.kernels import products, updates
from handgrad.training.engines.compiled.kernels.layout import panels
from handgrad.training.engines.compiled.kernels.vectors import inlined, lanes, load, splat, zero

NARROW_UNITS = 32  # up to so many outputs
SPARSE_SHARE = 0.35  # up to so many numbers that are not 0, of 1, examples are kept sparse
SPARSE_UNITS = 20  # from so many units on a first layer takes sparse examples, and is then never narrow
TRANSPOSE_ROWS = 8  # from so many rows on it pays to transpose W for dx


@inlined
def dense_forward(
    a: Any, xo: int, rows: int, n: int, theta: Any, wo: int, bo: int, units: int, narrow: bool, zo: int
) -> None:
    """Twin of `dense_forward`: z = x @ W + b.  x: (rows, n) at xo, z: (rows, units) at zo, both in a."""
    L = lanes(a)
    if narrow:
        products.dots(a, xo, rows, n, theta, wo, units, theta, bo, True, a, zo)
    else:
        for p in range(panels(units, L)):
            bias = load(theta, bo + p * L)
            products.forward_panel(a, xo, rows, n, theta, wo + p * n * L, bias, a, zo + p * rows * L)


@inlined
def dense_backward(
    update_code: int, bias_code: int, m: updates.Memory, wo: int, bo: int, h: Any, a: Any, xo: int, dxo: int, dzo: int,
    rows: int, n: int, units: int, narrow: bool, transposed: Any, wants_dx: bool,
) -> None:  # fmt: skip
    """Fused twin of `dense_backward` and the update: dx = dz @ Wᵀ, made before W changes; dW = xᵀ @ dz; db = Σ_i dz_i.

    bias_code: the update code of b.  transposed: room for W transposed.  wants_dx: dxo means nothing otherwise.
    """
    L, o = lanes(a), splat(zero(a))
    if narrow:
        for p in range(panels(n, L)):
            w = wo + p * units * L
            if wants_dx:
                products.forward_panel(a, dzo, rows, units, m.theta, w, o, a, dxo + p * rows * L)
            products.gradient_panel(update_code, m, w, h, a, dzo, rows, units, a, xo + p * rows * L)
    else:
        if wants_dx and rows < TRANSPOSE_ROWS:
            products.dots(a, dzo, rows, units, m.theta, wo, n, m.theta, 0, False, a, dxo)
        elif wants_dx:
            products.transpose(m.theta, wo, n, units, transposed)
            for p in range(panels(n, L)):
                products.forward_panel(a, dzo, rows, units, transposed, p * units * L, o, a, dxo + p * rows * L)
        for p in range(panels(units, L)):
            products.gradient_panel(update_code, m, wo + p * n * L, h, a, xo, rows, n, a, dzo + p * rows * L)
    products.sum_rows(bias_code, m, bo, h, a, dzo, rows, units)
