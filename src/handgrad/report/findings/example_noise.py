"""The second noise: the examples that settings are scored on are a sample too.

Letters: r (k, n, m) whether setting i on seed s gets example e right; p_ie its mean over seeds; m examples.
"""

import math

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054  # of a two-sided 95 %


def example_noise(right: NDArray[np.bool_], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The covariance (k, k) of the settings' mean fractions over other sets of m examples, paired by example.

        C_ij = Σ_e (p_ie − p̄_i)·(p_je − p̄_j) / (m·(m − 1)),   C_ii − (what seeds alone add) / m

    What seeds add to the variance of p_ie over examples, (mean of p(1 − p))/(n_i − 1), is taken off where there are two
    seeds or more, since it is part of the spread between seeds already: of the two-way layout seeds × examples this
    is the component of examples (Owen 2007, "The pigeonhole bootstrap", takes all of it, once more than needed).

    right (k, n, m); known (k, n): runs that there are.  Raises ValueError where shapes do not fit.
    """
    if right.ndim != 3 or right.shape[:2] != known.shape:
        raise ValueError(f"right must be (settings, seeds, examples) for {known.shape} runs; got shape {right.shape}")
    n, m = known.sum(axis=1), right.shape[2]
    if m < 2:
        raise ValueError(f"right must hold two examples or more; got {m}")
    p = np.where(known[:, :, None], right, False).sum(axis=1) / np.maximum(n, 1)[:, None]  # (k, m)
    centred = p - p.mean(axis=1, keepdims=True)
    covariance = centred @ centred.T / (m * (m - 1))
    several = n > 1
    chance = np.where(several, (p * (1 - p)).mean(axis=1) / np.maximum(n - 1, 1) / m, 0.0)
    diagonal = np.maximum(np.diag(covariance) - chance, 0.0)
    np.fill_diagonal(covariance, diagonal)
    return np.asarray(covariance)


def margin_of(fraction: float, examples: int | None) -> float | None:
    """1.96 standard errors of a fraction on so many examples: what another sample of them would change it by.

    √(a·(1 − a)/(m + 4)) with a = (fraction·m + 2)/(m + 4) (Agresti and Coull 1998), so that 100 % has a margin as well.

    >>> round(margin_of(0.95, 1000), 4)
    0.0137
    """
    if not examples:
        return None
    a = (min(max(fraction, 0.0), 1.0) * examples + 2) / (examples + 4)
    return Z * math.sqrt(a * (1 - a) / (examples + 4))
