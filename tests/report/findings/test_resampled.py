"""Results over folds: by hand, against other formulas, and how often equal settings are called different."""

import math

import numpy as np
import pytest
from benchmarks.folds import MEAN, NO_SEEDS, SEEDS, rates
from scipy import stats

from handgrad.report.findings.intervals import mean_interval
from handgrad.report.findings.resampled import has_folds, means_of, variance_factor
from handgrad.report.findings.statistics import compare, paired_t_p, sample


def keyed(rows):
    """(folds, seeds) -> values by fold and seed."""
    return {(j + 1, s): value for j, row in enumerate(rows) for s, value in enumerate(row)}


def test_one_seed_is_the_corrected_test_of_nadeau_and_bengio():
    d = np.array([0.03, 0.01, 0.02, 0.05, 0.01])
    first, second = keyed([[0.8 + x] for x in d]), keyed([[0.8]] * 5)
    (found,) = compare([first], second, overlap=1 / 4)
    t = d.mean() / math.sqrt(d.var(ddof=1) * (1 / 5 + 1 / 4))
    assert found.p == pytest.approx(2 * stats.t.sf(t, 4), rel=1e-9)
    half = stats.t.ppf(0.975, 4) * math.sqrt(d.var(ddof=1) * 0.45)
    assert (found.interval.low, found.interval.high) == pytest.approx((d.mean() - half, d.mean() + half))
    assert (found.n, found.counted, found.folds, found.sign_flip) == (5, "5 folds × 1 seed", True, None)
    plain = compare([dict(enumerate(0.8 + d))], dict.fromkeys(range(5), 0.8))[0]
    assert plain.p == pytest.approx(stats.ttest_1samp(d, 0).pvalue) == paired_t_p(list(d))
    assert plain.p < found.p


def test_seeds_add_a_variance_of_their_own_and_its_degrees_of_freedom():
    x = np.array([[0.1, 0.5], [0.2, 0.5], [0.3, 0.8]])
    a = x.mean(axis=1).var(ddof=1) * (1 / 3 + 1 / 2)
    b = x.mean(axis=0).var(ddof=1) / 2
    found = means_of(x.reshape(1, -1), np.ones((1, 6), bool), list(keyed(x)), overlap=1 / 2)
    assert found.variance[0] == pytest.approx(a + b)
    assert found.df[0] == pytest.approx((a + b) ** 2 / (a**2 / 2 + b**2 / 1))
    interval = mean_interval(keyed(x), 1 / 2)
    assert interval.high - interval.low == pytest.approx(2 * stats.t.ppf(0.975, found.df[0]) * math.sqrt(a + b))


def test_missing_runs_leave_means_of_what_is_there():
    x, known = np.array([[1.0, 3.0, 5.0, 9.0]]), np.array([[True, True, True, False]])
    found = means_of(x, known, [(1, 0), (1, 1), (2, 0), (2, 1)], overlap=1.0)
    assert found.mean[0] == 3.5  # folds 2 and 5
    assert found.variance[0] == pytest.approx(4.5 * 1.5 + 0.0)  # seeds 3 and 3
    assert found.n[0] == 2


def test_edges_one_fold_equal_values_and_no_overlap_known():
    assert mean_interval({(1, 0): 0.5, (1, 1): 0.6}, 0.25) is None
    assert mean_interval({(1, 0): 0.5, (2, 0): 0.6}) is None
    assert sample(keyed([[1.0]] * 3), examples=300, overlap=0.5).interval.method == "exact binomial"
    assert sample(keyed([[0.5, 0.6], [0.7, 0.8]]), overlap=0.5).bootstrap is None
    (alone,) = compare([{(1, 0): 0.5}], {(1, 0): 0.6}, 0.25)
    assert (alone.n, alone.p, alone.interval, alone.decided) == (1, None, None, False)
    (equal,) = compare([keyed([[0.6], [0.6], [0.6]])], keyed([[0.5], [0.5], [0.5]]), 0.5)
    assert equal.p == 0.25  # three folds that agree
    (none,) = compare([{(1, 0): 0.5}], {(2, 0): 0.6}, 0.25)
    assert (none.n, none.difference, none.p) == (0, None, None)
    assert not has_folds({3: 0.5})


def test_many_settings_are_corrected_over_all_pairs():
    rng = np.random.default_rng(0)
    settings = [keyed(rng.normal(0.9, 0.01, (5, 2))) for _ in range(4)]
    found = compare(settings[1:], settings[0], 0.25)
    assert [one.pairs for one in found] == [6, 6, 6]
    for one, other in zip(found, settings[1:], strict=True):
        assert one.p == pytest.approx(compare([other], settings[0], 0.25)[0].p)
        assert one.adjusted_p >= one.p


def test_the_factor():
    assert variance_factor(10, 1 / 9) == pytest.approx(0.1 + 1 / 9)


def test_equal_settings_are_called_different_in_five_of_a_hundred_studies_and_by_the_plain_test_in_thirty():
    """Two standard errors of a share near 0.05 in 300 data sets are 0.025; a test without the correction fails here."""
    repeated = rates((5, 3, 1), NO_SEEDS, MEAN, 300)
    assert repeated["ours"] <= 0.075
    assert repeated["plain"] >= 0.15
    seeded = rates((5, 1, 3), NO_SEEDS, MEAN, 300)
    assert seeded["ours"] <= 0.075
    assert seeded["plain"] >= 0.15
    begun = rates((5, 3, 3), SEEDS, MEAN, 300)
    assert begun["ours"] <= 0.09
    assert begun["plain"] >= 0.15
