"""The mathematics of every kind of layer in one table: how `passes` reaches the functions of the other files.

Each entry only takes from a layer and its parameters what its function needs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from handgrad.network.arrays import Array
from handgrad.network.batch_norm import batch_norm_backward, batch_norm_forward, batch_norm_in_use, batch_norm_running
from handgrad.network.convolution import conv_backward, conv_backward_parameters, conv_forward
from handgrad.network.dense import dense_backward, dense_backward_parameters, dense_forward
from handgrad.network.dropout import dropout_backward, dropout_forward
from handgrad.network.pooling import (
    average_pool_backward,
    average_pool_forward,
    max_pool_backward,
    max_pool_forward,
    max_pool_winners,
)

Own = dict[str, Array]  # parameters of one layer, by letter: "W", "b"
Mask = Array | None
Gradients = tuple[Array | None, Own]  # dx, and those of the parameters by letter


@dataclass(frozen=True)
class Operation:
    """The mathematics of one kind of layer, x → z.

    forward(layer, own, x, mask, training) -> z
    backward(layer, own, x, mask, dz, wants_dx) -> (dx or None, gradients by letter), of the forward in training
    measure(layer, own, x) -> parameters by letter that training measures, after the batch x
    side(layer, x) -> for an operation with kinks, which side of them every element lies on (for gradient checks)

    mask is None unless the layer is a dropout layer in training.
    """

    forward: Callable[[Any, Own, Array, Mask, bool], Array]
    backward: Callable[[Any, Own, Array, Mask, Array, bool], Gradients]
    measure: Callable[[Any, Own, Array], Own] | None = None
    side: Callable[[Any, Array], Array] | None = None


def _flat(x: Array) -> Array:
    """Images (n, ...) as rows (n, n_in): a view."""
    return x if x.ndim == 2 else array_namespace(x).reshape(x, (x.shape[0], -1))


def _like(dx: Array, x: Array) -> Array:
    """The inverse of `_flat`."""
    return array_namespace(dx).reshape(dx, x.shape)


def _dense_forward(layer: Any, own: Own, x: Array, mask: Mask, training: bool) -> Array:
    return dense_forward(_flat(x), own["W"], own["b"])


def _dense_backward(layer: Any, own: Own, x: Array, mask: Mask, dz: Array, wants_dx: bool) -> Gradients:
    if not wants_dx:
        dW, db = dense_backward_parameters(dz, _flat(x))
        return None, {"W": dW, "b": db}
    dx, dW, db = dense_backward(dz, _flat(x), own["W"])
    return _like(dx, x), {"W": dW, "b": db}


def _dropout_forward(layer: Any, own: Own, x: Array, mask: Mask, training: bool) -> Array:
    return x if mask is None else dropout_forward(x, mask)


def _dropout_backward(layer: Any, own: Own, x: Array, mask: Mask, dz: Array, wants_dx: bool) -> Gradients:
    return dz if mask is None else dropout_backward(dz, mask), {}


def _conv_forward(layer: Any, own: Own, x: Array, mask: Mask, training: bool) -> Array:
    return conv_forward(x, own["W"], own["b"], layer.windows)


def _conv_backward(layer: Any, own: Own, x: Array, mask: Mask, dz: Array, wants_dx: bool) -> Gradients:
    if not wants_dx:
        dW, db = conv_backward_parameters(dz, x, own["W"], layer.windows)
        return None, {"W": dW, "b": db}
    dx, dW, db = conv_backward(dz, x, own["W"], layer.windows)
    return dx, {"W": dW, "b": db}


def _max_pool_forward(layer: Any, own: Own, x: Array, mask: Mask, training: bool) -> Array:
    return max_pool_forward(x, layer.windows)


def _max_pool_backward(layer: Any, own: Own, x: Array, mask: Mask, dz: Array, wants_dx: bool) -> Gradients:
    return max_pool_backward(dz, x, max_pool_forward(x, layer.windows), layer.windows), {}


def _max_pool_side(layer: Any, x: Array) -> Array:
    won = [won for _, won in max_pool_winners(x, max_pool_forward(x, layer.windows), layer.windows)]
    return array_namespace(x).stack(won)


def _average_pool_forward(layer: Any, own: Own, x: Array, mask: Mask, training: bool) -> Array:
    return average_pool_forward(x, layer.windows)


def _average_pool_backward(layer: Any, own: Own, x: Array, mask: Mask, dz: Array, wants_dx: bool) -> Gradients:
    return average_pool_backward(dz, x, layer.windows), {}


def _flatten_forward(layer: Any, own: Own, x: Array, mask: Mask, training: bool) -> Array:
    return _flat(x)


def _flatten_backward(layer: Any, own: Own, x: Array, mask: Mask, dz: Array, wants_dx: bool) -> Gradients:
    return _like(dz, x), {}


def _batch_norm_forward(layer: Any, own: Own, x: Array, mask: Mask, training: bool) -> Array:
    if training:
        return batch_norm_forward(x, own["gamma"], own["beta"])
    return batch_norm_in_use(x, own["gamma"], own["beta"], own["mean"], own["variance"])


def _batch_norm_backward(layer: Any, own: Own, x: Array, mask: Mask, dz: Array, wants_dx: bool) -> Gradients:
    dx, dgamma, dbeta = batch_norm_backward(dz, x, own["gamma"])
    return dx, {"gamma": dgamma, "beta": dbeta}


def _batch_norm_measure(layer: Any, own: Own, x: Array) -> Own:
    mean, variance = batch_norm_running(x, own["mean"], own["variance"])
    return {"mean": mean, "variance": variance}


OPERATIONS: dict[str, Operation] = {
    "dense": Operation(_dense_forward, _dense_backward),
    "dropout": Operation(_dropout_forward, _dropout_backward),
    "conv": Operation(_conv_forward, _conv_backward),
    "max-pool": Operation(_max_pool_forward, _max_pool_backward, side=_max_pool_side),
    "average-pool": Operation(_average_pool_forward, _average_pool_backward),
    "flatten": Operation(_flatten_forward, _flatten_backward),
    "batch-norm": Operation(_batch_norm_forward, _batch_norm_backward, measure=_batch_norm_measure),
}
