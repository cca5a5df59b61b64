"""Critical values against the tables of others."""

import numpy as np
import pytest
from scipy import stats

from handgrad.report.findings.simultaneous import critical_values, from_normal, range_values, t_draws, to_normal


def test_one_variance_for_all_is_tukeys_range():
    k, df = 8, 14.0
    rng = np.random.default_rng(0)
    tau = t_draws(rng, np.ones(k), np.zeros(k), np.full(k, df), 20_000)
    z = critical_values(tau, np.full((k, k), np.sqrt(2)), np.full((k, k), df), 0.05)
    for m in (2, 5, 8):
        tukey = stats.studentized_range.isf(0.05, m, df) / np.sqrt(2)
        assert from_normal(z[m - 1], df) == pytest.approx(tukey, rel=0.03)
    assert range_values(rng, k, df, 20_000, 0.05)[4] == pytest.approx(
        stats.studentized_range.isf(0.05, 5, df) / np.sqrt(2), rel=0.03
    )


def test_draws_are_t_with_all_degrees_of_freedom():
    tau = t_draws(np.random.default_rng(1), np.array([2.0, 1.0]), np.array([2.0, 1.0]), np.array([3.0, 0.0]), 20_000)
    assert stats.kstest(tau[0] / 2, stats.t(5).cdf).pvalue > 0.01
    assert stats.kstest(tau[1], stats.t(1).cdf).pvalue > 0.01


def test_wallaces_deviate_has_the_tail_of_t_and_an_inverse():
    for df in (2.0, 4.0, 30.0):
        t = stats.t(df).isf(0.005)
        assert to_normal(t, df) == pytest.approx(stats.norm.isf(0.005), rel=0.05)
        assert from_normal(to_normal(t, df), df) == pytest.approx(t)
