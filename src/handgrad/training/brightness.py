"""How bright a set's pictures are, so that a picture of the opposite kind (dark on light) is noticed.

Brightness is 0 for the smallest value that the data can take and 1 for the largest.
"""

from collections.abc import Sequence

import numpy as np

from handgrad.data.examples import Split

MOST = 1000  # pictures that are looked at
FAR = 2.0  # standard deviations from the mean of the training pictures that make a picture another kind

Brightness = tuple[float, float]


def brightness_of(split: Split) -> Brightness | None:
    """(mean, standard deviation) over training pictures of how bright they are; None for tables and unknown ranges.

    Of at most `MOST` pictures, evenly over the training part.
    """
    if len(split.shape) != 3 or split.value_range is None:
        return None
    x = split.train.x[:: -(-len(split.train.x) // MOST)]
    scaler = split.scaler
    means = x.reshape(len(x), -1).mean(axis=1, dtype=np.float64)  # scaling is linear: that of the mean is the mean's
    if scaler.symmetric:
        means = (means + 1) / 2
    low, high = split.value_range
    means = (means * scaler.divide + scaler.shift - low) / (high - low)
    return round(float(means.mean()), 4), round(float(means.std()), 4)


def opposite(pictures: Sequence[float], training: Brightness | None) -> list[int]:
    """Which pictures, each by its brightness, are far from the training pictures and would be like them inverted.

    >>> opposite([0.31, 0.72], (0.3, 0.05)), opposite([0.1, 0.9], (0.5, 0.2))
    ([1], [])
    """
    if training is None:
        return []
    mean, spread = training
    return [
        i
        for i, picture in enumerate(pictures)
        if abs(picture - mean) > FAR * spread and abs(1 - picture - mean) < abs(picture - mean) / 2
    ]
