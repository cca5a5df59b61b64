"""Variances of results: between the seeds of one setting, and between cheaper runs and those that they stand for.

Everything is on a scale y on which a spread means the same wherever it is:

    y = arcsin √x    fractions: a binomial fraction of N examples has variance 1/(4N) for every x, and 0 and 1 are
                     finite, as they are not on the logit scale, where a run without a mistake has no place
    y = ln x         positive measures without bound, such as a loss: factors become differences

Sources: arcsine: Anscombe 1948.  Pooled variances: Smyth 2004, "Linear models and empirical Bayes methods for assessing
differential expression", sections 3 and 6.2, in its letters: s²_g of a cell with d_g degrees of freedom, s²_0 and d_0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

TINY = 1e-12  # the smallest loss that is told from 0
SMALLEST = 1e-8  # the smallest variance of y that cells are believed to show: 0.0001² where seeds agree in all digits
FEW_CELLS = 3  # cells with a spread from which a prior is estimated
LEAST_DF, MOST_DF = 2.0, 50.0  # of a prior; more cells than handgrad will see could not show more


@dataclass(frozen=True)
class VariancePrior:
    """The variance between seeds of any setting, before its own results are seen: df·variance/χ²(df), on the scale."""

    variance: float
    df: float


UNKNOWN_SPREAD = {  # bounded -> the prior where fewer than FEW_CELLS cells show a spread
    True: VariancePrior(0.03**2, 2.0),  # 3 points at an accuracy of .5, 2 at .9
    False: VariancePrior(0.1**2, 2.0),  # 10 % of a loss
}


FIRST_RUNG = {  # bounded -> the variance between cheaper runs and whole ones before any is known
    True: 0.1**2,  # a standard deviation of 10 points at an accuracy of .5, 6 at .9
    False: 0.3**2,  # 30 % of a loss
}
FIRST_RUNG_DF = 4.0  # the degrees of freedom of FIRST_RUNG, and of what is guessed from the gain of the file


@dataclass(frozen=True)
class Fidelity:
    """How results of cheaper runs (fewer examples, fewer epochs) differ from those that they stand for, on the scale:
    dear − cheap has mean `shift` and variance `variance`, known with `df` degrees of freedom.

    Fidelity() is that of the runs themselves: no shift, no variance.
    """

    shift: float = 0.0
    variance: float = 0.0
    df: float = FIRST_RUNG_DF

    def of_gain(self, y: float, gain: float, bounded: bool = True) -> "Fidelity":
        """That of a result y that may gain so much (`gain_to_whole`) from this rung to whole runs:

            shift = gain/2,   variance + (gain/2)²,   df by Satterthwaite 1946, with FIRST_RUNG_DF for (gain/2)²

        A reading learns so much more, or nothing, or anything between, give or take `variance`.  No fraction goes
        beyond 0 or 1.
        """
        if bounded:
            gain = min(max(gain, -y), math.pi / 2 - y)
        own, more = self.variance, gain**2 / 4
        df = (own + more) ** 2 / (own**2 / self.df + more**2 / FIRST_RUNG_DF) if own + more else self.df
        return Fidelity(self.shift + gain / 2, own + more, df)


def gain_to_whole(y: float, cheap: float, whole: float, share: float, bounded: bool = True) -> float:
    """How much a cheaper run of a share of the work may still gain, where the file as it is written came to `cheap` by
    as much work and to `whole` by all of it:

        max(whole − cheap, (whole − y)·(1 − √share))         of a loss, which falls, min

    What the file gains; and a reading that is behind it may be one that learns slowly, and come as far as the file.

    >>> gain_to_whole(1.0, 1.0, 1.5, 0.25), gain_to_whole(0.0, 1.0, 1.5, 0.25)  # 1.5 − 1.0; 1.5 · 1/2
    (0.5, 0.75)
    """
    gains = whole - cheap, (whole - y) * (1 - math.sqrt(share))
    return max(gains) if bounded else min(gains)


def to_scale(x: float | Numbers, bounded: bool = True) -> Numbers:
    """y of x: arcsin √x or ln x.  Beyond [0, 1], where rounding can lead, y goes on as the mirror image of itself, so
    that it is finite and rises everywhere; x ≤ 0 without bound gives −inf.

    >>> [round(float(to_scale(x)), 4) for x in (0, 0.5, 1, 1.01)]  # 0, π/4, π/2
    [0.0, 0.7854, 1.5708, 1.671]
    """
    x = np.asarray(x, dtype=np.float64)
    if not bounded:
        with np.errstate(divide="ignore"):
            return np.asarray(np.log(np.maximum(x, 0.0)))
    x = np.clip(x, -1.0, 2.0)
    inside = np.where(x > 1, 2 - x, np.abs(x))
    y = np.arcsin(np.sqrt(inside))
    return np.asarray(np.where(x > 1, math.pi - y, np.where(x < 0, -y, y)))


def spread_to_scale(std: float, mean: float, bounded: bool = True) -> float:
    """A standard deviation around a mean -> that of y: half of y(mean + std) − y(mean − std); std/mean without bound.

    >>> round(spread_to_scale(0.01, 0.5), 5)  # dy/dx = 1/(2·√(x(1−x))) = 1
    0.01
    """
    if not bounded:
        return std / max(mean, TINY)
    return float(to_scale(mean + std) - to_scale(mean - std)) / 2


def fidelity(residuals: Sequence[float], bounded: bool = True) -> Fidelity:
    """From how much readings that were in a rung and in the one before it differ from the file as it is written:

        r = y(dear) − y(cheap) − gain/2         results of one row and seed; gain: what the file gained there
        variance = (4·FIRST_RUNG + m·(1.4826·median|r|)²) / (4 + m),  df = 4 + m                 m of them

    A median, since a run that collapses in one rung alone says nothing of the others.

    >>> fidelity([]).variance == FIRST_RUNG[True]
    True
    """
    m, df = len(residuals), FIRST_RUNG_DF + len(residuals)
    robust = 1.4826 * float(np.median(np.abs(residuals))) if m else 0.0
    return Fidelity(0.0, (FIRST_RUNG_DF * FIRST_RUNG[bounded] + m * robust**2) / df, df)


def pooled_prior(spreads: Sequence[tuple[float, float]], bounded: bool = True) -> VariancePrior:
    """The prior that (s²_g, d_g) of many cells suggest, by the moments of ln s² (Smyth 2004, section 6.2).

        e_g = ln s²_g − ψ(d_g/2) + ln(d_g/2)
        ψ'(d_0/2) = mean((e_g − ē)²)·G/(G−1) − mean(ψ'(d_g/2)),   within [LEAST_DF, MOST_DF]
        s²_0 = exp(ē + ψ(d_0/2) − ln(d_0/2))

    Variances below SMALLEST count as SMALLEST.  Fewer than FEW_CELLS cells: UNKNOWN_SPREAD.
    """
    from scipy.special import digamma, polygamma

    if len(spreads) < FEW_CELLS:
        return UNKNOWN_SPREAD[bounded]
    s2 = np.maximum([variance for variance, _ in spreads], SMALLEST)
    half = np.asarray([df for _, df in spreads]) / 2
    e = np.log(s2) - digamma(half) + np.log(half)
    excess = float(np.var(e, ddof=1) - np.mean(polygamma(1, half)))
    df = _inverse_trigamma(excess)
    center = float(np.mean(e))
    return VariancePrior(math.exp(center + float(digamma(df / 2)) - math.log(df / 2)), df)


def _inverse_trigamma(value: float) -> float:
    """d in [LEAST_DF, MOST_DF] with ψ'(d/2) = value, by bisection: ψ' falls."""
    from scipy.special import polygamma

    low, high = LEAST_DF, MOST_DF
    if value <= float(polygamma(1, high / 2)):
        return high
    if value >= float(polygamma(1, low / 2)):
        return low
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if float(polygamma(1, middle / 2)) > value else (low, middle)
    return (low + high) / 2


def moderated(prior: VariancePrior, sums: float, df: float) -> tuple[float, float]:
    """The variance of a cell whose squares sum to `sums` over `df` degrees of freedom, shrunk to the prior, and its
    degrees of freedom: s̃² = (d_0·s²_0 + d·s²)/(d_0 + d) (Smyth 2004, section 3).

    >>> moderated(VariancePrior(1.0, 4.0), 12.0, 2.0)  # (4·1 + 12)/6
    (2.6666666666666665, 6.0)
    """
    return (prior.df * prior.variance + sums) / (prior.df + df), prior.df + df
