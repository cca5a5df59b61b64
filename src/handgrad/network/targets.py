"""Targets: the class of an example as the vector that a loss compares with the outputs of the network.

Letters: y (n,) class numbers 0..k-1, T (n, k) targets, one row for each example.
An encoding is two numbers: that of the true class and that of all others.
"""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from handgrad.names import lookup

TARGETS: dict[str, tuple[float, float]] = {  # by name: (of the other classes, of the true class)
    "one-hot": (0.0, 1.0),  # for outputs in [0, 1]: sigmoid, softmax
    "plus-minus-one": (-1.0, 1.0),  # for outputs in (−1, 1): tanh
}


def encode(y: NDArray[np.int64], n_classes: int, encoding: str, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """T[i, y[i]] = 1, elsewhere 0 ("one-hot") or −1 ("plus-minus-one").  y: (n,) in 0..k-1 -> T: (n, k).

    Raises UnknownName for an encoding that is not in TARGETS, ValueError for a class outside of 0..k-1.

    >>> encode(np.array([1, 0]), 3, "plus-minus-one").tolist()
    [[-1.0, 1.0, -1.0], [1.0, -1.0, -1.0]]
    """
    other, true = lookup(TARGETS, encoding, "encoding of targets")
    if y.size and not (y.min() >= 0 and y.max() < n_classes):
        raise ValueError(f"classes must be in 0..{n_classes - 1}; got {y.min()}..{y.max()}")
    T = np.full((len(y), n_classes), other, dtype)
    T[np.arange(len(y)), y] = true
    return T
