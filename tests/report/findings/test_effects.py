"""The effect of one hyperparameter over all others: balanced means, paired differences, interactions, sentences."""

import pandas
import pytest

from handgrad.report.findings.effect_sentences import effect_verdict
from handgrad.report.findings.effects import effect_of, effects, frame_of, phase_effects
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.variance_shares import without_lost
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome


def frame(cells, seeds=(0, 1, 2)):
    """(act, lr) -> value; seed s adds s/100, and of lr 0.09 another s/1000."""
    rows = [
        {"act": act, "lr": lr, "seed": seed, "value": value + seed / 100 + (seed / 1000 if lr == 0.09 else 0)}
        for (act, lr), value in cells.items()
        for seed in seeds
    ]
    return pandas.DataFrame(rows)


CELLS = {("relu", 0.01): 0.90, ("relu", 0.09): 0.92, ("tanh", 0.01): 0.80, ("tanh", 0.09): 0.30}
NAMES = {"act": "activation", "lr": "lr"}


def test_a_mean_is_over_all_others_and_its_difference_in_pairs():
    found = effect_of(frame(CELLS), "lr", ["act"], "val_accuracy")
    # seed s: (0.90 + 0.80)/2 + s/100 = 0.85 + s/100 at 0.01, 0.61 + 1.1·s/100 at 0.09
    assert found.levels[0.01].values == pytest.approx({0: 0.85, 1: 0.86, 2: 0.87})
    assert found.levels[0.09].values == pytest.approx({0: 0.61, 1: 0.621, 2: 0.632})
    # differences −0.240, −0.239, −0.238: mean −0.239, s = 0.001, half = 4.303·0.001/√3 = 0.00248
    d = found.whole.difference
    assert d.difference == pytest.approx(-0.239)
    assert d.interval.high - d.difference == pytest.approx(0.00248, abs=1e-5)
    assert d.decided
    assert (found.combinations, found.left_out, found.best) == (2, 0, 0.01)


def test_where_the_others_settle_the_sign_it_is_said():
    found = effect_of(frame(CELLS), "lr", ["act"], "val_accuracy")
    assert (found.whole.rises, found.whole.falls, found.mixed, found.split_by) == (1, 1, True, "act")
    assert effect_verdict(found, NAMES).text == (
        "lr: mean validation accuracy 86.00 % at 0.01 and 62.10 % at 0.09, over 2 combinations of the others; best at "
        "0.01. From 0.01 to 0.09: −23.90 points (95 % interval −24.15 to −23.65, n = 3), p < 0.001. It rises with "
        "activation relu (+2.10 points, p < 0.001) and falls with activation tanh (−49.90 points, p < 0.001)."
    )
    same = effect_of(frame({**CELLS, ("tanh", 0.09): 0.85}), "lr", ["act"], "val_accuracy")
    assert not same.mixed
    assert effect_verdict(same, NAMES).text.endswith("p < 0.001. It goes the same way in all 2.")


def test_where_further_hyperparameters_leave_the_sign_alone_it_is_said():
    """One row a combination of act and size; nothing changes with sigmoid."""
    d = {"relu": (0.02, 0.04), "tanh": (-0.2, -0.1), "sigmoid": (0.0, 0.0)}
    rows = [
        {"lr": lr, "act": act, "size": size, "seed": 0, "value": 0.5 + up * (lr > 0.05)}
        for lr in (0.01, 0.09)
        for act, ups in d.items()
        for size, up in zip((8, 16), ups, strict=True)
    ]
    found = effect_of(pandas.DataFrame(rows), "lr", ["act", "size"], "val_accuracy")
    assert effect_verdict(found, {**NAMES, "size": "size"}).text.endswith(
        " It rises with activation relu (+3.00 points), falls with activation tanh (−15.00 points) and does not change "
        "with activation sigmoid (+0.00 points); the remaining hyperparameters never reverse this."
    )


def test_effects_of_a_phase_are_tested_together():
    """Holm 1979 over three hyperparameters; over four changes for the one with three values."""
    rows = [
        {"a": a, "b": b, "c": c, "seed": s, "value": 0.9 + 0.02 * a * (1 + 0.3 * s) + 0.004 * (b + c) * (s - 0.5)}
        for a in (0, 1)
        for b in (0, 1)
        for c in (0, 1, 2)
        for s in range(4)
    ]
    found = {one.axis: one for one in effects(pandas.DataFrame(rows), ["a", "b", "c"], "val_accuracy")}
    raw = {axis: one.whole.difference.p for axis, one in found.items()}
    assert raw["a"] < raw["b"] == pytest.approx(raw["c"])  # both grow with the seed alone
    assert found["a"].whole.p == pytest.approx(3 * raw["a"])
    assert found["b"].whole.p == pytest.approx(2 * raw["b"])
    assert found["a"].steps == (found["a"].whole,)  # of two values both are one change
    assert [step.tests for step in found["c"].steps] == [4, 4]
    names = {"a": "a", "b": "b", "c": "c"}
    assert f"p = {3 * raw['a']:.3f}, Holm's correction for 3 hyperparameters." in effect_verdict(found["a"], names).text


def test_what_is_not_decided_after_the_correction_is_a_note():
    """Differences of 1.0, 1.4, 2.0 points have p = 0.037, and 1.0, 1.5, 2.1 have 0.040: 0.074 both, of two tests."""
    d = {"a": (1.0, 1.4, 2.0), "b": (1.0, 1.5, 2.1)}
    rows = [
        {"a": a, "b": b, "seed": s, "value": 0.5 + 0.01 * (a * d["a"][s] + b * d["b"][s])}
        for a in (0, 1)
        for b in (0, 1)
        for s in range(3)
    ]
    one, other = effects(pandas.DataFrame(rows), ["a", "b"], "val_accuracy")
    for effect in (one, other):
        assert effect.whole.difference.decided  # by itself
        assert not effect.whole.decided
        assert effect_verdict(effect, {"a": "a", "b": "b"}).kind == "note"
        assert (
            "not told from 0, p = 0.074, Holm's correction for 2" in effect_verdict(effect, {"a": "a", "b": "b"}).text
        )


