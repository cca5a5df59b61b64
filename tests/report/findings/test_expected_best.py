"""The expected best of n settings: all choices counted, unbiased where others are not, and a band that holds."""

import itertools
import math

import numpy as np
import pytest

from handgrad.errors import InputError
from handgrad.report.findings.expected_best import best_so_far, expected_best


def test_it_is_the_mean_over_all_choices():
    x = [0.3, 0.91, 0.5, 0.91, 0.1, 0.77, 0.62]
    found = expected_best(x)
    for n in range(1, 8):
        choices = [max(choice) for choice in itertools.combinations(x, n)]
        assert found.mean[n - 1] == pytest.approx(np.mean(choices))
    assert found.mean[0] == pytest.approx(np.mean(x))
    assert found.mean[-1] == max(x)


def test_of_a_loss_it_is_the_least():
    x = [0.3, 0.9, 0.5, 2.0]
    found = expected_best(x, lower_is_better=True, bounds=(0.0, math.inf))
    for n in range(1, 5):
        assert found.mean[n - 1] == pytest.approx(np.mean([min(c) for c in itertools.combinations(x, n)]))
    assert (found.low <= found.mean).all()
    assert np.isinf(found.high).all()  # nothing bounds how bad a setting can be
    assert (found.low >= 0).all()


def test_it_has_no_bias_where_choices_with_replacement_do():
    """Uniform draws: the best of 5 is 5/6 in the mean.  Dodge's estimate of 8, (Σ x_i (i⁵ − (i−1)⁵))/8⁵, is less."""
    rng = np.random.default_rng(0)
    x = np.sort(rng.random((4000, 8)), axis=1)
    ours = np.array([expected_best(row).mean[4] for row in x[:2000]])
    i = np.arange(1, 9)
    dodge = x @ ((i / 8) ** 5 - ((i - 1) / 8) ** 5)
    error = ours.std(ddof=1) / math.sqrt(len(ours))
    assert abs(ours.mean() - 5 / 6) < 3 * error
    assert dodge.mean() < 5 / 6 - 10 * error


def test_the_band_holds_the_truth_for_all_n_at_once_also_where_settings_collapse():
    """Of values that are 0.1 with a chance of 0.3 and else uniform on [0.5, 1]: E of the best of n by integration."""
    rng = np.random.default_rng(1)
    n = np.arange(1, 21)
    grid = np.linspace(0.5, 1, 20_001)
    middles = (grid[1:] + grid[:-1]) / 2
    truth = np.array([0.1 * 0.3**k + (np.diff((0.3 + 1.4 * (grid - 0.5)) ** k) * middles).sum() for k in n.tolist()])
    held = []
    for _ in range(200):
        x = np.where(rng.random(20) < 0.3, 0.1, rng.uniform(0.5, 1, 20))
        found = expected_best(x)
        assert (found.low <= found.mean).all()
        assert (found.mean <= found.high).all()
        held.append(bool(((found.low <= truth + 1e-9) & (truth - 1e-9 <= found.high)).all()))
    assert np.mean(held) >= 0.95


def test_the_median_of_the_best():
    """The q = 2^(−1/n) quantile lies at (N + 1/3)q + 1/3: of n = 1 at 2.5, of n = 4 (q = 0.8409) at 3.9772."""
    found = expected_best([0.1, 0.2, 0.3, 0.4])
    assert found.median[0] == pytest.approx(0.25)
    assert (np.diff(found.median) >= 0).all()
    assert found.median[-1] == pytest.approx(0.39772, abs=1e-5)


def test_the_ends_know_what_a_value_can_be():
    found = expected_best([0.5] * 10)  # all alike: others may still be better or worse
    assert found.mean == pytest.approx(np.full(10, 0.5))
    assert (found.low < 0.5).all()
    assert (found.high > 0.5).all()
    assert (found.high <= 1).all()
    one = expected_best([0.7])
    assert (one.n.tolist(), one.mean.tolist()) == ([1], [0.7])
    assert one.low[0] < 0.1
    assert one.high[0] > 0.99


def test_the_best_so_far_passes_over_what_diverged():
    nan = float("nan")
    assert best_so_far([2.0, 3.0, nan, 1.0], lower_is_better=True).tolist() == [2, 2, 2, 1]
    first = best_so_far([nan, 0.5, 0.4])
    assert math.isnan(first[0])
    assert first[1:].tolist() == [0.5, 0.5]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "needs one finite value of each setting"),
        ([0.5, float("nan")], "needs one finite value of each setting"),
        ([0.5, 1.5], r"outside of what is possible, 0\.0 to 1\.0: 0\.5 to 1\.5"),
    ],
)
def test_what_is_no_sample_is_refused(values, message):
    with pytest.raises(InputError, match=message):
        expected_best(values)
