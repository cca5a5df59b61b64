"""Losses: from the outputs and targets of a batch to one number for every example, and its gradient.

Letters: o (n, k) what the loss looks at, T (n, k) the encoded targets (targets.py: 0/1 or −1/+1), y the true
class (T_y = 1), loss (n,) per example, do = ∂loss/∂o (n, k).  A loss is a sum over the k classes unless its formula
says otherwise.  The mean or sum over the batch is taken once, in `passes.loss_and_gradients`.

Usually o is a, the output of the network.  Two losses are fused with the output activation they belong to, since
together they are simpler and more exact than one after the other: cross-entropy with softmax and
binary-cross-entropy with sigmoid look at o = z, before that activation (with output = "identity" z is the output).

Derivations: docs/derivations/softmax_cross_entropy.md, sigmoid_binary_cross_entropy.md, nll.md,
regression_losses.md, multi_margin.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

from array_api_compat import array_namespace

from handgrad.errors import NetworkError
from handgrad.names import lookup
from handgrad.network.activations import ACTIVATIONS, sigmoid_forward, softmax_forward
from handgrad.network.arrays import Array, scalar
from handgrad.network.targets import TARGETS


def squared_error_forward(a: Array, T: Array) -> Array:
    """loss = Σ_j (a_j − T_j)²."""
    xp = array_namespace(a)
    difference = a - T
    return xp.sum(difference * difference, axis=-1)


def squared_error_backward(a: Array, T: Array) -> Array:
    """da = 2(a − T)."""
    return 2 * (a - T)


def half_squared_error_forward(a: Array, T: Array) -> Array:
    """loss = ½ Σ_j (a_j − T_j)²."""
    return squared_error_forward(a, T) / 2


def half_squared_error_backward(a: Array, T: Array) -> Array:
    """da = a − T."""
    return a - T


def mean_squared_error_forward(a: Array, T: Array) -> Array:
    """loss = (1/k) Σ_j (a_j − T_j)²: with the batch's mean this is PyTorch's MSELoss."""
    return squared_error_forward(a, T) / a.shape[-1]


def mean_squared_error_backward(a: Array, T: Array) -> Array:
    """da = (2/k)(a − T)."""
    return (2 / a.shape[-1]) * (a - T)


def absolute_error_forward(a: Array, T: Array) -> Array:
    """loss = Σ_j |a_j − T_j|.  Differs from PyTorch's L1Loss, which takes the mean over classes too."""
    xp = array_namespace(a)
    return xp.sum(xp.abs(a - T), axis=-1)


def absolute_error_backward(a: Array, T: Array) -> Array:
    """da = sign(a − T); at the kink a = T the derivative taken is 0.  A NaN stays one."""
    xp = array_namespace(a)
    difference = a - T
    sign = xp.astype(difference > 0, a.dtype) - xp.astype(difference < 0, a.dtype)
    return xp.where(difference == difference, sign, difference)


def cross_entropy_forward(z: Array, T: Array) -> Array:
    """loss = −Σ_j T_j log a_j with a = softmax(z), that is log Σ_j e^s_j − Σ_j T_j s_j with s = z − max z.

    >>> import numpy as np
    >>> cross_entropy_forward(np.array([[0.0, 1000.0]]), np.array([[1.0, 0.0]])).tolist()
    [1000.0]
    """
    xp = array_namespace(z)
    s = z - xp.max(z, axis=-1, keepdims=True)
    return xp.log(xp.sum(xp.exp(s), axis=-1)) - xp.sum(T * s, axis=-1)


def cross_entropy_backward(z: Array, T: Array) -> Array:
    """dz = softmax(z) − T, where the rows of T sum to 1."""
    return softmax_forward(z) - T


def binary_cross_entropy_forward(z: Array, T: Array) -> Array:
    """loss = −Σ_j [T_j log a_j + (1 − T_j) log(1 − a_j)] with a = sigmoid(z).

    Computed as Σ_j [max(z_j, 0) − z_j·T_j + log(1 + e^−|z_j|)], in which nothing overflows.
    Differs from PyTorch's BCEWithLogitsLoss, which takes the mean over classes too.

    >>> import numpy as np
    >>> binary_cross_entropy_forward(np.array([[1000.0, -1000.0]]), np.array([[1.0, 0.0]])).tolist()
    [0.0]
    """
    xp = array_namespace(z)
    return xp.sum(xp.maximum(z, scalar(0, z)) - z * T + xp.log1p(xp.exp(-xp.abs(z))), axis=-1)


def binary_cross_entropy_backward(z: Array, T: Array) -> Array:
    """dz = sigmoid(z) − T."""
    return sigmoid_forward(z) - T


def nll_forward(a: Array, T: Array) -> Array:
    """loss = −Σ_j T_j·a_j = −a_y, where a are log-probabilities (log-softmax)."""
    return -array_namespace(a).sum(T * a, axis=-1)


def nll_backward(a: Array, T: Array) -> Array:
    """da = −T."""
    return -T


