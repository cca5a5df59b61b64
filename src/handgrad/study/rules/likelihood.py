"""How well the results of a reading explain a published number.

A *reading* is an assumed way in which an original was made; its results are those of its runs, one a seed.  Printed is
the mean v of k seeds and often their standard deviation σ, rounded to half-widths h.  Asked is the probability of what
is printed, as the reading's n results predict it:

    P = (1 − ε)·Σ_j w_j·P_j(v, σ) + ε·P_any       log_likelihood = ln P

    j          how many of the k seeds were lost: they diverged, or score no better than chance
    w_j        beta-binomial, from how many of ours were lost and Beta(0.1, 0.9), or what all readings show of it
    P_j(v)     the seeds that learnt have a mean with a Student t distribution around ours (on the scale y of
               `variances`), those that were lost score about 1/classes: v is the mixture of both
    P_j(σ)     the squares within have an F distribution; those between the learnt and the lost follow from v and j
    P_any      every value is as likely: one row alone, however far off, costs ln(1/ε) and little more (Tukey 1960)

Squared scale of the t, degrees of freedom by Satterthwaite 1946:

    s̃²·(1/m + 1/n)  +  1/(4N_ours) + 1/(4N_theirs)  +  φ²        m of the k seeds learnt, n of ours
    between seeds      the examples that are scored     cheaper runs (`Fidelity`)

s̃² is moderated (Smyth 2004): shrunk to the variances of all cells, and for P_j(v | σ) updated by the printed σ, since
mean and spread of normal values are independent given their variance.  This makes it work from n = 1.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np

from handgrad.study.rules.predictive import MANY, AllLearnt, AllLost, Case, Learnt, Printed, SomeLost
from handgrad.study.rules.published_cells import LOST_WORDS, PublishedCell, ReadingCell, example_noise, is_lost
from handgrad.study.rules.variances import (
    FEW_CELLS,
    SMALLEST,
    TINY,
    UNKNOWN_SPREAD,
    Numbers,
    VariancePrior,
    pooled_prior,
    spread_to_scale,
    to_scale,
)

ANYTHING = 0.01  # ε
LOST_PRIOR = (0.1, 0.9)  # lost and learnt seeds that are added to ours: a setting loses all of its seeds, or few
LOST_SHARE = (0.1, 0.5)  # bounds of the share of lost seeds that is estimated
LOST_SEEDS = (1.0, 20.0)  # bounds of how many seeds such an estimate counts as
NEVER = 1e-6  # probability of a case below which it is not asked for the spread
CHEAP_SEED = 0.5  # a cheaper run counts as half a seed where it is asked who was lost
LOST_SPREAD = 0.15  # standard deviation of a lost run's accuracy, in units of 1/classes: MNIST's classes have .089-.114
UNKNOWN_CHANCE = (0.05, 0.05)  # mean and standard deviation of a lost run's fraction where no classes are given
UNSEEN = {True: (math.pi / 4, 0.4), False: (0.0, 4.6)}  # mean and standard deviation of y where none of ours learnt
WIDEST_SPREAD = {True: 0.5, False: 3.0}  # bounded -> under P_any σ lies below: of a fraction, of ln x
DECADES = math.log(1e8)  # under P_any ln x lies in an interval so long


@dataclass(frozen=True)
class CellFit:
    """How one published cell looks from a reading.

    log_likelihood   log probability of what is printed, in nats; finite
    p                posterior predictive probability of something at least as far off, two-sided
    residual         (published − predicted) in predictive standard deviations; None for a word
    lost             how many of the published seeds were lost, most probably
    cheap            share of the predictive variance that is due to the fidelity of cheaper runs
    deviation        predictive standard deviation, on the scale y; None for a word
    """

    log_likelihood: float
    p: float
    residual: float | None
    lost: int
    cheap: float
    deviation: float | None = None


def log_likelihood(
    published: PublishedCell,
    cell: ReadingCell | None,
    prior: VariancePrior | None = None,
    lost: tuple[float, float] = LOST_PRIOR,
) -> float:
    """log probability of what is printed, given the results of a reading, in nats.

    cell   None, or without values: the row was not run and says nothing, P = P_any
    prior  of the variance between seeds; None: `UNKNOWN_SPREAD`
    lost   lost and learnt seeds that are added to ours, see `lost_prior`

    >>> cell = PublishedCell(0.900, 0.0005, scored=10_000)
    >>> near, far = ReadingCell((0.9,), 10_000), ReadingCell((0.5,), 10_000)
    >>> log_likelihood(cell, near) > log_likelihood(cell, None) > log_likelihood(cell, far)
    True
    """
    shift = 0.0 if cell is None else cell.fidelity.shift
    variance = 0.0 if cell is None else cell.fidelity.variance
    return float(shifted_log_likelihood(published, cell, prior, np.asarray([shift]), variance, lost)[0])


def shifted_log_likelihood(
    published: PublishedCell,
    cell: ReadingCell | None,
    prior: VariancePrior | None,
    shifts: Numbers,
    variance: float,
    lost: tuple[float, float] = LOST_PRIOR,
    noise: float | None = None,
) -> Numbers:
    """The log likelihood for several shifts of our results on the scale y, a variance φ² in place of those of the
    cell's fidelity, and a variance of the examples in place of `example_noise`.  shifts: (q,) -> (q,)"""
    anything = _anything(published)
    if cell is None or not cell.values:
        return np.full(len(shifts), math.log(anything))
    if published.mean is None:
        return np.full(len(shifts), math.log((1 - ANYTHING) * _of_word(published, cell, lost) + ANYTHING * anything))
    printed = _printed(published, published.mean)
    total = np.zeros(len(shifts))
    for weight, case in _cases(published, cell, prior, variance, lost, noise):
        total += weight * case.likelihood(printed, shifts)
    return np.asarray(np.log((1 - ANYTHING) * np.minimum(total, 1.0) + ANYTHING * anything))


