"""What stopping cost, against searches of which everything is known."""

import math

import numpy as np
import pytest
from scipy import stats

from handgrad.report.findings.search_facts import ENDED, STOPPED, Trial
from handgrad.report.findings.stopping import PAIRS, StoppingCost, rank_correlation, rungs, stopping_cost
from handgrad.study.rules.search_rules import Asha
from tests.report.searches import decided, trials_of

LEVELS = (2, 4, 8, 16)
ASHA = Asha(grace_period=2, reduction_factor=2)


def searched(rng, n=32, noise=0.5, slope=1.0, metric="val_accuracy", levels=LEVELS, asha=ASHA):
    """(trials, the values of all settings at every level) of a search whose settings move by a line and noise."""
    z = np.empty((n, len(levels)))
    z[:, 0] = 1 + 1.5 * rng.standard_normal(n)
    for k in range(1, len(levels)):
        z[:, k] = 0.5 + slope * z[:, k - 1] + noise * rng.standard_normal(n)
    values = 1 / (1 + np.exp(-z)) if metric == "val_accuracy" else np.exp(-z)
    curves = {}
    for number in range(n):
        curve = np.full(levels[-1], np.nan)
        curve[np.array(levels) - 1] = values[number]
        curves[str(number + 1)] = curve.tolist()
    return trials_of(decided(asha, curves, levels[-1], metric), levels), values


def test_the_rungs_of_a_search_are_counted():
    trials = [
        Trial("1", 1, (2, 4), (0.5, 0.7), ENDED, 4, 4, None),
        Trial("2", 2, (2, 4), (0.6, 0.8), ENDED, 4, 8, None),
        Trial("3", 3, (2, 4), (0.7, 0.6), ENDED, 4, 12, None),
        Trial("4", 4, (2, 4), (0.4,), STOPPED, 2, 14, None),
        Trial("5", 5, (2, 4), (None,), "lost", 2, 16, None),
        Trial("6", 6, (2, 4), (0.1,), "open", 2, 18, None),
    ]
    (rung,) = rungs(trials, "val_accuracy", "2")
    assert (rung.epoch, rung.reached, rung.went_on) == (2, 6, 3)
    assert (rung.stopped, rung.lost, rung.waiting) == (1, 1, 1)
    assert (rung.best, rung.worst_on, rung.winner_rank) == (0.7, 0.5, 2)
    assert rung.foretold is not None
    assert (rung.foretold.rho, rung.foretold.n, rung.foretold.interval) == (-0.5, 3, None)
    (of_losses,) = rungs(trials, "val_loss", "1")
    assert (of_losses.best, of_losses.worst_on, of_losses.winner_rank) == (0.1, 0.7, 3)


def test_the_rank_correlation_is_scipys_and_its_interval_holds():
    rng, inside = np.random.default_rng(5), 0
    rho = 6 / math.pi * math.asin(0.7 / 2)  # Spearman's of normal variables with correlation 0.7
    for _ in range(400):
        x, y = rng.multivariate_normal([0, 0], [[1, 0.7], [0.7, 1]], 20).T
        found = rank_correlation(x.tolist(), y.tolist())
        assert found is not None
        assert found.interval is not None
        assert found.rho == pytest.approx(stats.spearmanr(x, y).statistic)
        inside += found.interval[0] <= rho <= found.interval[1]
    assert 370 <= inside <= 394
    assert rank_correlation([1, 2], [1, 2]) is None
    assert rank_correlation([1, 1, 1], [1, 2, 3]) is None


@pytest.mark.parametrize("metric", ["val_accuracy", "val_loss"])
def test_settings_that_keep_their_order_lose_nothing_by_being_stopped(metric):
    trials, _ = searched(np.random.default_rng(1), noise=0.02, metric=metric)
    cost = stopping_cost(trials, metric, 100_000)
    assert isinstance(cost, StoppingCost)
    assert cost.is_end
    assert cost.epoch == 16
    assert cost.stopped == sum(trial.state == STOPPED for trial in trials)
    assert cost.probability < 0.02
    assert all(n >= PAIRS for n in cost.pairs)
    ended = [t.values[-1] for t in trials if t.state == ENDED]
    assert cost.best == pytest.approx(max(ended) if metric == "val_accuracy" else min(ended))


def test_where_rungs_say_nothing_those_that_were_stopped_may_well_have_won():
    rng, said = np.random.default_rng(2), []
    for _ in range(6):
        cost = stopping_cost(searched(rng, noise=1.5, slope=0.1)[0], "val_accuracy", 1000)
        assert isinstance(cost, StoppingCost)
        assert cost.loss >= 0
        said.append(cost.probability)
    assert np.mean(said) > 0.3


