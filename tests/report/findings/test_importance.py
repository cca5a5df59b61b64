"""Hyperparameter importance, in numbers and sentences: of grids and draws whose truth is known, and at the edges."""

import math
import re

import numpy as np
import pytest

import handgrad as hg
from handgrad.errors import InputError
from handgrad.report.findings.axis_scales import LOST, AxisScale
from handgrad.report.findings.forest_shares import ForestShares
from handgrad.report.findings.importance import best_of, importance_of, importances, shares_of
from handgrad.report.findings.importance_sentences import (
    expected_best_verdict,
    forgiveness_verdicts,
    headline_importance,
    importance_verdicts,
    little,
    percent_of,
)
from handgrad.report.findings.studied_axes import StudiedAxes, declared, studied_in
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.variance_shares import VarianceShares
from handgrad.report.tables.study_tables import runs_table
from handgrad.study.folder.results_folder import Results
from handgrad.study.rules.samplers import DISTRIBUTIONS, Sampling
from tests.report.conftest import Outcome
from tests.report.findings.grids import drawn, grid, peak

ACCURACY, LOSS = "val_accuracy", "val_loss"
LEVELS = {"lr": [0.001, 0.01, 0.1], "width": [16, 32]}


def of_frame(frame, axes, *, metric=ACCURACY, sampler="", tried=(), stopped=0, scales=None):
    """What varies, of a frame; lr is the learning rate."""
    names = {axis: {"lr": "learning rate"}.get(axis, axis) for axis in axes}
    if LOST not in frame:
        frame = frame.assign(**{LOST: False})
    settings = len(frame[list(axes)].drop_duplicates())
    return StudiedAxes(metric, tuple(axes), names, frame, scales or {}, settings, tuple(tried), stopped, sampler)


def noisy(mean, noise=0.002, seeds=4, levels=LEVELS):
    rng = np.random.default_rng(3)
    return grid(levels, seeds, lambda s, seed: mean(s) + noise * float(rng.standard_normal()))


def said(found):
    return [verdict.text for verdict in importance_verdicts(found)]


# -- grids


def test_the_axis_that_has_the_variance_matters_most_and_the_other_little():
    found = importance_of(of_frame(noisy(lambda s: 0.7 + 0.1 * math.log10(s["lr"])), LEVELS))
    (text,) = said(found)
    assert text.startswith(
        "learning rate matters most: it has 99.9 % of the variance of validation accuracy (95 % interval"
    )
    assert re.search(
        r"\. Shown to matter little: width \((at most|less than) \d\.?\d* %\)\. From 6 settings × 4 seeds, by unbiased "
        r"shares of variance \(ω²\); noise has \d+(\.\d)? %\.$",
        text,
    )
    assert isinstance(found.shares, VarianceShares)
    assert found.refusal == found.working_refusal == ""


def test_two_axes_alike_are_not_separated():
    found = importance_of(of_frame(noisy(lambda s: 0.7 + 0.02 * math.log10(s["lr"]) + 0.002 * s["width"]), LEVELS))
    (text,) = said(found)
    assert text.startswith("Which hyperparameter matters most is not separated: ")
    assert "learning rate " in text
    assert "width " in text


def test_what_two_axes_do_together_is_said():
    def mean(s):
        return 0.7 + (0.05 if s["width"] == 16 else -0.05) * (math.log10(s["lr"]) + 2)

    found = importance_of(of_frame(noisy(mean), LEVELS))
    (text,) = said(found)
    assert re.match(
        r"learning rate and width matter most, together: their interaction has 9\d\.?\d? % of the variance of "
        r"validation accuracy \(95 % interval .* %\), so that what learning rate does depends on "
        r"width\. By themselves ",
        text,
    )
    assert "Not shown to matter" not in text
    assert [verdict.kind for verdict in importance_verdicts(found)] == ["good"]


def test_an_interaction_beside_a_larger_axis_is_named_by_both():
    def mean(s):
        return 0.7 + (0.05 + 0.03 * (s["width"] == 16)) * math.log10(s["lr"])

    (text,) = said(importance_of(of_frame(noisy(mean, 0.001), LEVELS)))
    assert text.startswith("learning rate matters most")
    assert re.search(
        r"\. The interaction of learning rate and width adds \d\.\d % \(.*\): what learning rate does depends on width",
        text,
    )


