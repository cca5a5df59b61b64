"""Numbers with their spread: what a few seeds can and cannot say.

Letters: n seeds, x their values, d differences between two settings on the same seed, s standard deviation (ddof 1).

Two noises: the seed, and the finite test set.  Settings share seeds, so they are compared in pairs.
Below six shared seeds no sign-flip test can reach p < 0.05: the answer is then "undecided", aloud.

Sources: Bouthillier et al. 2021 (arXiv 2103.03098), Agarwal et al. 2021 (arXiv 2108.13264), Colas et al. 2018
(arXiv 1806.08295), Jordan 2023 (arXiv 2304.01910); BCa: Efron 1987, equations in `bca_interval`; Holm 1979.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from handgrad.streams import stream

LEVEL = 0.05
BOOTSTRAP_SEEDS = 10  # from here the BCa bootstrap stands beside the t interval
SIGN_FLIP_SEEDS = 6  # 2 / 2^6 is the first smallest p below 0.05
RESAMPLES = 9999


@dataclass(frozen=True)
class Interval:
    """A confidence interval and how it was computed."""

    low: float
    high: float
    method: str  # "t" | "BCa bootstrap" | "prediction"
    confidence: float = 1 - LEVEL


@dataclass(frozen=True)
class Sample:
    """The values of one measure over seeds: n, mean, std (None where n ≤ ddof), intervals (None where n < 2)."""

    values: Mapping[int, float]  # seed -> value
    ddof: int
    mean: float | None
    std: float | None
    interval: Interval | None
    bootstrap: Interval | None

    @property
    def n(self) -> int:
        return len(self.values)


def sample(values: Mapping[int, float], ddof: int = 1) -> Sample:
    """Mean, standard deviation with `ddof`, t interval and, from ten seeds, the BCa bootstrap beside it.

    >>> s = sample({0: 0.96, 1: 0.97, 2: 0.98})
    >>> s.n, round(s.mean, 4), round(s.std, 4), round(s.interval.low, 4)
    (3, 0.97, 0.01, 0.9452)
    """
    x = list(values.values())
    mean = math.fsum(x) / len(x) if x else None
    std = float(np.std(x, ddof=ddof)) if len(x) > ddof else None
    bootstrap = bca_interval(x) if len(x) >= BOOTSTRAP_SEEDS else None
    return Sample(dict(values), ddof, mean, std, t_interval(x), bootstrap)


def t_interval(x: Sequence[float], confidence: float = 1 - LEVEL) -> Interval | None:
    """mean ± t(n−1)·s/√n, always with ddof 1; None below two values.

    >>> interval = t_interval([1.0, 2.0, 3.0])
    >>> round(interval.low, 3), round(interval.high, 3)  # 2 ± 4.303·1/√3
    (-0.484, 4.484)
    """
    from scipy.special import stdtrit

    n = len(x)
    if n < 2:
        return None
    mean, s = math.fsum(x) / n, float(np.std(x, ddof=1))
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * s / math.sqrt(n)
    return Interval(mean - half, mean + half, "t", confidence)


def prediction_interval(x: Sequence[float], further: int = 1, confidence: float = 1 - LEVEL) -> Interval | None:
    """Where the mean of `further` more runs falls: mean ± t(n−1)·s·√(1/further + 1/n); None below two values.

    Normal values are assumed; s has ddof 1.

    >>> interval = prediction_interval([1.0, 2.0, 3.0])
    >>> round(interval.low, 3), round(interval.high, 3)  # 2 ± 4.303·1·√(1 + 1/3)
    (-2.968, 6.968)
    """
    from scipy.special import stdtrit

    n = len(x)
    if n < 2:
        return None
    mean, s = math.fsum(x) / n, float(np.std(x, ddof=1))
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * s * math.sqrt(1 / further + 1 / n)
    return Interval(mean - half, mean + half, "prediction", confidence)


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


def bca_interval(
    x: Sequence[float], confidence: float = 1 - LEVEL, resamples: int = RESAMPLES, seed: int = 0
) -> Interval | None:
    """The bias-corrected and accelerated bootstrap of the mean (Efron 1987); None below two values.

    z0 = Φ⁻¹(share of resampled means below the mean, ties half)
    a  = Σ(m − m_i)³ / (6·(Σ(m − m_i)²)^1.5)     m_i: the mean without value i, m their mean
    α  = Φ(z0 + (z0 + z) / (1 − a·(z0 + z)))     for z = Φ⁻¹ of either end; the ends are those quantiles
    """
    from scipy.special import ndtr, ndtri

    n = len(x)
    if n < 2:
        return None
    values = np.asarray(x, dtype=np.float64)
    mean = float(values.mean())
    left_out = (values.sum() - values) / (n - 1)
    bend = left_out.mean() - left_out
    if not np.ptp(values) > 0:
        return Interval(mean, mean, "BCa bootstrap", confidence)
    acceleration = float((bend**3).sum() / (6 * (bend**2).sum() ** 1.5))
    picks = stream(seed, "bootstrap").integers(0, n, size=(resamples, n))
    means = values[picks].mean(axis=1)
    share = ((means < mean).sum() + (means == mean).sum() / 2) / resamples
    z0 = float(ndtri(np.clip(share, 1 / resamples, 1 - 1 / resamples)))
    z = ndtri(np.array([(1 - confidence) / 2, (1 + confidence) / 2]))
    levels = ndtr(z0 + (z0 + z) / (1 - acceleration * (z0 + z)))
    low, high = np.quantile(means, levels)
    return Interval(float(low), float(high), "BCa bootstrap", confidence)


def sign_flip_p(d: Sequence[float]) -> float:
    """The exact two-sided sign-flip test: the share of the 2^n signs whose |Σ ±d| is at least |Σ d|.

    It assumes only that d is symmetric about 0 where the settings are equally good.  No p is below 2/2^n.

    >>> sign_flip_p([0.1, 0.2, 0.3])
    0.25
    """
    sums = np.zeros(1)
    for value in d[:20]:
        sums = np.concatenate([sums + value, sums - value])
    size = max(float(np.abs(sums).max()), np.finfo(float).tiny)
    return float(np.mean(np.abs(sums) >= abs(math.fsum(d[:20])) - 1e-12 * size))


def paired_t_p(d: Sequence[float]) -> float | None:
    """p of the two-sided paired t-test, t = mean(d)·√n / s; None below two pairs.

    Where all differences are equal, t says nothing and the exact sign-flip test's p is given instead.

    >>> round(paired_t_p([0.1, 0.2, 0.3]), 4)  # t = 0.2·√3 / 0.1 = 3.464, 2 degrees of freedom
    0.0742
    """
    from scipy.special import stdtr

    n = len(d)
    if n < 2:
        return None
    s = float(np.std(d, ddof=1))
    mean = math.fsum(d) / n
    if s <= 1e-12 * max(abs(mean), 1e-300):
        return sign_flip_p(d)
    return float(2 * stdtr(n - 1, -abs(mean) * math.sqrt(n) / s))


def holm(p: Sequence[float]) -> list[float]:
    """p-values adjusted for several comparisons (Holm 1979): the i-th smallest of m times (m − i + 1), never falling.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    m = len(p)
    adjusted = [0.0] * m
    highest = 0.0
    for rank, index in enumerate(sorted(range(m), key=lambda i: p[i])):
        highest = max(highest, min(1.0, p[index] * (m - rank)))
        adjusted[index] = highest
    return adjusted