def test_the_probability_is_no_less_than_how_often_it_happens():
    """Few settings tell little, so that it is rather too large, as is the loss of which it is said that it is less."""
    rng = np.random.default_rng(3)
    for noise, slope in ((0.3, 1.0), (0.8, 0.7), (1.2, 0.5)):
        said, came, lost, loss = [], [], [], []
        for _ in range(40):
            trials, values = searched(rng, noise=noise, slope=slope)
            cost = stopping_cost(trials, "val_accuracy", 1000)
            assert isinstance(cost, StoppingCost)
            k = LEVELS.index(cost.epoch)
            stopped = [int(t.label) - 1 for t in trials if t.state == STOPPED and len(t.values) <= k]
            above = values[stopped, k].max() - cost.best
            said.append(cost.probability)
            came.append(above > 0)
            loss.append(cost.loss)
            lost.append(max(0.0, above))
        error = math.sqrt(np.mean(came) * (1 - np.mean(came)) / len(came)) + 0.01
        assert np.mean(came) < np.mean(said) + 2 * error
        assert np.mean(np.array(lost) <= np.array(loss) + 1e-3) > 0.9


def test_intervals_of_what_is_foretold_hold():
    rng, inside = np.random.default_rng(4), []
    for _ in range(25):
        trials, values = searched(rng)
        cost = stopping_cost(trials, "val_accuracy", 10_000)
        assert isinstance(cost, StoppingCost)
        k = LEVELS.index(cost.epoch)
        inside += [one.low <= values[int(one.label) - 1, k] <= one.high for one in cost.predicted]
    assert np.mean(inside) > 0.93


def test_few_settings_are_trusted_as_far_as_they_go():
    """η = 4: one or two come to the end, which show no line; it is said for the rung before."""
    levels, asha = (1, 4, 16), Asha(grace_period=1, reduction_factor=4)
    trials, _ = searched(np.random.default_rng(6), n=24, levels=levels, asha=asha)
    cost = stopping_cost(trials, "val_accuracy", 1000)
    assert isinstance(cost, StoppingCost)
    assert not cost.is_end
    assert cost.epoch == 4
    assert cost.stopped == sum(len(trial.values) == 1 for trial in trials)
    assert set(cost.by_rung) == {1}


@pytest.mark.parametrize(
    ("trials", "why"),
    [
        ([], "no setting with a value was stopped short"),
        ([Trial("1", 1, (2, 4), (0.5, 0.6), ENDED, 4, 4, None)], "no setting with a value was stopped short"),
        ([Trial("1", 1, (2, 4), (0.5,), STOPPED, 2, 2, None), Trial("2", 2, (2, 4), (0.5, 0.6), ENDED, 4, 6, None)],
         "1 setting went on from epoch 2 to epoch 4 with a value"),
        ([Trial("1", 1, (2, 4), (0.5,), STOPPED, 2, 2, None), Trial("2", 2, (2, 8), (0.5, 0.6), ENDED, 8, 10, None)],
         "settings have different numbers of epochs"),
    ],
)  # fmt: skip
def test_what_cannot_be_known_is_said(trials, why):
    cost = stopping_cost(trials, "val_accuracy", 100)
    assert isinstance(cost, str)
    assert cost.startswith(why)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5])
def test_equal_values_and_values_at_the_edge_have_a_probability(value):
    trials = [Trial(str(n), n, (2, 4), (value, value), ENDED, 4, 0, None) for n in range(1, 7)]
    trials += [Trial(str(n), n, (2, 4), (0.0,), STOPPED, 2, 0, None) for n in range(7, 13)]
    cost = stopping_cost(trials, "val_accuracy", 100)
    assert isinstance(cost, StoppingCost)
    assert 0 <= cost.probability <= 1
    assert math.isfinite(cost.loss)
    assert all(0 <= one.low <= one.median <= one.high <= 1 for one in cost.predicted)
    losses = stopping_cost(trials, "val_loss", None)
    assert isinstance(losses, StoppingCost)
    assert math.isfinite(losses.probability)


@pytest.mark.parametrize("metric", ["val_accuracy", "val_loss"])
@pytest.mark.parametrize("value", [0.1, 0.5, 0.9, 1.0])
def test_of_settings_that_are_all_equal_none_would_have_won(value, metric):
    """Their logarithms differ by rounding, from which no line is drawn."""
    for n in (6, 7, 9):
        trials = [Trial(str(k), k, (2, 4), (value, value), ENDED, 4, 0, None) for k in range(n)]
        trials += [Trial(str(k), k, (2, 4), (value,), STOPPED, 2, 0, None) for k in range(n, 2 * n)]
        cost = stopping_cost(trials, metric, 100)
        assert isinstance(cost, StoppingCost)
        assert (cost.probability, cost.loss) == (0, 0)


def test_what_is_lost_of_accuracy_is_a_whole_number_of_examples():
    trials, _ = searched(np.random.default_rng(2), noise=1.5, slope=0.1)
    cost = stopping_cost(trials, "val_accuracy", 50)
    assert isinstance(cost, StoppingCost)
    assert cost.loss > 0
    assert cost.loss * 50 == pytest.approx(round(cost.loss * 50))


def test_a_thousand_settings_take_less_than_a_second():
    import time

    trials, _ = searched(np.random.default_rng(8), n=1000)
    start = time.process_time()
    cost = stopping_cost(trials, "val_accuracy", 1000)
    rungs(trials, "val_accuracy", "1", cost)
    assert time.process_time() - start < 1
