"""How right a report is about which hyperparameter matters, by simulation: nothing here is trained.

Shares of variance: grids of 4 learning rates × 3 widths whose variances are known.  By how much do estimates miss them
in the mean, beside η² (the share of the sum of squares), and how often do their 95 % intervals hold them?
Forest: settings drawn at random; lr has 71 % of the variance, act 29 %, width and every interaction nothing.
Expected best: beside that by choices with replacement, and how often the band holds the truth for all n at once.
Effects: grids of three axes of which none matters.  In how many is one told from 0, by its own p and after Holm's?
Part of a space: how often the interval of the part within a margin of the best holds it.
Time: seconds of one processor that a report spends on the shares of a grid, and of a forest on 200 settings.

    python benchmarks/importance.py [--studies 400] [--only shares effects forest best part time]
"""

import argparse
import itertools
import math
import time
from collections.abc import Callable, Iterator

import numpy as np
import pandas
from numpy.typing import NDArray

from handgrad.errors import InputError
from handgrad.report.findings.effects import effects
from handgrad.report.findings.expected_best import expected_best
from handgrad.report.findings.forest_shares import forest_shares
from handgrad.report.findings.variance_shares import variance_shares
from handgrad.report.findings.within_margin import within_margin

Numbers = NDArray[np.float64]
RATES, WIDTHS = (0.001, 0.01, 0.1, 1.0), (16, 64, 256)
LOST = 0.1
LR = 0.03 * np.array([-1.5, 0.5, 1.0, 0.0])  # centred effects
WIDTH = 0.01 * np.array([-1.0, 0.0, 1.0])
NAMES = ("lr", "width", "lr × width")


def flat() -> Numbers:
    """All settings are alike."""
    return np.full((4, 3), 0.85)


def main_effects() -> Numbers:
    """Both axes matter, and do not interact."""
    return 0.85 + LR[:, None] + WIDTH[None, :]


def with_interaction() -> Numbers:
    """Width matters at the largest learning rate alone."""
    mean = 0.85 + np.repeat(LR[:, None], 3, axis=1)
    mean[3] += 4 * WIDTH
    return mean


MEANS = (flat, main_effects, with_interaction)


def alike(rng: np.random.Generator, mean: Numbers, n: int) -> Numbers:
    """One spread, and a shift that each seed gives all settings."""
    return mean[..., None] + rng.normal(0, 0.02, (*mean.shape, n)) + rng.normal(0, 0.01, n)


def unequal(rng: np.random.Generator, mean: Numbers, n: int) -> Numbers:
    """Spreads from 0.4 to 6 points."""
    spread = np.geomspace(0.004, 0.06, mean.size).reshape(mean.shape)
    return mean[..., None] + spread[..., None] * rng.normal(size=(*mean.shape, n))


def seeds_move_lr(rng: np.random.Generator, mean: Numbers, n: int) -> Numbers:
    """Each seed has learning rates of its own: settings of one are alike, and more alike than their spread says."""
    return mean[..., None] + rng.normal(0, 0.01, (*mean.shape, n)) + rng.normal(0, 0.03, (4, 1, n))


def collapse(rng: np.random.Generator, mean: Numbers, n: int) -> Numbers:
    """At the largest learning rate a run in three never learns."""
    y = mean[..., None] + rng.normal(0, 0.01, (*mean.shape, n))
    y[3] = np.where(rng.random((3, n)) < 1 / 3, LOST, y[3])
    return y


NOISES = (alike, unequal, seeds_move_lr, collapse)


def parts(mean: Numbers) -> Numbers:
    """The variances of lr, width and their interaction over the grid."""
    lr = mean.mean(axis=1, keepdims=True) - mean.mean()
    width = mean.mean(axis=0, keepdims=True) - mean.mean()
    both = mean - mean.mean() - lr - width
    return np.array([(lr**2).mean(), (width**2).mean(), (both**2).mean()])


