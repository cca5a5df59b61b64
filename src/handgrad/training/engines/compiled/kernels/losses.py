"""Losses of one example: fused twins of `LOSSES[...].forward` and `.backward` of `handgrad.network.losses`.

Letters: o (k,) what the loss looks at, T the targets of every class, c the class of the example, whose targets are
T[c·k : (c+1)·k], d (k,) receives the gradient.  Each returns the loss of the example.
"""

import math
from typing import Any

from handgrad.training.engines.compiled import twins
from handgrad.training.engines.compiled.kernels.vectors import inlined, kernel, number, zero

CODES = {name: twin.code for name, twin in twins.LOSSES.items()}
SQUARED, HALF, MEAN, ABSOLUTE = (
    CODES[n] for n in ("squared-error", "half-squared-error", "mean-squared-error", "absolute-error")
)
CROSS_ENTROPY, BINARY, NLL = (CODES[n] for n in ("cross-entropy", "binary-cross-entropy", "nll"))


@inlined
def squared_error(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """Σ_j (a_j − T_j)²;  d = 2(a − T)."""
    loss = zero(o)
    for j in range(k):
        difference = o[j] - T[c * k + j]
        loss += difference * difference
        d[j] = difference + difference
    return loss


@inlined
def absolute_error(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """Σ_j |a_j − T_j|;  d = sign(a − T)."""
    loss = zero(o)
    for j in range(k):
        difference = o[j] - T[c * k + j]
        loss += abs(difference)
        d[j] = int(difference > 0) - int(difference < 0)
    return loss


@inlined
def cross_entropy(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """log Σ_j e^s_j − Σ_j T_j s_j with s = z − max z;  d = softmax(z) − T."""
    largest = o[0]
    for j in range(1, k):
        if o[j] > largest or math.isnan(o[j]):
            largest = o[j]
    s = true = zero(o)
    for j in range(k):
        d[j] = math.exp(o[j] - largest)
        s += d[j]
        true += T[c * k + j] * (o[j] - largest)
    for j in range(k):
        d[j] = d[j] / s - T[c * k + j]
    return math.log(s) - true


@inlined
def binary_cross_entropy(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """Σ_j [max(z_j, 0) − z_j·T_j + log(1 + e^−|z_j|)];  d = sigmoid(z) − T."""
    loss = zero(o)
    for j in range(k):
        z, t = o[j], T[c * k + j]
        e = math.exp(-abs(z))
        loss += max(z, zero(o)) - z * t + math.log1p(e)
        d[j] = (e if z < 0 else number(o, 1)) / (1 + e) - t
    return loss


@inlined
def nll(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """−Σ_j T_j·a_j;  d = −T."""
    loss = zero(o)
    for j in range(k):
        loss -= T[c * k + j] * o[j]
        d[j] = -T[c * k + j]
    return loss


@inlined
def multi_margin(o: Any, T: Any, c: int, k: int, d: Any) -> Any:
    """(1/k) Σ_{j≠y} max(0, 1 − a_y + a_j);  d_j = 1/k where that is > 0, d_y = −(how many)/k."""
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
    """The loss with that number."""
    if code == CROSS_ENTROPY:
        return cross_entropy(o, T, c, k, d)
    if code == BINARY:
        return binary_cross_entropy(o, T, c, k, d)
    if code == NLL:
        return nll(o, T, c, k, d)
    if code == ABSOLUTE:
        return absolute_error(o, T, c, k, d)
    if code in (SQUARED, HALF, MEAN):
        loss = squared_error(o, T, c, k, d)
        unit = number(o, 1)
        if code == HALF:
            unit = number(o, 0.5)
        elif code == MEAN:
            unit = number(o, 1 / k)
        for j in range(k):
            d[j] *= unit
        return loss * unit
    return multi_margin(o, T, c, k, d)
