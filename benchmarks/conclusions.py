"""How often a report's conclusions are wrong, by simulation: nothing here is trained or timed.

False claims: studies of K settings whose means are all equal.  In what share of them is a setting said to be behind
the best?  It should be 5 % at most.  Beside it Tukey's studentized range in blocks of seeds: one variance for all.
One set of examples: two methods, equally good on new data; how often does p say that they differ on the set at hand?
Coverage: how often do the intervals of a report hold the true mean?  They say 95 %.

    python benchmarks/conclusions.py [--studies 1000]
"""

import argparse
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import studentized_range

from handgrad.report.findings.intervals import bca_interval
from handgrad.report.findings.statistics import LEVEL, compare, paired_t_p, sample

Numbers = NDArray[np.float64]
SETTINGS = (2, 6, 12, 20, 50)
SEEDS = (3, 5, 10)
COLLAPSED = 0.1  # accuracy of a run that says one class of ten


def measured(rng: np.random.Generator, accuracy: Numbers, examples: int) -> Numbers:
    """Accuracies as they come out on so many examples."""
    return rng.binomial(examples, np.clip(accuracy, 0, 1)) / examples


def equal(rng: np.random.Generator, k: int, n: int) -> Numbers:
    return measured(rng, rng.normal(0.95, 0.005, (k, n)), 1000)


def unequal_spreads(rng: np.random.Generator, k: int, n: int) -> Numbers:
    """Standard deviations from 0.1 to 3 points."""
    return measured(rng, rng.normal(0.85, np.geomspace(0.001, 0.03, k)[:, None], (k, n)), 10_000)


def missing_runs(rng: np.random.Generator, k: int, n: int) -> Numbers:
    """Every seventh run has no result."""
    x = equal(rng, k, n)
    return np.where(rng.random((k, n)) < 1 / 7, np.nan, x)


def few_mistakes(rng: np.random.Generator, k: int, n: int) -> Numbers:
    """One mistake in 300 examples: many seeds agree."""
    return measured(rng, np.full((k, n), 0.997), 300)