def test_only_combinations_with_every_value_enter():
    cells = {**CELLS, ("sigmoid", 0.01): 0.5}
    found = effect_of(frame(cells), "lr", ["act"], "val_accuracy")
    assert found.levels[0.01].mean == pytest.approx(0.86)
    other = effect_of(frame(cells), "act", ["lr"], "val_accuracy")
    assert [*other.levels] == ["relu", "tanh", "sigmoid"]
    assert (other.combinations, other.left_out) == (1, 1)


def test_a_seed_that_misses_a_run_is_left_out_for_all():
    table = frame(CELLS)
    table = table[~((table.act == "tanh") & (table.lr == 0.09) & (table.seed == 1))]
    found = effect_of(table, "lr", ["act"], "val_accuracy")
    assert found.levels[0.01].values.keys() == {0, 2}


def test_one_seed_shows_no_spread():
    found = effect_of(frame(CELLS, seeds=[0]), "lr", ["act"], "val_accuracy")
    assert "From 0.01 to 0.09: −24.00 points by one seed, which shows no spread." in effect_verdict(found, NAMES).text


def test_what_differs_in_nothing_else_has_no_effect():
    assert effect_of(frame({("relu", 0.01): 0.9, ("tanh", 0.09): 0.8}), "lr", ["act"], "val_accuracy") is None
    assert effects(frame(CELLS)[:0], ["act", "lr"], "val_accuracy") == []


def test_the_effects_of_a_phase(make_results):
    """1 to 4 are (lr 0.01, hidden 4), (0.01, 6), (0.1, 4), (0.1, 6) or so, at 0.82, 0.84, 0.86, 0.88."""
    (phase,) = summarize(Results.open(make_results())).phases
    by = {one.axis: one for one in phase_effects(phase)}
    means = {axis: {value: round(one.mean, 3) for value, one in effect.levels.items()} for axis, effect in by.items()}
    assert means == {
        "training.optimizer.lr": {0.01: 0.833, 0.1: 0.873},
        "network.hidden": {4: 0.843, 6: 0.863},
    }
    assert {one.combinations for one in by.values()} == {2}


def test_one_factor_at_a_time_is_beside_the_value_that_was_in_force(make_results):
    tables = {"seeds": 2, "one_factor": {"training": {"weight_decay": [0.1]}, "network": {"dropout": [0.5]}}}
    folder = make_results(tables, lambda s, seed: Outcome(0.7 + 0.1 * int(s.label)))
    (phase,) = summarize(Results.open(folder)).phases
    found = {one.axis: [*one.levels] for one in phase_effects(phase)}
    assert found == {"training.weight_decay": [0, 0.1], "network.dropout": [0, 0.5]}


def test_names_of_bundles_alone_have_no_effect_over_others(make_results):
    bundle = {"case": {"a": {"network": {"hidden": 4}}, "b": {"network": {"hidden": 8}}}}
    (phase,) = summarize(Results.open(make_results({"seeds": 2, "bundle": bundle}))).phases
    assert phase_effects(phase) == []
    assert list(frame_of(phase.settings, phase.axes, phase.metric)["case"]) == ["a", "a", "b", "b"]


def test_a_combination_in_which_nothing_changes_goes_no_way():
    """Means of equal values that differ in their last bit are equal."""
    rows = [
        {"lr": lr, "hidden": hidden, "seed": seed, "value": value + (0.01 * seed if lr < 1 else 0.0)}
        for (lr, hidden), value in {(0.1, 8): 0.5, (0.1, 16): 0.7, (1.0, 8): 0.1 + 0.2, (1.0, 16): 0.3}.items()
        for seed in range(3)
    ]
    (effect,) = [
        one for one in effects(pandas.DataFrame(rows), ["lr", "hidden"], "val_accuracy") if one.axis == "hidden"
    ]
    assert (effect.whole.rises, effect.whole.falls, effect.combinations) == (1, 0, 2)
    assert " It goes the same way in 1 of 2." in effect_verdict(effect, {"lr": "lr", "hidden": "hidden"}).text


def test_lost_are_runs_that_collapsed_diverged_or_ended_far_below_their_setting(make_results):
    """At 0.1 seed 0 is at .3 beside .9; at 0.2 seed 1 diverged and has no row; at 0.3 seed 2 collapsed."""
    tells = {(0.1, 0): Outcome(0.3), (0.2, 1): Outcome(status="diverged"), (0.3, 2): Outcome(0.2, collapsed=1)}
    lr = "training.optimizer.lr"
    folder = make_results(
        {"grid": {lr: [0.1, 0.2, 0.3, 0.4]}, "seeds": 3},
        lambda setting, seed: tells.get((setting.axes[lr], seed), Outcome(0.9 + 0.01 * seed)),
    )
    (phase,) = summarize(Results.open(folder)).phases
    frame = frame_of(phase.settings, phase.axes, phase.metric)
    rows = list(zip(frame[lr], frame["seed"], frame["lost"], frame["whole"], strict=True))
    assert [(value, seed) for value, seed, lost, _ in rows if lost] == [(0.1, 0), (0.3, 2)]
    assert {value for value, *_, whole in rows if whole} == {0.4} == set(without_lost(frame, phase.axes)[lr])
    assert len(phase.conclusions.lost) == 3
