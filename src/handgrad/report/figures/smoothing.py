"""The clean-up of a loss per step, before it is drawn: outliers repaired, then smoothed; thinned last of all.

Letters: x the series, w the weight of the past, k the number of values so far.

Both functions work on the full series.  Only then is it thinned for drawing: `thin` picks points; `stretches`, for
series so long that a picked point would say nothing of its neighbours, gives the median and range of equal stretches.

Sources: the repair is that of the first of the five reports; the smoothing is TensorBoard's debiased
exponential moving average (`vz_line_chart2/line-chart.ts`, resmoothDataset).
"""

from itertools import accumulate, pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from handgrad.report.figures.shapes import Numbers


def repair_outliers(x: ArrayLike, factor: float = 1.5) -> Numbers:
    """Values further than `factor` standard deviations from the mean, each replaced by the mean of its neighbours.

    Mean and standard deviation (ddof 0) are taken once, of the whole series.  The outliers, |x − mean| > factor·std,
    are then replaced in place from left to right: x[i] = (x[i−1] + x[i+1]) / 2, so that of two neighbouring outliers
    the second sees the first already replaced.  An end copies its single neighbour.
    x: (n,) -> (n,) float64.  Values that are not finite (a diverged run's last) are neither counted nor replaced.

    >>> repair_outliers([0, 0, 0, 0, 0, 0, 0, 0, 12, 4]).tolist()
    [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0, 4.0]
    """
    series = np.asarray(x, dtype=np.float64)
    finite = np.isfinite(series)
    if not finite.any():
        return series.copy()
    mean, std = series[finite].mean(), series[finite].std()
    outliers = np.flatnonzero(finite & (np.abs(np.where(finite, series, mean) - mean) > factor * std))
    values, last = series.copy(), len(series) - 1
    inner = outliers[(outliers > 0) & (outliers < last)]
    if 0 in outliers[:1]:
        values[0] = series[1]
    follows = np.isin(inner - 1, outliers)  # these see their left neighbour already replaced, so one after the other
    first = inner[~follows]
    values[first] = (series[first - 1] + series[first + 1]) / 2
    for i in inner[follows].tolist():
        values[i] = (values[i - 1] + series[i + 1]) / 2
    if last in outliers[-1:]:
        values[last] = values[last - 1]
    return values


def debiased_ema(x: ArrayLike, weight: float = 0.9) -> Numbers:
    """The exponential moving average without the bias towards its start at zero.

        last_k = w·last_{k−1} + (1−w)·x_k,   last_0 = 0;   the value shown is last_k / (1 − w^k)

    x: (n,) -> (n,) float64.  A value that is not finite is shown as it is and does not enter the average.

    >>> debiased_ema([1.0, 1.0, 4.0], weight=0.5).tolist()
    [1.0, 1.0, 2.7142857142857144]
    """
    if not 0 <= weight < 1:
        raise ValueError(f"weight must be in [0, 1); got {weight!r}")
    series = np.asarray(x, dtype=np.float64)
    finite = np.isfinite(series)
    parts = ((1 - weight) * series[finite]).tolist()
    averages = np.array(list(accumulate(parts, lambda last, part: weight * last + part)), dtype=np.float64)
    smooth = series.copy()
    smooth[finite] = averages / _debias(weight, len(parts))
    return smooth


def _debias(weight: float, n: int) -> Numbers:
    """1 − w^k for k = 1..n; once it is 1 to the last bit it stays there."""
    divisors = np.ones(n)
    for k in range(1, n + 1):
        divisors[k - 1] = 1 - weight**k
        if divisors[k - 1] == 1:
            break
    return divisors


def thin(n: int, points: int = 1000) -> NDArray[np.int64]:
    """Positions of at most `points` of n values, evenly spaced, the first and the last among them.

    >>> thin(10, 4).tolist()
    [0, 3, 6, 9]
    """
    if n <= points:
        return np.arange(n)
    return np.linspace(0, n - 1, points).astype(np.int64)


def stretches(x: ArrayLike, edges: NDArray[np.int64]) -> tuple[Numbers, Numbers, Numbers]:
    """Median, 10 % and 90 % quantile of each stretch x[edges[i]:edges[i+1]], of its finite values (none: NaN).

    x: (n,), edges: (k + 1,) -> three of shape (k,).

    >>> stretches([1.0, 2.0, 3.0, 8.0, 8.0, 8.0], np.array([0, 3, 6]))[0].tolist()
    [2.0, 8.0]
    """
    series = np.asarray(x, dtype=np.float64)
    found = np.full((3, len(edges) - 1), np.nan)
    for i, (start, end) in enumerate(pairwise(edges.tolist())):
        part = series[start:end]
        part = part[np.isfinite(part)]
        if part.size:
            found[:, i] = np.quantile(part, (0.5, 0.1, 0.9))
    return found[0], found[1], found[2]
