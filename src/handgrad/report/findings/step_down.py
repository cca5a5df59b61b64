"""The settings of a study in the order of their ranking, and how far apart from the best a setting must be.

Letters: i a place in the ranking, 0 the best; d_i its difference from the best, negative where it is worse; prefix p:
the first p + 1 places, among which a difference is judged.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from handgrad.report.findings.resampled import SeedMeans, variance_factor
from handgrad.report.findings.simultaneous import DRAWS, critical_values, draws_of, from_normal, range_values, t_draws
from handgrad.report.findings.spreads import FEW, Flags, Numbers, Spreads, moderated_spreads
from handgrad.streams import stream

LEVEL = 0.05
LEVEL_BESIDE_FALLS = 0.03  # of settings without fallen runs where others have some: the rest is for those
FAR_BEHIND = 4.0  # behind even with seeds that vary by so many times the variance
ENOUGH_DF = 12.0  # of the near settings, to be judged by their own spreads
STREAM, STREAM_OF_EXAMPLES = 2, 3  # indices of the draws among those for resampling
LEAST_DF, MOST_DF = 0.3, 1e6  # of a pair


class StepDown:
    """The settings of one comparison by their places, and half the interval of each (`half`).

    order (k,): place -> index given;  d (k,): mean − best's on the seeds that both have, higher is better
    shared, n (k,): seeds that a setting and the best have, and its own;  valued (k,): whether it has any value
    shown: whether any seed shows a spread; without one there are no intervals
    chances (k,): to have the highest mean;  by_columns (k,): the variance of d that further columns make smaller, seeds
    or folds;  constant (k,): the one that they leave, of folds that of the seeds;  by_examples (k,): that of examples

    Of folds each column of x is the mean of a fold over its seeds.  Of these, and of seeds that draw a split each,
    overlap is n₂/n₁ (`resampled`): a variance of columns counts `variance_factor(n, overlap)` times.  by_seed: the
    means of the seeds that all folds share, whose variance is found like that of columns, and stands beside it.
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
        by_seed: SeedMeans | None = None,
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
        self.by_example = None if covariance is None else _root(covariance[np.ix_(order, order)])
        self.overlap = overlap
        self.by_seed = None if by_seed is None or not by_seed.vary else by_seed.of(order)
        self.spreads = _in_order(found, order)
        self.seed_spreads = None if self.by_seed is None else self._spreads_of_seeds(self.by_seed)
        self.shown = found.total_df > 0
        if self.shown:
            self._draw_examples()
            self._draw()
            if self._from_the_near():
                self._draw()

    def _from_the_near(self) -> bool:
        """Spreads once more, without the settings that are far behind, where the others' runs suffice for it.

        Settings that learn little also vary otherwise, and would make the spread of the good ones look like theirs.
        """
        far = np.array([i > 0 and self.is_behind(i, i, FAR_BEHIND, 1 / FAR_BEHIND) for i in range(len(self.d))])
        near = ~far & self.valued
        if not far.any() or near.sum() < FEW:
            return False
        s = moderated_spreads(np.where(self.fallen, np.nan, self.x)[near], *self.scale)
        if s.total_df < ENOUGH_DF:
            return False
        self.spreads = _with_near(self.spreads, s, near)
        if self.by_seed is not None and self.seed_spreads is not None:
            self.seed_spreads = _with_near(self.seed_spreads, self._spreads_of_seeds(self.by_seed.of(near)), near)
        return True

    def _spreads_of_seeds(self, by_seed: SeedMeans) -> Spreads:
        """Of the means of seeds over folds, without those of which a run fell."""
        bounded, examples = self.scale
        return moderated_spreads(by_seed.steady, bounded, None if examples is None else examples * self.x.shape[1])

    def _draw(self) -> None:
        """Variances and degrees of freedom of every pair, critical values of every prefix, chances to be best."""
        k = len(self.n)
        rng, size = stream(0, "bootstrap", STREAM), draws_of(k)
        among = (np.maximum(one, 1).astype(np.float64) for one in (self.n, self.shared))
        factor, both = (variance_factor(n, self.overlap) for n in among)
        columns = _Layer(self.spreads, factor, np.where(self.shared > 0, both, 0.0))
        own, own_df, shared_df = columns.own, columns.spreads.own_df, columns.spreads.shared_df
        variance, spread, constant = columns.pair, columns.pair**2 / columns.pair_df, np.zeros(k)
        if self.by_seed is not None and self.seed_spreads is not None:
            n, shared = self.by_seed.counts
            seeds = _Layer(
                self.seed_spreads, 1 / np.maximum(n, 1), np.where(shared > 0, 1 / np.maximum(shared, 1), 0.0)
            )
            own, own_df, shared_df = _sum_of(columns, seeds)
            variance, spread = variance + seeds.pair, spread + seeds.pair**2 / seeds.pair_df
            constant = constant + seeds.from_best
        df = np.minimum(variance**2 / spread, MOST_DF)
        tau = t_draws(rng, np.sqrt(own), own_df, shared_df, size)
        plain = np.flatnonzero(~self.falls & self.valued)
        z, of = np.zeros(k), np.ix_(plain, plain)
        level = LEVEL_BESIDE_FALLS if self.falls.any() else LEVEL
        z[plain] = critical_values(tau[plain], np.sqrt(variance[of]), df[of], level)
        self.z, self.df = np.maximum.accumulate(z), df[0]
        self.by_columns, self.constant = columns.from_best, constant
        raw = _variances(self.x, self.known)
        self._pool_falls(rng, raw)
        wider = np.where(self.falls, np.sqrt(np.maximum(raw / self.spreads.variance, 1.0)), 1.0)
        drawn = np.where(self.valued[:, None], self.means[:, None] + tau * wider[:, None] + self.example_tau, -np.inf)
        self.chances = np.bincount(drawn.argmax(axis=0), minlength=k) / size

    def _draw_examples(self) -> None:
        """What other examples would add to each mean (k, draws); and how far apart that puts equal settings."""
        k = len(self.n)
        self.by_examples, self.examples_z, self.example_tau = np.zeros(k), np.zeros(k), np.zeros((k, 1))
        if self.by_example is None:
            return
        rng = stream(0, "bootstrap", STREAM_OF_EXAMPLES)  # its own, so that other draws are the same without examples
        c, tau = self.by_example @ self.by_example.T, self.by_example @ rng.standard_normal((k, draws_of(k)))
        variance = np.maximum(np.diag(c)[:, None] + np.diag(c)[None, :] - 2 * c, 0.0)
        self.by_examples = variance[0]
        self.examples_z = critical_values(tau, np.sqrt(variance), np.full((k, k), MOST_DF), LEVEL)
        self.example_tau = tau

    def _pool_falls(self, rng: np.random.Generator, raw: Numbers) -> None:
        """Where a run of a setting fell, or of the best: one variance for the settings that rank no lower and all those
        with fallen runs, and Tukey's range.  0 elsewhere."""
        k = len(raw)
        self.pooled, self.pooled_seeds, self.range = np.zeros(k), np.zeros(k), np.zeros(k)
        if not self.falls.any():
            return
        by_seed, shared = np.zeros(k), np.ones(k, dtype=np.int64)
        if self.by_seed is not None:
            by_seed, shared = _variances(self.by_seed.x, np.isfinite(self.by_seed.x)), self.by_seed.counts[1]
        for i in np.flatnonzero(self.falls | self.falls[0]):
            among = self.valued & (self.falls | (np.arange(k) <= i)) & (self.n > 1)
            self.pooled[i] = float(raw[among].mean()) if among.any() else 0.0
            self.pooled_seeds[i] = float(by_seed[among].mean()) / max(shared[i], 1) if among.any() else 0.0
        last = int(np.flatnonzero(self.pooled > 0)[-1]) if (self.pooled > 0).any() else 0
        parts = [(self.pooled[last] * self._factor(last), self.n)]
        parts += [] if self.by_seed is None else [(self.pooled_seeds[last], self.by_seed.counts[0])]
        of = [(variance, max(self._pooled_df(n), LEAST_DF)) for variance, n in parts]
        spread = sum(variance**2 / df for variance, df in of)
        df = sum(variance for variance, _ in of) ** 2 / spread if spread > 0 else of[0][1]
        self.range = range_values(rng, k, max(df, LEAST_DF), DRAWS, LEVEL)

    def _pooled_df(self, n: NDArray[np.int64]) -> float:
        """Degrees of freedom of one variance for all settings, of n columns or seeds each that they share."""
        return float(np.maximum(n[self.valued] - 1, 0).sum() * (1 - 1 / max(self.valued.sum(), 2)))

    def _factor(self, i: int) -> float:
        return variance_factor(max(float(self.shared[i]), 1.0), self.overlap)

    def half(self, i: int, prefix: int, scale: float = 1.0, more_df: float = 1.0) -> float:
        """Half the interval of place i among the first `prefix` + 1 places; `scale` times the variance between columns,
        known with `more_df` times the degrees of freedom.

        √(h² + e²), the limits of a sum of two noises from those of each (MOVER: Zou and Donner 2008):
        h of seeds, or folds and seeds: z of the prefix as a t · √(scale·(σ_i² + σ_0²)/n + the constant variance); where
        runs fell, with one variance V for all, range·√(scale·2·V/n + …);  e of examples: the same of their covariance.
        """
        return math.hypot(self._half_of_seeds(i, prefix, scale, more_df), self.half_of_examples(i, prefix))

    def half_of_examples(self, i: int, prefix: int) -> float:
        """Half the interval of place i over other examples alone; 0 where nothing is known of them."""
        return float(self.examples_z[prefix] * math.sqrt(self.by_examples[i]))

    def _half_of_seeds(self, i: int, prefix: int, scale: float, more_df: float) -> float:
        if self.falls[i] or self.falls[0]:
            columns = max(2 * self.pooled[i] * self._factor(i), self.by_columns[i]) * scale
            constant = max(2 * self.pooled_seeds[i], self.constant[i])
            return float(self.range[prefix] * math.sqrt(columns + constant))
        df = min(self.df[i] * more_df, MOST_DF)
        return float(from_normal(self.z[prefix], df) * math.sqrt(self.by_columns[i] * scale + self.constant[i]))

    def is_behind(self, i: int, prefix: int, scale: float = 1.0, more_df: float = 1.0) -> bool:
        """Whether the difference is beyond its interval; `scale`, `more_df` as in `half`."""
        return bool(-self.d[i] > self.half(i, prefix, scale, more_df))

    def last_in(self, scale: float = 1.0, more_df: float = 1.0) -> int:
        """The last place that is not behind: from the worst upwards, each among those that rank no lower."""
        i = len(self.d) - 1
        while i > 0 and self.valued[i] and self.is_behind(i, i, scale, more_df):
            i -= 1
        return i


