"""Intervals and tests by hand, and against scipy's."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from handgrad.report.findings.intervals import (
    bca_interval,
    binomial_standard_error,
    exact_binomial_interval,
    t_interval,
)
from handgrad.report.findings.statistics import compare, holm, paired_t_p, sample, sign_flip_p


def test_mean_and_both_standard_deviations():
    values = {42: 1.0, 268: 2.0, 975: 4.0}
    # mean 7/3; squares (16 + 1 + 25)/9 = 42/9; ddof 1: √(42/18), ddof 0: √(42/27)
    assert sample(values).mean == pytest.approx(7 / 3)
    assert sample(values).std == pytest.approx(math.sqrt(42 / 18))
    assert sample(values, ddof=0).std == pytest.approx(math.sqrt(42 / 27))
    assert sample(values, ddof=0).interval == sample(values, ddof=1).interval


def test_one_value_has_no_spread_and_none_has_no_mean():
    one, none = sample({0: 0.5}), sample({})
    assert (one.n, one.mean, one.std, one.interval) == (1, 0.5, None, None)
    assert (none.n, none.mean, none.std, none.interval) == (0, None, None, None)


def test_t_interval_by_the_table():
    # n = 5: t(4, 0.975) = 2.776; mean 3, s = √2.5, half = 2.776·1.5811/√5 = 1.963
    interval = t_interval([1, 2, 3, 4, 5])
    assert (interval.low, interval.high) == pytest.approx((3 - 1.963, 3 + 1.963), abs=1e-3)
    assert interval.method == "t"


def test_the_bootstrap_stands_beside_it_from_ten_seeds():
    rng = np.random.default_rng(0)
    assert sample(dict(enumerate(rng.random(9)))).bootstrap is None
    assert sample(dict(enumerate(rng.random(10)))).bootstrap.method == "BCa bootstrap"


def test_bca_agrees_with_scipy():
    x = np.random.default_rng(5).gamma(2.0, size=15)
    ours = bca_interval(x, resamples=50_000)
    theirs = stats.bootstrap((x,), np.mean, n_resamples=50_000, method="BCa", random_state=1).confidence_interval
    # two sets of 50,000 resamples of one sample: their ends differ by about a hundredth of the width
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.03 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.03 * width)


def test_bca_leans_towards_the_long_tail():
    x = [1.0] * 9 + [1.1, 1.2, 6.0]
    interval = bca_interval(x)
    mean = sum(x) / len(x)
    assert interval.high - mean > 1.5 * (mean - interval.low)


def test_bca_of_equal_values_is_a_point_and_of_one_value_nothing():
    interval = bca_interval([0.1] * 12)
    assert interval.low == interval.high == pytest.approx(0.1)
    assert bca_interval([0.1]) is None


def test_the_same_numbers_give_the_same_interval():
    x = [0.1, 0.2, 0.4, 0.45, 0.5, 0.51, 0.6, 0.7, 0.71, 0.9]
    assert bca_interval(x) == bca_interval(list(x))


def test_paired_t_is_scipys():
    a, b = [0.91, 0.93, 0.92, 0.95], [0.90, 0.91, 0.93, 0.92]
    assert paired_t_p([x - y for x, y in zip(a, b, strict=True)]) == pytest.approx(stats.ttest_rel(a, b).pvalue)


def test_equal_differences_leave_it_to_the_sign_flip_test():
    assert paired_t_p([0.5, 0.5]) == 0.5  # 2/2²: two seeds cannot say more
    assert paired_t_p([0.0, 0.0, 0.0]) == 1
    assert paired_t_p([0.5]) is None


def test_sign_flip_counts_all_signs():
    d = [0.3, -0.1, 0.2, 0.4]
    sums = [abs(sum(s * v for s, v in zip(signs, d, strict=True))) for signs in itertools.product((1, -1), repeat=4)]
    assert sign_flip_p(d) == sum(total >= abs(sum(d)) - 1e-12 for total in sums) / 16


@pytest.mark.parametrize(("n", "reaches"), [(3, False), (4, False), (5, False), (6, True)])
def test_six_seeds_are_needed_for_a_sign_flip_test(n, reaches):
    assert (sign_flip_p([0.1 * (i + 1) for i in range(n)]) < 0.05) is reaches


def test_holm_by_hand():
    # sorted .01 .02 .03 .04 -> ·4 .04, ·3 .06, ·2 .06, ·1 .04 -> never falling .06
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_comparisons_are_paired_by_seed():
    winner = {0: 0.90, 1: 0.80, 2: 0.85}
    # the seeds differ far more than the settings: unpaired nothing would be seen
    near, elsewhere = {0: 0.899, 1: 0.7989, 2: 0.8491}, {7: 0.1}
    first, second = compare([near, elsewhere], winner)
    assert first.n == 3
    assert first.difference == pytest.approx((-0.001 - 0.0011 - 0.0009) / 3)
    assert first.p < 0.01
    assert not first.tied
    assert not first.decided  # three seeds
    assert (second.n, second.p, second.tied) == (0, None, False)


def test_six_seeds_can_decide():
    winner = {seed: 0.9 + 0.01 * (seed % 2) for seed in range(6)}
    behind = {seed: value - 0.05 - 0.001 * seed for seed, value in winner.items()}
    (found,) = compare([behind], winner)
    assert found.decided
    assert found.sign_flip == 2 / 64


def test_the_noise_of_a_finite_test_set():
    # 98.6 % of 10,000: 0.12 points
    assert 100 * binomial_standard_error(0.986, 10_000) == pytest.approx(0.1175, abs=1e-4)
