"""Variances that many settings say together."""

import numpy as np
import pytest

from handgrad.report.findings.spreads import fallen_runs, likely_prior, moderated_spreads


def test_two_settings_have_the_variance_of_their_differences():
    x = np.array([[1.0, 2.0, 4.0], [0.0, 2.0, 1.0]])
    found = moderated_spreads(x, bounded=False)
    assert found.variance.sum() == pytest.approx(np.var(x[0] - x[1], ddof=1))
    assert found.total_df == pytest.approx(2)


def test_settings_of_one_variance_are_pooled():
    rng = np.random.default_rng(0)
    x = 5 + rng.normal(0, 2, (100, 4)) + rng.normal(0, 3, (1, 4))
    x -= x.min() - 1e-3
    x[0, 0] = -1.0  # of both signs: no logarithms
    found = moderated_spreads(x, bounded=False)
    assert np.median(found.variance) == pytest.approx(4, rel=0.2)
    assert found.shared_df.max() > 10
    assert found.total_df == pytest.approx(99 * 3, rel=0.01)


def test_a_prior_tells_one_variance_from_many():
    rng = np.random.default_rng(1)
    alike = likely_prior(rng.chisquare(4, 200) / 4, np.full(200, 4.0), 800.0)
    unlike = likely_prior(4 / rng.chisquare(4, 200) * rng.chisquare(4, 200) / 4, np.full(200, 4.0), 800.0)
    assert alike.variance == pytest.approx(1, rel=0.15)
    assert alike.df > 30
    assert unlike.df == pytest.approx(4, rel=0.5)


def test_seeds_that_agree_have_the_variance_of_their_examples():
    found = moderated_spreads(np.full((4, 3), 0.5), examples=100)
    assert found.variance == pytest.approx(np.full(4, 1 / 400), rel=0.02)  # a(1 − a)/m


def test_fallen_runs_are_far_below_the_others_of_their_setting():
    x = np.array([[0.95, 0.1, 0.96], [0.1, 0.1, 0.11], [0.9, np.nan, 0.91]])
    assert fallen_runs(x).tolist() == [[False, True, False], [False] * 3, [False] * 3]
    noisy = np.array([[12 / 14, 8 / 14], [13 / 14, 11 / 14]])
    assert not fallen_runs(noisy, examples=14).any()  # four of fourteen examples are luck
    assert fallen_runs(-np.array([[0.3, 0.31, 2.3]]), bounded=False).tolist() == [[False, False, True]]
