"""Dropout: in training, every unit is switched off with probability `rate`; in inference, nothing happens.

Letters: x (n, units) the inputs, mask (n, units) holding 0 or 1/(1 − rate), a the outputs.
The factor 1/(1 − rate) ("inverted" dropout) keeps the mean of a at x, so that inference needs no scaling.
Source: Srivastava et al., JMLR 2014 (who scale in inference instead).  Derivation: docs/derivations/dropout.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from array_api_compat import array_namespace, device

from handgrad.errors import NetworkError
from handgrad.names import shown
from handgrad.network.arrays import Array
from handgrad.network.layer import Gradients, Layer, LayerParameters, Shape
from handgrad.streams import dropout_bits

Number = float | Array  # an array without dimensions where many runs share a program


def dropout_mask(
    key: int | Array, step: int | Array, layer: int, n: int, units: int, rate: Number, like: Array
) -> Array:
    """mask = 1/(1 − rate) where bits ≥ ⌊rate·2³²⌋, else 0.  (n, units), of the library, dtype and device of `like`.

    The bits are `streams.dropout_bits`, a pure function of (key, step, layer, row, unit): every engine has the same.

    >>> import numpy as np
    >>> dropout_mask(7, 0, 1, 2, 4, 0.5, like=np.ones(1)).tolist()
    [[0.0, 2.0, 2.0, 0.0], [2.0, 0.0, 0.0, 0.0]]
    """
    xp = array_namespace(like)
    where = device(like)
    rows = xp.reshape(xp.arange(n, dtype=xp.int64, device=where), (n, 1))
    columns = xp.reshape(xp.arange(units, dtype=xp.int64, device=where), (1, units))
    bits = dropout_bits(key, step, layer, rows, columns)  # (n, units), exact in float64
    kept = xp.astype(bits, xp.float64) >= rate * 2**32 // 1  # ⌊ ⌋ that a traced array has too
    return xp.astype(kept, like.dtype) * (1 / (1 - rate))


def dropout_forward(x: Array, mask: Array) -> Array:
    """a = x · mask."""
    return x * mask


def dropout_backward(da: Array, mask: Array) -> Array:
    """dx = da · mask."""
    return da * mask


@dataclass(frozen=True)
class Dropout(Layer):
    """`dropout RATE`: in training, each unit is 0 with probability RATE and scaled by 1/(1 − RATE) otherwise."""

    rate: float
    kind: ClassVar[str] = "dropout"

    def __post_init__(self) -> None:
        if isinstance(self.rate, bool) or not isinstance(self.rate, int | float) or not 0 <= self.rate < 1:
            raise NetworkError(f"a dropout layer needs a rate in [0, 1); got {shown(self.rate)}")

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        if len(words) != 1:
            raise NetworkError("write: dropout RATE, as in 'dropout 0.5'")
        try:
            return cls(float(words[0]))
        except ValueError:
            raise NetworkError(f"a dropout layer needs a rate in [0, 1); got {shown(words[0])}") from None

    def __str__(self) -> str:
        return f"dropout {float(self.rate)!r}"  # every digit: two rates never share a text

    def mask(
        self, key: int | Array, step: int | Array, position: int, shape: Shape, like: Array, rate: Array | None = None
    ) -> Array:
        n, *of_example = shape
        mask = dropout_mask(key, step, position, n, math.prod(of_example), self.rate if rate is None else rate, like)
        return array_namespace(mask).reshape(mask, shape)

    def forward(self, x: Array, params: LayerParameters, mask: Array | None, training: bool) -> Array:
        return x if mask is None else dropout_forward(x, mask)

    def backward(self, dz: Array, x: Array, params: LayerParameters, mask: Array | None, needs_dx: bool) -> Gradients:
        return dz if mask is None else dropout_backward(dz, mask), {}
