"""What stopping settings short saved, and what it may have cost.

    rungs(trials, …)           how many came to each rung, went on and were stopped; how well it foretold the end
    stopping_cost(trials, …)   the probability that one of those that were stopped would have been better than the best

**The probability.**  Values are taken as log-odds (accuracies, k + 1/2 of m + 1 right) or logarithms (losses), z, of
which larger is better.  From one level to the next, z' = a + b·z + σ·ε over the n settings that went on and are known
at both; a and log σ have flat priors, b a normal one around 1 with standard deviation 1/3: a setting that is behind by
d stays behind by about d.  Settings were let go on by z alone, and a regression is not biased by a choice on its
regressor.  From 2,000 draws of (a, b, σ) for each step, and of ε for each setting, the settings that were stopped are
trained on, level by level, and the best of them is compared with the best that was seen.  Assumed: the line of those
that went on holds for those that were stopped, which were worse; errors are normal and independent from step to step.
So a setting that starts slowly and overtakes later is not foreseen.  Fewer than `PAIRS` settings show no line.  How
often it is right, in simulated searches and on digits: docs/report.md.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.measures import is_fraction, lower_is_better
from handgrad.report.findings.search_facts import ENDED, LOST, STOPPED, SearchFacts, Trial
from handgrad.report.findings.wording import plural

PAIRS = 4  # settings known at both ends of a step, from which a line is drawn
DRAWS = 2_000
SLOPE, SLOPE_STD = 1.0, 1 / 3
TINY = 1e-9  # a difference of log-odds or logarithms that is none but rounding
LEVEL = 1.959964  # of the normal distribution, for 95 %

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's ρ of n settings with its 95 % interval, by Fisher's z and the variance (1 + ρ²/2)/(n − 3).

    Bonett and Wright 2000, "Sample size requirements for estimating Pearson, Kendall and Spearman correlations".  The
    interval is None below four settings and where |ρ| = 1.
    """

    rho: float
    n: int
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class RungFacts:
    """A rung.  reached = went_on + stopped + lost + waiting.

    best: value there;  worst_on: of those that went on;  winner_rank: that of the setting which was best in the end,
    from 1;  foretold: values here against those at the end, of settings that are known at both;  probability: that one
    of those stopped here would have been the best (`StoppingCost.by_rung`).
    """

    epoch: int
    reached: int
    went_on: int
    stopped: int
    lost: int
    waiting: int
    best: float | None
    worst_on: float | None
    winner_rank: int | None
    foretold: RankCorrelation | None
    probability: float | None = None


@dataclass(frozen=True)
class Predicted:
    """A setting that was stopped, at the level to which the others can tell: median and 95 % interval."""

    label: str
    epoch: int
    value: float
    median: float
    low: float
    high: float


@dataclass(frozen=True)
class StoppingCost:
    """What stopping may have cost, as of `epoch`, which is the end where `is_end`.

    probability: that one of the stopped would have been better there than `best`, the best that was seen;  loss: by how
    much at most, with a probability of 95 %, in the measure;  pairs: settings behind the line of each step, in order;
    by_rung: epoch of a rung -> probability for those that were stopped there;  stopped: how many these are.
    """

    epoch: int
    is_end: bool
    stopped: int
    best: float
    probability: float
    loss: float
    pairs: tuple[int, ...]
    by_rung: dict[int, float]
    predicted: tuple[Predicted, ...]


def ladder_of(trials: Sequence[Trial]) -> tuple[int, ...]:
    """The levels that all trials have in common; empty where they have different ones."""
    found = {trial.levels for trial in trials}
    return found.pop() if len(found) == 1 else ()


