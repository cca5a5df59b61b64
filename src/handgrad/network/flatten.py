"""Flattening: the numbers of an image as one row.

Letters: x (n, channels, rows, cols) images, z (n, channels·rows·cols).
Derivation: docs/derivations/convolution.md#flatten.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

from array_api_compat import array_namespace

from handgrad.network.arrays import Array
from handgrad.network.layer import Gradients, Layer, LayerParameters, Shape


def flatten_forward(x: Array) -> Array:
    """z: each example of x (n, …) as a row, a view (n, n_in); rows stay as they are."""
    return x if x.ndim == 2 else array_namespace(x).reshape(x, (x.shape[0], -1))


def flatten_backward(dz: Array, x: Array) -> Array:
    """dx: each row of dz in the shape of an example of x."""
    return array_namespace(dz).reshape(dz, x.shape)


@dataclass(frozen=True)
class Flatten(Layer):
    """`flatten`: images (n, channels, rows, cols) as rows (n, channels·rows·cols).  A dense layer does so by itself."""

    kind: ClassVar[str] = "flatten"

    def shape_after(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def forward(self, x: Array, params: LayerParameters, mask: Array | None, training: bool) -> Array:
        return flatten_forward(x)

    def backward(self, dz: Array, x: Array, params: LayerParameters, mask: Array | None, needs_dx: bool) -> Gradients:
        return flatten_backward(dz, x), {}
