"""How bright a set's pictures are, so that a picture of the opposite kind (dark on light) is noticed.

Brightness is 0 for the smallest value that the data can take and 1 for the largest.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.scaling import Scaling

MOST_PICTURES = 1000  # of the training part, whose brightness is measured
FAR = 2.0  # standard deviations from the mean of the training pictures that make a picture another kind

Brightness = tuple[float, float]


def brightness_of(x: NDArray[Any], scaler: Scaling, value_range: tuple[float, float] | None) -> Brightness | None:
    """(mean, standard deviation) over training pictures of how bright they are; None for tables and unknown ranges.

    x (n, *shape): scaled by `scaler`; at most `MOST_PICTURES` of them count, evenly spread.
    """
    if x.ndim != 4 or value_range is None:
        return None
    x = x[:: -(-len(x) // MOST_PICTURES)]
    means = x.reshape(len(x), -1).mean(axis=1, dtype=np.float64)  # scaling is linear: that of the mean is the mean's
    if scaler.symmetric:
        means = (means + 1) / 2
    low, high = value_range
    means = (means * scaler.divide + scaler.shift - low) / (high - low)
    return round(float(means.mean()), 4), round(float(means.std()), 4)


def opposite_note(pictures: NDArray[np.float64], training: Brightness, *, inverted: bool) -> list[str]:
    """A note where pictures, each by its brightness, are far from the training pictures, and inverted like them.

    >>> opposite_note(np.array([0.31, 0.72]), (0.3, 0.05), inverted=False)[0].partition(":")[0]
    '1 of 2 pictures is bright (mean 0.72), the training pictures are dark (mean 0.30)'
    """
    mean, spread = training
    far = np.abs(pictures - mean)
    strange = pictures[(far > FAR * spread) & (np.abs(1 - pictures - mean) < far / 2)]
    if not len(strange):
        return []
    these, those = ("bright", "dark") if strange.mean() > mean else ("dark", "bright")
    remedy = "leave --invert out" if inverted else "--invert turns them round"
    return [
        f"{len(strange)} of {len(pictures)} pictures {'is' if len(strange) == 1 else 'are'} {these} (mean "
        f"{strange.mean():.2f}), the training pictures are {those} (mean {mean:.2f}): {remedy}"
    ]