def shares_of_variance(studies: int) -> Iterator[str]:
    yield "Shares of variance, in percent: truth; mean of ω² | of η²; intervals that hold the truth"
    yield f"{'settings':17} {'noise':14} {'n':>2}  " + "  ".join(f"{name:>29}" for name in NAMES)
    rng = np.random.default_rng(0)
    for means, noise in itertools.product(MEANS, NOISES):
        large = noise(rng, means(), 40_000)
        truth = parts(large.mean(axis=2))
        truth = np.round(truth / (truth.sum() + large.var(axis=2).mean()), 4)
        for n in (2, 3, 5, 10):
            found, eta, held = [], [], []
            for _ in range(studies):
                y = noise(rng, means(), n)
                rows = [
                    (lr, w, s, y[i, j, s]) for i, lr in enumerate(RATES) for j, w in enumerate(WIDTHS) for s in range(n)
                ]
                frame = pandas.DataFrame(rows, columns=["lr", "width", "seed", "value"])
                by = {one.name: one for one in variance_shares(frame, ["lr", "width"]).shares}
                intervals = [by[name].interval for name in NAMES]
                found.append([by[name].share for name in NAMES])
                eta.append(parts(y.mean(axis=2)) / y.var())
                held.append(
                    [i is not None and i.low - 1e-9 <= t <= i.high for i, t in zip(intervals, truth, strict=True)]
                )
            columns = zip(truth, np.mean(found, axis=0), np.mean(eta, axis=0), np.mean(held, axis=0), strict=True)
            text = "  ".join(
                f"{100 * t:6.1f}; {100 * f:6.1f} | {100 * e:4.1f}; {100 * h:5.1f}" for t, f, e, h in columns
            )
            yield f"{means.__name__:17} {noise.__name__:14} {n:2}  {text}"


AXES = ["lr", "act", "width"]


def tested_effects(studies: int) -> Iterator[str]:
    yield "Equal settings, an effect told from 0, in percent: each p by itself; with Holm's correction"
    for levels in ((2, 2, 2), (3, 2, 3)):
        axes = [f"axis {j}" for j in range(len(levels))]
        for n in (2, 3, 5):
            rng, alone, together = np.random.default_rng([n, *levels]), 0, 0
            for _ in range(studies):
                shared = 0.01 * rng.standard_normal(n)
                cells = itertools.product(*map(range, levels), range(n))
                rows = [(*cell, 0.9 + shared[cell[-1]] + 0.01 * rng.standard_normal()) for cell in cells]
                found = effects(pandas.DataFrame(rows, columns=[*axes, "seed", "value"]), axes, "val_accuracy")
                alone += any(one.whole.difference.decided for one in found)
                together += any(one.whole.decided for one in found)
            size = " × ".join(map(str, levels))
            yield f"{size} settings, {n} seeds  {100 * alone / studies:.1f}; {100 * together / studies:.1f}"


def drawn(rng: np.random.Generator, settings: int, noise: float) -> pandas.DataFrame:
    """One seed of each setting; noise: its standard deviation, in that of the truth over the space."""
    rows = []
    for _ in range(settings):
        lr, act, width = (
            10 ** rng.uniform(-4, 0),
            rng.choice(["relu", "tanh", "sigmoid"]),
            int(rng.choice([16, 32, 64])),
        )
        mean = 0.9 - 0.05 * (math.log10(lr) + 2) ** 2 - 0.08 * (act == "sigmoid")
        rows.append((lr, str(act), width, 0, mean + noise * SPREAD * rng.standard_normal()))
    return pandas.DataFrame(rows, columns=[*AXES, "seed", "value"])


OF_LR, OF_ACT = 0.05**2 * 64 / 45, 0.08**2 * 2 / 9  # variances: of u², u uniform on [−2, 2], and of one kind of three
SPREAD = math.sqrt(OF_LR + OF_ACT)
FOREST_TRUTH = {"lr": OF_LR / SPREAD**2, "act": OF_ACT / SPREAD**2, "width": 0.0, "lr × act": 0.0}


def forests(studies: int) -> Iterator[str]:
    yield "Forest, in percent: truth; mean of the shares | of those per tree; intervals that hold the truth"
    yield f"{'settings':>8} {'noise':>5} {'refused':>7} {'R²':>5}  " + "  ".join(f"{name:>29}" for name in FOREST_TRUTH)
    rng = np.random.default_rng(1)
    for settings, noise in itertools.product((30, 60, 200), (0.3, 1.0)):
        found, trees, held, r2, refused = [], [], [], [], 0
        for _ in range(studies):
            try:
                forest = forest_shares(drawn(rng, settings, noise), AXES)
            except InputError:
                refused += 1
                continue
            by = {one.name: one for one in forest.shares}
            r2.append(forest.r2)
            found.append([by[name].share for name in FOREST_TRUTH])
            trees.append([by[name].per_tree for name in FOREST_TRUTH])
            held.append([by[name].interval.low <= t <= by[name].interval.high for name, t in FOREST_TRUTH.items()])
        means = (np.mean(each, axis=0) for each in (found, trees, held))
        columns = zip(FOREST_TRUTH.values(), *means, strict=True)
        text = "  ".join(f"{100 * t:6.1f}; {100 * f:6.1f} | {100 * e:4.1f}; {100 * h:5.1f}" for t, f, e, h in columns)
        yield f"{settings:8} {noise:5.1f} {100 * refused / studies:7.1f} {np.mean(r2):5.2f}  {text}"