def some_settings_collapsed(rng: np.random.Generator, k: int, n: int) -> Numbers:
    """A third never learnt, whose spread is another; only claims among the others are false."""
    x = equal(rng, k, n)
    x[: k // 3] = measured(rng, np.full((k // 3, n), COLLAPSED), 1000)
    return x


def some_runs_collapse(rng: np.random.Generator, k: int, n: int) -> Numbers:
    """One run in ten of every setting."""
    return np.where(rng.random((k, n)) < 0.1, COLLAPSED, equal(rng, k, n))


KINDS = (equal, unequal_spreads, missing_runs, few_mistakes, some_settings_collapsed, some_runs_collapse)


def claims(x: Numbers) -> list[int]:
    """The settings of x (settings, seeds; NaN where there is none) that a report calls behind the best."""
    rows = [{seed: value for seed, value in enumerate(row) if value == value} for row in x.tolist()]
    means = [sum(row.values()) / len(row) if len(row) == max(map(len, rows)) else -1.0 for row in rows]
    best = int(np.argmax(means))
    others = [i for i in range(len(rows)) if i != best]
    found = compare([rows[i] for i in others], rows[best])
    return [i for i, comparison in zip(others, found, strict=True) if comparison.decided]


def tukey_claims(x: Numbers) -> list[int]:
    """The same by Tukey's studentized range, blocks of seeds, (K − 1)(n − 1) degrees of freedom."""
    k, n = x.shape
    means, rest = x.mean(axis=1), x - x.mean(axis=0)
    rest = rest - rest.mean(axis=1, keepdims=True)
    df = (k - 1) * (n - 1)
    width = _range(k, df) * np.sqrt((rest**2).sum() / df / n)
    return [i for i in range(k) if means.max() - means[i] > width]


RANGES: dict[tuple[int, int], float] = {}


def _range(k: int, df: int) -> float:
    if (k, df) not in RANGES:
        RANGES[k, df] = float(studentized_range.isf(LEVEL, k, df))
    return RANGES[k, df]


def false_claims(
    kind: Callable[[np.random.Generator, int, int], Numbers], k: int, n: int, studies: int
) -> Iterator[float]:
    """The share of studies with a false claim: handgrad's, Tukey's (NaN where runs are missing)."""
    learnt = k // 3 if kind is some_settings_collapsed else 0
    rng = np.random.default_rng([k, n])
    wrong = np.zeros(2)
    for _ in range(studies):
        x = kind(rng, k, n)
        wrong[0] += any(i >= learnt for i in claims(x))
        wrong[1] += np.nan if np.isnan(x).any() else any(i >= learnt for i in tukey_claims(x))
    yield from wrong / studies


def one_set(examples: int, n: int, studies: int) -> float:
    """How often p < 0.05 for two methods that are equally good on all examples there could be.

    8 % of the examples are hard; on each of these either method has its own chance, alike for all of its seeds (the two
    are correlated by 0.81).
    """
    rng, found = np.random.default_rng([examples, n]), 0
    for _ in range(studies):
        hard, common = rng.random(examples) < 0.08, rng.normal(size=examples)
        chances = (ndtr(0.9 * common + np.sqrt(0.19) * rng.normal(size=examples)) for _ in range(2))
        one, other = ((rng.random((n, examples)) < np.where(hard, p, 0.998)).mean(axis=1) for p in chances)
        p = paired_t_p((one - other).tolist())
        found += p is not None and p < LEVEL
    return found / studies


def seeds_of_mean(kind: str, rng: np.random.Generator, n: int) -> tuple[list[float], float, int]:
    """(accuracies of n seeds, their true mean, examples)."""
    if kind == "normal seeds":
        return measured(rng, rng.normal(0.95, 0.01, n), 1000).tolist(), 0.95, 1000
    if kind == "one mistake in 1,000, 300 examples":
        return measured(rng, np.full(n, 0.999), 300).tolist(), 0.999, 300
    good = measured(rng, rng.normal(0.95, 0.01, n), 1000)
    return np.where(rng.random(n) < 0.1, COLLAPSED, good).tolist(), 0.9 * 0.95 + 0.1 * COLLAPSED, 1000


MEANS = ("normal seeds", "one mistake in 1,000, 300 examples", "one run in ten collapses")


def coverage(kind: str, n: int, studies: int) -> tuple[float, float]:
    """How often the interval of a report and the BCa bootstrap hold the true mean (one without width never does)."""
    rng, held = np.random.default_rng(n), np.zeros(2)
    for _ in range(studies):
        x, mean, examples = seeds_of_mean(kind, rng, n)
        ends = (sample(dict(enumerate(x)), examples=examples).interval, bca_interval(x, resamples=1999))
        held += [one is not None and one.low <= mean <= one.high for one in ends]
    shown, bootstrap = held / studies
    return float(shown), float(bootstrap)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    studies = parser.parse_args().studies
    error = 100 * np.sqrt(0.05 * 0.95 / studies)
    print(f"{studies} studies each; at 5 % one standard error is {error:.1f} points")
    print("\nfalse 'behind the best' in % of studies: handgrad (Tukey in blocks)")
    print(f"{'':26}{'n':>3} " + "".join(f"{f'K = {k}':>14}" for k in SETTINGS))
    for kind in KINDS:
        for n in SEEDS:
            cells = []
            for k in SETTINGS:
                ours, tukey = false_claims(kind, k, n, studies)
                cells.append(f"{100 * ours:.1f} " + ("(–)" if np.isnan(tukey) else f"({100 * tukey:.1f})"))
            print(f"{kind.__name__.replace('_', ' '):26}{n:>3} " + "".join(f"{text:>14}" for text in cells), flush=True)
    print("\np < 0.05 for two methods that are equally good on new data, in % of studies")
    for examples in (1000, 5000):
        row = [one_set(examples, n, studies) for n in (3, 10, 20)]
        print(
            f"{f'{examples:,} examples':26}"
            + "".join(f"{f'n = {n}: {100 * a:.1f}':>14}" for n, a in zip((3, 10, 20), row, strict=True))
        )
    print("\ncoverage of 95 % intervals, in %: as shown (BCa bootstrap)")
    print(f"{'':38}" + "".join(f"{f'n = {n}':>14}" for n in (3, 5, 10, 20, 30, 50)))
    for name in MEANS:
        both = [coverage(name, n, studies) for n in (3, 5, 10, 20, 30, 50)]
        print(f"{name:38}" + "".join(f"{f'{100 * a:.1f} ({100 * b:.1f})':>14}" for a, b in both), flush=True)


if __name__ == "__main__":
    main()