def test_an_interaction_of_two_others_may_matter_more_than_the_largest_axis():
    """act adds ±0.02; lr and width do nothing alone and ±0.04 together, which is more."""
    levels = {"lr": [0.01, 0.1], "width": [16, 32], "act": ["relu", "tanh"]}

    def mean(s):
        return 0.8 + 0.02 * (s["act"] == "tanh") + (0.04 if (s["lr"] == 0.1) == (s["width"] == 32) else -0.04)

    found = importance_of(of_frame(noisy(mean, levels=levels), levels))
    (text,) = said(found)
    assert text.startswith("learning rate and width matter most, together: their interaction has 9")
    assert "; act has " in text
    (verdict,) = importance_verdicts(importance_of(of_frame(noisy(mean, 0.03, 3, levels), levels)))
    assert verdict.kind == "note"
    assert verdict.text.startswith(
        "Which hyperparameter matters most is not separated: the interaction of learning rate and width has "
    )


def test_seeds_that_agree_show_no_noise_and_no_interval():
    frame = grid(LEVELS, 2, lambda s, seed: 0.7 + 0.1 * math.log10(s["lr"]) + 0.001 * s["width"])
    found = importance_of(of_frame(frame, LEVELS))
    (text,) = said(found)
    assert re.match(
        r"Of the variance of validation accuracy the shares are learning rate 99 %, width \d\.\d % and the interaction "
        r"of learning rate and width 0 %\. From 6 settings × 2 seeds, by unbiased shares of variance \(ω²\); 2 seeds "
        r"agree in every setting: no noise was seen, and there are no intervals\.$",
        text,
    )
    assert [one.interval for one in found.shares.shares] == [None] * 5


def test_one_seed_says_that_interactions_count_as_noise():
    (text,) = said(importance_of(of_frame(noisy(lambda s: 0.7 + 0.1 * math.log10(s["lr"]), seeds=1), LEVELS)))
    assert "From 6 settings × 1 seed, by unbiased shares of variance (ω²); one seed: interactions and the noise" in text


def test_settings_without_a_value_are_counted_beside_the_sentence():
    frame = noisy(lambda s: 0.7 + 0.1 * math.log10(s["lr"]))
    lost = StudiedAxes(
        ACCURACY,
        tuple(LEVELS),
        {"lr": "lr", "width": "width"},
        frame.assign(lost=False),
        {},
        9,
        (math.nan,) * 2,
        1,
    )
    (text,) = said(importance_of(lost))
    assert text.endswith(
        "Not among these: 2 settings of which every run diverged and 1 setting that the search stopped short."
    )


def test_noise_alone_is_said_to_be_no_finding():
    (text,) = said(importance_of(of_frame(noisy(lambda s: 0.8, noise=0.05), LEVELS)))
    assert text.startswith("No hyperparameter is shown to matter by itself")
    assert "matters most" not in text


def test_a_larger_share_that_is_told_from_nothing_stands_before_those_that_are_not():
    """A third axis with a small effect that is told from 0 is named with its share, not as unknown."""
    levels = {**LEVELS, "act": ["relu", "tanh"]}
    frame = noisy(lambda s: 0.7 + 0.1 * math.log10(s["lr"]) + 0.05 * (s["act"] == "tanh"), 0.001, 5, levels)
    (text,) = said(importance_of(of_frame(frame, levels)))
    assert re.search(r"act has \d+\.?\d* % \(", text) or "matter little: act" in text
    assert "Not shown to matter: act" not in text


def test_settings_that_collapse_are_told_apart_from_those_that_work():
    def mean(s):
        return 0.1 if s["lr"] == 0.1 else 0.8 + 0.05 * (s["width"] == 32)

    frame = noisy(mean)
    frame[LOST] = frame["value"] < 0.3
    found = importance_of(of_frame(frame, LEVELS))
    (text,) = said(found)
    assert text.startswith("Among the 4 settings of which no run was lost, width matters most: it has 9")
    assert " Among all 6 settings, 2 of which lost runs, learning rate matters most: it has 99.7 %" in text
    assert text.partition("Among all")[2].endswith(" %).")  # what matters most is all that is said of these
    assert little(found) == {"lr"}
    assert [verdict.kind for verdict in importance_verdicts(found)] == ["good"]
    assert importance_verdicts(found, "Phase 1")[0].text.startswith("Phase 1: among the 4 settings")
    assert found.lost == 2
    frame[LOST] = (frame["lr"] < 0.05) | (frame["width"] == 32)
    only = importance_of(of_frame(frame, LEVELS))
    assert re.match(r"Among the 1 setting of which no run was lost, what matters cannot be said: .+\.$", said(only)[0])
    frame[LOST] = True
    assert said(importance_of(of_frame(frame, LEVELS))) == [
        "Which of learning rate and width matters cannot be said: every run was lost."
    ]