class _Layer:
    """What one kind of spread, that of columns or that of the seeds of folds, adds to the variances of differences.

    s: the spreads;  factor, both (k,): what a variance is multiplied with for that of a mean, over a setting's own and
    over those that it shares with the best (0: none).
    own (k,): variance of each mean;  pair, pair_df (k, k): of each difference, without what all settings have alike
    from_best (k,): variance of the difference from the best
    """

    def __init__(self, s: Spreads, factor: Numbers, both: Numbers) -> None:
        self.spreads, v = s, s.variance
        self.own = own = v * factor
        df = np.maximum(s.df, LEAST_DF)
        self.pair = own[:, None] + own[None, :]
        pair_df = self.pair**2 / ((own**2 / df)[:, None] + (own**2 / df)[None, :])  # Satterthwaite
        self.pair_df = np.clip(pair_df, LEAST_DF, max(s.total_df, LEAST_DF))
        together = v + v[0] + (s.slope - s.slope[0]) ** 2 * s.seed_variance
        apart = own + own[0] + (s.slope**2 * factor + s.slope[0] ** 2 * factor[0]) * s.seed_variance
        self.from_best = np.where(both > 0, together * both, apart)


def _sum_of(one: _Layer, other: _Layer) -> tuple[Numbers, Numbers, Numbers]:
    """(variance of each mean, its own degrees of freedom, its shared ones) of both together, after Satterthwaite."""
    own, spread, shared = one.own + other.own, np.zeros(len(one.own)), np.zeros(len(one.own))
    for layer in (one, other):
        df = np.maximum(layer.spreads.df, LEAST_DF)
        spread += layer.own**2 / df
        shared += layer.own * layer.spreads.shared_df / df
    df = own**2 / spread
    shared_df = df * shared / own
    return own, np.maximum(df - shared_df, 0.0), shared_df