def margins(a: Array, T: Array) -> Array:
    """1 − a_y + a_j for every class j; 0 in the place of j = y, which is left out of the loss."""
    xp = array_namespace(a)
    return (1 - xp.sum(T * a, axis=-1, keepdims=True) + a) * (1 - T)


def multi_margin_forward(a: Array, T: Array) -> Array:
    """loss = (1/k) Σ_{j≠y} max(0, 1 − a_y + a_j), as PyTorch's MultiMarginLoss.

    >>> import numpy as np
    >>> multi_margin_forward(np.array([[0.5, 1.0, -2.0]]), np.array([[1.0, 0.0, 0.0]])).tolist()  # (0 + 1.5 + 0)/3
    [0.5]
    """
    xp = array_namespace(a)
    return xp.sum(xp.maximum(margins(a, T), scalar(0, a)), axis=-1) / a.shape[-1]


def multi_margin_backward(a: Array, T: Array) -> Array:
    """da_j = 1/k for each j ≠ y whose margin is > 0, else 0; da_y = −(how many those are)/k; 0 is taken at the kink."""
    xp = array_namespace(a)
    violated = xp.astype(margins(a, T) > 0, a.dtype)
    return (violated - T * xp.sum(violated, axis=-1, keepdims=True)) / a.shape[-1]


def _above_target(a: Array, T: Array) -> Array:
    return a > T


def _violated(a: Array, T: Array) -> Array:
    return margins(a, T) > 0


@dataclass(frozen=True)
class Loss:
    """One loss, complete.

    forward(o, T) -> (n,);  backward(o, T) -> do (n, k), per example;  fused_with: the output activation whose z the
    loss looks at;  outputs, targets: what it can go with;  side(o, T): which side of its kinks each element lies on.
    """

    name: str
    forward: Callable[[Array, Array], Array]
    backward: Callable[[Array, Array], Array]
    formula: str
    fused_with: str | None = None
    outputs: frozenset[str] = frozenset(ACTIVATIONS)
    targets: frozenset[str] = frozenset(TARGETS)
    side: Callable[[Array, Array], Array] | None = None


_ONE_HOT = frozenset({"one-hot"})

LOSSES: dict[str, Loss] = {
    loss.name: loss
    for loss in (
        Loss("squared-error", squared_error_forward, squared_error_backward, "Σ_j (a_j − T_j)²"),
        Loss("half-squared-error", half_squared_error_forward, half_squared_error_backward, "½ Σ_j (a_j − T_j)²"),
        Loss("mean-squared-error", mean_squared_error_forward, mean_squared_error_backward, "(1/k) Σ_j (a_j − T_j)²"),
        Loss(
            "absolute-error",
            absolute_error_forward,
            absolute_error_backward,
            "Σ_j |a_j − T_j|",
            side=_above_target,
        ),
        Loss(
            "cross-entropy",
            cross_entropy_forward,
            cross_entropy_backward,
            "−Σ_j T_j log a_j, a = softmax(z)",
            fused_with="softmax",
            outputs=frozenset({"softmax", "identity"}),
            targets=_ONE_HOT,
        ),
        Loss(
            "binary-cross-entropy",
            binary_cross_entropy_forward,
            binary_cross_entropy_backward,
            "−Σ_j [T_j log a_j + (1 − T_j) log(1 − a_j)], a = sigmoid(z)",
            fused_with="sigmoid",
            outputs=frozenset({"sigmoid", "identity"}),
            targets=_ONE_HOT,
        ),
        Loss("nll", nll_forward, nll_backward, "−a_y", outputs=frozenset({"log-softmax"}), targets=_ONE_HOT),
        Loss(
            "multi-margin",
            multi_margin_forward,
            multi_margin_backward,
            "(1/k) Σ_{j≠y} max(0, 1 − a_y + a_j)",
            targets=_ONE_HOT,
            side=_violated,
        ),
    )
}


def check_fit(loss: str, output: str, targets: str) -> None:
    """Raise NetworkError where the loss cannot go with this output activation or these targets; it says what can.

    >>> check_fit("cross-entropy", "softmax", "one-hot")
    """
    chosen = lookup(LOSSES, loss, "loss")
    lookup(ACTIVATIONS, output, "activation")
    lookup(TARGETS, targets, "encoding of targets")
    if output not in chosen.outputs:
        fits = [name for name in ACTIVATIONS if name in chosen.outputs]
        others = [name for name, other in LOSSES.items() if output in other.outputs and targets in other.targets]
        raise NetworkError(
            f"training.loss = {loss!r} cannot go with network.output = {output!r}; "
            f"set network.output to one of: {', '.join(fits)}; or training.loss to one of: {', '.join(others)}"
        )
    if targets not in chosen.targets:
        others = [name for name, other in LOSSES.items() if output in other.outputs and targets in other.targets]
        raise NetworkError(
            f"training.loss = {loss!r} cannot go with network.targets = {targets!r}; "
            f'set network.targets = "one-hot"; or training.loss to one of: {", ".join(others)}'
        )
