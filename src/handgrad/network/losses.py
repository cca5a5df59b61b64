"""Losses: from the outputs and targets of a batch to one number for every example, and its gradient.

Letters: o (n, k) the input of the loss, T (n, k) the encoded targets (targets.py: 0/1 or −1/+1), y the true class
(T_y = 1), loss (n,) per example, do = ∂loss/∂o (n, k).  A loss is a sum over the k classes unless its formula says
otherwise.  The mean or sum over the batch is taken once, in `passes.loss_and_gradients`.

Usually o is a, the output of the network.  Two losses are fused with an output activation, since the two together are
simpler and more exact than one after the other: cross-entropy with softmax and binary-cross-entropy with sigmoid.
Their o is z, the input of that activation (with output = "identity" z is the output).

Derivations: docs/derivations/softmax_cross_entropy.md, sigmoid_binary_cross_entropy.md, nll.md,
regression_losses.md, multi_margin.md.
"""

from collections.abc import Callable
from dataclasses import dataclass

from array_api_compat import array_namespace

from handgrad.errors import InputError, NetworkError
from handgrad.measures import BINARY, CLASSIFICATION, MULTI_LABEL, REGRESSION
from handgrad.names import OpenTable, lookup, shown
from handgrad.network.activations import ACTIVATIONS, sigmoid_forward, softmax_forward
from handgrad.network.arrays import Array, scalar
from handgrad.network.targets import TARGETS, VALUES


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


def huber_forward(a: Array, T: Array) -> Array:
    """loss = Σ_j h(a_j − T_j), h(r) = ½ r² where |r| ≤ 1, else |r| − ½ (Huber 1964, with δ = 1).

    Differs from PyTorch's HuberLoss, which takes the mean over targets too.

    >>> import numpy as np
    >>> huber_forward(np.array([[0.5, 4.0]]), np.array([[0.0, 1.0]])).tolist()  # ½·0.25 + (3 − ½)
    [2.625]
    """
    xp = array_namespace(a)
    size = xp.abs(a - T)
    return xp.sum(xp.where(size <= 1, size * size / 2, size - 0.5), axis=-1)


