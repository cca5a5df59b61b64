"""What runs came to, by hand and against scipy's."""

import numpy as np
import pytest
from benchmarks import conclusions
from scipy import stats

from handgrad.report.findings.outcomes import interquartile_mean, outcomes


def test_a_collapsed_run_is_counted_and_kept_out_of_the_spread_of_the_others():
    found = outcomes({0: 0.95, 1: 0.96, 2: 0.10, 3: 0.97}, {2: True})
    theirs = stats.binomtest(1, 4).proportion_ci(0.95, "exact")
    assert (found.n, found.fallen) == (4, 1)
    assert (found.fall.low, found.fall.high) == pytest.approx((theirs.low, theirs.high))
    assert found.others.mean == pytest.approx(0.96)
    assert found.median == pytest.approx(0.955)
    assert found.interquartile_mean == pytest.approx(0.955)  # without the lowest and the highest
    assert found.mean.low < (0.95 + 0.96 + 0.1 + 0.97) / 4 < found.mean.high


def test_a_diverged_run_counts_as_the_floor():
    found = outcomes({0: 0.9, 1: 0.92}, {2: True})
    assert (found.n, found.fallen, found.median) == (3, 1, 0.9)
    loss = outcomes({0: 0.3, 1: 0.32}, {2: True}, floor=None, higher=False)
    assert (loss.fallen, loss.mean, loss.median, loss.interquartile_mean) == (1, None, 0.32, None)
    half = outcomes({0: 0.3, 1: 0.32}, {2: True, 3: True}, floor=None, higher=False)
    assert half.median is None


def test_edges():
    none, one = outcomes({}, {}), outcomes({0: 0.5}, {})
    assert (none.n, none.fall, none.median, none.interquartile_mean, none.mean) == (0, None, None, None, None)
    assert (one.fall.low, one.fall.high, one.mean) == (0.0, pytest.approx(0.975), None)
    every = outcomes({}, {0: True, 1: True})
    assert (every.fallen, every.others.mean, every.median) == (2, None, 0.0)
    agree = outcomes({0: 1.0, 1: 1.0}, {}, examples=100)
    assert agree.others.interval.low == pytest.approx(0.025 ** (1 / 100))


def test_the_interquartile_mean_is_scipys_trimmed_mean():
    for n in range(1, 12):
        x = list(np.random.default_rng(n).random(n))
        assert interquartile_mean(x) == pytest.approx(stats.trim_mean(x, 0.25))


@pytest.mark.parametrize("n", [3, 10])
@pytest.mark.parametrize("kind", conclusions.MEANS)
def test_intervals_hold_what_they_say(kind, n):
    others, chance, mean, _ = conclusions.coverage(kind, n, 300)
    assert min(others, chance, mean) >= 0.93 - 2 * np.sqrt(0.05 * 0.95 / 300)


def test_a_t_interval_does_not_know_of_runs_that_collapse():
    *_, plain = conclusions.coverage("one run in ten collapses", 3, 300)
    assert plain < 0.5


def test_the_mean_of_any_run_of_a_fraction_is_a_fraction():
    """The t interval of two seeds as far apart as these reaches beyond 0 and 1."""
    found = outcomes({0: 0.2, 1: 0.9}, {0: False, 1: False})
    assert (found.mean.low, found.mean.high) == (0.0, 1.0)


def test_one_run_that_did_not_fall_says_nothing_of_others():
    found = outcomes({0: 0.87, 1: 0.46}, {0: False, 1: True}, examples=300)
    assert found.mean is not None
    assert (found.mean.low, found.mean.high) == (pytest.approx(0.003, abs=1e-3), pytest.approx(0.997, abs=1e-3))


def test_losses_of_which_every_run_fell_have_no_interval_of_any_run():
    found = outcomes({0: 2.309, 1: 2.319}, {0: True, 1: True}, floor=None, higher=False)
    assert found.mean is None
