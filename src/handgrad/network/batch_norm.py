"""Batch normalization: every unit (of images: every channel) gets mean β and standard deviation γ over the batch.

Letters: x (n, k) or images (n, c, rows, cols); m the numbers that a unit has in the batch (n, or n·rows·cols);
μ, σ² (k,) their mean and variance; x̂ = (x − μ)/√(σ² + ε); γ, β (k,) learnt; z = γ·x̂ + β.
In training μ and σ² are those of the batch.  In inference running means of them take their place, which training
updates as buffers:

    mean ← (1 − 0.1)·mean + 0.1·μ,   variance ← (1 − 0.1)·variance + 0.1·σ²·m/(m − 1)

as PyTorch has them (σ² divides by m, the running one by m − 1).  Coupled with: batch_size, since the statistics
are the batch's.  Differs from: PyTorch, which refuses a batch that gives a unit a single number (m = 1): here its x̂
is 0 and the running values stay.

Source: Ioffe & Szegedy 2015, Algorithms 1 and 2.  Derivation: docs/derivations/batch_norm.md.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from array_api_compat import array_namespace

from handgrad.network.arrays import Array
from handgrad.network.layer import Gradients, Layer, LayerParameters, Shape, check_elementwise, optional_activation

MOMENTUM = 0.1  # the weight of the newest batch
EPS = 1e-5  # ε


def batch_norm_forward(x: Array, gamma: Array, beta: Array) -> Array:
    """z = γ·(x − μ)/√(σ² + ε) + β, with μ and σ² of this batch.

    >>> import numpy as np
    >>> batch_norm_forward(np.array([[1.0], [3.0]]), np.array([2.0]), np.array([5.0])).round(3).tolist()
    [[3.0], [7.0]]
    """
    mean, variance = batch_statistics(x)
    return batch_norm_inference(x, gamma, beta, mean, variance)


def batch_norm_backward(dz: Array, x: Array, gamma: Array) -> tuple[Array, Array, Array]:
    """Gradients of batch_norm_forward.  dz: like x -> dx: like x, dγ: (k,), dβ: (k,).

    dβ = Σ dz;  dγ = Σ dz·x̂;  dx = γ/√(σ² + ε) · (dz − dβ/m − x̂·dγ/m)
                                                   (1)   (2)      (3)
    """
    xp = array_namespace(x)
    mean, variance = batch_statistics(x)
    scale = 1 / xp.sqrt(variance + EPS)  # (k,)
    x_hat = (x - _broadcast(mean, x)) * _broadcast(scale, x)
    dbeta = xp.sum(dz, axis=_axes(x))
    dgamma = xp.sum(dz * x_hat, axis=_axes(x))
    m = count(x)
    dx = _broadcast(gamma * scale, x) * (
        dz  # (1) x̂ depends on x by itself,
        - _broadcast(dbeta / m, x)  # (2) through μ,
        - x_hat * _broadcast(dgamma / m, x)  # (3) and through σ²
    )
    return dx, dgamma, dbeta


def batch_norm_inference(x: Array, gamma: Array, beta: Array, mean: Array, variance: Array) -> Array:
    """z = γ·(x − mean)/√(variance + ε) + β, with given statistics: the running ones."""
    scale = gamma / array_namespace(x).sqrt(variance + EPS)
    return (x - _broadcast(mean, x)) * _broadcast(scale, x) + _broadcast(beta, x)


def batch_norm_running(x: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
    """The running mean and variance after the batch x; unchanged where a unit has only one number."""
    m = count(x)
    if m < 2:
        return mean, variance
    of_batch, variance_of_batch = batch_statistics(x)
    return (
        (1 - MOMENTUM) * mean + MOMENTUM * of_batch,
        (1 - MOMENTUM) * variance + MOMENTUM * (m / (m - 1)) * variance_of_batch,
    )


def batch_statistics(x: Array) -> tuple[Array, Array]:
    """μ and σ² (k,) over the batch (and over the pixels of images); σ² divides by m."""
    xp = array_namespace(x)
    mean = xp.mean(x, axis=_axes(x))
    centred = x - _broadcast(mean, x)
    return mean, xp.mean(centred * centred, axis=_axes(x))


def count(x: Array) -> int:
    """m: how many numbers every unit (channel) has in the batch."""
    return int(x.shape[0] * math.prod(x.shape[2:]))


def _axes(x: Array) -> tuple[int, ...]:
    """All but the units (channels)."""
    return (0, *range(2, x.ndim))


def _broadcast(of_units: Array, x: Array) -> Array:
    """(k,) in the shape that goes with x: (1, k) or (1, k, 1, 1)."""
    return array_namespace(x).reshape(of_units, (1, -1, *(1,) * (x.ndim - 2)))


@dataclass(frozen=True)
class BatchNorm(Layer):
    """`batch-norm [ACTIVATION]`: mean β and standard deviation γ for every unit, or every channel of images."""

    activation: str = "identity"
    kind: ClassVar[str] = "batch-norm"
    initial: ClassVar[Mapping[str, float]] = {"gamma": 1.0, "beta": 0.0, "mean": 0.0, "variance": 1.0}
    buffers: ClassVar[tuple[str, ...]] = ("mean", "variance")

    def __post_init__(self) -> None:
        check_elementwise(self.activation, "batch-norm")

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        return cls(optional_activation(words, "batch-norm [ACTIVATION], as in 'batch-norm relu'"))

    def __str__(self) -> str:
        return f"batch-norm {self.activation}"

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        return dict.fromkeys(self.initial, shape[:1])

    def forward(self, x: Array, params: LayerParameters, mask: Array | None, training: bool) -> Array:
        if training:
            return batch_norm_forward(x, params["gamma"], params["beta"])
        return batch_norm_inference(x, params["gamma"], params["beta"], params["mean"], params["variance"])

    def backward(self, dz: Array, x: Array, params: LayerParameters, mask: Array | None, needs_dx: bool) -> Gradients:
        dx, dgamma, dbeta = batch_norm_backward(dz, x, params["gamma"])
        return dx, {"gamma": dgamma, "beta": dbeta}

    def updated_buffers(self, x: Array, params: LayerParameters) -> dict[str, Array]:
        mean, variance = batch_norm_running(x, params["mean"], params["variance"])
        return {"mean": mean, "variance": variance}
