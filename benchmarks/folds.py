"""How often equal settings are called different on folds that share examples; and two unequal ones.

    python benchmarks/folds.py [data sets]

A data set has 100 examples of two classes, ±m in each of 20 features plus N(0, 1).  Two learners get ten features each
and predict by the side of the difference of class means; a seed adds a vector of its own to that difference, as initial
weights do, the same in every fold.  By symmetry both learners are equally good on average, on any number of examples.

plain      the paired t-test over all runs, as if they were independent
one term   the corrected test of Nadeau and Bengio over all runs, which takes seeds for further folds; of training with
           the term of validation
splits     of designs without folds: each seed draws a fifth of the examples by itself (`vary = ["init", "split"]`)
training   of such designs: accuracy on the training part, of which two splits share four fifths
ours       the corrected test over folds and seeds (`handgrad.report.findings.resampled`)
power      of ours, where m of the second learner's features is larger

Then studies of up to 20 such learners: in what share is one called behind the best (`conclude`), where all are alike,
and where a seed may collapse in every fold.
"""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from handgrad.data.splits import choose, fold_of
from handgrad.report.findings.against_best import BEHIND
from handgrad.report.findings.conclusions import SettingRuns, conclude
from handgrad.report.findings.resampled import means_of, variance_factor
from handgrad.training.run_keys import RunKey

EXAMPLES, FEATURES, MEAN = 100, 10, 0.2
BETTER = 0.4  # m of the second learner, for the power
NO_SEEDS, SEEDS = 0.0, 0.3  # standard deviation of what a seed adds to each difference of means
SPLIT = 0.2  # of the examples, that score a seed which draws a split of its own
DESIGNS = ((5, 1, 1), (10, 1, 1), (5, 3, 1), (10, 10, 1), (5, 1, 3), (5, 3, 3), (5, 1, 10))  # folds, repeats, seeds
MANY = ((3, 2), (8, 2), (20, 2), (3, 3), (8, 3), (20, 3), (8, 10))  # settings, seeds
MANY_FOLDS, KINDS, COLLAPSE = 5, ("alike", "collapses"), 0.1
STUDIES = 10  # data sets of two settings for each study of many
SPLITS = ((0, 1, 3), (0, 1, 5), (0, 1, 10), (0, 1, 20))  # no folds


def accuracies(
    rng: np.random.Generator,
    design: tuple[int, int, int],
    spreads: Sequence[float],
    means: Sequence[float],
    training: bool = False,
) -> tuple[NDArray[np.float64], list[RunKey]]:
    """Accuracy (runs, learners) on one data set, for every fold and seed or the split of every seed; and these keys.

    spreads, means: of each learner, what a seed adds and m of its features;  training: on the training part.
    """
    folds, repeats, seeds = design
    k = len(means)
    y = np.repeat([0, 1], EXAMPLES // 2)
    side = np.where(y, 1.0, -1.0)
    x = side[:, None] * np.repeat(means, FEATURES) + rng.normal(size=(EXAMPLES, k * FEATURES))
    begun = np.repeat(spreads, FEATURES) * rng.normal(size=(seeds, k * FEATURES))
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
        scored = train if training else held_out
        scores = x[scored, None, :] * weights  # (scored, seeds, features)
        right = scores.reshape(len(scored), len(starts), k, FEATURES).sum(axis=-1) * side[scored, None, None] > 0
        found.append(right.mean(axis=0))
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


def rates(
    design: tuple[int, int, int], spread: float, mean: float, sets: int, seed: int = 0, *, training: bool = False
) -> dict[str, float]:
    """The share of data sets in which each test has p < 0.05."""
    rng = np.random.default_rng([seed, *design, int(100 * spread), int(100 * mean)])
    made = [accuracies(rng, design, (spread, spread), (MEAN, mean), training) for _ in range(sets)]
    overlap = 1 / (design[0] - 1) if design[0] else (1 - SPLIT) / SPLIT if training else SPLIT / (1 - SPLIT)
    d, keys = np.array([x[:, 0] - x[:, 1] for x, _ in made]), made[0][1]
    found = p_values(d, keys, overlap)
    if training:  # by the share of the examples that validate, as it is of validation
        found["one term"] = p_values(d, keys, SPLIT / (1 - SPLIT))["ours"]
    return {name: float((p < 0.05).mean()) for name, p in found.items()}


def table(sets: int) -> list[list[Any]]:
    """A row for each design, without and with an effect of the seeds."""
    rows = []
    for spread in (NO_SEEDS, SEEDS):
        for design in DESIGNS + SPLITS:
            if spread and design[2] == 1:
                continue
            folds, repeats, seeds = design
            for training in (False,) if folds else (False, True):
                false = rates(design, spread, MEAN, sets, training=training)
                power = rates(design, spread, BETTER, sets, training=training)["ours"]
                name = f"{folds} folds" + (f", {repeats} times" if repeats > 1 else "") if folds else "a split a seed"
                name += ", training" * training
                rows.append([name, seeds, "yes" if spread else "no", *false.values(), power])
    return rows


def called_behind(kind: str, settings: int, seeds: int, studies: int) -> float:
    """The share of studies of equal settings on folds in which one is called behind the best.

    kind: "alike", or "collapses" (a seed of a setting is at 50 % in every fold, with probability COLLAPSE).
    """
    rng = np.random.default_rng([settings, seeds, KINDS.index(kind)])
    false = 0
    for _ in range(studies):
        x, keys = accuracies(rng, (MANY_FOLDS, 1, seeds), [SEEDS] * settings, [MEAN] * settings)
        if kind == "collapses":
            lost = rng.random((seeds, settings)) < COLLAPSE
            x = np.where(np.tile(lost, (MANY_FOLDS, 1)), 0.5, x)
        runs = {str(i): SettingRuns(dict(zip(keys, x[:, i].tolist(), strict=True))) for i in range(settings)}
        best = str(int(x.mean(axis=0).argmax()))
        words = conclude(
            runs,
            best,
            "val_accuracy",
            compared=runs,
            examples=EXAMPLES,
            each=EXAMPLES // MANY_FOLDS,
            overlap=1 / (MANY_FOLDS - 1),
            folds=MANY_FOLDS,
        ).against.values()
        false += any(one.word == BEHIND for one in words)
    return false / studies


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", metavar="data sets", type=int, nargs="?", default=2000)
    sets = parser.parse_args().sets
    print(f"{sets:,} data sets a row; share with p < 0.05")
    print("| folds | seeds | seeds matter | plain | one term | ours | power of ours |\n|---|--:|---|--:|--:|--:|--:|")
    for name, seeds, matter, *shares in table(sets):
        print(f"| {name} | {seeds} | {matter} | {' | '.join(f'{100 * share:.1f} %' for share in shares)} |", flush=True)
    studies = max(sets // STUDIES, 1)
    print(
        f"\n{studies:,} studies of equal settings on {MANY_FOLDS} folds; share in which one is called behind the best"
    )
    print(f"| settings | seeds | {' | '.join(KINDS)} |\n|--:|--:|{'--:|' * len(KINDS)}")
    for settings, seeds in MANY:
        shares = [called_behind(kind, settings, seeds, studies) for kind in KINDS]
        print(f"| {settings} | {seeds} | {' | '.join(f'{100 * share:.0f} %' for share in shares)} |", flush=True)


if __name__ == "__main__":
    main()
