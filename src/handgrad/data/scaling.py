"""Scaling: the numbers of examples are shifted and divided before a network gets them.

    unit       (x − lo) / (hi − lo)            in [0, 1]
    symmetric  2 (x − lo) / (hi − lo) − 1      in [−1, 1]
    standard   (x − mean) / std                mean 0, standard deviation 1 (ddof 0)
    none       x

lo and hi are the smallest and largest value that the data can take (0 and 255 of a picture's bytes); where
that is not known they are the extremes of the training part.  Statistics come from the training part only,
one number for all pixels of images, one for each column of a table.  A column that never changes is divided by 1.

Statistics are computed in float64.  So is the scaling itself where float32 would lose digits: of values in
float64, and where |shift| is large beside divide (Unix seconds).  Only the result is rounded to float32.

To add a scale, add its record to `SCALES`.
"""

import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import DataError
from handgrad.names import OpenTable, lookup, shown

Numbers = float | tuple[float, ...]  # one for everything, or one for each column
FAR = 16.0  # |shift| / divide above which a float32 subtraction loses more than four bits
ROUNDING = 2.0**-49  # 8 ε of float64: a column whose values differ by less than this part of them is constant
ROWS = 4096  # that are widened at a time
FILLED = "a missing cell is the mean of its column over the training part"


@dataclass(frozen=True)
class Scaling:
    """y = (x − shift) / divide, and then 2 y − 1 where `symmetric`; `formula` says it with its numbers.

    fill: what stands for missing cells (NaN), one number for each column; None: none was missing in training.
    """

    shift: Numbers
    divide: Numbers
    symmetric: bool
    formula: str
    fill: tuple[float, ...] | None = None

    def facts(self) -> dict[str, Any]:
        """Its numbers by name, for a record; `fill` only where cells were missing: older records have none."""
        return {name: value for name, value in asdict(self).items() if name != "fill" or value is not None}

    def apply(self, x: NDArray[Any]) -> NDArray[np.float32]:
        """Scale examples.  x: (n, *shape) -> (n, *shape), a new array of float32.

        >>> Scaling(0.0, 255.0, True, "2 x / 255 − 1").apply(np.array([[0, 255]], np.uint8)).tolist()
        [[-1.0, 1.0]]
        """
        if self.fill is not None:
            x = filled(x, self.fill)
        if not self._needs_float64(x.dtype):
            return self._scaled(x.astype(np.float32))
        out = np.empty(x.shape, np.float32)
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, as a division would make it
            for start in range(0, len(x), ROWS):
                out[start : start + ROWS] = self._scaled(x[start : start + ROWS].astype(np.float64))
        return out

    def undo(self, x: NDArray[Any]) -> NDArray[np.float64]:
        """Scaled examples (n, *shape) in the values of their data set.

        >>> Scaling(0.0, 255.0, True, "2 x / 255 − 1").undo(np.array([[-1.0, 1.0]])).tolist()
        [[0.0, 255.0]]
        """
        raw = np.asarray(x, dtype=np.float64)
        raw = (raw + 1) / 2 if self.symmetric else raw
        return np.asarray(raw * np.asarray(self.divide) + np.asarray(self.shift))

    def _scaled(self, out: NDArray[Any]) -> NDArray[Any]:
        if self.shift != 0:
            out -= np.asarray(self.shift, out.dtype)
        if self.divide != 1:
            out /= np.asarray(self.divide, out.dtype)
        if self.symmetric:
            out *= 2
            out -= 1
        return out

    def _needs_float64(self, dtype: np.dtype[Any]) -> bool:
        if dtype == np.uint8 or dtype == np.bool_:
            return False
        far = np.abs(np.asarray(self.shift)) > FAR * np.asarray(self.divide)
        return bool(far.any()) or not np.can_cast(dtype, np.float32)


AS_IT_IS = Scaling(0.0, 1.0, False, "x")


@dataclass(frozen=True)
class Scale:
    """A way to scale.  fit(x, value_range): the scaling with the numbers of the training examples x: (n, *shape)."""

    name: str
    formula: str
    fit: Callable[[NDArray[Any], tuple[float, float] | None], Scaling]


