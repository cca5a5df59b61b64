"""Predictions: what a trained network says of validation and test examples, where that is no single class.

    test.predicted   (m, k): the predicted targets, in the units of the data, float64; of labels the outputs
    test.actual      (m, k): the targets, or 0 and 1 for each label
    test.index       (m,) int64: where the examples stand in the part

All examples of a part, or MOST of them that are drawn at random, the same in every run.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.network.arrays import Arrays
from handgrad.streams import stream

MOST = 5_000


def kept_predictions(predicted: NDArray[Any], actual: NDArray[Any]) -> Arrays:
    """The arrays of a part.  predicted, actual: (n, k)."""
    n = len(actual)
    at = np.arange(n) if n <= MOST else np.sort(stream(0, "shown", n).permutation(n)[:MOST])
    return {
        "predicted": np.asarray(predicted[at]),
        "actual": np.asarray(actual[at], predicted.dtype),
        "index": at.astype(np.int64),
    }
