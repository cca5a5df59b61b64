"""Whether a published number lies inside: the rule worked by hand, and how both numbers are printed."""

import math

import numpy as np
import pytest
from scipy import stats

from handgrad.report.findings.intervals import prediction_interval
from handgrad.report.findings.run_facts import RunFacts
from handgrad.report.findings.statistics import kendall_tau_b, sample
from handgrad.report.findings.summarize import summarize_setting
from handgrad.report.reproduced.judge import (
    Compared,
    compared,
    judge,
    judge_stability,
    shown_difference,
    shown_published,
    shown_values,
)
from handgrad.report.reproduced.number_tables import same
from handgrad.study.published.numbers import published

THREE = sample({0: 0.90, 1: 0.92, 2: 0.94})  # m = 0.92, s = 0.02, t(2) = 4.3027


def test_the_prediction_interval_worked_by_hand():
    one = prediction_interval([0.90, 0.92, 0.94])
    assert one.high - 0.92 == pytest.approx(4.3027 * 0.02 * math.sqrt(4 / 3), rel=1e-4)
    three = prediction_interval([0.90, 0.92, 0.94], 3)
    assert 0.92 - three.low == pytest.approx(4.3027 * 0.02 * math.sqrt(2 / 3), rel=1e-4)
    assert prediction_interval([0.9]) is None


def test_the_prediction_interval_covers_what_it_claims():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(2000):
        x, new = rng.normal(size=3), rng.normal(size=2).mean()
        interval = prediction_interval(x, 2)
        inside += interval.low <= new <= interval.high
    assert inside / 2000 == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize(
    ("given", "further", "inside"),
    [
        (82.1, 1, True),  # 92 − 9.94 = 82.06, and 0.05 of rounding
        (81.9, 1, False),
        (82.1, 3, False),
        (85.1, 3, True),  # 92 − 7.03 = 84.97
        (84.9, 3, False),
        ("≈ 82", 1, True),  # a whole unit of the last digit: 82.06 − 1
        ("≈ 81", 1, False),
        ([82.1, 5.0], 1, True),
    ],
)
def test_inside_the_spread_of_several_runs(given, further, inside):
    assert judge(published(given, "percent"), THREE, "test_accuracy", further)[2] is inside


def test_half_a_unit_of_the_last_digit_belongs_to_a_published_number():
    ours = sample({0: 0.8804, 1: 0.8804})
    for digits, inside in ((2, True), (3, True), (4, False)):  # 0.88 ± 0.005, 0.880 ± 0.0005, 0.8800 ± 0.00005
        assert judge(published(0.88).printed(digits), ours, "test_accuracy")[2] is inside


def test_one_run_cannot_be_judged():
    one = sample({0: 0.90})
    for measure in ("test_accuracy", "val_loss"):
        assert judge(published(0.901), one, measure, scored=100) == (None, None, None, "cannot be judged (one run)")
    assert judge(published(0.9), sample({}), "test_accuracy", diverged=1)[2:] == (None, "cannot be judged (one run)")


def test_other_examples_widen_the_interval_of_accuracies_alone():
    # (4.3027·0.02)²·(1 + 1/3) + (1.96²·2·a(1 − a)/102) = 0.0098720 + 0.0060602, where a = 93/102
    low, high, inside, _ = judge(published(0.80), THREE, "test_accuracy", scored=100)
    assert (low, high) == (pytest.approx(0.92 - 0.12622, abs=1e-4), pytest.approx(0.92 + 0.12622, abs=1e-4))
    assert inside is True
    assert judge(published(0.80), THREE, "val_loss", scored=100)[:2] == judge(published(0.8), THREE, "val_loss")[:2]
    agree = sample({0: 0.9, 1: 0.9})  # no spread of seeds: the noise of the examples is left
    assert judge(published(0.93), agree, "test_accuracy", scored=100)[2] is True


def test_what_is_inside_by_its_last_digit_alone_is_said_to_be_so():
    """Within ±0.03 of 0.92 or not: "≈ 0.8" stands for 0.75 to 0.85, and that is no agreement of three digits."""
    for given, text in (
        ("≈ 0.9", "+0.020 inside"),
        ("≈ 0.7", "+0.220 outside"),
        ("≈ 0.8", "+0.120 inside as read off"),
    ):
        one = published(given)
        low, high, inside, _ = judge(one, THREE, "val_accuracy")
        assert shown_difference(Compared("T", "1", "val_accuracy", one, THREE, 3, low, high, inside), 3) == text


def test_a_faithful_number_is_inside_in_95_of_100_cases():
    """Two seeds or more, scored on the same examples as the original's one run, or on others."""
    rng = np.random.default_rng(3)
    for n in (2, 3, 5):
        inside = 0
        for _ in range(600):
            theirs, *ours = rng.binomial(1000, np.clip(rng.normal(0.9, 0.01, n + 1), 0, 1)) / 1000
            inside += judge(published(float(theirs)), sample(dict(enumerate(ours))), "val_accuracy", scored=1000)[2]
        assert inside / 600 > 0.93  # at 95 % one standard error is 0.9 points