def fit(scale: str, x: NDArray[Any], value_range: tuple[float, float] | None, *, missing: bool = False) -> Scaling:
    """The scaling `scale` with the numbers of the training examples x: (n, *shape).  Raises UnknownName.

    missing: whether cells of a table may be missing (NaN), in x or in what is scaled later: they count as the mean of
    their column of x.

    >>> fit("standard", np.array([[1.0], [3.0]]), None).apply(np.array([[2.0], [4.0], [np.nan]])).tolist()
    [[0.0], [2.0], [nan]]
    >>> fit("none", np.array([[1.0], [3.0], [np.nan]]), None, missing=True).apply(np.array([[5.0], [np.nan]])).tolist()
    [[5.0], [2.0]]
    """
    means = means_of(x) if missing else None
    scaling = lookup(SCALES, scale, "scale").fit(filled(x, means), value_range)
    if not isinstance(scaling, Scaling):
        raise DataError(f"scale {shown(scale)} must give a Scaling; its fit gives {shown(scaling)}")
    return scaling if means is None else replace(scaling, fill=means, formula=f"{scaling.formula}; {FILLED}")


def means_of(x: NDArray[Any]) -> tuple[float, ...] | None:
    """The mean of every column over the cells that are there; None where x is no table.

    >>> means_of(np.array([[1.0, np.nan], [3.0, 5.0]]))
    (2.0, 5.0)
    """
    if x.ndim != 2:
        return None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a column of nothing: NaN, and refused
        return tuple(np.asarray(np.nanmean(x, axis=0, dtype=np.float64)).tolist())


def filled(x: NDArray[Any], means: tuple[float, ...] | None) -> NDArray[Any]:
    """x with `means` in the place of missing cells (by default those of x itself); x itself where none is missing."""
    if x.ndim != 2 or x.dtype.kind != "f" or not (absent := np.isnan(x)).any():
        return x
    return np.where(absent, np.asarray(means or means_of(x), np.float64), x)


def _unit(x: NDArray[Any], value_range: tuple[float, float] | None) -> Scaling:
    if value_range is not None:
        low, high = value_range
        return _of_all(float(low), float(high) - float(low))
    if x.ndim == 2:
        lows, highs = x.min(axis=0).astype(np.float64), x.max(axis=0).astype(np.float64)
        return _of_columns(lows, np.where(_constant(lows, highs), 0, highs - lows), "(x − min) / (max − min)")
    lowest, highest = float(x.min()), float(x.max())
    return _of_all(lowest, 1.0 if _constant(lowest, highest) else highest - lowest)


def _symmetric(x: NDArray[Any], value_range: tuple[float, float] | None) -> Scaling:
    unit = _unit(x, value_range)
    return Scaling(unit.shift, unit.divide, True, f"2 · {unit.formula} − 1")


def _standard(x: NDArray[Any], _: tuple[float, float] | None) -> Scaling:
    return _of_columns(*_column_moments(x), "(x − mean) / std") if x.ndim == 2 else _of_all(*_pixel_moments(x))


SCALES: OpenTable[Scale] = OpenTable(
    {
        scale.name: scale
        for scale in (
            Scale("unit", "(x − lo) / (hi − lo), in [0, 1]", _unit),
            Scale("symmetric", "2 (x − lo) / (hi − lo) − 1, in [−1, 1]", _symmetric),
            Scale("standard", "(x − mean) / std, statistics of the training part only", _standard),
            Scale("none", "x as it is", lambda x, value_range: AS_IT_IS),
        )
    }
)


def _of_all(shift: float, divide: float) -> Scaling:
    return Scaling(shift, divide, False, _formula(shift, divide))


def _of_columns(shifts: NDArray[np.float64], spreads: NDArray[np.float64], words: str) -> Scaling:
    divide = tuple(spread or 1.0 for spread in spreads.tolist())
    return Scaling(tuple(shifts.tolist()), divide, False, f"{words} of each column")


def _column_moments(x: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    wide = x.astype(np.float64)
    lows, highs = wide.min(axis=0), wide.max(axis=0)
    same = _constant(lows, highs)
    return np.where(same, lows, wide.mean(axis=0)), np.where(same, 0, wide.std(axis=0))


def _constant(lows: Any, highs: Any) -> Any:
    """Where values never change: lie no further apart than rounding brings them, as 0.1 + 0.2 from 0.3."""
    return highs - lows <= ROUNDING * np.maximum(np.abs(lows), np.abs(highs))


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
    lowest, highest = float(x.min()), float(x.max())
    if _constant(lowest, highest):
        return lowest, 1.0
    return float(x.mean(dtype=np.float64)), float(x.std(dtype=np.float64))


def _formula(shift: Any, divide: Any) -> str:
    top = f"(x − {shift:.6g})" if shift > 0 else f"(x + {-shift:.6g})" if shift < 0 else "x"
    return top if divide == 1 else f"{top} / {divide:.6g}"