def huber_backward(a: Array, T: Array) -> Array:
    """da = a − T, cut to [−1, 1].  A NaN stays one."""
    xp = array_namespace(a)
    one = scalar(1, a)
    return xp.minimum(xp.maximum(a - T, -one), one)


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
                     (1)           (2)       (3)
    Differs from PyTorch's BCEWithLogitsLoss, which takes the mean over classes too.

    >>> import numpy as np
    >>> binary_cross_entropy_forward(np.array([[1000.0, -1000.0]]), np.array([[1.0, 0.0]])).tolist()
    [0.0]
    """
    xp = array_namespace(z)
    of_class = (
        xp.maximum(z, scalar(0, z))  # (1)
        - z * T  # (2)
        + xp.log1p(xp.exp(-xp.abs(z)))  # (3)
    )
    return xp.sum(of_class, axis=-1)


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
    """1 − a_y + a_j for every class j (n, k); 0 for j = y, which is left out of the loss."""
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


@dataclass(frozen=True)
class Loss:
    """One loss, complete.

    forward       (o, T) -> loss (n,)
    backward      (o, T) -> do (n, k), per example
    fused_with    the output activation whose input z is the loss's o; None: o is always the output a
    only_outputs  the output activations that it can go with; None: all
    only_targets  the encodings of targets that it can go with; None: all
    tasks         what it can learn: of `measures.TASKS`, and BINARY for two classes by one output; None: all
    piece         (o, T) -> for each element, on which smooth piece of a loss with kinks it lies; None: it has no kinks
    """

    name: str
    forward: Callable[[Array, Array], Array]
    backward: Callable[[Array, Array], Array]
    formula: str
    fused_with: str | None = None
    only_outputs: frozenset[str] | None = None
    only_targets: frozenset[str] | None = None
    tasks: frozenset[str] | None = None
    piece: Callable[[Array, Array], Array] | None = None

    def __post_init__(self) -> None:
        for key in ("only_outputs", "only_targets", "tasks"):
            names = getattr(self, key)
            if names is not None and (isinstance(names, str) or not isinstance(names, frozenset | set)):
                raise InputError(f"loss {shown(self.name)}: {key} must be a set of names; got {shown(names)}")

    @property
    def outputs(self) -> frozenset[str]:
        """The output activations that the loss can go with."""
        return frozenset(ACTIVATIONS) if self.only_outputs is None else self.only_outputs

    @property
    def targets(self) -> frozenset[str]:
        """The encodings of targets that the loss can go with."""
        return frozenset(TARGETS) if self.only_targets is None else self.only_targets


REDUCTIONS = ("mean", "sum")  # of the losses of a batch to the number whose gradient is taken

_ONE_HOT = frozenset({"one-hot"})
_ONE_OF_SEVERAL = frozenset({CLASSIFICATION})  # a loss of the one class that is true

LOSSES: OpenTable[Loss] = OpenTable(
    {
        loss.name: loss
        for loss in (
            Loss("squared-error", squared_error_forward, squared_error_backward, "Σ_j (a_j − T_j)²"),
            Loss("half-squared-error", half_squared_error_forward, half_squared_error_backward, "½ Σ_j (a_j − T_j)²"),
            Loss(
                "mean-squared-error", mean_squared_error_forward, mean_squared_error_backward, "(1/k) Σ_j (a_j − T_j)²"
            ),
            Loss(
                "absolute-error",
                absolute_error_forward,
                absolute_error_backward,
                "Σ_j |a_j − T_j|",
                piece=lambda a, T: a > T,
            ),
            Loss(
                "huber",
                huber_forward,
                huber_backward,
                "Σ_j h(a_j − T_j), h(r) = ½ r² where |r| ≤ 1, else |r| − ½",
                piece=lambda a, T: array_namespace(a).abs(a - T) <= 1,
            ),
            Loss(
                "cross-entropy",
                cross_entropy_forward,
                cross_entropy_backward,
                "−Σ_j T_j log a_j, a = softmax(z)",
                fused_with="softmax",
                only_outputs=frozenset({"softmax", "identity"}),
                only_targets=_ONE_HOT,
                tasks=_ONE_OF_SEVERAL,
            ),
            Loss(
                "binary-cross-entropy",
                binary_cross_entropy_forward,
                binary_cross_entropy_backward,
                "−Σ_j [T_j log a_j + (1 − T_j) log(1 − a_j)], a = sigmoid(z)",
                fused_with="sigmoid",
                only_outputs=frozenset({"sigmoid", "identity"}),
                only_targets=_ONE_HOT,
                tasks=frozenset({CLASSIFICATION, BINARY, MULTI_LABEL}),
            ),
            Loss(
                "nll",
                nll_forward,
                nll_backward,
                "−a_y",
                only_outputs=frozenset({"log-softmax"}),
                only_targets=_ONE_HOT,
                tasks=_ONE_OF_SEVERAL,
            ),
            Loss(
                "multi-margin",
                multi_margin_forward,
                multi_margin_backward,
                "(1/k) Σ_{j≠y} max(0, 1 − a_y + a_j)",
                only_targets=_ONE_HOT,
                tasks=_ONE_OF_SEVERAL,
                piece=lambda a, T: margins(a, T) > 0,
            ),
        )
    }
)


_OUTPUTS = {  # what the outputs of a task can be: activation -> the encoding of its targets
    BINARY: {"sigmoid": "one-hot", "tanh": "plus-minus-one"},  # a threshold lies in the middle of their values
    MULTI_LABEL: {"sigmoid": VALUES},
}
_TOLD = {
    BINARY: "two classes by one output",
    MULTI_LABEL: "several labels an example",
    REGRESSION: "targets that are numbers",
}


def check_fit(loss: str, output: str, targets: str, task: str = CLASSIFICATION) -> None:
    """Raise NetworkError where the loss cannot go with this output activation, these targets or this task; it says what
    can.

    >>> check_fit("cross-entropy", "softmax", "one-hot")
    """
    chosen = lookup(LOSSES, loss, "loss")
    lookup(ACTIVATIONS, output, "activation")
    if targets != VALUES:
        lookup(TARGETS, targets, "encoding of targets")
    if chosen.fused_with is not None:
        lookup(ACTIVATIONS, chosen.fused_with, f"activation, which loss {loss!r} is fused with")
    _check_task(chosen, output, targets, task)
    if output in chosen.outputs and (targets in chosen.targets or targets == VALUES):
        return
    if output not in chosen.outputs:
        key, given, fits = "network.output", output, [name for name in ACTIVATIONS if name in chosen.outputs]
        remedy = f"set {key} to one of: {', '.join(fits)}"
    else:
        key, given, fits = "network.targets", targets, [name for name in TARGETS if name in chosen.targets]
        remedy = f'set {key} = "{fits[0]}"' if len(fits) == 1 else f"set {key} to one of: {', '.join(fits)}"
    others = [name for name, other in LOSSES.items() if output in other.outputs and targets in other.targets]
    raise NetworkError(
        f"training.loss = {loss!r} cannot go with {key} = {given!r}; {remedy}; "
        f"or training.loss to one of: {', '.join(others)}"
    )


def _check_task(chosen: Loss, output: str, targets: str, task: str) -> None:
    """Raise NetworkError where a loss, an output activation or an encoding is not for a task."""
    if chosen.tasks is not None and task not in chosen.tasks:
        fits = [name for name, other in LOSSES.items() if other.tasks is None or task in other.tasks]
        raise NetworkError(
            f"training.loss = {chosen.name!r} is not for {_TOLD.get(task, task)}; set it to one of: {', '.join(fits)}"
        )
    if task in _OUTPUTS and output not in _OUTPUTS[task]:
        fits = [name for name in _OUTPUTS[task] if name in chosen.outputs]
        raise NetworkError(
            f"network.output = {output!r} is not for {_TOLD[task]}: the last layer needs {' or '.join(fits)}, whose "
            "values a threshold divides"
        )
    if task == REGRESSION and ACTIVATIONS[output].rowwise:
        raise NetworkError(
            f"network.output = {output!r} ties the outputs of an example to one sum, and targets that are numbers have "
            'none; set network.output = "identity"'
        )
    fit = _OUTPUTS[task][output] if task in _OUTPUTS else VALUES
    if task != CLASSIFICATION and targets != fit:
        with_it = f" with {output}" * (task == BINARY)
        raise NetworkError(
            f'network.targets = {targets!r} is not for {_TOLD[task]}{with_it}; set network.targets = "{fit}"'
        )
    if task == CLASSIFICATION and targets == VALUES:
        raise NetworkError(
            f'network.targets = "{VALUES}" is for targets that are numbers (data.task), and these are classes; set it '
            f"to one of: {', '.join(TARGETS)}"
        )