@dataclass(frozen=True)
class Comparison:
    """One setting against the reference, on the seeds both finished.  `difference` is setting − reference, in pairs."""

    n: int
    difference: float | None
    interval: Interval | None
    p: float | None  # paired t
    adjusted_p: float | None  # Holm's, over all settings compared with this reference
    sign_flip: float | None

    @property
    def tied(self) -> bool:
        """The reference's lead is not established: Holm's p of the paired t-test is not below 0.05."""
        return self.adjusted_p is not None and self.adjusted_p >= LEVEL

    @property
    def decided(self) -> bool:
        """Enough shared seeds for a test that assumes no normal distribution, and both tests below 0.05."""
        if self.adjusted_p is None or self.sign_flip is None:
            return False
        return self.n >= SIGN_FLIP_SEEDS and self.adjusted_p < LEVEL and self.sign_flip < LEVEL


def compare(settings: Sequence[Mapping[int, float]], reference: Mapping[int, float]) -> list[Comparison]:
    """Each setting (seed -> value) against the reference: paired t on shared seeds, Holm's correction over them all."""
    pairs = [[values[seed] - reference[seed] for seed in values if seed in reference] for values in settings]
    p = [paired_t_p(d) for d in pairs]
    adjusted = iter(holm([value for value in p if value is not None]))
    return [
        Comparison(
            n=len(d),
            difference=math.fsum(d) / len(d) if d else None,
            interval=t_interval(d),
            p=value,
            adjusted_p=None if value is None else next(adjusted),
            sign_flip=sign_flip_p(d) if len(d) >= 2 else None,
        )
        for d, value in zip(pairs, p, strict=True)
    ]


def binomial_standard_error(accuracy: float, n: int) -> float:
    """√(a·(1−a)/n): the noise of an accuracy because the test set has n examples and no more.

    >>> round(binomial_standard_error(0.986, 10_000), 4)  # 0.12 points
    0.0012
    """
    return math.sqrt(accuracy * (1 - accuracy) / n)
