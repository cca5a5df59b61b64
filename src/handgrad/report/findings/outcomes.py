"""What the runs of one setting came to, where some of them may have collapsed or diverged.

A mean over seeds hides that one run in ten learns nothing, and its t interval cannot know of what it has not seen.  So
three things are said, each with an interval that holds what it says:

    how often a run falls      k of n, exact binomial (Clopper and Pearson 1934)
    what the others reach      mean of the runs that did not fall, by t, or by their examples where all seeds agree
    the mean of any run        (1 − p)·a + p·c over both intervals at 97.5 % (Bonferroni)
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from handgrad.report.findings.intervals import Interval, exact_binomial_interval, mean_interval
from handgrad.report.findings.statistics import Sample, sample
from handgrad.training.run_keys import RunKey, in_order

HALF_LEVEL = 0.975


@dataclass(frozen=True)
class Outcomes:
    """The runs of a setting.

    n: runs that ended, fallen ones among them;  fallen: how many of them fell
    fall: the interval of the chance that a run falls; None without runs
    others: mean, standard deviation and interval of the runs that did not fall
    median, interquartile_mean: of all runs with a value (the mean without ⌊n/4⌋ of them at either end; Agarwal 2021)
    mean: the interval of the mean over all seeds there could be, fallen runs among them; None where it is not known
    """

    n: int
    fallen: int
    fall: Interval | None
    others: Sample
    median: float | None
    interquartile_mean: float | None
    mean: Interval | None


def outcomes(
    values: Mapping[RunKey, float],
    fallen: Mapping[RunKey, bool],
    *,
    examples: int | None = None,
    floor: float | None = 0.0,
    ddof: int = 1,
    higher: bool = True,
    overlap: float = 0.0,
) -> Outcomes:
    """Of one setting: seed, or fold and seed -> value; and whether that run fell.  overlap: n₂/n₁ of folds.

    A run that fell without a value (it diverged) stands in `fallen` alone and counts as `floor`.  floor: the lowest
    that a run can come to, 0 of a fraction; None of a measure without bound, where only runs that fell say what a
    fallen run comes to, and one without a value is worse than all others.  higher: whether higher is better.

        low  = (1 − p_high)·a_low  + p_high·c        a: mean of the others, p: chance to fall, each at 97.5 %
        high = (1 − p_low)·a_high + p_low·c          c: floor where none fell, otherwise the mean of those that did

    >>> found = outcomes({0: 0.95, 1: 0.96, 2: 0.10}, {2: True})
    >>> found.fallen, round(found.fall.low, 3), round(found.fall.high, 3), found.median
    (1, 0.008, 0.906, 0.95)
    """
    fell = in_order(seed for seed, flag in fallen.items() if flag)
    rest = {seed: value for seed, value in values.items() if seed not in fell}
    away = (-math.inf if higher else math.inf) if floor is None else floor
    every = [*values.values(), *(away for seed in fell if seed not in values)]
    n = len(rest) + len(fell)
    others = sample(rest, ddof, examples, overlap)
    return Outcomes(
        n=n,
        fallen=len(fell),
        fall=exact_binomial_interval(len(fell) / n, n) if n else None,
        others=others,
        median=_finite(float(np.median(every))) if every else None,
        interquartile_mean=_finite(interquartile_mean(every)),
        mean=_mean_of_any(rest, [values.get(seed, floor) for seed in fell], n, examples, floor, overlap),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def interquartile_mean(x: list[float]) -> float | None:
    """The mean without the ⌊n/4⌋ smallest and largest; of three or fewer that is the mean of all; None of none.

    >>> interquartile_mean([1, 2, 3, 100])
    2.5
    """
    cut = len(x) // 4
    return float(np.mean(sorted(x)[cut : len(x) - cut])) if x else None


def _mean_of_any(
    rest: Mapping[RunKey, float],
    fell: list[float | None],
    n: int,
    examples: int | None,
    floor: float | None,
    overlap: float,
) -> Interval | None:
    known = [value for value in fell if value is not None]
    c = sum(known) / len(known) if known else floor
    if n < 2 or c is None or len(known) < len(fell):
        return None
    chance = exact_binomial_interval(len(fell) / n, n, HALF_LEVEL)
    if len(rest) < 2:  # nothing is known of what a run that does not fall comes to
        if floor is None:
            return None
        a = Interval(0.0 if rest else c, 1.0, "exact binomial", HALF_LEVEL)
    else:
        mean = sum(rest.values()) / len(rest)
        found = mean_interval(rest, overlap, confidence=HALF_LEVEL)
        if found is None and examples:
            found = exact_binomial_interval(mean, examples, HALF_LEVEL)
        if found is None:
            return None
        a = found
    ends = [(1 - p) * level + p * c for p in (chance.low, chance.high) for level in (a.low, a.high)]
    low, high = min(ends), max(ends)
    if floor is not None:  # a fraction
        low, high = max(low, 0.0), min(high, 1.0)
    return Interval(low, high, "exact binomial and t")
