"""Activations: a = f(z), element by element or (softmax, log-softmax) row by row.

Letters: z (..., k) the pre-activation of a layer, a = f(z) its output, da = ∂loss/∂a, dz = ∂loss/∂z.
Every backward is written in terms of a, so that z need not be kept.  Formulas and their algebra:
docs/derivations/elementwise_activations.md, softmax.md and log_softmax.md.

NaN goes through every forward (maximum keeps it): divergence is a result and must be seen.
At a kink (z = 0) the derivative taken is that of the left side, as PyTorch does: 0 for relu, the slope for
leaky relu.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from array_api_compat import array_namespace

from handgrad.names import OpenTable
from handgrad.network.arrays import Array, scalar

LEAKY_SLOPE = 0.01  # of leaky relu for z < 0; PyTorch's default


def identity_forward(z: Array) -> Array:
    """a = z."""
    return z


def identity_backward(da: Array, a: Array) -> Array:
    """dz = da."""
    return da


def sigmoid_forward(z: Array) -> Array:
    """a = 1 / (1 + e^−z), computed as e^min(z,0) / (1 + e^−|z|) so that no exponential overflows.

    >>> import numpy as np
    >>> sigmoid_forward(np.array([-1000.0, 0.0, 1000.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    xp = array_namespace(z)
    return xp.exp(xp.minimum(z, scalar(0, z))) / (1 + xp.exp(-xp.abs(z)))


def sigmoid_backward(da: Array, a: Array) -> Array:
    """dz = da · a · (1 − a)."""
    return da * a * (1 - a)


def tanh_forward(z: Array) -> Array:
    """a = tanh z."""
    return array_namespace(z).tanh(z)


def tanh_backward(da: Array, a: Array) -> Array:
    """dz = da · (1 − a²)."""
    return da * (1 - a * a)


def relu_forward(z: Array) -> Array:
    """a = max(0, z).  A NaN stays one.

    >>> import numpy as np
    >>> relu_forward(np.array([-2.0, 3.0, np.nan])).tolist()
    [0.0, 3.0, nan]
    """
    return array_namespace(z).maximum(z, scalar(0, z))


def relu_backward(da: Array, a: Array) -> Array:
    """dz = da where a > 0, else 0; at the kink z = 0 the derivative taken is 0."""
    return da * (a > 0)


def leaky_relu_forward(z: Array) -> Array:
    """a = z where z > 0, else s·z, with s = 0.01; written max(z, s·z)."""
    return array_namespace(z).maximum(z, LEAKY_SLOPE * z)


def leaky_relu_backward(da: Array, a: Array) -> Array:
    """dz = da where a > 0, else s·da; at the kink z = 0 the derivative taken is s."""
    xp = array_namespace(a)
    return da * xp.maximum(xp.astype(a > 0, a.dtype), scalar(LEAKY_SLOPE, a))


def softmax_forward(z: Array) -> Array:
    """a_i = e^z_i / Σ_j e^z_j over the last axis, after the row's largest z is subtracted (which changes nothing).

    >>> import numpy as np
    >>> softmax_forward(np.array([[1000.0, 1000.0]])).tolist()
    [[0.5, 0.5]]
    """
    xp = array_namespace(z)
    e = xp.exp(z - xp.max(z, axis=-1, keepdims=True))
    return e / xp.sum(e, axis=-1, keepdims=True)


def softmax_backward(da: Array, a: Array) -> Array:
    """dz_i = a_i · (da_i − Σ_j da_j·a_j)."""
    xp = array_namespace(a)
    return a * (da - xp.sum(da * a, axis=-1, keepdims=True))


def log_softmax_forward(z: Array) -> Array:
    """a_i = s_i − log Σ_j e^s_j,  s = z − max z: finite where log(softmax) would be log 0.

    >>> import numpy as np
    >>> log_softmax_forward(np.array([[0.0, 1000.0]])).tolist()
    [[-1000.0, 0.0]]
    """
    xp = array_namespace(z)
    s = z - xp.max(z, axis=-1, keepdims=True)
    return s - xp.log(xp.sum(xp.exp(s), axis=-1, keepdims=True))


def log_softmax_backward(da: Array, a: Array) -> Array:
    """dz_i = da_i − e^a_i · Σ_j da_j."""
    xp = array_namespace(a)
    return da - xp.exp(a) * xp.sum(da, axis=-1, keepdims=True)


@dataclass(frozen=True)
class Activation:
    """One activation, complete.

    forward   z -> a
    backward  (da, a) -> dz
    gain      factor on the spread of weights that keeps the variance of signals through the layer (the values of
              PyTorch's `calculate_gain`)
    piece     a -> for each element, on which smooth piece of a function with kinks it lies (gradient checks stay away
              from kinks by it); None for a smooth function
    rowwise   an element of a depends on all of its row of z; False: on its own element only
    """

    name: str
    forward: Callable[[Array], Array]
    backward: Callable[[Array, Array], Array]
    formula: str
    gain: float = 1.0
    piece: Callable[[Array], Array] | None = None
    rowwise: bool = False


ACTIVATIONS: OpenTable[Activation] = OpenTable(
    {
        activation.name: activation
        for activation in (
            Activation("identity", identity_forward, identity_backward, "a = z"),
            Activation("sigmoid", sigmoid_forward, sigmoid_backward, "a = 1/(1 + e^−z)"),
            Activation("tanh", tanh_forward, tanh_backward, "a = tanh z", gain=5 / 3),
            Activation("relu", relu_forward, relu_backward, "a = max(0, z)", gain=math.sqrt(2), piece=lambda a: a > 0),
            Activation(
                "leaky-relu",
                leaky_relu_forward,
                leaky_relu_backward,
                f"a = max(z, {LEAKY_SLOPE}·z)",
                gain=math.sqrt(2 / (1 + LEAKY_SLOPE**2)),
                piece=lambda a: a > 0,
            ),
            Activation("softmax", softmax_forward, softmax_backward, "a_i = e^z_i / Σ_j e^z_j", rowwise=True),
            Activation(
                "log-softmax", log_softmax_forward, log_softmax_backward, "a_i = z_i − log Σ_j e^z_j", rowwise=True
            ),
        )
    }
)
