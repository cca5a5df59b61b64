"""The dense (fully connected) layer: every output unit sees every input.

Letters: x (n, n_in) the inputs of a batch, one example a row; W (n_in, n_out), b (n_out,); z (n, n_out).
Derivation: docs/derivations/dense.md.
"""

from array_api_compat import array_namespace

from handgrad.network.arrays import Array


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
    """Only dW and db: all that is wanted of the first layer, whose inputs are data and need no gradient."""
    return x.T @ dz, array_namespace(dz).sum(dz, axis=0)
