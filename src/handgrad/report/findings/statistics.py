"""Numbers with their spread: what a few seeds can and cannot say.

Letters: n seeds, x their values, d differences between two settings on the same seed, s standard deviation (ddof 1).

Two noises: the seed, and the finite test set.  Settings share seeds, so they are compared in pairs.
Below six shared seeds no sign-flip test can reach p < 0.05, and the paired t-test speaks alone.  Folds share
their examples, and the t-test is corrected for that (`resampled`).

Sources: Bouthillier et al. 2021 (arXiv 2103.03098), Agarwal et al. 2021 (arXiv 2108.13264), Colas et al. 2018
(arXiv 1806.08295), Jordan 2023 (arXiv 2304.01910).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from handgrad.report.findings.intervals import Interval, bca_interval, exact_binomial_interval, mean_interval
from handgrad.report.findings.resampled import has_folds, means_of
from handgrad.streams import stream
from handgrad.training.run_keys import RunKey, counted, fold_in, in_order

LEVEL = 0.05
BOOTSTRAP_SEEDS = 30  # from here the BCa bootstrap covers what it says; with fewer too little
SIGN_FLIP_SEEDS = 6  # 2 / 2^6 is the first smallest p below 0.05
EXACT_SIGNS = 32  # differences whose 2^n signs are counted
SIGN_DRAWS = 99_999
ROUNDING = 4 * 2.0**-52  # of the larger of two values: differences that are no further apart than this are equal


@dataclass(frozen=True)
class Sample:
    """The values of one measure over runs: n, mean, std (None where n ≤ ddof), intervals (None where n < 2).

    sources: what differed from seed to seed, where the study says what its seeds vary.
    """

    values: Mapping[RunKey, float]  # seed, or fold and seed -> value
    ddof: int
    mean: float | None
    std: float | None
    interval: Interval | None
    bootstrap: Interval | None
    sources: tuple[str, ...] = ()

    @property
    def n(self) -> int:
        return len(self.values)

    @property
    def counted(self) -> str:
        """What it is over, in words: "n = 3", or "5 folds × 2 seeds"."""
        return counted(self.values) if has_folds(self.values) else f"n = {self.n}"


def sample(values: Mapping[RunKey, float], ddof: int = 1, examples: int | None = None, overlap: float = 0.0) -> Sample:
    """Mean, standard deviation with `ddof`, t interval and, from thirty seeds, the BCa bootstrap beside it.

    examples: of an accuracy, how many it was scored on.  Where all runs agree they show no spread, and what is left is
    the noise of the examples: the interval is then the exact binomial one, or None where `examples` is not known.
    overlap: n₂/n₁ of folds or splits, whose interval is the corrected one (`intervals.mean_interval`).

    >>> s = sample({0: 0.96, 1: 0.97, 2: 0.98})
    >>> s.n, round(s.mean, 4), round(s.std, 4), round(s.interval.low, 4)
    (3, 0.97, 0.01, 0.9452)
    >>> round(sample({0: 1.0, 1: 1.0, 2: 1.0}, examples=300).interval.low, 4)
    0.9878
    """
    x = list(values.values())
    mean = math.fsum(x) / len(x) if x else None
    std = float(np.std(x, ddof=ddof)) if len(x) > ddof else None
    independent = not overlap and not has_folds(values)
    bootstrap = bca_interval(x) if len(x) >= BOOTSTRAP_SEEDS and independent else None
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


def paired_t_p(
    d: Sequence[float], rounding: float | None = None, *, keys: Sequence[RunKey] | None = None, overlap: float = 0.0
) -> float | None:
    """Two-sided t-test of paired differences: t = mean/√V on the degrees of freedom of V (`resampled.means_of`).

    Over seeds V = s²/n on n − 1, the paired t-test; over folds and seeds the corrected one.  None below two seeds, or
    two folds, of folds whose overlap is not known, and of those that all have one difference, which is not 0.
    keys: of the runs, in the order of the differences; None: seeds.  overlap: n₂/n₁ of folds or splits.
    rounding: differences that are no further apart are equal; None: what float64 makes of the largest of them.  0.81 −
    0.80 and 0.82 − 0.81 are one example in a hundred both, and differ in their last bits: a spread of those would make
    any t.  Where all are equal (s = 0) t says nothing, and over seeds the sign-flip test's p stands in.
    """
    from scipy.special import stdtr

    x = np.array([list(d)], dtype=np.float64)
    found = means_of(x, np.ones_like(x, dtype=bool), range(len(d)) if keys is None else keys, overlap)
    n, mean, folds = int(found.n[0]), float(found.mean[0]), keys is not None and has_folds(dict.fromkeys(keys))
    if n < 2 or (folds and not overlap):
        return None
    reach = ROUNDING * float(np.abs(x).max()) if rounding is None else rounding
    if found.width[0] <= reach:
        return 1.0 if abs(mean) <= reach else None if folds else 2.0 ** (1 - min(n, 1000))
    return float(2 * stdtr(found.df[0], -abs(mean) / math.sqrt(found.variance[0])))


@dataclass(frozen=True)
class Comparison:
    """Two settings, or two sets of settings, that were named before their numbers were seen, on the runs that both
    finished.  `difference` is the first − the second, in pairs.

    How a setting is compared with the best, which was chosen on the same numbers, says `against_best`.
    n: seeds, or folds where these divide the data.  Of folds, and of seeds that draw a split each, p is that of the
    corrected test, and no signs are flipped, as they are not independent.  `counted`: the pairs in words.
    """

    n: int
    difference: float | None
    interval: Interval | None  # of the mean difference, by t
    p: float | None  # paired t
    sign_flip: float | None
    folds: bool = False
    counted: str = ""
    equal: bool = False  # but for rounding, in all of two or more pairs

    @property
    def why_bare(self) -> str:
        """Why the difference has no interval, in words; empty where it has one, or where there is no difference.

        >>> compare({0: 0.5, 1: 0.75}, {0: 0.25, 1: 0.5}).why_bare, compare({0: 0.5}, {0: 0.25}).why_bare
        ('equal in every seed', 'one seed shows no spread')
        """
        unit = "fold" if self.folds else "seed"
        if self.interval is not None or self.difference is None:
            return ""
        if self.n < 2:
            return f"one {unit} shows no spread"
        return f"equal in every {unit}" if self.equal else "training and test metrics of folds have none"

    @property
    def corrected(self) -> bool:
        """Whether p is that of the corrected test."""
        return self.p is not None and self.sign_flip is None

    @property
    def decided(self) -> bool:
        """That they differ: p below 0.05 and, from the six shared seeds on that a test of signs needs, its p (which
        assumes no normal distribution) below 0.05 too."""
        if self.p is None or self.p >= LEVEL:
            return False
        return self.n < SIGN_FLIP_SEEDS or self.sign_flip is None or self.sign_flip < LEVEL


def compare(first: Mapping[RunKey, float], second: Mapping[RunKey, float], overlap: float = 0.0) -> Comparison:
    """Two settings (seed, or fold and seed -> value): the paired t-test and, over seeds, the sign-flip test on shared
    runs.

    overlap: n₂/n₁ of folds or splits (`resampled`).

    >>> found = compare({0: 0.96, 1: 0.97, 2: 0.98}, {0: 0.95, 1: 0.94, 2: 0.96})
    >>> found.n, round(found.difference, 3), round(found.p, 3), found.sign_flip
    (3, 0.02, 0.074, 0.25)
    """
    shared = in_order(first.keys() & second.keys())
    d = {key: first[key] - second[key] for key in shared}
    folds = has_folds(d)
    n = len(set(map(fold_in, shared))) if folds else len(shared)
    said = counted(shared) if shared else ""
    if n < 2:
        mean = math.fsum(d.values()) / len(d) if d else None
        return Comparison(n, mean, None, None, None, folds, said)
    rounding = ROUNDING * max(abs(value) for one in (first, second) for value in one.values())
    return Comparison(
        n=n,
        difference=math.fsum(d.values()) / len(d),
        interval=mean_interval(d, overlap, rounding),
        p=paired_t_p(list(d.values()), rounding, keys=shared, overlap=overlap),
        sign_flip=None if folds or overlap else sign_flip_p(list(d.values())),
        folds=folds,
        counted=said,
        equal=max(d.values()) - min(d.values()) <= rounding,
    )
