"""Curves in numbers: speed, area and volatility, by hand and on white noise; a phase's curves over its seeds."""

import math

import numpy as np
import pytest

from handgrad.report.findings.curve_measures import (
    after_climb,
    area,
    curve_metric,
    epochs_to,
    level_of,
    phase_curves,
    start_of,
    volatility,
)
from handgrad.report.findings.summarize import summarize
from handgrad.report.study_figure import sources_of
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome


def test_the_level_is_reached_at_the_first_epoch_there():
    # of ten classes, from 0.1 to 0.9: 0.1 + 0.95 · 0.8 = 0.86
    level = level_of(start_of([0.5, 0.9], "val_accuracy", 10), 0.9)
    assert level == pytest.approx(0.86)
    assert epochs_to([1, 2, 3, 4], [0.5, 0.87, 0.8, 0.9], level) == 2
    assert epochs_to([1, 2], [0.5, 0.85], level) is None
    assert epochs_to([11, 12], [0.5, 0.9], level) == 12  # of a history that another run began
    # a loss: from 2 to 1, 95 % of the way is 1.05
    assert start_of([2.0, 1.0], "val_loss", 10) == 2.0
    assert epochs_to([1, 2, 3], [2.0, 1.06, 1.0], level_of(2.0, 1.0), lower=True) == 3


def test_the_area_is_the_mean_height():
    assert area([0.2]) == 0.2
    assert area([0.0, 1.0, 0.5]) == pytest.approx((0.5 + 0.75) / 2)
    assert area([0.4] * 7) == pytest.approx(0.4)


def test_the_volatility_by_hand():
    assert volatility([0.1, 0.2]) is None
    # d = 0.5 − 2·0.6 + 0.4 = −0.3 and 0.7 − 2·0.5 + 0.6 = 0.3 (backwards): √((0.09 + 0.09) / 12)
    assert volatility([0.4, 0.6, 0.5, 0.7]) == pytest.approx(math.sqrt(0.18 / 12))
    assert volatility(np.linspace(0.1, 0.9, 30)) == pytest.approx(0.0, abs=1e-12)
    # a parabola bends by 2c every epoch: |2c|/√6
    assert volatility(0.01 * np.arange(20.0) ** 2) == pytest.approx(0.02 / math.sqrt(6))


@pytest.mark.parametrize("slope", [0.0, 0.05])
def test_of_white_noise_around_a_line_its_square_is_the_variance(slope):
    """E[d²] = (1 + 4 + 1)σ².  2,000 curves of 20: the mean of v² is σ² within four standard errors."""
    rng = np.random.default_rng(0)
    curves = 0.3 * rng.normal(size=(2000, 20)) + slope * np.arange(20)
    squares = np.array([volatility(curve) ** 2 for curve in curves])
    assert abs(squares.mean() - 0.09) < 4 * squares.std() / math.sqrt(2000)


def test_the_climb_is_left_out():
    assert after_climb([0.1, 0.8, 0.7], 0.5).tolist() == [0.8, 0.7]
    assert after_climb([2.0, 0.4, 0.6], 0.5, lower=True).tolist() == [0.4, 0.6]
    assert after_climb([0.1, 0.2], 0.5).tolist() == [0.1, 0.2]


def test_the_curves_of_a_phase_over_its_seeds(make_results):
    """The fixture's curves: a·(1 − 0.7·0.5^t), t = 0, 1, 2, 3; 1 = 0.82, 0.823, 0.826 for the three seeds."""
    results = Results.open(make_results())
    (phase,) = summarize(results).phases
    found = phase_curves(phase, sources_of(results).by_epoch)
    assert found.metric == "val_accuracy"
    rise = 1 - 0.7 * 0.5 ** np.arange(4)  # 0.3, 0.65, 0.825, 0.9125
    # setting 4 is best: 0.88, 0.883, 0.886 at full height, so 0.883 · 0.9125 on average; five classes guess 0.2
    assert found.level == pytest.approx(0.2 + 0.95 * (0.883 * 0.9125 - 0.2))
    first = found.settings[0]
    assert first.area.values[0] == pytest.approx(0.82 * (0.15 + 0.65 + 0.825 + 0.45625) / 3)
    # 95 % of 0.82·0.9125 − 0.2 is 0.7208, above 0.82·0.825 = 0.6765: the fourth epoch
    assert first.own.values == {0: 4.0, 1: 4.0, 2: 4.0}
    # 90 % of the way is 0.6934, above it too: one value is left, and no second difference
    assert first.volatility.n == 0
    # the fixture's training accuracy is 0.02 above that of validation
    assert first.gap.mean == pytest.approx(0.02)
    # setting 1 ends at 0.748 to 0.754, the level is 0.7755
    assert first.common.n == 0
    assert found.settings[3].common.values == {0: 4.0, 1: 4.0, 2: 4.0}
    assert rise[3] == 0.9125


def test_diverged_runs_have_no_curve_in_numbers(make_results):
    results = Results.open(make_results(tell=lambda s, seed: Outcome(0.8, "diverged" if seed == 1 else "done")))
    (phase,) = summarize(results).phases
    found = phase_curves(phase, sources_of(results).by_epoch)
    assert {one.n for one in found.settings} == {2}
    nothing = Results.open(make_results(tell=lambda s, seed: Outcome(status="diverged"), name="none"))
    assert phase_curves(summarize(nothing).phases[0], sources_of(nothing).by_epoch) is None


def test_training_stands_for_what_was_not_scored_every_epoch(make_results):
    results = Results.open(make_results({"data": {"validation": False}, "seeds": 1, "select_on_test": True}))
    (phase,) = summarize(results).phases
    load = sources_of(results).by_epoch
    assert phase.metric == "test_accuracy"
    assert curve_metric(phase.settings, "test_accuracy", load) == "train_accuracy"
    (one,) = phase_curves(phase, load).settings
    assert one.gap.mean == pytest.approx(0.03)  # training − test: +0.02 − (−0.01)
