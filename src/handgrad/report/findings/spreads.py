"""How much a run of each setting varies with its seed, where all settings help to say it.

Letters: x (k, n) values of k settings on n seeds, NaN where a run is missing; z their residuals on the scale y (below);
s², d a setting's variance there and its degrees of freedom; s_0², d_0 the prior that all settings suggest; w weights.

Two or three seeds say little of the spread of one setting; those of many settings say much of all of them (moderated
variances: Smyth 2004).  Spreads are pooled on a scale on which they mean the same everywhere,

    y = arcsin √x   fractions        dx/dy = 2·√(x·(1−x))
    y = ln x        positive values  dx/dy = x
    y = x           all others       dx/dy = 1

but means stay in the measure's units: `slope` (dx/dy at a setting's mean) carries a spread from one to the other.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.study.rules.variances import SMALLEST, UNKNOWN_SPREAD, VariancePrior, to_scale

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

MANY = 1000  # examples that a fraction is taken to count where their number is not known
ROUNDS = 3  # of weights and spreads in turn
SWEEPS = 12  # of settings and seeds in turn, where runs are missing
OUTLYING = 0.05  # chance, over all settings, at which a spread counts as one that the others say nothing of
STAND_IN = 2.0  # degrees of freedom of the variance that stands in where all seeds agree
FEW = 3  # settings with a spread from which a prior is estimated
GRID = 24  # values of 1/d_0
MOST_INVERSE = 2.0  # of 1/d_0: d_0 = 1/2
ALIKE = 0.1  # prior chance that all settings have one variance (benchmarks/conclusions.py says what it costs)
FALL = {True: 0.25, False: math.log(3)}  # bounded -> on y: 95 % to 80 %; a loss three times as large
LOST_IS = "collapsed to one class, diverged, or far below the other runs of the setting"
FALL_SPREADS = 5.0  # standard deviations between a fallen run and the others of its setting


@dataclass(frozen=True)
class Spreads:
    """Of each setting: the variance between its seeds, and how well it is known.

    variance (k,): of one run around its setting's mean, without what a seed does to all settings alike; units²
    own_df, shared_df (k,): its degrees of freedom, from the setting itself and from all settings together
    slope (k,): dx/dy at its mean
    seed_variance: of what a seed does to all settings alike, on y
    total_df: Σ own_df
    typical: s_0², on y
    """

    variance: Numbers
    own_df: Numbers
    shared_df: Numbers
    slope: Numbers
    seed_variance: float
    total_df: float
    typical: float

    @property
    def df(self) -> Numbers:
        """All degrees of freedom of each variance."""
        return self.own_df + self.shared_df


def fallen_runs(x: Numbers, bounded: bool = True, examples: int | None = None) -> Flags:
    """Runs (k, n) that ended far below the other runs of their setting; higher values of x are better.

    A run is fallen where its distance on y from the setting's runs within FALL of its best one is above FALL, above
    five standard deviations of such runs (median over settings) and above five of a binomial fraction of `examples`.
    A setting of which all runs are low has no fallen run.  Measures that are neither fractions nor negative losses
    (−x > 0) have none.

    >>> fallen_runs(np.array([[0.95, 0.1, 0.96], [0.1, 0.1, 0.11]])).sum(axis=1)
    array([1, 0])
    """
    known = np.isfinite(x)
    none = np.zeros(x.shape, dtype=bool)
    if not known.any() or not (bounded or (x[known] < 0).all()):
        return none
    y = np.where(known, to_scale(np.where(known, x, 0.0)) if bounded else -np.log(np.where(known, -x, 1.0)), np.nan)
    y = np.where(known, y, 0.0)
    best = np.where(known, y, -1e9).max(axis=1, keepdims=True)
    upper = known & (best - y <= FALL[bounded])
    n = upper.sum(axis=1)
    mean = np.where(upper, y, 0.0).sum(axis=1) / np.maximum(n, 1)
    several = n > 1
    squares = np.where(upper, (y - mean[:, None]) ** 2, 0.0).sum(axis=1)[several] / (n[several] - 1)
    spread = math.sqrt(float(np.median(squares))) if len(squares) else 0.0
    reach = max(FALL[bounded], FALL_SPREADS * spread, FALL_SPREADS / (2 * math.sqrt(examples)) if examples else 0.0)
    lowest = np.where(upper, y, 1e9).min(axis=1, keepdims=True)
    return np.asarray(known & (lowest - y > reach))


def slopes(mean: Numbers, n: Numbers, bounded: bool, positive: bool, examples: int | None) -> Numbers:
    """dx/dy at each mean of n runs; of fractions with half an example more on either side, as 0 and 1 had none."""
    if bounded:
        count = np.maximum(n, 1) * (examples or MANY)
        a = (np.clip(mean, 0, 1) * count + 0.5) / (count + 1)
        return np.asarray(2 * np.sqrt(a * (1 - a)))
    return np.maximum(np.abs(mean), 1e-12) if positive else np.ones_like(mean)


def moderated_spreads(x: Numbers, bounded: bool = True, examples: int | None = None) -> Spreads:
    """The moderated variance of every setting (Smyth 2004, section 3).

        z_is = (x_is − x̄_i)/slope_i − b_s,   b_s: what seed s does to all settings, their mean weighted by 1/variance
        s_i² = Σ z²/d_i,                     d_i = (n_i − 1)·(1 − w_i/Σw)
        s̃_i² = (d_0·s_0² + d_i·s_i²)/(d_0 + d_i)

    A setting whose s² is outside what (d_0, s_0²) let expect keeps its own where it is larger.  d_0 + d_i ≤ Σd: a prior
    knows no more than the runs that it came from.  Two settings have their difference alone, and no prior.  Where seeds
    agree, the variance 1/(4·examples) of a binomial fraction on y stands in with two degrees of freedom.
    """
    k = len(x)
    known = np.isfinite(x)
    n = known.sum(axis=1)
    mean = np.where(known, x, 0).sum(axis=1) / np.maximum(n, 1)
    signs = np.sign(x[known])
    positive = bool(not bounded and len(signs) and signs[0] != 0 and (signs == signs[0]).all())
    slope = slopes(mean, n, bounded, positive, examples)
    scale = 1.0 if bounded or positive else float(np.abs(mean).max(initial=0.0)) or 1.0  # of SMALLEST, without a scale
    z = np.where(known, (x - mean[:, None]) / slope[:, None] / scale, 0.0)
    weights = np.ones(k) / max(k, 1)
    for _ in range(ROUNDS if k > 2 else 1):
        rest, seeds, free = _without_seeds(z, known, weights)
        own = np.maximum(n - 1, 0) * free
        paired = own.sum() > 1e-9
        if not paired:  # no two settings share a seed: what it does is part of each setting's own spread
            rest, seeds, own = z, np.zeros(x.shape[1]), np.maximum(n - 1.0, 0.0)
        s2 = (rest**2).sum(axis=1) / np.where(own > 0, own, 1.0)
        s2 = np.where((own > 0) & (s2 > SMALLEST), s2, 0.0)
        prior, outlying = _prior(s2, own, bounded, examples)
        total = float(own.sum())
        shared = np.where(outlying, 0.0, np.minimum(prior.df, np.maximum(total - own, 0.0)))
        shared = np.where((s2 == 0) & (shared == 0), STAND_IN, shared)
        if (s2 > 0).sum() < FEW:  # two settings share what they show; where none shows any, nothing is averaged with 0
            own, shared = np.where(s2 > 0, own, 0.0), np.where(s2 > 0, shared, STAND_IN)
            if k == FEW - 1 and paired:
                own, shared = np.zeros(k), np.where(s2 > 0, total, STAND_IN)
        v = np.maximum((shared * prior.variance + own * s2) / np.maximum(shared + own, 1e-12), SMALLEST)
        weights = 1 / np.maximum(v, prior.variance)
        weights /= weights.sum() if k else 1.0
    there = known.any(axis=0)
    effect = float(np.var(seeds[there], ddof=1)) if there.sum() > 1 else 0.0
    return Spreads(
        variance=v * (slope * scale) ** 2,
        own_df=own,
        shared_df=shared,
        slope=slope * scale,
        seed_variance=max(effect - float((weights**2 * v).sum()), 0.0),
        total_df=total,
        typical=prior.variance,
    )


def _without_seeds(z: Numbers, known: Flags, weights: Numbers) -> tuple[Numbers, Numbers, Numbers]:
    """(z without what seeds do, mean 0 in each setting; what each seed does (n,); 1 − w_i/Σw, its mean over seeds)."""
    w = np.where(known, weights[:, None], 0.0)
    sums = w.sum(axis=0)
    over = np.where(sums > 0, sums, 1.0)
    n = np.maximum(known.sum(axis=1), 1)
    offset, seeds = np.zeros(len(z)), np.zeros(z.shape[1])
    for _ in range(1 if known.all() else SWEEPS):
        seeds = (w * (z - offset[:, None])).sum(axis=0) / over
        offset = np.where(known, z - seeds, 0.0).sum(axis=1) / n
    if len(z) == 1:  # nothing tells a seed from the setting
        return z, np.zeros_like(seeds), np.ones(1)
    rest = np.where(known, z - seeds - offset[:, None], 0.0)
    return rest, seeds - seeds.mean(), np.maximum(1 - (w / over).sum(axis=1) / n, 0.0)


def _prior(s2: Numbers, own: Numbers, bounded: bool, examples: int | None) -> tuple[VariancePrior, Flags]:
    """(the prior, the settings whose spread is larger than it lets expect)."""
    from scipy.special import fdtr

    seen = (s2 > 0) & (own > 0.25)
    none = np.zeros(len(s2), dtype=bool)
    if seen.sum() < FEW:
        if len(s2) < FEW and seen.any():
            return VariancePrior(float(s2[seen].mean()), 0.0), none
        return VariancePrior(1 / (4 * examples), STAND_IN) if examples and bounded else UNKNOWN_SPREAD[bounded], none
    inside, most = seen.copy(), float(own.sum())
    far = 1 - (1 - OUTLYING) ** (1 / len(s2))
    for _ in range(4):
        prior = likely_prior(s2[inside], own[inside], most)
        below = np.where(seen, fdtr(np.maximum(own, 0.1), prior.df, s2 / prior.variance), 0.5)
        above = 1 - below < far
        keep = seen & ~above & (below >= far)
        if keep.sum() < max(FEW, seen.sum() / 2) or (keep == inside).all():
            break
        inside = keep
    return prior, above


def likely_prior(s2: Numbers, d: Numbers, most: float) -> VariancePrior:
    """(s_0², d_0) from variances s2 (g,) of d (g,) degrees of freedom: s²/s_0² ~ F(d, d_0), d_0 ≤ most.

    s_0² is the likeliest for a d_0: it solves Σ (d_0 + d)·d·s²/(d·s² + d_0·s_0²) = Σ d, and is the pooled variance for
    large d_0.  1/d_0 is its posterior mean under a flat prior up to 2 and one tenth on equal variances: the likeliest
    d_0 of few settings is too often the largest, and too narrow intervals follow.  (The moments of ln s² of Smyth 2004,
    section 6.2, waste more than half of the information where d is 1.)

    >>> prior = likely_prior(np.array([1.0, 1.1, 0.9, 1.0] * 10), np.full(40, 4.0), 160.0)
    >>> round(prior.variance, 2), prior.df > 50  # spreads as alike as these speak for one variance
    (1.0, True)
    """
    from scipy.special import gammaln

    inverse = np.linspace(1 / most, max(MOST_INVERSE, 1 / most), GRID)[:, None]  # (j, 1)
    df = 1 / inverse
    low, high = np.full_like(df, np.log(s2.min())), np.full_like(df, np.log(s2.max()) + 1e-9)
    for _ in range(40):
        middle = (low + high) / 2
        ratio = d * s2 / (d * s2 + df * np.exp(middle))  # (j, g)
        more = ((df + d) * ratio).sum(axis=1, keepdims=True) > d.sum()
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    v = np.exp(middle)
    likelihood = (
        gammaln((df + d) / 2)
        - gammaln(df / 2)
        + d / 2 * np.log(d / (df * v))
        - (df + d) / 2 * np.log1p(d * s2 / (df * v))
    ).sum(axis=1)
    before = np.full(GRID, (1 - ALIKE) / GRID)
    before[0] += ALIKE
    weight = np.exp(likelihood - likelihood.max()) * before
    mean = float((weight * inverse[:, 0]).sum() / weight.sum())
    return VariancePrior(float(np.exp(np.interp(mean, inverse[:, 0], np.log(v[:, 0])))), 1 / mean)
