"""Biases where a slip changes their gradients or their updates: put aside first, then changed, then applied.

A layer has few biases, so whatever a slip makes of them is made here, once a step, and never in a loop over weights.
Letters: letters.md.
"""

from typing import Any

from handgrad.training import twins
from handgrad.training.engines.compiled.kernels.constants import ASIDE, BIAS_GRADIENT, DECAYED, FIXED
from handgrad.training.engines.compiled.kernels.updates import ADD, KEEP, Memory, apply
from handgrad.training.engines.compiled.kernels.vectors import (
    at,
    fill,
    inlined,
    kernel,
    lanes,
    load,
    number,
    store,
    zero,
)

SUMMED_OVER_UNITS, NOT_AVERAGED = (
    twins.BIAS_GRADIENTS[n] for n in ("bias-gradient-summed-over-units", "bias-gradient-not-averaged")
)


@inlined
def code_of_biases(constants: Any, update_code: int) -> int:
    """What `updates.apply` does with the gradient of a bias where it does `update_code` with that of a weight."""
    return KEEP if constants[ASIDE] != 0 and update_code not in (KEEP, ADD) else update_code


@kernel
def change_gradient(constants: Any, grad: Any, bo: int, units: int, size: int) -> None:
    """db that was put aside as a slip makes it, for a batch of `size` examples; without one it stays as it is.

    summed over units: db_u = Σ_v db_v for every unit u;  not averaged: db_u = m·db_u.
    """
    if constants[BIAS_GRADIENT] == SUMMED_OVER_UNITS:
        s = zero(grad)
        for u in range(units):
            s += at(grad, bo + u)
        for u in range(units):
            grad[bo + u] = s
    elif constants[BIAS_GRADIENT] == NOT_AVERAGED:
        for u in range(units):
            grad[bo + u] = at(grad, bo + u) * number(grad, size)


@kernel
def update_biases(constants: Any, update_code: int, m: Memory, begin: int, end: int, factor: float, h: Any) -> None:
    """`updates.apply_kept` for the biases from begin to end; by slips they decay, or stay as they were."""
    for i in range(begin, end, lanes(m.theta)):
        g, b = load(m.grad, i), load(m.theta, i)
        apply(update_code, m, i, g * fill(g, factor), h, constants[DECAYED] != 0)
        if constants[FIXED] != 0:
            store(m.theta, i, b)
