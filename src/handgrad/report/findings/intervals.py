"""Intervals: of a mean over seeds, of the mean of further runs, of an accuracy on a finite set of examples.

Letters: n values x, their standard deviation s (ddof 1); k right of n examples.
Sources: Student's t; BCa: Efron 1987, equations in `bca_interval`; Clopper and Pearson 1934; Agresti and Caffo 2000.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from handgrad.measures import is_fraction, lower_is_better
from handgrad.report.findings.resampled import has_folds, means_of
from handgrad.streams import stream
from handgrad.training.run_keys import RunKey

CONFIDENCE = 0.95
RESAMPLES = 9999


@dataclass(frozen=True)
class Interval:
    """A confidence interval and how it was computed."""

    low: float
    high: float
    method: str  # "t" | "corrected t" | "exact binomial" | "BCa bootstrap" | "prediction"
    confidence: float = CONFIDENCE

    def shown(self, metric: str) -> tuple[float, float]:
        """low and high as text has them, within what the metric can be: a fraction in [0, 1], a loss or an error >= 0.

        >>> Interval(-0.2, 0.9, "t").shown("val_accuracy"), Interval(-0.2, 1.5, "t").shown("val_rmse")
        ((0.0, 0.9), (0.0, 1.5))
        """
        fraction = is_fraction(metric)
        low = max(self.low, 0.0) if fraction or lower_is_better(metric) else self.low
        return low, min(self.high, 1.0) if fraction else self.high


def t_interval(x: Sequence[float], confidence: float = CONFIDENCE, rounding: float = 0.0) -> Interval | None:
    """mean ± t(n−1)·s/√n, always with ddof 1; None below two values, and where all are equal: s = 0 is no spread that
    was measured, but one that n values were too few to show.  Values no further apart than `rounding` are equal.

    >>> interval = t_interval([1.0, 2.0, 3.0])
    >>> round(interval.low, 3), round(interval.high, 3)  # 2 ± 4.303·1/√3
    (-0.484, 4.484)
    """
    from scipy.special import stdtrit

    n = len(x)
    if n < 2 or not np.ptp(x) > rounding:
        return None
    mean, s = math.fsum(x) / n, float(np.std(x, ddof=1))
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * s / math.sqrt(n)
    return Interval(mean - half, mean + half, "t", confidence)


def mean_interval(
    values: Mapping[RunKey, float], overlap: float = 0.0, rounding: float = 0.0, confidence: float = CONFIDENCE
) -> Interval | None:
    """The t interval of a mean over seeds; over folds and seeds, or over seeds that draw a split each, mean ± t(df)·√V
    (`resampled`).  None below two folds or seeds.

    overlap: n₂/n₁ of folds or splits; where it is not known there is no interval of folds.

    >>> found = mean_interval({(1, 0): 1.0, (2, 0): 2.0, (3, 0): 3.0}, overlap=1 / 2)  # 2 ± 4.303·√(1/3 + 1/2)
    >>> round(found.low, 3), round(found.high, 3), found.method
    (-1.928, 5.928, 'corrected t')
    """
    from scipy.special import stdtrit

    if not overlap and not has_folds(values):
        return t_interval(list(values.values()), confidence, rounding)
    x = np.array([list(values.values())], dtype=np.float64)
    found = means_of(x, np.ones_like(x, dtype=bool), list(values), overlap)
    if not overlap or found.n[0] < 2 or not found.width[0] > rounding:
        return None
    half = float(stdtrit(found.df[0], (1 + confidence) / 2)) * math.sqrt(found.variance[0])
    return Interval(float(found.mean[0]) - half, float(found.mean[0]) + half, "corrected t", confidence)


def prediction_interval(
    x: Sequence[float], further: int = 1, examples: int | None = None, confidence: float = CONFIDENCE
) -> Interval | None:
    """Where the mean of `further` more runs falls; None below two values.

    half² = (t(n−1)·s)²·(1/further + 1/n) + z²·2·a·(1−a)/(N + 2)

    The second term is for accuracies on N = `examples`, where the further runs may have been scored on as many others;
    a = (mean·N + 1)/(N + 2): one right and one wrong answer more on either side (Agresti and Caffo 2000), without which
    runs that make no mistake would leave the interval no width.
    Normal values are assumed; s has ddof 1, t and z are the quantiles of both distributions.

    >>> interval = prediction_interval([1.0, 2.0, 3.0])
    >>> round(interval.low, 3), round(interval.high, 3)  # 2 ± 4.303·1·√(1 + 1/3)
    (-2.968, 6.968)
    >>> round(prediction_interval([1.0, 1.0, 1.0], examples=300).low, 3)
    0.991
    """
    from scipy.special import ndtri, stdtrit

    n = len(x)
    if n < 2:
        return None
    mean, s = math.fsum(x) / n, float(np.std(x, ddof=1))
    seeds = float(stdtrit(n - 1, (1 + confidence) / 2)) * s * math.sqrt(1 / further + 1 / n)
    z = float(ndtri((1 + confidence) / 2))
    others = 0.0
    if examples:
        a = (min(max(mean, 0.0), 1.0) * examples + 1) / (examples + 2)
        others = z * math.sqrt(2) * binomial_standard_error(a, examples + 2)
    half = math.hypot(seeds, others)
    return Interval(mean - half, mean + half, "prediction", confidence)


def exact_binomial_interval(accuracy: float, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Of the chance to be right on a new example, after k = accuracy·n of n (Clopper and Pearson 1934).

    low: the chance at which k or more right come in 2.5 % of cases;  high: that at which k or fewer do.

    >>> interval = exact_binomial_interval(1.0, 300)
    >>> round(interval.low, 4), interval.high  # 0.025^(1/300)
    (0.9878, 1.0)
    """
    from scipy.special import betaincinv

    k, tail = round(accuracy * n), (1 - confidence) / 2
    low = float(betaincinv(k, n - k + 1, tail)) if k else 0.0
    high = float(betaincinv(k + 1, n - k, 1 - tail)) if k < n else 1.0
    return Interval(low, high, "exact binomial", confidence)


