"""Targets: the class of an example as the vector that a loss compares with the outputs of the network.

Letters: y (n,) class numbers 0..k-1, T (n, k) targets, one row for each example.
An encoding is two numbers: that of the true class and that of all others.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from handgrad.errors import InputError
from handgrad.names import OpenTable, lookup, shown

TARGETS: OpenTable[tuple[float, float]] = OpenTable(
    {  # by name: (of the other classes, of the true class)
        "one-hot": (0.0, 1.0),  # for outputs in [0, 1]: sigmoid, softmax
        "plus-minus-one": (-1.0, 1.0),  # for outputs in (−1, 1): tanh
    }
)


def encode(y: NDArray[np.int64], n_classes: int, encoding: str, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """T[i, y[i]] = 1, elsewhere 0 ("one-hot") or −1 ("plus-minus-one").  y: (n,) in 0..k-1 -> T: (n, k).

    Raises UnknownName for an encoding that is not in TARGETS, ValueError for a class outside of 0..k-1.

    >>> encode(np.array([1, 0]), 3, "plus-minus-one").tolist()
    [[-1.0, 1.0, -1.0], [1.0, -1.0, -1.0]]
    """
    pair = lookup(TARGETS, encoding, "encoding of targets")
    if len(pair) != 2 or not all(isinstance(value, int | float) for value in pair):
        raise InputError(
            f"encoding of targets {shown(encoding)} must be two numbers, as in (0.0, 1.0); got {shown(pair)}"
        )
    other, true = pair
    if y.size and not (y.min() >= 0 and y.max() < n_classes):
        raise ValueError(f"classes must be in 0..{n_classes - 1}; got {y.min()}..{y.max()}")
    T = np.full((len(y), n_classes), other, dtype)
    T[np.arange(len(y)), y] = true
    return T
