"""Batch normalization: every unit (of images: every channel) gets mean β and standard deviation γ over the batch.

Letters: x (n, k) or images (n, c, rows, cols); m the numbers that a unit has in the batch (n, or n·rows·cols);
μ, σ² (k,) their mean and variance; x̂ = (x − μ)/√(σ² + ε); γ, β (k,) learnt; z = γ·x̂ + β.
In training μ and σ² are those of the batch.  In use they are running means of them, kept with the weights:

    mean ← (1 − 0.1)·mean + 0.1·μ,   variance ← (1 − 0.1)·variance + 0.1·σ²·m/(m − 1)

as PyTorch has them (σ² divides by m, the running one by m − 1).  Coupled with: batch_size, since the statistics
are the batch's.  Differs from: PyTorch, which refuses a batch that gives a unit a single number (m = 1): here its x̂
is 0 and the running values stay.

Source: Ioffe & Szegedy 2015, Algorithms 1 and 2.  Derivation: docs/derivations/batch_norm.md.
"""

import math

from array_api_compat import array_namespace

from handgrad.network.arrays import Array

MOMENTUM = 0.1  # the weight of the newest batch
EPS = 1e-5  # ε


def batch_norm_forward(x: Array, gamma: Array, beta: Array) -> Array:
    """z = γ·(x − μ)/√(σ² + ε) + β, with μ and σ² of this batch.

    >>> import numpy as np
    >>> batch_norm_forward(np.array([[1.0], [3.0]]), np.array([2.0]), np.array([5.0])).round(3).tolist()
    [[3.0], [7.0]]
    """
    mean, variance = batch_statistics(x)
    return batch_norm_in_use(x, gamma, beta, mean, variance)


def batch_norm_backward(dz: Array, x: Array, gamma: Array) -> tuple[Array, Array, Array]:
    """Gradients of batch_norm_forward.  dz: like x -> dx: like x, dγ: (k,), dβ: (k,).

    dβ = Σ dz;  dγ = Σ dz·x̂;  dx = γ/√(σ² + ε) · (dz − dβ/m − x̂·dγ/m), because μ and σ² depend on x too.
    """
    xp = array_namespace(x)
    mean, variance = batch_statistics(x)
    scale = 1 / xp.sqrt(variance + EPS)  # (k,)
    x_hat = (x - _wide(mean, x)) * _wide(scale, x)
    dbeta = xp.sum(dz, axis=_axes(x))
    dgamma = xp.sum(dz * x_hat, axis=_axes(x))
    m = count(x)
    dx = _wide(gamma * scale, x) * (dz - _wide(dbeta / m, x) - x_hat * _wide(dgamma / m, x))
    return dx, dgamma, dbeta


def batch_norm_in_use(x: Array, gamma: Array, beta: Array, mean: Array, variance: Array) -> Array:
    """z = γ·(x − mean)/√(variance + ε) + β, with given statistics: the running ones after training."""
    scale = gamma / array_namespace(x).sqrt(variance + EPS)
    return (x - _wide(mean, x)) * _wide(scale, x) + _wide(beta, x)


def batch_norm_running(x: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
    """The running mean and variance after the batch x; as they were where a unit has but one number."""
    m = count(x)
    if m < 2:
        return mean, variance
    of_batch, variance_of_batch = batch_statistics(x)
    return (
        (1 - MOMENTUM) * mean + MOMENTUM * of_batch,
        (1 - MOMENTUM) * variance + MOMENTUM * (m / (m - 1)) * variance_of_batch,
    )


def batch_statistics(x: Array) -> tuple[Array, Array]:
    """μ and σ² (k,) over the batch (and over the places of images); σ² divides by m."""
    xp = array_namespace(x)
    mean = xp.mean(x, axis=_axes(x))
    apart = x - _wide(mean, x)
    return mean, xp.mean(apart * apart, axis=_axes(x))


def count(x: Array) -> int:
    """m: how many numbers every unit (channel) has in the batch."""
    return int(x.shape[0] * math.prod(x.shape[2:]))


def _axes(x: Array) -> tuple[int, ...]:
    """All but the units (channels)."""
    return (0, *range(2, x.ndim))


def _wide(of_units: Array, x: Array) -> Array:
    """(k,) as it stands against x: (1, k) or (1, k, 1, 1)."""
    return array_namespace(x).reshape(of_units, (1, -1, *(1,) * (x.ndim - 2)))