def rungs(
    trials: Sequence[Trial], metric: str, winner: str | None = None, cost: StoppingCost | str | None = None
) -> list[RungFacts]:
    """Every rung below the end, by epoch.  winner: the label of the setting that won;  cost: of `stopping_cost`."""
    lower = lower_is_better(metric)
    epochs = sorted({epoch for trial in trials for epoch in trial.levels[:-1]})
    ends = {t.label: t.values[-1] for t in trials if t.state == ENDED and t.values and t.values[-1] is not None}
    found = []
    for epoch in epochs:
        here = {t.label: (t, t.values[t.levels.index(epoch)]) for t in trials if _reached(t, epoch)}
        valued = {label: value for label, (_, value) in here.items() if value is not None}
        on = [label for label, (t, _) in here.items() if len(t.values) > t.levels.index(epoch) + 1]
        still = [(t, value) for label, (t, value) in here.items() if label not in on]
        ranked = sorted(valued.values(), reverse=not lower)
        both = [label for label in on if label in ends and label in valued]
        on_values = [valued[label] for label in on if label in valued]
        found.append(
            RungFacts(
                epoch=epoch,
                reached=len(here),
                went_on=len(on),
                stopped=sum(t.state == STOPPED for t, _ in still),
                lost=sum(t.state == LOST for t, _ in still),
                waiting=sum(t.state not in (STOPPED, LOST) for t, _ in still),
                best=ranked[0] if ranked else None,
                worst_on=(max if lower else min)(on_values) if on_values else None,
                winner_rank=ranked.index(valued[winner]) + 1 if winner in valued else None,
                foretold=rank_correlation([valued[label] for label in both], [ends[label] for label in both]),
                probability=cost.by_rung.get(epoch) if isinstance(cost, StoppingCost) else None,
            )
        )
    return found


def _reached(trial: Trial, epoch: int) -> bool:
    return epoch in trial.levels[: len(trial.values)]


def rank_correlation(x: Sequence[float], y: Sequence[float]) -> RankCorrelation | None:
    """Spearman's rank correlation; None below three settings, or where all are equal.

    >>> rank_correlation([1, 2, 3, 4], [1, 3, 2, 4]).rho
    0.8
    """
    if len(x) < 3 or len(set(x)) < 2 or len(set(y)) < 2:
        return None
    from scipy.stats import rankdata

    rho = round(float(np.corrcoef(rankdata(x), rankdata(y))[0, 1]), 12)
    if len(x) < 4 or abs(rho) >= 1:
        return RankCorrelation(rho, len(x), None)
    half = LEVEL * math.sqrt((1 + rho**2 / 2) / (len(x) - 3))
    return RankCorrelation(rho, len(x), (math.tanh(math.atanh(rho) - half), math.tanh(math.atanh(rho) + half)))


@dataclass(frozen=True)
class _Scale:
    """Values as numbers of which larger is better, and back."""

    sign: float
    fraction: bool
    logs: bool
    m: float

    @classmethod
    def of(cls, values: Sequence[float], metric: str, examples: int | None) -> "_Scale":
        fraction = is_fraction(metric)
        logs = not fraction and all(value > 0 for value in values)
        return cls(-1.0 if lower_is_better(metric) else 1.0, fraction, logs, float(examples or 1000))

    def to(self, value: float) -> float:
        if self.fraction:
            p = (value * self.m + 0.5) / (self.m + 1)
            return math.log(p / (1 - p))
        return self.sign * (math.log(value) if self.logs else value)

    def at_most(self, difference: float) -> float:
        """A bound of a difference: of fractions a whole number of examples, as those are what can be lost."""
        return math.ceil(difference * self.m - TINY) / self.m if self.fraction else difference

    def back(self, z: Numbers) -> Numbers:
        if self.fraction:
            p = 1 / (1 + np.exp(-np.clip(z, -700, 700)))
            return np.asarray(np.clip((p * (self.m + 1) - 0.5) / self.m, 0, 1), np.float64)
        return np.asarray(np.exp(np.clip(self.sign * z, -700, 700)) if self.logs else self.sign * z, np.float64)


def cost_of(facts: SearchFacts) -> StoppingCost | str:
    """What stopping cost in a search; of one that goes on nothing is said."""
    if not facts.is_over:
        return "the search is not over"
    return stopping_cost(facts.trials, facts.metric, facts.examples)


