"""Numbers with their spread: what a few seeds can and cannot say.

Letters: n seeds, x their values, d differences between two settings on the same seed, s standard deviation (ddof 1).

Two noises: the seed, and the finite test set.  Settings share seeds, so they are compared in pairs.
Below six shared seeds no sign-flip test can reach p < 0.05, and the paired t-test speaks alone.  Folds share
their examples, and the t-test is corrected for that (`resampled`).

Sources: Bouthillier et al. 2021 (arXiv 2103.03098), Agarwal et al. 2021 (arXiv 2108.13264), Colas et al. 2018
(arXiv 1806.08295), Jordan 2023 (arXiv 2304.01910); Holm 1979.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.report.findings.intervals import Interval, bca_interval, exact_binomial_interval, mean_interval
from handgrad.report.findings.resampled import has_folds, means_of
from handgrad.streams import stream
from handgrad.training.run_keys import RunKey, counted, fold_in, in_order, seed_in

LEVEL = 0.05
BOOTSTRAP_SEEDS = 30  # from here the BCa bootstrap covers what it says (benchmarks/conclusions.py)
SIGN_FLIP_SEEDS = 6  # 2 / 2^6 is the first smallest p below 0.05
EXACT_SIGNS = 32  # differences whose 2^n signs are counted
SIGN_DRAWS = 99_999
MOST_PAIRED = 1500  # settings of which all pairs are tested
ROUNDING = 4 * 2.0**-52  # of the larger of two values: differences that are no further apart than this are equal


@dataclass(frozen=True)
class Sample:
    """The values of one measure over runs: n, mean, std (None where n ≤ ddof), intervals (None where n < 2)."""

    values: Mapping[RunKey, float]  # seed, or fold and seed -> value
    ddof: int
    mean: float | None
    std: float | None
    interval: Interval | None
    bootstrap: Interval | None

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def counted(self) -> str:
        """What it is over, in words: "n = 3", or "5 folds × 2 seeds"."""
        return counted(self.values) if has_folds(self.values) else f"n = {self.n}"


def sample(values: Mapping[RunKey, float], ddof: int = 1, examples: int | None = None, overlap: float = 0.0) -> Sample:
    """Mean, standard deviation with `ddof`, t interval and, from thirty seeds, the BCa bootstrap beside it.

    overlap: n₂/n₁ of folds, whose interval is the corrected one (`intervals.mean_interval`).

    >>> s = sample({0: 0.96, 1: 0.97, 2: 0.98})
    >>> s.n, round(s.mean, 4), round(s.std, 4), round(s.interval.low, 4)
    (3, 0.97, 0.01, 0.9452)
    >>> round(sample({0: 1.0, 1: 1.0, 2: 1.0}, examples=300).interval.low, 4)
    0.9878
    """
    x = list(values.values())
    mean = math.fsum(x) / len(x) if x else None
    std = float(np.std(x, ddof=ddof)) if len(x) > ddof else None
    folds = has_folds(values)
    bootstrap = bca_interval(x) if len(x) >= BOOTSTRAP_SEEDS and not folds else None
    interval = mean_interval(values, overlap)
    if interval is None and mean is not None and len(x) > 1 and examples and not np.ptp(x) > 0:
        interval = exact_binomial_interval(mean, examples)
    return Sample(dict(values), ddof, mean, std, interval, bootstrap)


def kendall_tau_b(x: Sequence[float], y: Sequence[float]) -> float | None:
    """How alike two rankings are: (agreeing − opposed) / √((pairs − ties in x)·(pairs − ties in y)) (Kendall 1945).

    1 for the same order, −1 for the opposite; None where one side ranks nothing.  Infinite values rank as they are.

    >>> kendall_tau_b([1, 2, 3], [10, 30, 20])  # two pairs agree, one does not
    0.3333333333333333
    """
    pairs = [(i, j) for i in range(len(x)) for j in range(i)]
    a = [(x[i] > x[j]) - (x[i] < x[j]) for i, j in pairs]
    b = [(y[i] > y[j]) - (y[i] < y[j]) for i, j in pairs]
    untied = sum(map(abs, a)) * sum(map(abs, b))
    return sum(p * q for p, q in zip(a, b, strict=True)) / math.sqrt(untied) if untied else None


def sign_flip_p(d: Sequence[float]) -> float:
    """The two-sided sign-flip test: the share of the 2^n signs whose |Σ ±d| is at least |Σ d|.

    It assumes only that differences are symmetric about zero.  Equal to it within rounding counts.  Exact up to
    n = 32 differences that are not zero, by counting over the sums of two halves; beyond, the same share of N = 99,999
    random signs of a stream of its own, (k + 1)/(N + 1), whose standard error is √(p(1 − p)/N): 0.0007 at p = 0.05.
    The order of the differences does not matter.

    >>> sign_flip_p([0.1, 0.2, 0.3])  # two of eight: all plus, all minus
    0.25
    """
    size = np.sort(np.abs(np.asarray(d, dtype=np.float64)))  # every sign of a difference is counted: sizes decide
    size = size[size > 0]  # a zero doubles both counts
    total, rounding = abs(math.fsum(d)), 1e-9 * float(size.sum())
    if total <= rounding:
        return 1.0
    if len(size) > EXACT_SIGNS:
        return _drawn_sign_flip_p(size, total - rounding)
    first, second = _signed_sums(size[::2]), np.sort(_signed_sums(size[1::2]))
    reach = len(second) - np.searchsorted(second, total - rounding - first, side="left")
    return float(2 * reach.sum() / 2 ** len(size))  # twice: Σ and −Σ are equally likely


def _signed_sums(size: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 2^n sums Σ ±size."""
    sums = np.zeros(1)
    for one in size:
        sums = np.concatenate([sums + one, sums - one])
    return sums