@lru_cache(maxsize=100_000)  # readings often have rows in common, and rungs are ranked anew as they grow
def cell_fit(
    published: PublishedCell,
    cell: ReadingCell,
    prior: VariancePrior | None = None,
    lost: tuple[float, float] = LOST_PRIOR,
) -> CellFit:
    """Likelihood, probability and residual of a published cell, of which the reading has a result at least.

    p(v) is the probability of all means whose density is no higher than that of v: of a mixture, and so small between
    its peaks too.  Where σ is printed, p(σ) is two-sided, averaged over the cases as v suggests them, and
    p = min(1, 2·min(p(v), p(σ))).
    Of a word p is its probability where that is below ½, else 1.
    """
    if not cell.values:
        raise ValueError("cell_fit needs a cell with a value at least; got none")
    if published.mean is None:
        probability = _of_word(published, cell, lost)
        found = log_likelihood(published, cell, prior, lost)
        seeds = published.seeds if published.word in LOST_WORDS else 0
        return CellFit(found, 1.0 if probability >= 0.5 else probability, None, seeds, 0.0)
    printed = _printed(published, published.mean)
    shift, variance = cell.fidelity.shift, cell.fidelity.variance
    cases = _cases(published, cell, prior, variance, lost)
    total = sum(weight for weight, _ in cases)  # of a loss only those that can print a number
    peaks = [(weight / total, case.peak(printed, shift)) for weight, case in cases]
    densities = [weight * peak.density(printed.distance(peak.location)) for weight, peak in peaks]
    explained = [weight * float(case.likelihood(printed, np.asarray([shift]))[0]) for weight, case in cases]
    best = int(np.argmax(explained if max(explained) > _anything(published) else densities))
    p = sum(weight * peak.beyond(sum(densities) / weight) for weight, peak in peaks)
    if printed.squares(on_scale=False) is not None:
        tails = [case.spread_tail(printed, shift) for _, case in cases]
        total = sum(densities)
        spread = (
            sum(density / total * tail for density, tail in zip(densities, tails, strict=True)) if total > 0 else 1.0
        )
        p = 2 * min(p, spread)
    peak = peaks[best][1]
    residual = (float(to_scale(max(published.mean, TINY), published.bounded)) - peak.location) / peak.scale
    found = math.log((1 - ANYTHING) * min(sum(explained), 1.0) + ANYTHING * _anything(published))
    return CellFit(found, min(p, 1.0), residual, cases[best][1].lost, cases[best][1].cheap(printed), peak.scale)