def bca_interval(
    x: Sequence[float], confidence: float = CONFIDENCE, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """The bias-corrected and accelerated bootstrap of the mean (Efron 1987); None below two values or where all agree.

    z0 = Φ⁻¹(share of resampled means below the mean, ties half)
    a  = Σ(m − m_i)³ / (6·(Σ(m − m_i)²)^1.5)     m_i: the mean without value i, m their mean
    α  = Φ(z0 + (z0 + z) / (1 − a·(z0 + z)))     for z = Φ⁻¹ of either end; the ends are those quantiles
    """
    from scipy.special import ndtr, ndtri

    n = len(x)
    if n < 2 or not np.ptp(x) > 0:
        return None
    values = np.asarray(x, dtype=np.float64)
    mean = float(values.mean())
    left_out = (values.sum() - values) / (n - 1)
    bend = left_out.mean() - left_out
    acceleration = float((bend**3).sum() / (6 * (bend**2).sum() ** 1.5))
    picks = stream(seed, "bootstrap").integers(0, n, size=(resamples, n))
    means = values[picks].mean(axis=1)
    share = ((means < mean).sum() + (means == mean).sum() / 2) / resamples
    z0 = float(ndtri(np.clip(share, 1 / resamples, 1 - 1 / resamples)))
    z = ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    levels = ndtr(z0 + (z0 + z) / (1 - acceleration * (z0 + z)))
    low, high = np.quantile(means, levels)
    return Interval(float(low), float(high), "BCa bootstrap", confidence)


def binomial_standard_error(accuracy: float, n: int) -> float:
    """√(a·(1−a)/n): the noise of an accuracy because the test set has n examples and no more.

    >>> round(binomial_standard_error(0.986, 10_000), 4)  # 0.12 points
    0.0012
    """
    return math.sqrt(accuracy * (1 - accuracy) / n)
