"""Dropout: in training, every unit is switched off with probability `rate`; in use, nothing happens.

Letters: x (n, units) the inputs, mask (n, units) holding 0 or 1/(1 − rate), a the outputs.
The factor 1/(1 − rate) ("inverted" dropout) keeps the mean of a at x, so that no scaling is needed in use.
Source: Srivastava et al., JMLR 2014 (who scale in use instead).  Derivation: docs/derivations/dropout.md.
"""

from array_api_compat import array_namespace, device

from handgrad.network.arrays import Array
from handgrad.streams import dropout_bits

Number = float | Array  # an array without dimensions where many runs make their steps at once


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
    kept = xp.astype(bits, xp.float64) >= rate * 2**32 // 1  # ⌊ ⌋ of a number that may be still to come
    return xp.astype(kept, like.dtype) * (1 / (1 - rate))


def dropout_forward(x: Array, mask: Array) -> Array:
    """a = x · mask."""
    return x * mask


def dropout_backward(da: Array, mask: Array) -> Array:
    """dx = da · mask."""
    return da * mask
