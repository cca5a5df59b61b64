"""Targets: what an example has as the vector that a loss compares with the outputs of the network.

Letters: y (n,) class numbers 0..k-1, or (n, k) numbers; T (n, k) targets, one row for each example.
An encoding of classes is two numbers: that of the true class and that of all others.  A network with a single output
for two classes has one target: the first number for class 0, the second for class 1.  Numbers are their own targets.
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


VALUES = "values"  # what an example has are its targets: numbers to predict, or 0 and 1 for each label


def encode(y: NDArray[Any], n_outputs: int, encoding: str, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """T[i, y[i]] = 1, elsewhere 0 ("one-hot") or −1 ("plus-minus-one").  y: (n,) in 0..k-1 -> T: (n, k).

    A single output has T[i, 0] = 1 for class 1, and 0 or −1 for class 0.  y (n, k) are targets already, T = y.
    Raises UnknownName for an encoding that is not in TARGETS, ValueError for a class outside of 0..k-1.

    >>> encode(np.array([1, 0]), 3, "plus-minus-one").tolist()
    [[-1.0, 1.0, -1.0], [1.0, -1.0, -1.0]]
    >>> encode(np.array([1, 0]), 1, "one-hot").tolist()
    [[1.0], [0.0]]
    """
    if y.ndim == 2:
        return y.astype(dtype)
    pair = lookup(TARGETS, encoding, "encoding of targets")
    if len(pair) != 2 or not all(isinstance(value, int | float) for value in pair):
        raise InputError(
            f"encoding of targets {shown(encoding)} must be two numbers, as in (0.0, 1.0); got {shown(pair)}"
        )
    other, true = pair
    n_classes = max(n_outputs, 2)
    if y.size and not (y.min() >= 0 and y.max() < n_classes):
        raise ValueError(f"classes must be in 0..{n_classes - 1}; got {y.min()}..{y.max()}")
    if n_outputs == 1:
        return np.where(y == 1, true, other).astype(dtype)[:, None]
    T = np.full((len(y), n_outputs), other, dtype)
    T[np.arange(len(y)), y] = true
    return T


def tells_one_class(y: NDArray[Any], n_outputs: int) -> bool:
    """Whether the largest of several outputs is the class: not where a single one is compared with a threshold, nor of
    targets that are numbers."""
    return y.ndim == 1 and n_outputs > 1


THRESHOLDS = {"sigmoid": 0.5, "tanh": 0.0}  # of an output activation, in the middle of its values


def class_of(a: NDArray[Any], activation: str) -> NDArray[np.int64]:
    """The class (n,) that outputs (n, k) tell: that of the largest, or of a single output by its threshold.

    >>> class_of(np.array([[0.2, 0.8]]), "softmax").tolist(), class_of(np.array([[0.2]]), "sigmoid").tolist()
    ([1], [0])
    """
    return decided(a, activation)[:, 0] if a.shape[1] == 1 else np.asarray(a.argmax(axis=1))


def decided(a: NDArray[Any], activation: str) -> NDArray[np.int64]:
    """1 where an output is at least the threshold of its activation, else 0; NaN is 0.

    >>> decided(np.array([0.5, 0.2]), "sigmoid").tolist()
    [1, 0]
    """
    return (a >= THRESHOLDS[activation]).astype(np.int64)
