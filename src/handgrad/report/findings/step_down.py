"""The settings of a study in the order of their ranking, and how far apart from the best a setting must be.

Letters: i a place in the ranking, 0 the best; d_i its difference from the best, negative where it is worse; prefix p:
the first p + 1 places, among which a difference is judged.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from handgrad.report.findings.resampled import variance_factor
from handgrad.report.findings.simultaneous import DRAWS, critical_values, draws_of, from_normal, range_values, t_draws
from handgrad.report.findings.spreads import FEW, Flags, Numbers, Spreads, moderated_spreads
from handgrad.streams import stream

LEVEL = 0.05
LEVEL_BESIDE_FALLS = 0.03  # of settings without fallen runs where others have some: the rest is for those
FAR_BEHIND = 4.0  # behind even with seeds that vary by so many times the variance
ENOUGH_DF = 12.0  # of the near settings, to be judged by their own spreads
STREAM = 2  # index of the draws among those for resampling
LEAST_DF, MOST_DF = 0.3, 1e6  # of a pair


class StepDown:
    """The settings of one comparison by their places, and half the interval of each (`half`).

    order (k,): place -> index given;  d (k,): mean − best's on the seeds that both have, higher is better
    shared, n (k,): seeds that a setting and the best have, and its own;  valued (k,): whether it has any value
    shown: whether any seed shows a spread; without one there are no intervals
    chances (k,): to have the highest mean;  by_examples (k,): the variance of d that the examples give, and of folds
    the seeds that all of them have

    Of folds each column of x is the mean of a fold over its seeds.  Of these, and of seeds that draw a split each,
    overlap is n₂/n₁ (`resampled`): a variance of columns counts `variance_factor(n, overlap)` times.  common: the
    variance of a d that the seeds give which all folds share, and its degrees of freedom.
    """

    def __init__(
        self,
        x: Numbers,
        known: Flags,
        fallen: Flags,
        best: int,
        bounded: bool,
        examples: int | None,
        covariance: Numbers | None,
        overlap: float = 0.0,
        common: tuple[float, float] = (0.0, 1.0),
    ) -> None:
        found = moderated_spreads(np.where(fallen, np.nan, x), bounded, examples)
        means = np.where(known, x, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
        both = known & known[best]
        shared = both.sum(axis=1)
        paired = np.where(both, x - x[best], 0.0).sum(axis=1) / np.maximum(shared, 1)
        d = np.where(shared > 0, paired, means - means[best])
        d[best] = 0.0
        valued = np.asarray(known.any(axis=1))
        order = np.lexsort((-d, ~valued))  # a setting that is ahead on the seeds that both have comes next to the best
        self.order = order = np.concatenate([[best], order[order != best]])
        self.valued, self.d, self.shared, self.means = valued[order], d[order], shared[order], means[order]
        self.x, self.known, self.fallen = x[order], known[order], fallen[order]
        self.falls = np.asarray(self.fallen.any(axis=1))
        self.n = self.known.sum(axis=1)
        self.scale = (bounded, examples)
        self.covariance = None if covariance is None else covariance[np.ix_(order, order)]
        self.overlap, self.common = overlap, common
        self.spreads = _in_order(found, order)
        self.shown = found.total_df > 0
        if self.shown:
            self._draw()
            if self._from_the_near():
                self._draw()

    def _from_the_near(self) -> bool:
        """Spreads once more, without the settings that are far behind, where the others' runs suffice for it.

        Settings that learn little also vary otherwise, and would make the spread of the good ones look like theirs.
        """
        far = np.array([i > 0 and self.is_behind(i, i, FAR_BEHIND) for i in range(len(self.d))])
        near = ~far & self.valued
        if not far.any() or near.sum() < FEW:
            return False
        s, old = moderated_spreads(np.where(self.fallen, np.nan, self.x)[near], *self.scale), self.spreads
        if s.total_df < ENOUGH_DF:
            return False
        arrays = [np.array(one) for one in (old.variance, old.own_df, old.shared_df, old.slope)]
        for whole, part in zip(arrays, (s.variance, s.own_df, s.shared_df, s.slope), strict=True):
            whole[near] = part
        self.spreads = replace(s, variance=arrays[0], own_df=arrays[1], shared_df=arrays[2], slope=arrays[3])
        return True

    def _draw(self) -> None:
        """Variances and degrees of freedom of every pair, critical values of every prefix, chances to be best."""
        s, n = self.spreads, np.maximum(self.n, 1)
        k, v = len(n), s.variance
        factor = variance_factor(n.astype(np.float64), self.overlap)
        own, df = v * factor, np.maximum(s.df, LEAST_DF)
        pair = own[:, None] + own[None, :]
        pair_df = pair**2 / ((own**2 / df)[:, None] + (own**2 / df)[None, :])  # Satterthwaite
        pair_df = np.clip(pair_df, LEAST_DF, max(s.total_df, LEAST_DF))
        c = np.zeros((k, k)) if self.covariance is None else self.covariance
        by_common, common_df = self.common
        seeds = by_common * (1 - np.eye(k))
        examples = np.maximum(np.diag(c)[:, None] + np.diag(c)[None, :] - 2 * c, 0.0) + seeds
        pair_df = (pair + examples) ** 2 / (pair**2 / pair_df + seeds**2 / common_df)
        pair_df = np.minimum(pair_df, MOST_DF)
        rng, size = stream(0, "bootstrap", STREAM), draws_of(k)
        tau = t_draws(rng, np.sqrt(own), s.own_df, s.shared_df, size)
        if self.covariance is not None:
            tau = tau + _normal(rng, self.covariance, size)
        if by_common > 0:  # a t of each setting: half of the variance of a difference
            tau = tau + math.sqrt(by_common / 2) * rng.standard_t(common_df, (k, size))
        plain = np.flatnonzero(~self.falls & self.valued)
        among = np.ix_(plain, plain)
        z = np.zeros(k)
        level = LEVEL_BESIDE_FALLS if self.falls.any() else LEVEL
        z[plain] = critical_values(tau[plain], np.sqrt((pair + examples)[among]), pair_df[among], level)
        self.z, self.df = np.maximum.accumulate(z), pair_df[0]
        together = v + v[0] + (s.slope - s.slope[0]) ** 2 * s.seed_variance
        apart = own + own[0] + (s.slope**2 * factor + s.slope[0] ** 2 * factor[0]) * s.seed_variance
        both = variance_factor(np.maximum(self.shared, 1.0), self.overlap)
        self.by_seeds = np.where(self.shared > 0, together * both, apart)
        self.by_examples = examples[0]
        raw = _variances(self.x, self.known)
        self._pool_falls(rng, raw)
        wider = np.where(self.falls, np.sqrt(np.maximum(raw / v, 1.0)), 1.0)
        drawn = np.where(self.valued[:, None], self.means[:, None] + tau * wider[:, None], -np.inf)
        self.chances = np.bincount(drawn.argmax(axis=0), minlength=k) / size

    def _pool_falls(self, rng: np.random.Generator, raw: Numbers) -> None:
        """Where a run of a setting fell, or of the best: one variance for the settings that rank no lower and all those
        with fallen runs, and Tukey's range.  0 elsewhere."""
        k = len(raw)
        self.pooled, self.range = np.zeros(k), np.zeros(k)
        if not self.falls.any():
            return
        df = float(np.maximum(self.n[self.valued] - 1, 0).sum() * (1 - 1 / max(self.valued.sum(), 2)))
        self.range = range_values(rng, k, max(df, LEAST_DF), DRAWS, LEVEL)
        for i in np.flatnonzero(self.falls | self.falls[0]):
            among = self.valued & (self.falls | (np.arange(k) <= i)) & (self.n > 1)
            self.pooled[i] = float(raw[among].mean()) if among.any() else 0.0

    def half(self, i: int, prefix: int, scale: float = 1.0) -> float:
        """Half the interval of place i among the first `prefix` + 1 places; `scale` times the variance between seeds.

        z of the prefix as a t · √(scale·(σ_i² + σ_0²)/n + what examples give); where runs fell, range·√(scale·2·V/n).
        """
        if self.falls[i] or self.falls[0]:
            factor = variance_factor(max(float(self.shared[i]), 1.0), self.overlap)
            seeds = max(2 * self.pooled[i] * factor, self.by_seeds[i]) * scale
            return float(self.range[prefix] * math.sqrt(seeds + self.by_examples[i]))
        df = min(self.df[i] / scale, MOST_DF)
        return float(from_normal(self.z[prefix], df) * math.sqrt(self.by_seeds[i] * scale + self.by_examples[i]))

    def is_behind(self, i: int, prefix: int, scale: float = 1.0) -> bool:
        """Whether the difference is beyond its interval; `scale` times the variance between seeds."""
        return bool(-self.d[i] > self.half(i, prefix, scale))


def _in_order(s: Spreads, order: NDArray[np.intp]) -> Spreads:
    return replace(
        s,
        variance=s.variance[order],
        own_df=s.own_df[order],
        shared_df=s.shared_df[order],
        slope=s.slope[order],
    )


def _variances(x: Numbers, known: Flags) -> Numbers:
    """s² (ddof 1) of each setting's values, fallen runs among them; 0 below two."""
    n = known.sum(axis=1)
    mean = np.where(known, x, 0.0).sum(axis=1) / np.maximum(n, 1)
    squares = np.where(known, (x - mean[:, None]) ** 2, 0.0).sum(axis=1)
    return np.asarray(np.where(n > 1, squares / np.maximum(n - 1, 1), 0.0))


def _normal(rng: np.random.Generator, covariance: Numbers, size: int) -> Numbers:
    """(k, size) normal draws of this covariance."""
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    return np.asarray(root @ rng.standard_normal((len(values), size)))
