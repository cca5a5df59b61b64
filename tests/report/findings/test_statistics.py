"""Intervals and tests by hand, and against scipy's."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from handgrad.report.findings import statistics
from handgrad.report.findings.intervals import (
    bca_interval,
    binomial_standard_error,
    exact_binomial_interval,
    t_interval,
)
from handgrad.report.findings.statistics import compare, paired_t_p, sample, sign_flip_p


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


def test_the_bootstrap_stands_beside_it_from_thirty_seeds():
    rng = np.random.default_rng(0)
    assert sample(dict(enumerate(rng.random(29)))).bootstrap is None  # at 10 it covers 90 % where it says 95 %
    assert sample(dict(enumerate(rng.random(30)))).bootstrap.method == "BCa bootstrap"


def test_seeds_that_agree_have_the_interval_of_their_examples_and_never_one_without_width():
    agree = {0: 0.97, 1: 0.97, 2: 0.97}
    assert sample(agree).interval is None
    assert t_interval([0.1] * 3) is None
    found = sample(agree, examples=100).interval
    theirs = stats.binomtest(97, 100).proportion_ci(0.95, "exact")
    assert (found.low, found.high, found.method) == (
        pytest.approx(theirs.low),
        pytest.approx(theirs.high),
        "exact binomial",
    )
    assert sample({0: 0.97}, examples=100).interval is None
    none, every = exact_binomial_interval(0.0, 50), exact_binomial_interval(1.0, 50)
    assert (none.low, none.high) == (0.0, pytest.approx(1 - 0.025 ** (1 / 50)))
    assert (every.low, every.high) == (pytest.approx(0.025 ** (1 / 50)), 1.0)
    assert sample({0: 0.97, 1: 0.98}, examples=100).interval.method == "t"


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


def test_bca_of_equal_values_and_of_one_value_is_nothing():
    assert bca_interval([0.1] * 12) is None
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


@pytest.mark.parametrize(("examples", "seeds"), [(300, 3), (10_000, 5), (60_000, 2), (60_000, 3), (10**6, 10)])
def test_one_example_on_every_seed_is_no_spread(examples, seeds):
    """Differences of accuracies, all of one example, are equal but for their last bits."""
    rng = np.random.default_rng(0)
    for right in rng.integers(int(0.9 * examples), examples, size=(50, seeds)).tolist():
        best = {seed: (k + 1) / examples for seed, k in enumerate(right)}
        third = {seed: (k - 1) / examples for seed, k in enumerate(right)}
        second = {seed: k / examples for seed, k in enumerate(right)}
        found = [compare(one, best) for one in (second, third, dict(best))]
        assert [one.p for one in found] == [2.0 ** (1 - seeds), 2.0 ** (1 - seeds), 1.0]
        assert [one.interval for one in found] == [None] * 3
        assert not any(one.decided for one in found if seeds < 6)


def test_small_differences_keep_their_spread():
    one, two = {0: 1.0, 1: 1.1, 2: 1.2}, {0: 1.0 + 1e-9, 1: 1.1 + 2e-9, 2: 1.2 + 3e-9}
    found = compare(two, one)
    assert found.p == pytest.approx(stats.ttest_rel(list(two.values()), list(one.values())).pvalue, rel=1e-5)
    assert found.interval is not None


def by_brute_force(d):
    sums = np.array(
        [sum(s * v for s, v in zip(signs, d, strict=True)) for signs in itertools.product((1, -1), repeat=len(d))]
    )
    return float((abs(sums) >= abs(sum(d)) - 1e-12).mean())


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7, 12])
def test_sign_flip_counts_all_signs(n):
    rng = np.random.default_rng(n)
    for d in (rng.normal(0.5, 1, n), rng.integers(-3, 5, n) / 300):  # the latter with ties and zeros
        assert sign_flip_p(d.tolist()) == by_brute_force(d.tolist())


def test_sign_flip_is_scipys():
    d = np.random.default_rng(2).normal(0.4, 1, 11)
    theirs = stats.permutation_test((d,), np.mean, permutation_type="samples", n_resamples=np.inf).pvalue
    assert sign_flip_p(d.tolist()) == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("n", [21, 30, 40, 60])
def test_every_seed_counts_in_any_order(n):
    """The first twenty alone would give p = 1: their differences cancel."""
    d = [-1.0] * 5 + [1.0] * 5 + [-0.5] * 5 + [0.5] * 5 + [3.0] * (n - 20)
    found = sign_flip_p(d)
    rng = np.random.default_rng(0)
    assert found == sign_flip_p(d[::-1]) == sign_flip_p(rng.permutation(d).tolist()) == sign_flip_p([-v for v in d])
    if n == 21:
        assert 0.3 < found < 0.7
    else:
        assert found < 0.01


def test_beyond_32_differences_random_signs_come_near_the_exact_p(monkeypatch):
    d = np.random.default_rng(3).normal(0.35, 1, 32)
    exact = sign_flip_p(d.tolist())
    monkeypatch.setattr(statistics, "EXACT_SIGNS", 31)
    drawn = sign_flip_p(d.tolist())
    error = math.sqrt(exact * (1 - exact) / statistics.SIGN_DRAWS)
    assert 0.001 < exact < 0.2
    assert 0 < abs(drawn - exact) < 4 * error
    assert sign_flip_p([1.0] * 100) == 1 / 100_000  # never 0


@pytest.mark.parametrize(("n", "reaches"), [(3, False), (4, False), (5, False), (6, True)])
def test_six_seeds_are_needed_for_a_sign_flip_test(n, reaches):
    assert (sign_flip_p([0.1 * (i + 1) for i in range(n)]) < 0.05) is reaches


def test_comparisons_are_paired_by_seed():
    one = {0: 0.90, 1: 0.80, 2: 0.85}
    # the seeds differ far more than the settings: unpaired nothing would be seen
    near = compare({0: 0.899, 1: 0.7989, 2: 0.8491}, one)
    assert (near.n, near.decided) == (3, True)
    assert near.difference == pytest.approx((-0.001 - 0.0011 - 0.0009) / 3)
    assert near.p < 0.01
    elsewhere, once = compare({7: 0.1}, one), compare({0: 0.5, 9: 0.5}, one)
    assert (elsewhere.n, elsewhere.difference, elsewhere.p, elsewhere.decided) == (0, None, None, False)
    assert (once.n, once.difference, once.p, once.decided) == (1, pytest.approx(-0.4), None, False)


@pytest.mark.parametrize("n", [2, 3, 5, 12])
def test_the_paired_t_test_is_scipys(n):
    rng = np.random.default_rng(n)
    x, y = rng.normal(0.9, 0.02, (2, n))
    found = compare(dict(enumerate(x.tolist())), dict(enumerate(y.tolist())))
    theirs = stats.ttest_rel(x, y)
    assert found.p == pytest.approx(theirs.pvalue)
    assert (found.interval.low, found.interval.high) == pytest.approx(theirs.confidence_interval())


def test_the_test_of_signs_has_a_say_from_six_seeds_on():
    """The difference of one seed has the other sign: t says p < 0.01, signs 4/64."""
    d = [0.05, 0.05, 0.05, 0.05, 0.06, -0.005]
    found = compare({seed: 0.9 - value for seed, value in enumerate(d)}, dict.fromkeys(range(6), 0.9))
    assert (found.sign_flip, found.decided) == (4 / 64, False)
    assert found.p < 0.05


def test_six_seeds_can_decide():
    winner = {seed: 0.9 + 0.01 * (seed % 2) for seed in range(6)}
    found = compare({seed: value - 0.05 - 0.001 * seed for seed, value in winner.items()}, winner)
    assert found.decided
    assert found.sign_flip == 2 / 64


def test_the_noise_of_a_finite_test_set():
    # 98.6 % of 10,000: 0.12 points
    assert 100 * binomial_standard_error(0.986, 10_000) == pytest.approx(0.1175, abs=1e-4)