def test_no_result_and_equal_results_have_their_sentence():
    nothing = noisy(lambda s: 0.8).iloc[:0]
    lost = StudiedAxes(ACCURACY, ("lr",), {"lr": "lr"}, nothing.assign(lost=[]), {}, 2, (math.nan, math.nan), 0)
    assert said(importance_of(lost)) == ["What lr does cannot be said: every run of 2 settings diverged."]
    waiting = StudiedAxes(ACCURACY, ("lr",), {"lr": "lr"}, nothing.assign(lost=[]), {}, 2, (), 0)
    assert said(importance_of(waiting)) == ["What lr does cannot be said: no run has a result yet."]
    equal = importance_of(of_frame(grid(LEVELS, 2, lambda s, seed: 0.8), LEVELS), margin=0.01, margin_is="ours")
    assert said(equal) == [
        "Which of learning rate and width matters cannot be said: all 12 runs have the same value: there is no "
        "variance to share out."
    ]
    assert forgiveness_verdicts(equal)[0].text.startswith(
        "6 of 6 settings (100 %) come within 1 point of the best, 80.00 %."
    )


def test_one_axis_has_no_shares_and_no_sentence_of_them():
    found = importance_of(of_frame(noisy(lambda s: s["lr"], levels={"lr": [0.1, 0.2]}), ["lr"]))
    assert (found.shares, found.refusal) == (None, "")
    assert said(found) == []


def test_listed_settings_that_are_no_grid_are_asked_of_a_forest():
    frame = drawn(np.random.default_rng(0), 40, lambda s: 0.9 + 0.05 * peak(s), 0.01)
    found = importance_of(of_frame(frame, ["lr", "width", "act"]))
    assert isinstance(found.shares, ForestShares)
    few = of_frame(frame.iloc[:8], ["lr", "width", "act"])
    with pytest.raises(InputError, match="they are no grid; run more combinations"):
        shares_of(few, few.frame)


# -- draws


@pytest.fixture(scope="module")
def sixty():
    rng = np.random.default_rng(1)
    return drawn(rng, 60, lambda s: 0.9 + 0.05 * peak(s) - 0.05 * (s["act"] == "tanh"), 0.005, 2)


AXES = ["lr", "width", "act"]
SCALES = {"lr": AxisScale("lr", "log", 1e-4, 1.0)}


@pytest.fixture(scope="module")
def searched(sixty):
    tried = sixty.groupby(AXES, sort=False)["value"].mean().tolist()
    return of_frame(sixty, AXES, sampler="random", tried=tried, scales=SCALES)


def test_draws_are_asked_of_a_forest_over_the_declared_ranges(searched):
    found = importance_of(searched, margin=0.02, margin_is="ours")
    assert isinstance(found.shares, ForestShares)
    assert found.shares.space.scales[0] == SCALES["lr"]
    (text,) = said(found)
    assert text.startswith("learning rate matters most")
    assert "of the variance of validation accuracy over the space (95 % interval" in text
    assert "From 60 settings (120 runs) by fANOVA of a random forest, R² out of bag 0." in text
    (forgiving,) = forgiveness_verdicts(found)
    assert "% of the space, 95 % interval" in forgiving.text
    assert forgiving.text.endswith("The margin is ours.")


def test_the_expected_best_is_of_independent_draws_alone(searched, sixty):
    (verdict,) = expected_best_verdict(importance_of(searched))
    best = 100 * max(searched.tried)
    assert verdict.text.startswith(
        f"The best of 60 random settings has {best:.2f} %. The expected best of fewer: 1 setting "
    )
    stopped = of_frame(sixty, AXES, sampler="random", tried=searched.tried, stopped=12)
    assert best_of(stopped)[0] is None
    assert best_of(stopped)[1].startswith("The search stopped 12 of 60 settings short")
    learnt = of_frame(sixty, AXES, sampler="tpe", tried=searched.tried)
    assert best_of(learnt)[1].startswith("The sampler 'tpe' does not draw settings independently")
    assert best_of(of_frame(sixty, AXES)) == (None, "")


def test_settings_that_diverged_are_draws_with_the_worst_value(sixty):
    tried = [0.9, math.nan, 0.8]
    found, _ = best_of(of_frame(sixty, AXES, sampler="random", tried=tried))
    assert found.mean.tolist() == pytest.approx([1.7 / 3, 2.6 / 3, 0.9])  # pairs: 0.9, 0.9, 0.8
    none, why = best_of(of_frame(sixty, AXES, metric=LOSS, sampler="random", tried=tried))
    assert none is None
    assert why.startswith("Every run of 1 setting diverged and has no validation loss")


