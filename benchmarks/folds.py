"""How often two equal settings are called different (p < 0.05) on folds that share examples; and two unequal ones.

    python benchmarks/folds.py [data sets]

A data set has 100 examples of two classes, ±m in each of 20 features plus N(0, 1).  Two learners get ten features each
and predict by the side of the difference of class means; a seed adds a vector of its own to that difference, as initial
weights do, the same in every fold.  By symmetry both learners are equally good on average, on any number of examples.

plain      the paired t-test over all runs, as if they were independent
one term   the corrected test of Nadeau and Bengio over all runs, which takes seeds for further folds
splits     of designs without folds: each seed draws a fifth of the examples by itself (`vary = ["init", "split"]`)
ours       the corrected test over folds and seeds (`handgrad.report.findings.resampled`)
power      of ours, where m of the second learner's features is larger
"""

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from handgrad.data.splits import choose, fold_of
from handgrad.report.findings.resampled import means_of, variance_factor
from handgrad.training.run_keys import RunKey

EXAMPLES, FEATURES, MEAN = 100, 10, 0.2
BETTER = 0.4  # m of the second learner, for the power
NO_SEEDS, SEEDS = 0.0, 0.3  # standard deviation of what a seed adds to each difference of means
SPLIT = 0.2  # of the examples, that score a seed which draws a split of its own
DESIGNS = ((5, 1, 1), (10, 1, 1), (5, 3, 1), (10, 10, 1), (5, 1, 3), (5, 3, 3), (5, 1, 10))  # folds, repeats, seeds
SPLITS = ((0, 1, 3), (0, 1, 5), (0, 1, 10), (0, 1, 20))  # no folds


def differences(
    rng: np.random.Generator, design: tuple[int, int, int], spread: float, mean: float
) -> tuple[NDArray[np.float64], list[RunKey]]:
    """Accuracy of the first − that of the second learner on one data set, for every fold and seed or the split of every
    seed; and these keys."""
    folds, repeats, seeds = design
    y = np.repeat([0, 1], EXAMPLES // 2)
    side = np.where(y, 1.0, -1.0)
    shift = np.repeat([MEAN, mean], FEATURES)
    x = side[:, None] * shift + rng.normal(size=(EXAMPLES, 2 * FEATURES))
    begun = spread * rng.normal(size=(seeds, 2 * FEATURES))
    division, every = int(rng.integers(2**31)), np.arange(EXAMPLES)
    found: list[NDArray[np.float64]] = []
    keys: list[RunKey] = []
    for number in range(1, (folds * repeats or seeds) + 1):
        if folds:
            held_out, starts = fold_of(y, every, folds, number, True, division), begun
            keys += [(number, seed) for seed in range(seeds)]
        else:
            held_out, starts = choose(y, every, round(SPLIT * EXAMPLES), True, rng)[0], begun[number - 1 : number]
            keys.append(number - 1)
        train = np.setdiff1d(every, held_out)
        weights = starts + (side[train, None] * x[train]).mean(axis=0)
        scores = x[held_out, None, :] * weights  # (held out, seeds, features)
        right = scores.reshape(len(held_out), len(starts), 2, FEATURES).sum(axis=-1) * side[held_out, None, None] > 0
        accuracy = right.mean(axis=0)  # (seeds, learners)
        found.append(accuracy[:, 0] - accuracy[:, 1])
    return np.concatenate(found), keys


def p_values(d: NDArray[np.float64], keys: Sequence[RunKey], overlap: float) -> dict[str, NDArray[np.float64]]:
    """p of rows of differences by each test."""
    n = d.shape[1]
    mean, s2 = np.abs(d.mean(axis=1)), np.maximum(d.var(axis=1, ddof=1), 1e-30)
    ours = means_of(d, np.ones_like(d, dtype=bool), list(keys), overlap)
    return {
        "plain": 2 * stdtr(n - 1, -mean / np.sqrt(s2 * variance_factor(n))),
        "one term": 2 * stdtr(n - 1, -mean / np.sqrt(s2 * variance_factor(n, overlap))),
        "ours": 2 * stdtr(ours.df, -mean / np.sqrt(np.maximum(ours.variance, 1e-30))),
    }


def rates(design: tuple[int, int, int], spread: float, mean: float, sets: int, seed: int = 0) -> dict[str, float]:
    """The share of data sets in which each test has p < 0.05."""
    rng = np.random.default_rng([seed, *design, int(100 * spread), int(100 * mean)])
    made = [differences(rng, design, spread, mean) for _ in range(sets)]
    overlap = 1 / (design[0] - 1) if design[0] else SPLIT / (1 - SPLIT)
    found = p_values(np.array([d for d, _ in made]), made[0][1], overlap)
    return {name: float((p < 0.05).mean()) for name, p in found.items()}


def table(sets: int) -> list[list[Any]]:
    """A row for each design, without and with an effect of the seeds."""
    rows = []
    for spread in (NO_SEEDS, SEEDS):
        for design in DESIGNS + SPLITS:
            if spread and design[2] == 1:
                continue
            folds, repeats, seeds = design
            false = rates(design, spread, MEAN, sets)
            power = rates(design, spread, BETTER, sets)["ours"]
            name = f"{folds} folds" + (f", {repeats} times" if repeats > 1 else "") if folds else "a split a seed"
            rows.append([name, seeds, "yes" if spread else "no", *false.values(), power])
    return rows


def main() -> None:
    sets = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    print(f"{sets:,} data sets a row; share with p < 0.05")
    print("| folds | seeds | seeds matter | plain | one term | ours | power of ours |\n|---|--:|---|--:|--:|--:|--:|")
    for name, seeds, matter, *shares in table(sets):
        print(f"| {name} | {seeds} | {matter} | {' | '.join(f'{100 * share:.1f} %' for share in shares)} |", flush=True)


if __name__ == "__main__":
    main()
