"""How large a difference must be where any of many settings could have looked best by luck.

Letters: τ (k, draws) what the seeds alone could have added to each mean; se_ij of τ_i − τ_j; m settings, a prefix of a
ranking; z the normal deviate of a t.

Among m equal settings the largest of all m(m − 1)/2 differences, each in its own standard errors, has a distribution:
with one variance for all it is Tukey's studentized range / √2 (Tukey 1953).  It is drawn, since here every setting has
its own variance and degrees of freedom; t's of different degrees of freedom are compared as the normal deviates of the
same tail, so that a setting of which little is known does not make all others undecided (Beran 1988: balanced).
Source of going down the ranking: Hansen, Lunde and Nason 2011, the model confidence set.
"""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]

DRAWS, LEAST_DRAWS, MOST_DRAWS = 4000, 500, 40_000
WORK, MOST_WORK = 4e6, 1.2e8  # draws × settings²


def draws_of(k: int) -> int:
    """How many draws k settings get: 4,000; of few settings up to 40,000, of more than 170 fewer, so that a thousand
    take a second or two.

    >>> [draws_of(k) for k in (2, 20, 50, 200, 1000)]
    [40000, 10000, 4000, 3000, 500]
    """
    usual = min(DRAWS, MOST_WORK / max(k * k, 1))
    return int(max(min(MOST_DRAWS, WORK / max(k * k, 1)), usual, LEAST_DRAWS))


def t_draws(
    rng: np.random.Generator, scale: Numbers, own_df: Numbers, shared_df: Numbers, size: int
) -> NDArray[np.float64]:
    """τ (k, size): scale·Z·√(df/χ²) with χ² = χ²(shared_df) + χ²(own_df); the shared part is one for all settings.

    Marginally t with df = own + shared degrees of freedom; with own_df = 0 everywhere Tukey's common variance.
    """
    k = len(scale)
    df = own_df + shared_df
    chi, shared = np.zeros((k, size)), np.zeros(size)
    order = np.argsort(shared_df, kind="stable")
    for place, step in zip(order, np.diff(shared_df[order], prepend=0.0), strict=True):
        if step > 1e-9:  # the smaller of two shared parts is part of the larger
            shared = shared + 2 * rng.standard_gamma(step / 2, size)
        chi[place] = shared
    own = own_df > 1e-9
    chi[own] += 2 * rng.standard_gamma(own_df[own, None] / 2, (int(own.sum()), size))
    return np.asarray(scale[:, None] * rng.standard_normal((k, size)) * np.sqrt(df[:, None] / np.maximum(chi, 1e-300)))


def to_normal(t: Numbers | float, df: Numbers | float) -> Numbers:
    """z with the tail of t: (8·df + 1)/(8·df + 3)·√(df·ln(1 + t²/df)) (Wallace 1959).

    >>> [round(float(to_normal(t, 4)), 2) for t in (2.776, 4.604)]  # 1.96 and 2.58
    [1.95, 2.56]
    """
    return np.asarray((8 * df + 1) / (8 * df + 3) * np.sqrt(df * np.log1p(np.square(t) / df)))


def from_normal(z: Numbers | float, df: Numbers | float) -> Numbers:
    """t with the tail of z: the inverse of `to_normal`."""
    exponent = np.square(z * (8 * df + 3) / (8 * df + 1)) / df
    return np.asarray(np.sqrt(df * np.expm1(np.minimum(exponent, 600.0))))


def critical_values(tau: Numbers, se: Numbers, df: Numbers, level: float) -> Numbers:
    """z (k,): entry i is the (1 − level) quantile of the largest |τ_a − τ_b|/se_ab, a, b ≤ i, on the normal scale.

    tau (k, draws), in the order of the ranking; se, df (k, k).  Entry 0, one setting without a rival, is 0.
    """
    k, size = tau.shape
    tau32 = tau.astype(np.float32)
    inverse, f = (1 / np.where(se > 0, se, np.inf)).astype(np.float32), df.astype(np.float32)
    alike = k > 1 and float(np.ptp(df[np.triu_indices(k, 1)])) < 1e-6
    bend = ((8 * f + 1) / (8 * f + 3)) ** 2 * f
    largest, found = np.zeros(size, dtype=np.float32), np.zeros(k)
    for i in range(1, k):
        t2 = ((tau32[:i] - tau32[i]) * inverse[:i, i, None]) ** 2
        if not alike:
            t2 = bend[:i, i, None] * np.log1p(t2 / f[:i, i, None])
        np.maximum(largest, t2.max(axis=0), out=largest)
        found[i] = np.sqrt(np.quantile(largest, 1 - level))
    return to_normal(found, float(df[0, 1])) if alike else found


def range_values(rng: np.random.Generator, k: int, df: float, size: int, level: float) -> Numbers:
    """(k,): entry i is Tukey's studentized range of i + 1 settings of one variance, divided by √2."""
    z = rng.standard_normal((k, size))
    width = np.maximum.accumulate(z, axis=0) - np.minimum.accumulate(z, axis=0)
    chi = 2 * rng.standard_gamma(max(df, 1e-3) / 2, size)
    return np.asarray(np.quantile(width * np.sqrt(df / np.maximum(chi, 1e-300)), 1 - level, axis=1) / np.sqrt(2))
