"""Every setting of a study against the best: difference, simultaneous interval, and one of four words.

    best            the highest mean (or the setting that the caller names)
    behind          its interval excludes 0, and so does that of every setting that ranks below it
    equivalent      its interval lies inside ± margin, and so does that of every setting that ranks above it
    not separated   neither: `more_seeds` says how many further seeds would decide, if means and spreads stay as seen

Settings rank by their difference, so that a word never returns further down.  From the worst upwards each is compared
by what the largest difference among as many equal settings can be (`critical_values`); what is behind no longer
counts as a rival of the others (Hansen, Lunde and Nason 2011).

A run that fell (collapsed, diverged) is a result: it counts in the mean.  What it did to a mean is compared with what
runs of all settings do, by Tukey's range with one variance for all, as any setting may have had the bad luck.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from handgrad.report.findings.example_noise import example_noise, margin_of
from handgrad.report.findings.resampled import SeedMeans, variance_factor
from handgrad.report.findings.simultaneous import from_normal
from handgrad.report.findings.spreads import Flags, Numbers, fallen_runs
from handgrad.report.findings.step_down import LEVEL, StepDown

BEST, BEHIND, EQUIVALENT, OPEN = "best", "behind", "equivalent", "not separated"
BOTH = "seeds and examples"
MOST_SEEDS = 10_000  # beyond, more seeds are no answer
SEEDS = (2, 3, 5, 10, 20, 50, 100)  # for which the smallest difference that would show is given
DIVISIONS = (1, 2, 3, 5, 10, 20)  # of folds, for which it is given: a part of a division is no result


@dataclass(frozen=True)
class Against:
    """One setting against the best.  `difference`, `low`, `high`: setting − best in the measure's units.

    n: seeds that both have; where there is none, the means over their own seeds are compared.
    low, high: None for the best itself, and where no seed shows a spread.
    more_seeds: of a setting that is not separated: how many more of each; None where they would not decide.
    chance: to have the highest mean of all, given these numbers (flat priors for means).
    held_by: the setting that ranks below and is not separated, where this one's own interval excludes 0.
    fallen: how many of its runs fell.
    """

    word: str
    n: int
    difference: float | None
    low: float | None
    high: float | None
    more_seeds: int | None
    chance: float | None
    held_by: int | None
    fallen: int


@dataclass(frozen=True)
class AgainstBest:
    """The settings of one measure against the best of them.

    best: its index; None where no run has a value
    settings: in the order given;  ranking: indices, the best first, by difference
    margin: None where none was given and the number of examples is not known
    noise: "seeds", or "seeds and examples" where the interval holds for other examples as well
    level: 0.05, the chance of a wrong word in the study
    smallest: seeds of each setting, or folds of whole divisions -> the smallest difference between the best and a
        setting of typical spread that would be behind, were all settings still its rivals; empty where no seed shows
        a spread
    fallen (k, n): which runs fell
    """

    best: int | None
    settings: tuple[Against, ...]
    ranking: tuple[int, ...]
    margin: float | None
    noise: str
    level: float
    smallest: Mapping[int, float]
    fallen: Flags = field(repr=False)


def against_best(
    values: ArrayLike,
    *,
    higher: bool = True,
    bounded: bool = True,
    examples: int | None = None,
    diverged: ArrayLike | None = None,
    floor: float | None = None,
    collapsed: ArrayLike | None = None,
    right: ArrayLike | None = None,
    best: int | None = None,
    margin: float | None = None,
    overlap: float = 0.0,
    by_seed: SeedMeans | None = None,
    step: int = 1,
) -> AgainstBest:
    """Compare every setting with the best.

    values (k, n): the measure of k settings on n seeds, the same seed in a column; NaN where there is no run
    higher: whether higher is better;  bounded: whether values are fractions, 0 to 1
    examples: on how many examples they were scored
    diverged (k, n): runs that ended without a value; each counts as the worst value of the study, or as `floor` where
        that is worse
    collapsed (k, n): runs that learnt nothing; where not given, `fallen_runs` finds them
    right (k, n, examples): for fractions, whether an example was right; the noise of the examples is then included
    best: the index of the setting that was chosen; otherwise the best mean among those with the fewest missing runs
    margin: of equivalence, in units; otherwise 1.96 standard errors of the best's fraction on `examples` examples
    overlap, by_seed: of values that are means of folds (`StepDown`); `collapsed` are then those that fell by bad luck
        (`by_luck`);  step: further columns come so many at a time

    Raises ValueError where shapes do not fit.  No value is NaN or infinite in what is returned.

    >>> found = against_best([[0.95, 0.96, 0.95], [0.80, 0.79, 0.81], [0.94, 0.95, 0.96]], examples=1000)
    >>> [one.word for one in found.settings]
    ['best', 'behind', 'not separated']
    """
    x, known, fallen = _results(values, higher, bounded, examples, diverged, floor, collapsed)
    if by_seed is None:
        fallen = by_luck(x, known, fallen)
    else:
        by_seed = SeedMeans(by_seed.x if higher else (1.0 if bounded else 0.0) - by_seed.x, by_seed.fallen)
    k, _ = x.shape
    if best is None:
        best = _best(x, known)
    if best is None or not known[best].any():
        nothing = Against(OPEN, 0, None, None, None, None, None, None, 0)
        return AgainstBest(None, (nothing,) * k, tuple(range(k)), margin, "seeds", LEVEL, {}, fallen)
    if margin is None:
        margin = margin_of(float(x[best][known[best]].mean()), examples) if bounded else None
    covariance = None if right is None else example_noise(np.asarray(right, dtype=bool), known)
    places = StepDown(x, known, fallen, best, bounded, examples, covariance, overlap, by_seed)
    words, stop = _words(places, margin)
    found = [_against(places, i, words[i], stop, margin, higher, bounded, step) for i in range(k)]
    back = np.argsort(places.order)
    return AgainstBest(
        best=int(places.order[0]),
        settings=tuple(found[i] for i in back),
        ranking=tuple(int(i) for i in places.order),
        margin=margin,
        noise="seeds" if covariance is None else BOTH,
        level=LEVEL,
        smallest=_smallest(places, bounded, step),
        fallen=fallen,
    )


def _results(
    values: ArrayLike,
    higher: bool,
    bounded: bool,
    examples: int | None,
    diverged: ArrayLike | None,
    floor: float | None,
    collapsed: ArrayLike | None,
) -> tuple[Numbers, Flags, Flags]:
    """(values with higher better and diverged runs as the worst, which are known, which fell)."""
    given = np.asarray(values, dtype=np.float64)
    if given.ndim != 2:
        raise ValueError(f"values must be (settings, seeds); got shape {given.shape}")
    x = given if higher else (1.0 if bounded else 0.0) - given
    known = np.isfinite(x)
    away = np.zeros(x.shape, dtype=bool) if diverged is None else np.asarray(diverged, dtype=bool)
    for name, flags in (("diverged", away), ("collapsed", collapsed)):
        if flags is not None and np.shape(flags) != x.shape:
            raise ValueError(f"{name} must have the shape of values, {x.shape}; got {np.shape(flags)}")
    away = away & ~known
    if known.any():
        worst = float(x[known].min())
        if floor is not None:
            worst = min(worst, floor if higher else (1.0 if bounded else 0.0) - floor)
        x = np.where(away, worst, x)
        known = known | away
    low = fallen_runs(np.where(known, x, np.nan), bounded, examples) if collapsed is None else np.asarray(collapsed)
    fallen = (low.astype(bool) | away) & known
    return np.where(known, x, np.nan), known, fallen


def by_luck(x: Numbers, known: Flags, fallen: Flags, units: int | None = None) -> Flags:
    """The fallen runs that may be bad luck, which any setting could have had.  x: higher is better.

    Where all runs of a setting fell, that is what it does, unless so many falls are to be expected: k·pⁿ > 0.05 with
    p = (fallen + 1)/(runs + 1) in the other settings, some of whose runs fell.  units: the n of runs that may fall
    together, as those of one seed do in all folds; otherwise the runs of the setting.
    """
    n = known.sum(axis=1)
    whole: Flags = np.asarray((fallen.sum(axis=1) == n) & (n > 0))
    partly: Flags = np.asarray(fallen & ~whole[:, None])
    if not partly.any():
        return partly
    whole |= (n > 0) & (np.where(known, x, -np.inf).max(axis=1) <= x[partly].max())
    p = (partly[~whole].sum() + 1) / (n[~whole].sum() + 1)
    lucky = whole & (len(x) * p ** np.maximum(n if units is None else np.minimum(n, units), 1) > LEVEL)
    return np.asarray((partly & ~whole[:, None]) | (known & lucky[:, None]))


def _best(x: Numbers, known: Flags) -> int | None:
    n = known.sum(axis=1)
    if not n.any():
        return None
    mean = np.where(known, x, 0.0).sum(axis=1) / np.maximum(n, 1)
    return int(np.argmax(np.where(n == n.max(), mean, -np.inf)))


def _words(places: StepDown, margin: float | None) -> tuple[list[str], int]:
    """(the word of each place, the last place that is not behind).  Nothing is decided where no seed shows a spread."""
    last = len(places.d) - 1
    words = [BEST] + [OPEN] * last
    if not places.shown:
        return words, last
    stop = places.last_in()
    words[stop + 1 :] = [BEHIND] * (last - stop)
    for i in range(1, stop + 1):
        if not _inside(places, i, places.half(i, stop), margin):
            break
        words[i] = EQUIVALENT
    return words, stop


def _inside(places: StepDown, i: int, half: float, margin: float | None) -> bool:
    return margin is not None and bool(places.valued[i]) and abs(float(places.d[i])) + half <= margin


def _against(
    places: StepDown, i: int, word: str, stop: int, margin: float | None, higher: bool, bounded: bool, step: int
) -> Against:
    chance = float(places.chances[i]) if places.shown else None
    if not places.valued[i]:
        return Against(OPEN, 0, None, None, None, None, chance, None, 0)
    d = float(places.d[i]) * (1.0 if higher else -1.0) + 0.0
    half = places.half(i, max(i, stop)) if places.shown and i else math.inf
    bare, most = not math.isfinite(half), 1.0 if bounded else math.inf
    held = word == OPEN and not bare and -places.d[i] > half
    return Against(
        word=word,
        n=int(places.shared[i]),
        difference=d,
        low=None if bare else max(d - half, -most),
        high=None if bare else min(d + half, most),
        more_seeds=_more_seeds(places, i, margin, step) if word == OPEN and not bare else None,
        chance=chance,
        held_by=int(places.order[stop]) if held else None,
        fallen=int(places.fallen[i].sum()),
    )


def _more_seeds(places: StepDown, i: int, margin: float | None, step: int) -> int | None:
    """The fewest further seeds of every setting at which the word of place i is another, by doubling and bisection:
    those that are behind by then are no rivals any more, and the spread is better known.

    step: of folds, those of one division: in so many they come.
    """
    now = max(int(places.shared[i]), 1)

    def decides(steps: int) -> bool:
        n = now + step * steps
        scale = variance_factor(float(n), places.overlap) / variance_factor(float(now), places.overlap)
        more_df = (n - 1) / (now - 1) if now > 1 else float(n)
        last = places.last_in(scale, more_df)
        return i > last or all(
            _inside(places, j, places.half(j, last, scale, more_df), margin) for j in range(1, i + 1)
        )

    high = 1
    while not decides(high):
        high *= 2
        if high * step > MOST_SEEDS:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high * step


def _smallest(places: StepDown, bounded: bool, step: int) -> dict[int, float]:
    """z of all places as a t · √((s_0²·slope² + σ_0²)/n + the constant variance), for n seeds, and what examples leave
    open (`StepDown.half`), where it is possible.  step: the folds of a division, 1 of seeds."""
    if not places.shown or len(places.d) < 2 or places.z[-1] == 0:
        return {}
    s = places.spreads
    variance = float(s.typical * s.slope[0] ** 2 + s.variance[0])
    now, df = max(float(np.median(places.n)), 1.0), float(np.median(places.df[1:]))
    constant, last = float(np.median(places.constant[1:])), len(places.d) - 1
    by_examples = float(np.median([places.half_of_examples(i, last) for i in range(1, last + 1)]))
    found = {}
    counts = {*(SEEDS if step == 1 else (step * divisions for divisions in DIVISIONS)), int(places.n.max())}
    for n in sorted(n for n in counts if n % step == 0):
        t = float(from_normal(places.z[-1], max(df * n / now, 0.3)))
        by_seeds = t * math.sqrt(variance * variance_factor(float(n), places.overlap) + constant)
        difference = math.hypot(by_seeds, by_examples)
        if not bounded or difference <= 1:
            found[n] = difference
    return found
