"""How often a report's conclusions are wrong, by simulation, and how long they take: nothing here is trained.

False claims: studies of K settings whose means are all equal.  In what share of them is a setting said to be behind
the best?  It should be 5 % at most.  Beside it Tukey's studentized range in blocks of seeds (one variance for all).
Graded studies: the means differ.  How often is the truly best called behind, or a setting equivalent that is not?  In
what share do intervals hold the true difference?  How many of the settings that are worse are shown to be?
One set of examples: two methods, equally good on new data; how often are they told apart on the set at hand?
Coverage of the intervals of one setting, and the bias of a choice with the one that leaving seeds out finds.
Seconds that a phase of so many settings takes to be concluded, with all that a report says of it.

    python benchmarks/conclusions.py [--studies 300] [--settings 5 20 50 200] [--seeds 2 3 5 10]
        [--tables equal graded examples intervals choice seconds]
"""

import argparse
import itertools
import time
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import studentized_range

from handgrad.report.findings.against_best import BEHIND, EQUIVALENT, AgainstBest, against_best
from handgrad.report.findings.conclusions import SettingRuns, conclude
from handgrad.report.findings.outcomes import outcomes
from handgrad.report.findings.selection_bias import selection_bias
from handgrad.report.findings.statistics import LEVEL, sample

Numbers = NDArray[np.float64]
SETTINGS = (5, 20, 50, 200)
SEEDS = (2, 3, 5, 10)
COLLAPSED = 0.1  # accuracy of a run that says one class of ten


def measured(rng: np.random.Generator, accuracy: Numbers, examples: int) -> Numbers:
    """Accuracies as they come out on so many examples."""
    return rng.binomial(examples, np.clip(accuracy, 0, 1)) / examples


def equal(rng: np.random.Generator, k: int, n: int) -> Numbers:
    return measured(rng, rng.normal(0.95, 0.005, (k, n)), 1000)


def shared_seeds(rng: np.random.Generator, k: int, n: int) -> Numbers:
    """A seed does more to all settings alike than to each."""
    return measured(rng, 0.93 + rng.normal(0, 0.01, (1, n)) + rng.normal(0, 0.005, (k, n)), 1000)


def unequal_spreads(rng: np.random.Generator, k: int, n: int) -> Numbers:
    """Standard deviations from 0.1 to 3 points."""
    return measured(rng, rng.normal(0.85, np.geomspace(0.001, 0.03, k)[:, None], (k, n)), 10_000)


def two_spreads(rng: np.random.Generator, k: int, n: int) -> Numbers:
    """Every second setting varies by 3 points, the others by 1."""
    return measured(rng, rng.normal(0.85, np.where(np.arange(k) % 2, 0.01, 0.03)[:, None], (k, n)), 2000)


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


EQUAL = {  # -> examples
    equal: 1000,
    shared_seeds: 1000,
    unequal_spreads: 10_000,
    two_spreads: 2000,
    missing_runs: 1000,
    few_mistakes: 300,
    some_settings_collapsed: 1000,
    some_runs_collapse: 1000,
}


def claims(x: Numbers, examples: int) -> list[int]:
    """The settings of x (settings, seeds; NaN where there is none) that are called behind the best."""
    return [i for i, one in enumerate(against_best(x, examples=examples).settings) if one.word == BEHIND]


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
) -> tuple[float, float]:
    """The share of studies with a false claim: handgrad's, Tukey's (NaN where runs are missing)."""
    learnt = k // 3 if kind is some_settings_collapsed else 0
    rng = np.random.default_rng([k, n])
    wrong = np.zeros(2)
    for _ in range(studies):
        x = kind(rng, k, n)
        wrong[0] += any(i >= learnt for i in claims(x, EQUAL[kind]))
        wrong[1] += np.nan if np.isnan(x).any() else any(i >= learnt for i in tukey_claims(x))
    ours, tukey = wrong / studies
    return float(ours), float(tukey)


GAPS = {2: 0.06, 3: 0.03, 5: 0.02, 10: 0.012}  # seeds -> how far the worst is behind, were nothing to collapse
GRADED = (
    "one spread",
    "unequal spreads",
    "a fifth collapsed",
    "a fifth collapse in half of their runs",
    "every run collapses in one of ten",
)