def variance_priors(
    published: Mapping[str, PublishedCell], readings: Mapping[str, Mapping[str, ReadingCell]]
) -> dict[bool, VariancePrior]:
    """bounded -> the prior of the variances between seeds, pooled from all cells of all readings with two results that
    learnt, and from all printed spreads but those that lost seeds may have made: beside a few of .3 and more all others
    would look too small.  Equal results of several readings for a cell count once."""
    spreads: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
    for key, cell in published.items():
        if cell.std is not None and cell.mean is not None and cell.seeds > 1 and not _lost_may_spread(cell):
            std = math.hypot(cell.std, cell.half_width / math.sqrt(3))
            variance = spread_to_scale(std, cell.mean, cell.bounded) ** 2
            df = cell.seeds - 1.0
            spreads[cell.bounded].append((variance if cell.ddof else variance * cell.seeds / df, df))
        for values in sorted({cells[key].values for cells in readings.values() if key in cells}, key=repr):
            y = _learnt(cell, values)
            if len(y) > 1:
                spreads[cell.bounded].append((float(np.var(y, ddof=1)), len(y) - 1.0))
    return {bounded: pooled_prior(found, bounded) for bounded, found in spreads.items()}


def lost_prior(
    published: Mapping[str, PublishedCell], readings: Mapping[str, Mapping[str, ReadingCell]]
) -> tuple[float, float]:
    """The lost and learnt seeds that are added to those of any cell: LOST_PRIOR, or where FEW_CELLS cells of several
    seeds lost some and not all of them, the beta distribution with the moments of all cells (x_g lost of n_g),
    estimated from pairs of seeds (Ridout, Demétrio and Firth 1999):

        π = Σ(n_g − 1)·x_g / Σ n_g(n_g − 1)                        within LOST_SHARE
        ρ = (Σ x_g(x_g − 1) / Σ n_g(n_g − 1) − π²) / (π(1 − π))    the correlation of the seeds of a cell
        a = π·s,  b = (1 − π)·s,  s = 1/ρ − 1                      within LOST_SEEDS

    Without it a setting of which three seeds learnt would lose a fourth in 1 of 40 cases where every tenth run is lost.
    Equal results of several readings for a cell count once.
    """
    some, seeds, pairs, both = 0, 0.0, 0.0, 0.0
    for key, cell in published.items():
        classes = cell.classes if cell.bounded else None
        for values in {cells[key].values for cells in readings.values() if key in cells}:
            n, x = len(values), sum(is_lost(value, classes) for value in values)
            some += 0 < x < n
            seeds += (n - 1) * x
            pairs += n * (n - 1)
            both += x * (x - 1)
    if some < FEW_CELLS:
        return LOST_PRIOR
    share = seeds / pairs
    correlation = (both / pairs - share**2) / (share * (1 - share))
    added = LOST_SEEDS[1] if correlation <= 0 else min(max(1 / correlation - 1, LOST_SEEDS[0]), LOST_SEEDS[1])
    share = min(max(share, LOST_SHARE[0]), LOST_SHARE[1])
    return share * added, (1 - share) * added


# -- from cells to cases


def _lost_may_spread(published: PublishedCell) -> bool:
    """Whether the printed spread is as large as j lost seeds of k make it, for some j: (g − c)²·(k − j)·j/k of
    `predictive`, with a c that two standard deviations of a lost run bring nearer to g."""
    if published.mean is None or published.std is None or published.classes is None or not published.bounded:
        return False
    k, c = published.seeds, (1 + 2 * LOST_SPREAD) / published.classes
    squares = (k - published.ddof) * (published.std + published.half_width) ** 2
    for j in range(1, k):
        g = (k * published.mean - j * c) / (k - j)
        if g <= 1 and squares >= max(g - c, 0.0) ** 2 * (k - j) * j / k:
            return True
    return False