def stopping_cost(trials: Sequence[Trial], metric: str, examples: int | None) -> StoppingCost | str:
    """The probability that a setting which was stopped would have been better than the best; a phrase says why not.

    metric: what settings were judged by;  examples: behind one value, where it is a fraction.
    """
    ladder = ladder_of(trials)
    stopped = [t for t in trials if t.state == STOPPED and t.values and t.values[-1] is not None]
    if not stopped:
        return "no setting with a value was stopped short"
    if not ladder:
        return "settings have different numbers of epochs, and stand on different rungs"
    values = [value for t in trials for value in t.values if value is not None]
    scale = _Scale.of(values, metric, examples)
    z = {t.label: [None if value is None else scale.to(value) for value in t.values] for t in trials}
    steps: list[list[tuple[float, float]]] = []
    for k in range(len(ladder) - 1):
        pairs = [(one[k], one[k + 1]) for one in z.values() if len(one) > k + 1]
        steps.append([(x, y) for x, y in pairs if x is not None and y is not None])
    first = min(len(t.values) - 1 for t in stopped)
    target = first
    while target < len(steps) and len(steps[target]) >= PAIRS:
        target += 1
    if target == first:
        return (
            f"{plural(len(steps[first]), 'setting')} went on from epoch {ladder[first]} to epoch {ladder[first + 1]} "
            f"with a value, and fewer than {PAIRS} show no line"
        )
    counted = [t for t in stopped if len(t.values) - 1 < target]
    return _simulated(counted, z, steps, ladder, target, scale)


def _simulated(
    stopped: Sequence[Trial],
    z: dict[str, list[float | None]],
    steps: Sequence[Sequence[tuple[float, float]]],
    ladder: tuple[int, ...],
    target: int,
    scale: _Scale,
) -> StoppingCost:
    rng = np.random.default_rng(len(ladder) + 1_000 * len(z))
    at = np.array([len(t.values) - 1 for t in stopped])
    now = np.tile([float(z[t.label][-1] or 0.0) for t in stopped], (DRAWS, 1))
    first = int(at.min())
    for k in range(first, target):
        here = at <= k
        a, b, sigma = _lines(np.asarray(steps[k], np.float64), rng)
        now[:, here] = a + b * now[:, here] + sigma * rng.standard_normal((DRAWS, int(here.sum())))
    best_z = max(one[target] for one in z.values() if len(one) > target and one[target] is not None)  # type: ignore[type-var]
    assert best_z is not None
    wins = now > best_z + TINY
    best = scale.back(np.array([best_z]))[0]
    gains = np.abs(scale.back(np.maximum(now.max(axis=1), best_z)) - best)
    ends = scale.back(np.quantile(now, [0.5, 0.025, 0.975], axis=0))
    predicted = [
        Predicted(t.label, ladder[k], float(t.values[-1] or 0.0), float(m), *sorted((float(low), float(high))))
        for t, k, m, low, high in zip(stopped, at.tolist(), *ends.tolist(), strict=True)
    ]
    return StoppingCost(
        epoch=ladder[target],
        is_end=target == len(ladder) - 1,
        stopped=len(stopped),
        best=float(best),
        probability=float(wins.any(axis=1).mean()),
        loss=scale.at_most(float(np.quantile(gains, 0.95))),
        pairs=tuple(len(step) for step in steps[first:target]),
        by_rung={ladder[k]: float(wins[:, at == k].any(axis=1).mean()) for k in sorted(set(at.tolist()))},
        predicted=tuple(predicted),
    )


def _lines(pairs: Numbers, rng: np.random.Generator) -> tuple[Numbers, Numbers, Numbers]:
    """Draws of (a, b, σ) of z' = a + b·z + σ·ε, columns of `DRAWS` rows, given pairs (n, 2) of z and z'."""
    x, y = pairs.T
    n, center = len(x), float(x.mean())
    dx, sxx = x - center, float(((x - center) ** 2).sum())
    varies = sxx > n * TINY**2
    slope = float((dx * y).sum()) / sxx if varies else SLOPE
    squares = float(((y - y.mean() - slope * dx) ** 2).sum())
    degrees = n - 2 if varies else n - 1
    sigma = np.sqrt(squares / rng.chisquare(degrees, (DRAWS, 1)))
    tiny = sigma**2 + 1e-12
    precision = sxx / tiny + SLOPE_STD**-2
    b = (slope * sxx / tiny + SLOPE * SLOPE_STD**-2) / precision + rng.standard_normal((DRAWS, 1)) / np.sqrt(precision)
    height = float(y.mean()) + sigma / math.sqrt(n) * rng.standard_normal((DRAWS, 1))
    return height - b * center, b, sigma