def graded(kind: str, rng: np.random.Generator, k: int, n: int) -> tuple[Numbers, Numbers]:
    """(accuracies on 1,000 examples, the true mean of every setting): seeds shared and own, the first one is best."""
    level = 0.95 - np.r_[0.0, rng.random(k - 1) * GAPS.get(n, 0.02)]
    own = 0.005 * (np.exp(rng.normal(0, 0.5, (k, 1))) if kind == "unequal spreads" else np.ones((k, 1)))
    x = level[:, None] + rng.normal(0, 0.003, (1, n)) + own * rng.normal(size=(k, n))
    chance = np.zeros(k)
    if kind == "every run collapses in one of ten":
        chance[:] = 0.1
    elif kind.startswith("a fifth"):
        chance[k - max(1, k // 5) :] = 1.0 if kind.endswith("collapsed") else 0.5
    x = np.where(rng.random((k, n)) < chance[:, None], COLLAPSED, x)
    return measured(rng, x, 1000), (1 - chance) * level + chance * COLLAPSED


def striped(found: AgainstBest) -> bool:
    """Whether a word comes again after another one, in the order of the differences."""
    words = [found.settings[i].word for i in found.ranking]
    return sum(a != b for a, b in itertools.pairwise(words)) >= len(set(words))


def graded_studies(kind: str, k: int, n: int, studies: int) -> list[float]:
    """Shares: truly best called behind; a false "equivalent" in the study; intervals that hold the true difference;
    worse settings shown to be behind; the same by Tukey; striped rankings."""
    rng, sums, intervals = np.random.default_rng([k, n, 1]), np.zeros(6), 0
    for _ in range(studies):
        x, true = graded(kind, rng, k, n)
        found = against_best(x, examples=1000)
        words = [one.word for one in found.settings]
        best, margin = found.best or 0, found.margin or 0.0
        sums[0] += words[int(np.argmax(true))] == BEHIND
        sums[1] += any(w == EQUIVALENT and abs(true[i] - true[best]) > margin for i, w in enumerate(words))
        for i, one in enumerate(found.settings):
            if one.low is not None and one.high is not None:
                sums[2] += one.low - 1e-12 <= true[i] - true[best] <= one.high + 1e-12
                intervals += 1
        sums[3] += words.count(BEHIND) / (k - 1)
        sums[4] += len(tukey_claims(x)) / (k - 1)
        sums[5] += striped(found)
    return [float(v) for v in sums / [studies, studies, max(intervals, 1), studies, studies, studies]]


def one_set(examples: int, n: int, studies: int) -> tuple[float, float]:
    """How often two methods that are equally good on all examples there could be are told apart: by seeds alone, and
    by seeds and examples.

    8 % of the examples are hard; on each of these either method has its own chance, alike for all of its seeds (the two
    are correlated by 0.81).
    """
    rng, found = np.random.default_rng([examples, n]), np.zeros(2)
    for _ in range(studies):
        hard, common = rng.random(examples) < 0.08, rng.normal(size=examples)
        chances = [ndtr(0.9 * common + np.sqrt(0.19) * rng.normal(size=examples)) for _ in range(2)]
        right = np.array([rng.random((n, examples)) < np.where(hard, p, 0.998) for p in chances])
        x = right.mean(axis=2)
        for j, bits in enumerate((None, right)):
            words = [one.word for one in against_best(x, examples=examples, right=bits).settings]
            found[j] += BEHIND in words
    return float(found[0] / studies), float(found[1] / studies)


MEANS = ("normal seeds", "one mistake in 1,000, 300 examples", "one run in ten collapses")


def coverage(kind: str, n: int, studies: int) -> tuple[float, float, float, float]:
    """How often an interval holds its truth: mean of the runs that did not fall, chance to fall, mean of any run; and
    for comparison a t interval of all runs.  A single run has none, which is not counted."""
    rng, held, given = np.random.default_rng(n), np.zeros(4), np.zeros(4)
    chance = 0.1 if kind == "one run in ten collapses" else 0.0
    level, spread, examples = (0.999, 0.0, 300) if kind.startswith("one mistake") else (0.95, 0.01, 1000)
    mean = (1 - chance) * level + chance * COLLAPSED
    for _ in range(studies):
        fell = rng.random(n) < chance
        if fell.all():
            fell[0] = False
        x = np.where(fell, COLLAPSED, measured(rng, rng.normal(level, spread, n), examples))
        values = dict(enumerate(x.tolist()))
        found = outcomes(values, dict(enumerate(fell.tolist())), examples=examples)
        plain = sample(values, examples=examples).interval
        truths = ((found.others.interval, level), (found.fall, chance), (found.mean, mean), (plain, mean))
        held += [one is not None and one.low <= true <= one.high for one, true in truths]
        given += [one is not None for one, _ in truths]
    a, b, c, d = held / np.maximum(given, 1)
    return float(a), float(b), float(c), float(d)


def choice(k: int, n: int, studies: int) -> tuple[float, float]:
    """In points, of equal settings: by how much the best mean is too good, and what leaving seeds out says of it."""
    rng, sums = np.random.default_rng([k, n, 2]), np.zeros(2)
    for _ in range(studies):
        x = equal(rng, k, n)
        found = selection_bias(x)
        sums += [x.mean(axis=1).max() - 0.95, found.bias if found else 0.0]
    true, said = 100 * sums / studies
    return float(true), float(said)


def equal_rows(settings: Sequence[int], seeds: Sequence[int], studies: int) -> Iterator[str]:
    """Equal settings."""
    yield "\nequal settings, one called behind, in % of studies: handgrad (Tukey in blocks)"
    yield f"{'':26}{'n':>3} " + "".join(f"{f'K = {k}':>20}" for k in settings)
    for kind in EQUAL:
        for n in seeds:
            cells = [false_claims(kind, k, n, studies) for k in settings]
            shown = [f"{100 * a:.1f} ({'–' if b != b else f'{100 * b:.1f}'})" for a, b in cells]
            yield f"{kind.__name__.replace('_', ' '):26}{n:>3} " + "".join(f"{text:>20}" for text in shown)


def graded_rows(settings: Sequence[int], seeds: Sequence[int], studies: int) -> Iterator[str]:
    """Settings whose means differ."""
    yield "\ngraded studies, in %: best called behind | false equivalent | coverage | worse shown behind (Tukey)"
    yield f"{'':40}{'n':>3} " + "".join(f"{f'K = {k}':>34}" for k in settings)
    for name in GRADED:
        for n in seeds:
            texts = []
            for k in settings:
                a, b, c, d, e, stripes = (100 * v for v in graded_studies(name, k, n, studies))
                texts.append(f"{a:.1f} | {b:.1f} | {c:.1f} | {d:.1f} ({e:.1f})" + ("" if not stripes else " striped"))
            yield f"{name:40}{n:>3} " + "".join(f"{text:>34}" for text in texts)


def examples_rows(settings: Sequence[int], seeds: Sequence[int], studies: int) -> Iterator[str]:
    """One set of examples."""
    yield "\ntwo methods equally good on new data, told apart, in % of studies: by seeds (by seeds and examples)"
    for examples in (1000, 5000):
        pairs = [(n, one_set(examples, n, studies)) for n in (3, 10, 20)]
        texts = [f"n = {n}: {100 * a:.1f} ({100 * b:.1f})" for n, (a, b) in pairs]
        yield f"{f'{examples:,} examples':26}" + "".join(f"{text:>22}" for text in texts)


def intervals_rows(settings: Sequence[int], seeds: Sequence[int], studies: int) -> Iterator[str]:
    """Intervals of one setting."""
    yield "\ncoverage of 95 % intervals, in %: runs that did not fall | chance to fall | mean of any run (t of all)"
    yield f"{'':36}" + "".join(f"{f'n = {n}':>30}" for n in (2, 3, 5, 10, 20))
    for name in MEANS:
        found = [coverage(name, n, 3 * studies) for n in (2, 3, 5, 10, 20)]
        texts = [f"{100 * a:.1f} | {100 * b:.1f} | {100 * c:.1f} ({100 * d:.1f})" for a, b, c, d in found]
        yield f"{name:36}" + "".join(f"{text:>30}" for text in texts)


def choice_rows(settings: Sequence[int], seeds: Sequence[int], studies: int) -> Iterator[str]:
    """The bias of a choice."""
    yield "\nthe best of equal settings is too good, in points: truly (by leaving one seed out)"
    for n in seeds:
        pairs = [choice(k, n, studies) for k in settings]
        yield f"n = {n:<3}" + "".join(
            f"{f'K = {k}: {a:.2f} ({b:.2f})':>26}" for k, (a, b) in zip(settings, pairs, strict=True)
        )


def seconds_rows(settings: Sequence[int], seeds: Sequence[int], studies: int) -> Iterator[str]:
    """How long conclusions take: the best of five, a setting in ten with a run that collapsed."""
    yield "\nseconds of one core to conclude a phase: settings against the best, outcomes, bias of the choice"
    for n in seeds:
        rng, texts = np.random.default_rng(n), []
        for k in settings:
            x = np.where(rng.random((k, n)) < 0.1 / n, COLLAPSED, equal(rng, k, n))
            runs = {str(i): SettingRuns(dict(enumerate(row))) for i, row in enumerate(x.tolist())}
            best = str(int(np.argmax(x.mean(axis=1))))
            took = []
            for _ in range(5):
                start = time.process_time()
                conclude(runs, best, "val_accuracy", compared=runs, examples=1000, classes=10)
                took.append(time.process_time() - start)
            texts.append(f"K = {k}: {min(took):.2f}")
        yield f"n = {n:<3}" + "".join(f"{text:>16}" for text in texts)


TABLES = {
    "equal": equal_rows,
    "graded": graded_rows,
    "examples": examples_rows,
    "intervals": intervals_rows,
    "choice": choice_rows,
    "seconds": seconds_rows,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--studies", type=int, default=300)
    parser.add_argument("--settings", type=int, nargs="+", default=SETTINGS)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    given = parser.parse_args()
    error = 100 * np.sqrt(0.05 * 0.95 / given.studies)
    print(f"{given.studies} studies each; at 5 % one standard error is {error:.1f} points")
    for name in given.tables:
        for row in TABLES[name](given.settings, given.seeds, given.studies):
            print(row, flush=True)


if __name__ == "__main__":
    main()