@pytest.mark.parametrize(("accuracy", "examples"), [(0.999, 300), (0.999, 1000), (0.995, 100), (0.9999, 10_000)])
def test_a_faithful_number_is_inside_where_hardly_a_mistake_is_made(accuracy, examples):
    """Where no run here makes a mistake there is still the noise of the examples."""
    rng, inside = np.random.default_rng(4), 0
    for _ in range(1000):
        theirs, *ours = rng.binomial(examples, accuracy, 4) / examples
        found = judge(published(float(theirs)).printed(6), sample(dict(enumerate(ours))), "val_accuracy", 1, examples)
        inside += bool(found[2])
    assert inside / 1000 > 0.94


def test_times_are_never_judged_and_counts_as_other_numbers():
    assert judge(published(5.0), sample({0: 5.0, 1: 5.0}), "seconds")[2] is None
    assert judge(published(10), sample({0: 10.0, 1: 10.0}), "epochs")[2] is True
    assert judge(published(10), sample({0: 9.0, 1: 9.0}), "epochs")[2] is False
    assert judge(published(10), sample({0: 10.0}), "epochs")[2] is None
    assert shown_difference(Compared("T", "1", "epochs", published(10), sample({0: 10.0})), 0) == "equal"


@pytest.mark.parametrize(
    ("diverged", "inside"),
    [(3, False), (0, None)],
)
def test_a_published_number_of_which_nothing_came_here(diverged, inside):
    assert judge(published(0.9), sample({}), "test_accuracy", diverged=diverged)[2] is inside


def setting(*runs):
    """Runs that came to "done", "collapsed" or another status."""
    fallen = {"collapsed": ("done", None, ("cat", 1.0))}
    made = [RunFacts(str(seed), seed, *fallen.get(run, (run,))) for seed, run in enumerate(runs)]
    return summarize_setting("1", {}, {}, made)


@pytest.mark.parametrize(
    ("runs", "came"),
    [
        (["diverged"], "diverged"),
        (["collapsed"], "collapsed"),
        (["done"], "learns"),
        (["diverged", "diverged", "failed"], "diverged"),
        (["done", "collapsed", "diverged"], "1 of 3 diverged, 1 of 3 collapsed"),
        (["pruned", "collapsed"], "1 of 2 collapsed"),
    ],
)
def test_what_explodes_and_what_learns(runs, came):
    """Both kinds of instability agree with every word for it, and neither with "learns"."""
    learns = came == "learns"
    for word in ("diverged", "nan", "explodes"):
        assert judge_stability(word, setting(*runs)) == (not learns, "", came)
    assert judge_stability("learns", setting(*runs)) == (learns, "", came)


def test_what_has_not_ended_is_not_judged():
    assert judge_stability("explodes", setting("pending", "failed")) == (None, "no run has ended", "")
    one = compared(
        "T", "1", "test_accuracy", published("learns"), setting("done"), made_with="--quick, a smaller study"
    )
    assert (one.inside, one.why) == (None, "not judged: made with --quick, a smaller study")
    assert shown_difference(one, 2) == "learns"


@pytest.mark.parametrize("seed", range(5))
def test_kendall_against_scipy(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.integers(0, 6, 12).tolist(), rng.integers(0, 6, 12).tolist()
    assert kendall_tau_b(x, y) == pytest.approx(stats.kendalltau(x, y).statistic)
    assert kendall_tau_b(x, [1.0] * 12) is None
    assert kendall_tau_b([1, -math.inf], [2, -math.inf]) == 1


def test_numbers_are_printed_as_the_original_printed_them():
    assert shown_published(published([0.48, 0.034]), 3) == "0.480 ± 0.034"
    assert shown_published(published([0.48, 0.034]), 3, "std") == "0.034"
    assert shown_published(published("nan"), 2) == "nan"
    assert shown_values(sample({0: 50890.0}), "parameters", 1.0, 4) == "50,890"
    assert shown_values(sample({0: 9.0, 1: 10.0}), "epochs", 1.0, 1) == "9.5 ± 0.7"
    assert shown_values(THREE, "test_accuracy", 0.01, 1) == "92.00 ± 2.00"
    assert shown_values(THREE, "test_accuracy", 1.0, 3, "std") == "0.020"
    one = Compared("T", "1", "test_accuracy", published(98.5, "percent"), THREE, inside=False)
    assert shown_difference(one, 2) == "−6.50 outside"
    slower = Compared("T", "1", "seconds", published(2, "min"), sample({0: 60.0}))
    assert shown_difference(slower, 2) == "× 0.5"


def test_keys_are_the_same_as_far_as_they_were_printed():
    assert same(0.0022, 0.00223616911307715)
    assert not same(0.0023, 0.00223616911307715)
    assert same("sgd", {"name": "sgd", "lr": 0.1})
    assert same([512, 256], (512, 256))
    assert not same([512], (512, 256))
    assert not same("full", 32)