def searched(rng: np.random.Generator, shape: int | tuple[int, int]) -> Numbers:
    """Accuracies of settings, a fifth of which never learn."""
    return np.where(rng.random(shape) < 0.2, LOST, rng.beta(8, 2, shape))


def expected_bests(studies: int) -> Iterator[str]:
    yield "Expected best of 5, in percent: truth; mean of the estimate | with replacement; bands that hold all n"
    rng = np.random.default_rng(2)
    for total in (5, 10, 30, 100):
        n = np.arange(1, total + 1)
        large = searched(rng, 400_000)
        truth = np.array([large[: len(large) // k * k].reshape(-1, k).max(axis=1).mean() for k in n.tolist()])
        found, other, held = [], [], []
        i = np.arange(1, total + 1) / total
        for _ in range(studies):
            x = searched(rng, total)
            one = expected_best(x)
            found.append(one.mean[4])
            other.append(np.sort(x) @ (i**5 - (i - 1 / total) ** 5))
            held.append(((one.low - 1e-3 <= truth) & (truth <= one.high + 1e-3)).all())
        line = (
            f"{100 * truth[4]:.2f}; {100 * np.mean(found):.2f} | {100 * np.mean(other):.2f}; {100 * np.mean(held):.1f}"
        )
        yield f"{total:4} settings  {line}"


def parts_of_spaces(studies: int) -> Iterator[str]:
    yield "Part within a point of the best draw, in percent: truth in the mean; mean of k / r; intervals that hold it"
    rng = np.random.default_rng(3)
    for settings in (10, 30, 100):
        truth, found, held = [], [], []
        for _ in range(studies):
            y = 0.95 - 0.02 * np.abs(rng.normal(size=settings))
            rows = pandas.DataFrame({"lr": rng.random(settings), "seed": 0, "value": y})
            one = within_margin(rows, ["lr"], 0.01, random=True)
            part = math.erf((0.95 - y.max() + 0.01) / 0.02 / math.sqrt(2))
            truth.append(part)
            found.append(one.part)
            held.append(one.interval is not None and one.interval.low <= part <= one.interval.high)
        yield f"{settings:4} draws  {100 * np.mean(truth):.1f}; {100 * np.mean(found):.1f}; {100 * np.mean(held):.1f}"


def times(studies: int) -> Iterator[str]:
    yield "Seconds of one processor, the median of five"
    rng = np.random.default_rng(4)

    def of_grid(levels: tuple[int, ...], seeds: int) -> pandas.DataFrame:
        axes = [f"axis {j}" for j in range(len(levels))]
        cells = itertools.product(*map(range, levels), range(seeds))
        rows = [(*cell, cell[0] + rng.standard_normal()) for cell in cells]
        return pandas.DataFrame(rows, columns=[*axes, "seed", "value"])

    for levels, seeds in (((5, 3, 2), 3), ((10, 10, 5, 2), 1), ((10, 10, 5, 2), 3)):
        frame = of_grid(levels, seeds)
        seconds = [_seconds(lambda frame=frame: variance_shares(frame, list(frame)[:-2])) for _ in range(5)]
        yield f"grid of {math.prod(levels):4} settings × {seeds}: {np.median(seconds):.2f}"
    for settings in (60, 200):
        frame = drawn(rng, settings, 0.3)
        seconds = [_seconds(lambda frame=frame: forest_shares(frame, AXES)) for _ in range(5)]
        yield f"forest of {settings:3} settings: {np.median(seconds):.2f}"


def _seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


PARTS: dict[str, Callable[[int], Iterator[str]]] = {
    "shares": shares_of_variance,
    "effects": tested_effects,
    "forest": forests,
    "best": expected_bests,
    "part": parts_of_spaces,
    "time": times,
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=400)
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    arguments = parser.parse_args()
    for name in arguments.only:
        for line in PARTS[name](arguments.studies):
            print(line, flush=True)
        print()
