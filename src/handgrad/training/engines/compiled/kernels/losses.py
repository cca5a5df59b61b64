"""Losses of one example: fused twins of `LOSSES[...].forward` and `.backward` of `handgrad.network.losses`.

Letters: o (k,) the last layer's z or a, which the loss takes; T rows of targets, one for every class, or where targets
are numbers one for every example; c the row of the example, T[c·k : (c+1)·k]; d (k,) receives the gradient ∂loss/∂o.
Each returns the loss of the example.  o, d and what lies behind T have room for whole lines.
"""

import math
from typing import Any

from handgrad.training import twins
from handgrad.training.engines.compiled.kernels.activations import exp_or_zero, largest_of_row
from handgrad.training.engines.compiled.kernels.vectors import (
    first_of,
    inlined,
    kernel,
    line,
    load_line,
    number,
    splat_line,
    store,
    total,
    zero,
)

SQUARED_ERROR, HALF_SQUARED_ERROR, MEAN_SQUARED_ERROR, ABSOLUTE_ERROR = (
    twins.LOSSES[n].code for n in ("squared-error", "half-squared-error", "mean-squared-error", "absolute-error")
)
CROSS_ENTROPY, BINARY_CROSS_ENTROPY, NLL, MULTI_MARGIN, HUBER = (
    twins.LOSSES[n].code for n in ("cross-entropy", "binary-cross-entropy", "nll", "multi-margin", "huber")
)


@inlined
def squared_error(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """Twin of `squared_error_forward` and `squared_error_backward`.

    Σ_j (a_j − T_j)²;  d = 2(a − T)
    """
    loss = zero(o)
    for j in range(k):
        difference = o[j] - T[c * k + j]
        loss += difference * difference
        d[j] = difference + difference
    return loss


@inlined
def absolute_error(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """Twin of `absolute_error_forward` and `absolute_error_backward`.

    Σ_j |a_j − T_j|;  d = sign(a − T)
    """
    loss = zero(o)
    for j in range(k):
        difference = o[j] - T[c * k + j]
        loss += abs(difference)
        d[j] = int(difference > 0) - int(difference < 0)
    return loss


@inlined
def huber(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """Twin of `huber_forward` and `huber_backward`.

    Σ_j h(a_j − T_j), h(r) = ½ r² where |r| ≤ 1, else |r| − ½;  d = a − T, cut to [−1, 1]
    """
    loss = zero(o)
    for j in range(k):
        difference = o[j] - T[c * k + j]
        if abs(difference) <= 1:
            loss += difference * difference / 2
            d[j] = difference
        else:  # NaN too
            loss += abs(difference) - number(o, 0.5)
            d[j] = difference / abs(difference)
    return loss


@inlined
def cross_entropy(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """Twin of `cross_entropy_forward` and `cross_entropy_backward`.

    log Σ_j e^s_j − Σ_j T_j s_j with s = z − max z;  d = softmax(z) − T
    """
    most, none = splat_line(largest_of_row(o, k)), splat_line(zero(o))
    s = true = none
    for j in range(0, k, line(o)):
        x = load_line(o, j) - most
        e = exp_or_zero(x)
        store(d, j, e)
        s = s + first_of(e, k - j, none)
        true = true + first_of(load_line(T, c * k + j) * x, k - j, none)
    of_all = splat_line(total(s))
    for j in range(0, k, line(o)):
        store(d, j, load_line(d, j) / of_all - load_line(T, c * k + j))
    return number(o, math.log(total(s))) - total(true)


@inlined
def binary_cross_entropy(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """Twin of `binary_cross_entropy_forward` and `binary_cross_entropy_backward`.

    Σ_j [max(z_j, 0) − z_j·T_j + log(1 + e^−|z_j|)];  d = sigmoid(z) − T
    """
    loss = zero(o)
    for j in range(k):
        z, t = o[j], T[c * k + j]
        e = math.exp(-abs(z))
        loss += max(z, zero(o)) - z * t + math.log1p(e)
        d[j] = (e if z < 0 else number(o, 1)) / (1 + e) - t
    return loss


@inlined
def nll(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """Twin of `nll_forward` and `nll_backward`.

    −Σ_j T_j·a_j;  d = −T
    """
    loss = zero(o)
    for j in range(k):
        loss -= T[c * k + j] * o[j]
        d[j] = -T[c * k + j]
    return loss


@inlined
def multi_margin(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """Twin of `multi_margin_forward` and `multi_margin_backward`.

    (1/k) Σ_{j≠y} max(0, 1 − a_y + a_j);  d_j = 1/k where that is > 0, d_y = −(how many)/k
    """
    loss = true = violated = zero(o)
    for j in range(k):
        true += T[c * k + j] * o[j]
    for j in range(k):
        margin = (1 - true + o[j]) * (1 - T[c * k + j])
        d[j] = 1 if margin > 0 else 0
        if not margin <= 0:  # NaN counts
            loss += margin
        violated += d[j]
    for j in range(k):
        d[j] = (d[j] - T[c * k + j] * violated) / k
    return loss / k


@kernel
def loss_of(code: int, o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """The loss with that code; NaN, and a gradient of NaN, where no loss has it."""
    if code == CROSS_ENTROPY:
        return cross_entropy(o, T, c, k, d)
    if code == BINARY_CROSS_ENTROPY:
        return binary_cross_entropy(o, T, c, k, d)
    if code == NLL:
        return nll(o, T, c, k, d)
    if code == ABSOLUTE_ERROR:
        return absolute_error(o, T, c, k, d)
    if code in (SQUARED_ERROR, HALF_SQUARED_ERROR, MEAN_SQUARED_ERROR):
        loss, unit = squared_error(o, T, c, k, d), number(o, 1)
        if code == HALF_SQUARED_ERROR:
            unit = number(o, 0.5)
        elif code == MEAN_SQUARED_ERROR:
            unit = number(o, 1 / k)
        for j in range(k):
            d[j] *= unit
        return loss * unit
    if code == MULTI_MARGIN:
        return multi_margin(o, T, c, k, d)
    if code == HUBER:
        return huber(o, T, c, k, d)
    for j in range(k):
        d[j] = number(o, math.nan)
    return number(o, math.nan)