def test_ranges_are_scales_as_the_study_declares_them():
    ranges = (
        ("lr", "log_uniform", [1e-4, 1]), ("dropout", "uniform", [0, 0.5]), ("batch", "integers", [5, 200]),
        ("layers", "integers", [1, 3]), ("hidden", "choice", [[64], [32, 16]]), ("size", "choice", [64, 16]),
        ("one", "choice", ["relu"]), ("mine", "triangular", [0, 1]),
    )  # fmt: skip
    found = declared(Sampling("random", 10, 0, ranges))
    assert found["lr"] == AxisScale("lr", "log", 1e-4, 1.0)
    assert found["dropout"] == AxisScale("dropout", "linear", 0.0, 0.5)
    assert found["batch"] == AxisScale("batch", "linear", 5.0, 200.0)
    assert found["layers"].levels == (1, 2, 3)
    assert (found["hidden"].kind, found["hidden"].levels) == ("categories", (64, "32, 16"))
    assert (found["size"].kind, found["size"].levels) == ("values", (16, 64))
    assert "one" not in found
    assert "mine" not in found
    assert {kind for _, kind, _ in ranges} >= set(DISTRIBUTIONS)


def test_of_some_rows_ranges_end_where_their_values_do(searched):
    left = searched.frame[searched.frame["lr"] < 0.1]
    scale = searched.scales_in(left)["lr"]
    assert (scale.kind, scale.high) == ("log", left["lr"].max())
    assert searched.scales_in(searched.frame) == SCALES


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.8561, "86 %"),
        (0.0312, "3.1 %"),
        (-0.2, "0 %"),
        (0.0951, "9.5 %"),
        (0.0004, "0 %"),
        (0.9949, "99 %"),
        (0.9994, "99.9 %"),
        (0.999999, "> 99.9 %"),
        (1.0, "100 %"),
        (1.2, "100 %"),
    ],
)
def test_shares_in_percent(share, text):
    assert percent_of(share) == text


# -- results folders

GRID = {"seeds": 3, "grid": {"training.optimizer.lr": [0.01, 0.1, 1.0], "network.hidden": [4, 6]}}


def told(setting, seed):
    return Outcome(0.7 + 0.03 * [0.01, 0.1, 1.0].index(setting.axes["training.optimizer.lr"]) + 0.003 * seed)


def test_the_frame_has_a_row_for_each_share(make_results):
    folder = make_results(GRID, told)
    frame = hg.importance(folder)
    assert frame["term"].tolist()[0] == "lr"
    assert set(frame["term"]) == {"lr", "hidden", "lr × hidden", "seeds, alike in all settings", "noise between seeds"}
    assert frame["share"].sum() == pytest.approx(1)
    assert set(frame["method"]) == {"variance"}
    assert (set(frame["n"]), set(frame["runs"]), set(frame["settings"])) == ({6}, {18}, {"all"})
    runs = Results.open(folder).runs()
    assert runs["collapsed"].tolist() == [False] * 18
    assert hg.importance(make_results({"seeds": 2}, lambda s, seed: Outcome(0.8), name="one")).empty


def test_phases_are_named_and_a_phase_of_one_axis_has_no_sentence(make_results):
    tables = {**GRID, "phase": [{"name": "L2", "grid": {"training.weight_decay": [0.01, 0.001]}}]}
    results = Results.open(make_results(tables, lambda s, seed: Outcome(0.7 + 0.01 * int(s.label[-1]) + 0.001 * seed)))
    summary = summarize(results)
    found = importances(summary)
    assert [one.phase for one in found] == [0, 1]
    texts = [verdict.text for verdict in headline_importance(summary, found)]
    assert len(texts) == 1
    assert texts[0].startswith("Phase main: ")
    assert found[1].studied.names == {"training.weight_decay": "weight decay"}


def test_variants_stand_beside_the_baseline_by_name(make_results):
    tables = {"seeds": 2, "variant": {"adam": {"training": {"optimizer": "adam"}}}}
    results = Results.open(make_results(tables, lambda s, seed: Outcome(0.8 + 0.01 * seed)))
    summary = summarize(results)
    frame = studied_in(summary.phases[0]).frame
    written = [row.cells[1].values[0] for row in runs_table(summary).rows]
    for names in (frame["variant"], results.runs()["variant"], results.settings()["variant"], written):
        assert list(dict.fromkeys(names)) == ["baseline", "adam"]


def test_draws_know_their_ranges_and_leave_out_what_their_phase_started_from(make_results):
    random = {"runs": 5, "training.optimizer.learning_rate": {"log_uniform": [0.01, 1.0]}}
    tables = {"seeds": 1, "phase": [{"name": "rates", "random": random}]}
    summary = summarize(Results.open(make_results(tables, lambda s, seed: Outcome(0.8))))
    found = studied_in(summary.phases[1])
    assert len(summary.phases[1].settings) == 6
    assert (found.settings, len(found.tried), found.sampler) == (5, 5, "random")
    assert found.scales["training.optimizer.lr"] == AxisScale("training.optimizer.lr", "log", 0.01, 1.0)
    assert summary.phases[0].sampling is None
