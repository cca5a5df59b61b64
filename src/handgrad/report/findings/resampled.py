"""Results over folds and seeds: how much their mean varies, as folds share examples and runs of one seed share weights.

Letters: J folds, of all repetitions; S seeds, each on every fold; y_j the mean of fold j over its seeds, with variance
s_J² over folds; z_s the mean of seed s over the folds, with variance s_S² over seeds; n₁ examples train and n₂ validate
in a fold.

Folds are not independent: any two share most of their training examples, or in two repetitions validation examples too.
The variance of their mean is then larger than s_J²/J.  Nadeau and Bengio put the correlation of two folds at
n₂/(n₁ + n₂), the share that validates, which adds n₂/n₁ to 1/J.  Runs of one seed begin with the same weights in every
fold, so that more folds do not average seeds out:

    var(mean) ≈ V = s_J²·(1/J + n₂/n₁) + s_S²/S
    t = mean/√V on V² / ((s_J²·(1/J + n₂/n₁))²/(J − 1) + (s_S²/S)²/(S − 1)) degrees of freedom

What a fold and a seed do together is part of both terms, so that V is rather too large.  With one seed the second term
is missing: what is said holds for that seed.  Seeds that draw a split each (`vary`) are J splits of one seed each:
V = s²·(1/J + n₂/n₁), whose s² has the seeds in it.  Their training measures are scored on the n₁ examples themselves,
of which two splits share n₁/(n₁ + n₂): n₁/n₂ then takes the place of n₂/n₁.  `benchmarks/folds.py` measures how often
equal settings are called different.

Sources: Nadeau and Bengio 2003 (Machine Learning 52, 239-281), the corrected resampled t-test; Bouckaert and Frank 2004
(PAKDD, 3-12), for repeated folds; Satterthwaite 1946 (Biometrics Bulletin 2, 110-114), the degrees of freedom of a sum.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from handgrad.training.run_keys import RunKey, fold_in, seed_in

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

Count = TypeVar("Count", float, Numbers)  # one, or one a row
ROUNDING = 1e-12  # of the largest mean


def variance_factor(n: Count, overlap: float = 0.0) -> Count:
    """1/n + n₂/n₁: what the variance of n results is multiplied with for that of their mean.

    overlap: n₂/n₁, validation examples by training examples of a fold; 0 for independent results.

    >>> variance_factor(4), variance_factor(5, 1 / 4)  # five folds: 0.2 + 0.25
    (0.25, 0.45)
    """
    return 1 / n + overlap


def has_folds(values: Mapping[RunKey, object]) -> bool:
    """Whether results are those of folds."""
    return any(fold_in(key) is not None for key in values)


@dataclass(frozen=True)
class Means:
    """Rows of results (m, runs) as means.

    n: seeds, or folds, that a row has;  mean;  variance: V, of the mean;  df: its degrees of freedom;  width: between
    the largest and the smallest of what varies, the seeds or the means y_j and z_s.  Each (m,); rows with n < 2 have no
    variance.
    """

    n: NDArray[np.int64]
    mean: Numbers
    variance: Numbers
    df: Numbers
    width: Numbers


def means_of(x: Numbers, known: Flags, keys: Sequence[RunKey], overlap: float = 0.0) -> Means:
    """The means of rows of results x (m, runs), of which some are known.

    keys: of the runs;  overlap: n₂/n₁ of folds, or of seeds that draw a split each.

    >>> keys = [(1, 0), (1, 1), (2, 0), (2, 1)]
    >>> found = means_of(np.array([[0.0, 1.0, 2.0, 3.0]]), np.ones((1, 4), bool), keys, overlap=1.0)
    >>> found.mean, found.variance  # folds 0.5 and 2.5: s_J² = 2, times 1/2 + 1; seeds 1 and 2: s_S² = 0.5, times 1/2
    (array([1.5]), array([3.25]))
    """
    if not has_folds(dict.fromkeys(keys)):
        n, mean, s2, width = _moments(x, known)
        return Means(n, mean, s2 * variance_factor(np.maximum(n, 1.0), overlap), np.maximum(n - 1.0, 1.0), width)
    n, mean, s2, width = _moments(*grouped(x, known, keys, fold_in))
    seeds, _, seed_s2, seed_width = _moments(*grouped(x, known, keys, seed_in))
    by_folds, by_seeds = s2 * variance_factor(np.maximum(n, 1.0), overlap), seed_s2 / np.maximum(seeds, 1)
    variance = by_folds + by_seeds
    spread = by_folds**2 / np.maximum(n - 1, 1) + by_seeds**2 / np.maximum(seeds - 1, 1)
    df = np.where(spread > 0, variance**2 / np.where(spread > 0, spread, 1.0), 1.0)
    return Means(n, mean, variance, df, np.maximum(width, seed_width))


def _moments(x: Numbers, known: Flags) -> tuple[NDArray[np.int64], Numbers, Numbers, Numbers]:
    """(n, mean, variance with ddof 1, width) of what is known of each row; variance and width 0 below two."""
    n = known.sum(axis=1)
    mean = np.where(known, x, 0.0).sum(axis=1) / np.maximum(n, 1)
    s2 = np.where(known, (x - mean[:, None]) ** 2, 0.0).sum(axis=1) / np.maximum(n - 1, 1)
    high, low = np.where(known, x, -np.inf).max(axis=1, initial=-np.inf), np.where(known, x, np.inf)
    return n, mean, s2, np.where(n > 0, high - low.min(axis=1, initial=np.inf), 0.0)


def grouped(
    x: Numbers, known: Flags, keys: Sequence[RunKey], group: Callable[[RunKey], int | None]
) -> tuple[Numbers, Flags]:
    """The means of the runs of one fold, or of one seed (m, groups); and which of them are known.

    >>> keys = [(1, 0), (1, 1), (2, 0), (2, 1)]
    >>> grouped(np.array([[0.0, 1.0, 2.0, 3.0]]), np.ones((1, 4), bool), keys, fold_in)[0]
    array([[0.5, 2.5]])
    """
    groups = list(dict.fromkeys(map(group, keys)))
    of = np.array([[group(key) == one for one in groups] for key in keys], dtype=np.float64)
    counts = known.astype(np.float64) @ of
    return np.where(known, x, 0.0) @ of / np.maximum(counts, 1.0), counts > 0


@dataclass(frozen=True)
class SeedMeans:
    """Of many settings on folds and seeds what more folds do not average out: the seeds, which all folds share.

    x (k, S): the mean of every setting and seed over the folds, NaN where there is none.  What is left of it without
    the means of its setting and of its seed has a variance σ_i², and a difference of two means (σ_i² + σ_0²)/S of it:
    of two settings that is s_S²/S of their differences.
    fallen (k, S): seeds of which a run fell
    """

    x: Numbers
    fallen: Flags

    @property
    def steady(self) -> Numbers:
        """Without seeds of which a run fell."""
        return np.where(self.fallen, np.nan, self.x)

    @property
    def vary(self) -> bool:
        """Whether any setting has two seeds that differ."""
        known = np.isfinite(self.x)
        largest = np.abs(self.x[known]).max(initial=0.0)
        return bool((_moments(np.where(known, self.x, 0.0), known)[3] > ROUNDING * largest).any())

    @property
    def counts(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(k,) each: seeds of a setting, and those that it shares with the first."""
        known = np.isfinite(self.x)
        return known.sum(axis=1), (known & known[0]).sum(axis=1)

    def of(self, rows: NDArray[np.intp] | Flags) -> "SeedMeans":
        """Of some settings, in this order."""
        return SeedMeans(self.x[rows], self.fallen[rows])