def _drawn_sign_flip_p(size: NDArray[np.float64], total: float) -> float:
    """(k + 1)/(N + 1) for the k of N random signs whose |Σ ±size| reaches the total."""
    rng, reach, left = stream(0, "bootstrap", 1), 0, SIGN_DRAWS
    while left:
        rows = min(left, 1 + 2_000_000 // len(size))
        signs = rng.integers(0, 2, size=(rows, len(size)), dtype=np.int8)
        reach += int((np.abs(2 * (signs @ size) - size.sum()) >= total).sum())
        left -= rows
    return (reach + 1) / (SIGN_DRAWS + 1)


def paired_t_p(d: Sequence[float]) -> float | None:
    """Two-sided paired t-test of differences: t = mean·√n / s on n − 1 degrees of freedom; None below two.

    Where all differences are equal (s = 0) t says nothing, and the sign-flip test's p stands in.
    """
    x = np.asarray(d, dtype=np.float64).reshape(1, -1)
    keys = list(range(len(d)))
    p = _paired_t(x, np.ones_like(x, dtype=bool), keys, ROUNDING * np.abs(x).max(axis=1, initial=0.0))[0]
    return None if math.isnan(p) else float(p)


def _paired_t(
    d: NDArray[np.float64],
    known: NDArray[np.bool_],
    keys: Sequence[RunKey],
    rounding: NDArray[np.float64],
    overlap: float = 0.0,
) -> NDArray[np.float64]:
    """p of each row of differences (pairs, runs), of which some are known; NaN below two seeds, or folds.

    rounding (pairs,): differences of a row that are no further apart are equal.  0.81 − 0.80 and 0.82 − 0.81 are one
    example in a hundred both, and differ in their last bits: a spread of those would make any t.
    """
    from scipy.special import stdtr

    found = means_of(d, known, keys, overlap)
    mean, equal = np.abs(found.mean), found.width <= rounding
    t = mean / np.sqrt(np.where(equal, 1.0, found.variance))
    p = np.where(
        equal,
        np.where(mean <= rounding, 1.0, 2.0 ** (1 - np.minimum(found.n, 1000))),
        2 * stdtr(found.df, -t),
    )
    return np.where(found.n < 2, np.nan, p)


def holm(p: Sequence[float] | NDArray[np.float64]) -> list[float]:
    """p-values adjusted for several comparisons (Holm 1979): the i-th smallest of m times (m − i + 1), never falling.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    adjusted = np.empty_like(values)
    factors = np.arange(len(values), 0, -1)
    adjusted[order] = np.maximum.accumulate(np.minimum(1.0, values[order] * factors)) if len(values) else values
    return [float(value) for value in adjusted]


@dataclass(frozen=True)
class Comparison:
    """One setting against the reference, on the runs both finished.  `difference` is setting − reference, in pairs.

    n: seeds, or folds where these divide the data: then p is that of the corrected test, and no signs are flipped, as
    folds are not independent.  `counted`: the pairs in words;  `seeds`: how many there are, on whichever fold.
    `decided` is the one verdict of it: every word, mark and shading of a report says no more and no less.
    """

    n: int
    difference: float | None
    interval: Interval | None  # of the mean difference, by t
    p: float | None  # paired t
    adjusted_p: float | None  # Holm's, over all `pairs` of settings: the reference was chosen on the same numbers
    sign_flip: float | None
    pairs: int = 1
    folds: bool = False
    counted: str = ""
    seeds: int = 0
    ahead: bool = False  # better than the reference on these seeds, and below it only because runs of it are missing

    @property
    def decided(self) -> bool:
        """That the setting is behind: not ahead, adjusted p below 0.05 and, from the six shared seeds on that a test of
        signs needs, its p (which assumes no normal distribution) below 0.05 too."""
        if self.ahead or self.adjusted_p is None or self.adjusted_p >= LEVEL:
            return False
        return self.n < SIGN_FLIP_SEEDS or self.sign_flip is None or self.sign_flip < LEVEL

    @property
    def verdict(self) -> str:
        """In a word: "behind" or "undecided"."""
        return "behind" if self.decided else "undecided"

    @property
    def tied(self) -> bool:
        """Not shown to be behind: undecided, which is not the same as equal."""
        return not self.decided

    @property
    def against_signs(self) -> bool:
        """Whether the test of signs alone leaves undecided what the paired t-test would have decided."""
        return self.tied and not self.ahead and self.adjusted_p is not None and self.adjusted_p < LEVEL


def compare(
    settings: Sequence[Mapping[RunKey, float]], reference: Mapping[RunKey, float], overlap: float = 0.0
) -> list[Comparison]:
    """Each setting (seed, or fold and seed -> value) against the reference: the paired t-test on shared seeds, with
    Holm's correction over all pairs among these settings and the reference.

    The reference is the best of them, chosen on the same numbers, so that a correction over its own pairs alone would
    claim too much: whichever setting had won, its pairs would have been looked at.  Each pair has its own variance, as
    one setting that collapsed would drown the others in a common one; `benchmarks/conclusions.py` measures how often
    equal settings are called different.  Above 1,500 settings the factor is the number of pairs (Bonferroni).
    overlap: n₂/n₁ of folds (`resampled`).
    """
    keys = in_order({key for values in (reference, *settings) for key in values})
    x = np.array([[values.get(key, np.nan) for key in keys] for values in (reference, *settings)])
    rounding = ROUNDING * np.where(np.isnan(x), 0.0, np.abs(x)).max(axis=1, initial=0.0)
    folds = has_folds(dict.fromkeys(keys))
    own = _paired_with(x, 0, keys, rounding, overlap)
    adjusted, pairs = _over_all_pairs(x, keys, rounding, own, overlap)
    found = []
    for values, p, q, own_rounding in zip(settings, own, adjusted, rounding[1:], strict=True):
        shared = [key for key in keys if key in values and key in reference]
        d = {key: values[key] - reference[key] for key in shared}
        n = len({key if fold_in(key) is None else fold_in(key) for key in shared})
        few = n < 2
        found.append(
            Comparison(
                n=n,
                difference=math.fsum(d.values()) / len(d) if d else None,
                interval=mean_interval(d, overlap, max(own_rounding, rounding[0])),
                p=None if few else float(p),
                adjusted_p=None if few else float(q),
                sign_flip=None if few or folds else sign_flip_p(list(d.values())),
                pairs=pairs,
                folds=folds,
                counted=counted(shared),
                seeds=len(set(map(seed_in, shared))),
            )
        )
    return found


def _paired_with(
    x: NDArray[np.float64], i: int, keys: list[RunKey], rounding: NDArray[np.float64], overlap: float
) -> NDArray[np.float64]:
    """p of every row of x below row i against that one."""
    d = x[i + 1 :] - x[i]
    return _paired_t(d, ~np.isnan(d), keys, np.maximum(rounding[i + 1 :], rounding[i]), overlap)


def _over_all_pairs(
    x: NDArray[np.float64],
    keys: list[RunKey],
    rounding: NDArray[np.float64],
    own: NDArray[np.float64],
    overlap: float,
) -> tuple[NDArray[np.float64], int]:
    """(Holm's p of the pairs (0, i) in the family of all pairs that share two seeds or more, the number of these)."""
    k = len(x)
    if k > MOST_PAIRED:
        pairs = k * (k - 1) // 2
        return np.minimum(1.0, own * pairs), pairs
    rows = [own]
    rows += [_paired_with(x, i, keys, rounding, overlap) for i in range(1, k - 1)]
    p = np.concatenate(rows)
    adjusted = np.full(len(p), np.nan)
    valued = ~np.isnan(p)
    adjusted[valued] = holm(p[valued])
    return adjusted[: k - 1], int(valued.sum())
