"""Scaling: what becomes of the numbers of an example before a network sees them.

    unit       (x − lo) / (hi − lo)            in [0, 1]
    symmetric  2 (x − lo) / (hi − lo) − 1      in [−1, 1]
    standard   (x − mean) / std                mean 0, standard deviation 1 (ddof 0)
    none       x

lo and hi are the smallest and largest value that the data can take (0 and 255 of a picture's bytes); where
that is not known they are the extremes of the training part.  Statistics come from the training part only,
one number for all pixels of images, one for each column of a table.  A column that never changes is divided by 1.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.spec import SCALES
from handgrad.names import lookup

Numbers = float | tuple[float, ...]  # one for everything, or one for each column


@dataclass(frozen=True)
class Scaling:
    """y = (x − shift) / divide, and then 2 y − 1 where `symmetric`; `formula` says it with its numbers."""

    shift: Numbers
    divide: Numbers
    symmetric: bool
    formula: str

    def apply(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Scale examples in float32.  x: (n, *shape) -> (n, *shape), a new array.

        >>> Scaling(0.0, 255.0, True, "2 x / 255 − 1").apply(np.array([[0, 255]], np.uint8)).tolist()
        [[-1.0, 1.0]]
        """
        out = x.astype(np.float32)
        if self.shift != 0:
            out -= np.asarray(self.shift, np.float32)
        if self.divide != 1:
            out /= np.asarray(self.divide, np.float32)
        if self.symmetric:
            out *= 2
            out -= 1
        return out


AS_IT_IS = Scaling(0.0, 1.0, False, "x")


def fit(scale: str, x: NDArray[Any], value_range: tuple[float, float] | None) -> Scaling:
    """The scaling with the numbers of the training examples x: (n, *shape)."""
    lookup(SCALES, scale, "scale")
    if scale == "none":
        return AS_IT_IS
    table = x.ndim == 2 and (scale == "standard" or value_range is None)
    if scale == "standard":
        shift, divide = _per_column(*_column_moments(x)) if table else _pixel_moments(x)
        words = "(x − mean) / std"
    else:
        if value_range is not None:
            low, high = value_range
            shift, divide = float(low), float(high) - float(low)
        elif table:
            lows = x.min(axis=0).astype(np.float64)
            shift, divide = _per_column(lows, x.max(axis=0).astype(np.float64) - lows)
        else:
            shift, divide = float(x.min()), (float(x.max()) - float(x.min())) or 1.0
        words = "(x − min) / (max − min)"
    symmetric = scale == "symmetric"
    formula = f"{words} of each column" if table else _formula(shift, divide)
    return Scaling(shift, divide, symmetric, f"2 · {formula} − 1" if symmetric else formula)


def _per_column(shifts: NDArray[np.float64], spreads: NDArray[np.float64]) -> tuple[Numbers, Numbers]:
    return tuple(shifts.tolist()), tuple(spread or 1.0 for spread in spreads.tolist())


def _column_moments(x: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    wide = x.astype(np.float64)
    spreads = wide.std(axis=0)
    spreads[wide.max(axis=0) == wide.min(axis=0)] = 0  # rounding may leave 1e-17 of a constant column
    return wide.mean(axis=0), spreads


def _pixel_moments(x: NDArray[Any]) -> tuple[float, float]:
    """Mean and standard deviation over all pixels; of bytes exactly, from how often each value occurs."""
    if x.dtype == np.uint8:
        step = 1000  # bincount widens bytes eightfold: not all of them at once
        pieces = [np.bincount(x[i : i + step].ravel(), minlength=256) for i in range(0, len(x), step)]
        counts = np.sum(pieces, axis=0).tolist()
        n = sum(counts)
        total = sum(value * count for value, count in enumerate(counts))
        squares = sum(value * value * count for value, count in enumerate(counts))
        return total / n, ((n * squares - total * total) / (n * n)) ** 0.5 or 1.0
    return float(x.mean(dtype=np.float64)), float(x.std(dtype=np.float64)) or 1.0


def _formula(shift: Any, divide: Any) -> str:
    top = f"(x − {shift:.6g})" if shift > 0 else f"(x + {-shift:.6g})" if shift < 0 else "x"
    return top if divide == 1 else f"{top} / {divide:.6g}"
