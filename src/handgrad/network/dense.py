"""The dense (fully connected) layer: every output unit sees every input.

Letters: x (n, n_in) the inputs of a batch, one example a row; W (n_in, n_out), b (n_out,); z (n, n_out).
Derivation: docs/derivations/dense.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from array_api_compat import array_namespace

from handgrad.errors import NetworkError
from handgrad.names import lookup, shown
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.arrays import Array
from handgrad.network.flatten import flatten_backward, flatten_forward
from handgrad.network.layer import Gradients, Layer, LayerParameters, Shape
from handgrad.network.windows import read_count


def dense_forward(x: Array, W: Array, b: Array) -> Array:
    """z = x @ W + b.  x: (n, n_in), W: (n_in, n_out), b: (n_out,) -> z: (n, n_out).

    >>> import numpy as np
    >>> dense_forward(np.array([[1.0, 2.0]]), np.array([[1.0, 0.0], [0.0, 3.0]]), np.array([0.5, 0.5])).tolist()
    [[1.5, 6.5]]
    """
    z = x @ W
    z += b  # into the fresh product: saves an array of the size of z
    return z


def dense_backward(dz: Array, x: Array, W: Array) -> tuple[Array, Array, Array]:
    """Gradients of z = x @ W + b.  dz: (n, n_out) -> dx: (n, n_in), dW: like W, db: (n_out,)."""
    return (dz @ W.T, *dense_backward_parameters(dz, x))


def dense_backward_parameters(dz: Array, x: Array) -> tuple[Array, Array]:
    """Only dW and db: all that the first layer needs, since its inputs are data and have no gradient."""
    return x.T @ dz, array_namespace(dz).sum(dz, axis=0)


@dataclass(frozen=True)
class Dense(Layer):
    """`dense UNITS [ACTIVATION]`: z = x @ W + b, a = f(z).  Images are flattened first."""

    units: int
    activation: str = "identity"
    kind: ClassVar[str] = "dense"
    ends_network: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.units, bool) or not isinstance(self.units, int) or self.units < 1:
            raise NetworkError(f"a dense layer needs a whole number of units >= 1; got {shown(self.units)}")
        lookup(ACTIVATIONS, self.activation, "activation")

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        if not 1 <= len(words) <= 2:
            raise NetworkError("write: dense UNITS [ACTIVATION], as in 'dense 120 relu'")
        units = read_count(words[0])
        if units is None:
            raise NetworkError(f"a dense layer needs a whole number of units >= 1; got {shown(words[0])}")
        return cls(units, *words[1:])

    def __str__(self) -> str:
        return f"dense {self.units} {self.activation}"

    def shape_after(self, shape: Shape) -> Shape:
        return (self.units,)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"W": (math.prod(shape), self.units), "b": (self.units,)}

    def forward(self, x: Array, params: LayerParameters, mask: Array | None, training: bool) -> Array:
        return dense_forward(flatten_forward(x), params["W"], params["b"])

    def backward(self, dz: Array, x: Array, params: LayerParameters, mask: Array | None, needs_dx: bool) -> Gradients:
        rows = flatten_forward(x)
        if not needs_dx:
            dW, db = dense_backward_parameters(dz, rows)
            return None, {"W": dW, "b": db}
        dx, dW, db = dense_backward(dz, rows, params["W"])
        return flatten_backward(dx, x), {"W": dW, "b": db}
