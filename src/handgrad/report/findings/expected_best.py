"""What a search of n settings finds: the expected best, its confidence band, and the best so far.

Letters: N settings drawn independently, their values in order x_1 ≤ … ≤ x_N (larger is better), F their distribution; n
settings tried.

    E_n = Σ_i x_i · C(i − 1, n − 1) / C(N, n)            the mean of the best over all choices of n of the N settings

without bias for the best of n new draws, n ≤ N (Tang et al. 2020, arXiv 2004.13705); the mean over choices with
replacement (Dodge et al. 2019, arXiv 1909.03004) is below it.

    a_i ≤ F(x) ≤ b_{i+1}  for x_i ≤ x < x_{i+1}, for all i at once in 95 % of studies
    a_i, b_i: the γ/2 and 1 − γ/2 quantiles of Beta(i, N + 1 − i); a_0 = 0, b_{N+1} = 1

the band of equal local levels (Aldor-Noiman et al. 2013; Lourie, Cho and He 2024, arXiv 2311.09480), whose γ is found
by simulation of uniform draws.  Both ends of F give those of E_n = ∫ x dFⁿ: exact for every distribution and all n at
once.  They need to know how good and how bad a value can be: 0 and 1 of an accuracy, 0 of a loss.  Bootstrap intervals
of E_n cover too little (Tang et al. 2020).

    median of the best of n = the 2^(−1/n) quantile of F: P(best ≤ m) = F(m)ⁿ = 1/2

Settings of a search that learns (TPE, ASHA) are no independent draws, and those of a grid are all there is: of them
the history alone says something.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.streams import stream

Numbers = NDArray[np.float64]
LEVEL = 0.05
LOOKED_AT = 16
SIMULATED = 2000  # sets of uniform draws, by which γ is found: the coverage of F is 95 % ± 1 %


@dataclass(frozen=True, eq=False)
class ExpectedBest:
    """n -> the expected best of n settings, with the ends of its band (infinite where nothing bounds the values).

    median: of the best of n.
    """

    n: NDArray[np.int64]
    mean: Numbers
    low: Numbers
    high: Numbers
    median: Numbers
    settings: int


def expected_best(
    values: Sequence[float], *, lower_is_better: bool = False, bounds: tuple[float, float] = (0.0, 1.0)
) -> ExpectedBest:
    """E_n of n = 1..N with a simultaneous 95 % band.

    values: one a setting (its mean over seeds, or of one seed), drawn independently;  bounds: the smallest and the
    largest value there can be, ±inf where none is known; an end that needs an unknown bound is infinite.  Settings
    that diverged belong to the draws: give them the worst bound.

    >>> found = expected_best([0.1, 0.2, 0.3])  # pairs: .2, .3, .3
    >>> found.mean.round(4).tolist()
    [0.2, 0.2667, 0.3]

    Raises InputError for no value, one that is not finite, or one outside the bounds.
    """
    x = np.sort(np.asarray(values, dtype=np.float64))
    if not x.size or not np.isfinite(x).all():
        raise InputError("the expected best needs one finite value of each setting that was tried")
    worst, best = bounds
    if x[0] < worst or x[-1] > best:
        raise InputError(f"values lie outside of what is possible, {worst} to {best}: {x[0]} to {x[-1]}")
    if lower_is_better:
        x, worst, best = -x[::-1], -best, -worst
    total = len(x)
    n = np.arange(1, total + 1)
    mean = _weights(total) @ x
    below, above = _band(total)
    low = np.array([_expectation(x, np.append(above, 1.0), k, worst, best) for k in n.tolist()])
    high = np.array([_expectation(x, np.append(0.0, below), k, worst, best) for k in n.tolist()])
    median = np.quantile(x, 0.5 ** (1 / n), method="median_unbiased")
    if lower_is_better:
        mean, low, high, median = -mean, -high, -low, -median
    return ExpectedBest(n, mean, low, high, median, total)


def _weights(total: int) -> Numbers:
    """C(i − 1, n − 1)/C(N, n) for n, i = 1..N: the chance that the i-th smallest is the best of n."""
    n = np.arange(1.0, total + 1)
    weights = np.empty((total, total))
    weights[:, -1] = n / total
    for i in range(total - 1, 0, -1):  # C(i − 1, n − 1) = C(i, n − 1)·(i − n + 1)/i, and 0 from n = i + 1 on
        weights[:, i - 1] = weights[:, i] * np.maximum(i - n + 1, 0) / i
    return weights


def _expectation(x: Numbers, cdf: Numbers, n: int, worst: float, best: float) -> float:
    """∫ v dGⁿ, where G is cdf[0] below x_1, cdf[i] from x_i to x_{i+1}, and 1 from `best` on."""
    powers = cdf**n
    mass = np.diff(powers, prepend=0.0, append=1.0)  # at worst, x_1 … x_N, best
    found = float(mass[1:-1] @ x)
    for share, end in ((mass[0], worst), (mass[-1], best)):
        found += float(share) * end if share > 0 else 0.0
    return found


@cache
def _band(total: int) -> tuple[Numbers, Numbers]:
    """(a_1..a_N, b_1..b_N) of the band for N draws."""
    from scipy.special import betainc, betaincinv

    i = np.arange(1, total + 1, dtype=np.float64)
    rng = stream(0, "bootstrap", 15)
    least = np.empty(SIMULATED)
    for start in range(0, SIMULATED, 500):  # memory
        u = np.sort(rng.random((500, total)), axis=1)
        at = i
        if total > 4 * LOOKED_AT:  # a level is slow to compute: of many draws the ends, and those furthest off in σ
            off = np.abs(u - i / (total + 1)) / np.sqrt(i * (total + 1 - i))
            off[:, :LOOKED_AT] = off[:, -LOOKED_AT:] = np.inf
            places = np.argpartition(off, -3 * LOOKED_AT, axis=1)[:, -3 * LOOKED_AT :]
            u, at = np.take_along_axis(u, places, axis=1), i[places]
        below = betainc(at, total + 1 - at, u)
        least[start : start + 500] = 2 * np.minimum(below, 1 - below).min(axis=1)
    gamma = float(np.quantile(least, LEVEL))
    below, above = (betaincinv(i, total + 1 - i, level) for level in (gamma / 2, 1 - gamma / 2))
    return np.asarray(below, dtype=np.float64), np.asarray(above, dtype=np.float64)


def best_so_far(values: Sequence[float], *, lower_is_better: bool = False) -> Numbers:
    """The best of the first n settings, in the order in which they were tried; NaN (diverged) is never the best.

    >>> best_so_far([0.3, float("nan"), 0.2, 0.5]).tolist()
    [0.3, 0.3, 0.3, 0.5]
    """
    x = np.asarray(values, dtype=np.float64)
    return np.asarray(np.fmin.accumulate(x) if lower_is_better else np.fmax.accumulate(x))