def _in_order(s: Spreads, order: NDArray[np.intp]) -> Spreads:
    return replace(
        s,
        variance=s.variance[order],
        own_df=s.own_df[order],
        shared_df=s.shared_df[order],
        slope=s.slope[order],
    )


def _with_near(s: Spreads, of_near: Spreads, near: Flags) -> Spreads:
    """The spreads of the near settings in place of those that all settings gave them."""

    def merged(name: str) -> Numbers:
        whole = np.array(getattr(s, name), dtype=np.float64)
        whole[near] = getattr(of_near, name)
        return whole

    return replace(
        of_near,
        variance=merged("variance"),
        own_df=merged("own_df"),
        shared_df=merged("shared_df"),
        slope=merged("slope"),
    )


def _variances(x: Numbers, known: Flags) -> Numbers:
    """s² (ddof 1) of each setting's values, fallen runs among them; 0 below two."""
    n = known.sum(axis=1)
    mean = np.where(known, x, 0.0).sum(axis=1) / np.maximum(n, 1)
    squares = np.where(known, (x - mean[:, None]) ** 2, 0.0).sum(axis=1)
    return np.asarray(np.where(n > 1, squares / np.maximum(n - 1, 1), 0.0))


def _root(covariance: Numbers) -> Numbers:
    """R (k, k) with R·Rᵀ the covariance that is nearest to an estimate of one: its negative eigenvalues count as 0."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0.0)))