@cache  # the same for all readings, with its place on the scale
def _printed(published: PublishedCell, mean: float) -> Printed:
    return Printed(mean, published.half_width, published.std, published.ddof, published.seeds, published.bounded)


def _anything(published: PublishedCell) -> float:
    """P_any of what is printed."""
    if published.mean is None:
        return 0.5
    h = published.half_width
    if published.bounded:
        probability = min(1.0, 2 * h)
        width = 2 * h
    else:
        low = max(published.mean - h, TINY)
        probability = min(1.0, math.log((published.mean + h) / low) / DECADES)
        width = 2 * h / max(published.mean, h)
    if published.std is not None and published.seeds > 1:
        probability *= min(1.0, width / WIDEST_SPREAD[published.bounded])
    return probability


def _learnt(published: PublishedCell, values: tuple[float | None, ...]) -> Numbers:
    """Results that learnt, on the scale."""
    classes = published.classes if published.bounded else None
    kept = [value for value in values if value is not None and not is_lost(value, classes)]
    return to_scale(np.asarray(kept) if published.bounded else np.maximum(kept, TINY), published.bounded)


def _lost_weights(published: PublishedCell, cell: ReadingCell, lost: tuple[float, float]) -> Numbers:
    """w_j: the beta-binomial probabilities of j = 0, …, k lost seeds, after those of ours that were lost."""
    from scipy.special import betaln, gammaln

    n, learnt = len(cell.values), len(_learnt(published, cell.values))
    seed = CHEAP_SEED if cell.fidelity.variance > 0 else 1.0
    a, b = lost[0] + seed * (n - learnt), lost[1] + seed * learnt
    k, j = published.seeds, np.arange(published.seeds + 1)
    ways = gammaln(k + 1) - gammaln(j + 1) - gammaln(k - j + 1)
    return np.asarray(np.exp(ways + betaln(a + j, b + k - j) - betaln(a, b)))


def _of_word(published: PublishedCell, cell: ReadingCell, lost: tuple[float, float]) -> float:
    """The probability that all seeds were lost, or that none was."""
    return float(_lost_weights(published, cell, lost)[-1 if published.word in LOST_WORDS else 0])


def _cases(
    published: PublishedCell,
    cell: ReadingCell,
    prior: VariancePrior | None,
    variance: float,
    lost: tuple[float, float],
    noise: float | None = None,
) -> list[tuple[float, Case]]:
    """(w_j, case) for every number of lost seeds.  Seeds that diverged leave a loss no mean to print: j = 0 alone."""
    prior = UNKNOWN_SPREAD[published.bounded] if prior is None else prior
    y = _learnt(published, cell.values)
    noise = example_noise(published, cell) if noise is None else noise
    if len(y):
        squares = max(float(((y - y.mean()) ** 2).sum()), (len(y) - 1) * SMALLEST)
        learnt = Learnt(len(y), float(y.mean()), squares, prior, noise, variance, cell.fidelity.df)
    else:  # nothing is known of seeds that learn
        middle, sd = UNSEEN[published.bounded]
        learnt = Learnt(1, middle, 0.0, prior, noise, sd**2, MANY)
    weights = _lost_weights(published, cell, lost)
    if not published.bounded:
        return [(float(weights[0]), AllLearnt(learnt))]
    k = published.seeds
    near = [
        value
        for value in cell.values
        if value is not None and math.isfinite(value) and is_lost(value, published.classes)
    ]
    chance, spread = (
        UNKNOWN_CHANCE if published.classes is None else (1 / published.classes, LOST_SPREAD / published.classes)
    )
    known = len(near)
    chance = (chance + sum(near)) / (1 + known)
    found: list[Case] = [AllLearnt(learnt)]
    found += [SomeLost(learnt, j, chance, spread, known) for j in range(1, k)]
    found.append(AllLost(k, chance, spread, known))
    return [(float(weight), case) for weight, case in zip(weights, found, strict=True)]
