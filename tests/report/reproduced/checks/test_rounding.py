"""Means and deviations that no runs can have, by hand."""

import itertools
import math

import numpy as np
import pytest

from handgrad.report.reproduced.checks.rounding import (
    impossible_deviations,
    impossible_means,
    is_possible,
    largest_deviation,
    nearest_means,
)
from tests.report.reproduced.checks.made_up import evidence, row, table, texts


def test_a_mean_that_no_count_gives():
    """28 examples: 14/28 = .500, 15/28 = .536; 0.52 ± 0.005 holds neither."""
    assert nearest_means(0.52, 0.005, 1, 28) == [14 / 28, 15 / 28]
    assert nearest_means(0.54, 0.005, 1, 28) == []  # 15/28 = .5357
    assert nearest_means(0.52, 0.005, 2, 28) == []  # two runs: 29/56 = .518
    assert nearest_means(0.999, 0.0005, 1, 100) == [0.99, 1.0]


def test_half_a_unit_is_allowed_either_way():
    """1/8 = 0.125 is printed as 0.12 or 0.13."""
    assert nearest_means(0.12, 0.005, 1, 8) == []
    assert nearest_means(0.13, 0.005, 1, 8) == []
    assert nearest_means(0.11, 0.005, 1, 8) == [0.0, 0.125]


@pytest.mark.parametrize("k", [2, 3, 4])
@pytest.mark.parametrize("ddof", [0, 1])
def test_what_is_possible_is_what_trying_everything_finds(k, ddof):
    """All (mean, std) with one decimal of k counts of 7: exact for k <= 3, and never wrongly refused for 4."""
    n, half = 7, 0.005
    reached = set()
    for counts in itertools.combinations_with_replacement(range(n + 1), k):
        mean = sum(counts) / (k * n)
        std = math.sqrt(sum((c / n - mean) ** 2 for c in counts) / (k - ddof))
        for a, b in itertools.product((-1, 0, 1), repeat=2):
            m, s = round(mean, 2) + a / 100, round(std, 2) + b / 100
            if abs(m - mean) <= half + 1e-12 and abs(s - std) <= half + 1e-12:
                reached.add((round(m, 2), round(s, 2)))
    wrong = 0
    for m, s in itertools.product(range(101), range(72)):
        possible = is_possible(m / 100, s / 100, half, k, n, ddof)
        if (m / 100, s / 100) in reached:
            assert possible, (m, s)
        else:
            wrong += possible
    assert wrong == 0 or k > 3


def test_the_largest_deviation():
    """0 and 1: mean ½, deviation ½ (ddof 0), √½ (ddof 1).  Three with mean .9: 1, 1, .7, mean square .02."""
    assert largest_deviation(0.5, 0, 2, 0) == pytest.approx(0.5)
    assert largest_deviation(0.5, 0, 2, 1) == pytest.approx(math.sqrt(0.5))
    assert largest_deviation(0.9, 0, 3, 0) == pytest.approx(math.sqrt(0.02))
    assert largest_deviation(0.66, 0.01, 3, 0) == pytest.approx(math.sqrt(2) / 3)  # 2/3 lies inside: 1, 1, 0


def test_findings_name_row_measure_and_what_is_near():
    bad = table(row("a", scored=28, digits=2, test_accuracy=0.52), row("b", scored=28, digits=2, test_accuracy=0.54))
    assert texts(impossible_means(evidence(bad))) == [
        "Table 1, a: no whole number of right answers gives test accuracy 0.52 on 28 examples; the nearest are 0.500 "
        "or 0.536."
    ]
    percent = table(row("a", scored=28, unit="percent", digits=0, test_accuracy=52))
    assert (
        "test accuracy 52 % on 28 examples; the nearest are 50.0 or 53.6."
        in texts(impossible_means(evidence(percent)))[0]
    )


def test_what_is_not_known_or_read_off_is_not_judged():
    unknown = table(row("a", scored=None, digits=2, test_accuracy=0.52))
    training = table(row("a", scored=28, digits=2, train_accuracy=0.52))  # who knows how many were scored
    read_off = table(row("a", scored=28, digits=2, test_accuracy="≈ 0.52"))
    for one in (unknown, training, read_off):
        assert texts(impossible_means(evidence(one))) == []


def test_a_deviation_too_large_for_its_mean_and_one_that_no_counts_have():
    wide = table(row("a", test_accuracy=[0.9, 0.2]), row("b", test_accuracy=[0.627, 0.371]), k=3)
    assert texts(impossible_deviations(evidence(wide))) == [
        "Table 1, a: test accuracy 0.900 ± 0.200 is impossible: 3 numbers between 0 and 1 with this mean deviate by "
        "0.142 at most."
    ]  # 1, 1 and 0.6985: mean 0.8995, deviation 0.1421
    odd = table(row("a", scored=10, digits=2, test_accuracy=[0.50, 0.25]), k=2)  # a difference of 5, a sum of 10
    assert texts(impossible_deviations(evidence(odd))) == [
        "Table 1, a: test accuracy 0.50 ± 0.25 is impossible: no 2 whole numbers of 10 right answers have this mean "
        "and deviation."
    ]
    even = table(row("a", scored=10, digits=2, test_accuracy=[0.50, 0.20]), k=2)
    assert texts(impossible_deviations(evidence(even))) == []
    assert texts(impossible_deviations(evidence(table(row("a", test_accuracy=[0.9, 0.1]), k=1, ddof=1)))) == [
        "Table 1, a: test accuracy 0.900 ± 0.100 is said of one run, which has no deviation."
    ]


@pytest.mark.parametrize("seed", range(40))
def test_numbers_that_runs_gave_are_never_refused(seed):
    """Random counts, printed by rounding to even or away from zero, with ddof 0 or 1."""
    rng = np.random.default_rng(seed)
    k, n, digits, ddof = (
        int(rng.integers(1, 7)),
        int(rng.integers(5, 3000)),
        int(rng.integers(1, 5)),
        int(rng.integers(2)),
    )
    counts = rng.binomial(n, rng.uniform(0, 1, k)) if seed % 2 else rng.binomial(n, rng.uniform(0, 1), k)
    mean = float(counts.mean() / n)
    printed = [round(mean, digits), math.floor(mean * 10**digits + 0.5) / 10**digits]
    for m in printed:
        value = m if k <= ddof else [m, round(float((counts / n).std(ddof=ddof)), digits)]
        one = evidence(table(row("a", scored=n, digits=digits, test_accuracy=value), k=k, ddof=ddof))
        assert texts(impossible_means(one)) == []
        assert texts(impossible_deviations(one)) == []
