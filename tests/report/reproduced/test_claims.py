"""Every claim, judged by invented runs: it holds, is contradicted, is not separated or cannot be judged."""

import numpy as np
import pytest

import handgrad as hg
from handgrad.report.build import build_report, write_report
from handgrad.report.findings.summarize import summarize
from handgrad.report.reproduced.judged_statements import judged_statements, statement_verdicts
from handgrad.report.reproduced.rulings import (
    CONTRADICTED,
    HOLDS,
    UNDECIDED,
    UNJUDGED,
    Side,
    compared_sides,
    quantity_of,
)
from handgrad.report.study_figure import sources_of
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome

GRID = {"training": {"optimizer": {"lr": [0.01, 0.1]}}, "network": {"hidden": [4, 6]}}  # 1: 4, .01  2: 4, .1 …


def tell(setting, seed):
    """0.82, 0.84, 0.86, 0.88 for the four settings; every seed 0.003 more than the one before."""
    return Outcome(0.80 + 0.02 * int(setting.label) + 0.003 * seed)


@pytest.fixture
def judge(make_results):
    """judge(claim, how=tell, seeds=3, …) -> the ruling on one statement."""

    def made(claim, how=tell, seeds=3, curves=None, recorded=None, name="results", grid=GRID, **more):
        said = {"says": "so it is", "where": "l. 1", "claim": claim, **more}
        tables = {"seeds": seeds, "grid": grid, "original": {"title": "Digits", "statement": [said]}}
        results = Results.open(make_results(tables, how, name=name))
        summary = summarize(results)
        load = sources_of(results).by_epoch
        if curves is not None:
            found = {run.id: curves(setting, run.seed) for setting in summary.settings for run in setting.runs}
            load = found.__getitem__
        kept = {
            run.id: recorded(setting, run.seed) if recorded else {}
            for setting in summary.settings
            for run in setting.runs
        }
        (one,) = judged_statements(summary, load, kept.__getitem__)
        return one.ruling

    return made


def scattered(spread):
    """Settings 1 and 2 differ by 0.02 − spread·(−1, 0, 1) over three seeds."""
    return lambda setting, seed: Outcome(0.8 + (0.02 - spread * (seed - 1) if setting.label == "2" else 0.0))


# -- better, worse, equal


def test_what_every_seed_shows_alike_is_decided(judge):
    """d = 0.02 ∓ 0.001: t = 0.02·√3/0.001 = 34.6 with 2 degrees of freedom; half = 4.303·0.001/√3 = 0.0025."""
    how = scattered(0.001)
    found = judge("better", how, setting="2", than="1")
    assert found.verdict == HOLDS
    assert (found.n, found.difference) == (3, pytest.approx(0.02))
    assert (found.low, found.high) == pytest.approx((0.0175, 0.0225), abs=1e-4)
    assert found.here == (
        "validation accuracy 82.00 ± 0.10 % against 80.00 ± 0.00 %: +2.00 points (95 % interval +1.75 to +2.25, n = 3)"
    )
    assert found.how == "paired t-test on 3 seeds, p < 0.001"
    assert judge("worse", how, setting="2", than="1", name="worse").verdict == CONTRADICTED
    assert judge("worse", how, setting="1", than="2", name="turned").verdict == HOLDS


def test_what_varies_as_much_is_not_separated_and_not_equal(judge):
    """d = 0.02 ∓ 0.02: t = √3 = 1.73, p = 0.225; half = 0.0497, far beyond the margin of a point."""
    how = scattered(0.02)
    assert judge("better", how, setting="2", than="1").verdict == UNDECIDED
    found = judge("equal", how, setting="2", than="1", name="equal")
    assert found.verdict == UNDECIDED
    assert found.how == "95 % interval on 3 seeds; equal is within ± 1.00 points"


def test_equal_is_an_interval_within_the_margin(judge):
    """d = 0.02 ∓ 0.001, interval 0.0175 to 0.0225: beyond a point, within three."""
    how = scattered(0.001)
    assert judge("equal", how, setting="2", than="1").verdict == CONTRADICTED
    assert judge("equal", how, setting="2", than="1", margin=0.03, name="wide").verdict == HOLDS
    assert judge("equal", how, setting="2", than="1", margin=0.02, name="between").verdict == UNDECIDED


def test_a_lower_loss_is_better(judge):
    """The fixture's loss is 2·(1 − a): 0.36 of setting 2, 0.40 of 1."""
    found = judge("better", scattered(0.001), setting="2", than="1", measure="val_loss")
    assert found.verdict == HOLDS
    assert found.difference == pytest.approx(-0.04)


def test_one_run_cannot_judge_but_its_examples_can_say_that_nothing_is_there(judge):
    """20 validation examples: 1.96·√((0.84·0.16 + 0.82·0.18)/20) = 0.2327."""
    found = judge("better", seeds=1, setting="2", than="1")
    assert found.verdict == UNDECIDED
    assert found.how == "one run each; other examples alone would move the difference by ± 23.27 points"
    far = judge("better", lambda s, seed: Outcome(0.2 if s.label == "1" else 0.9), 1, setting="2", than="1", name="far")
    assert far.verdict == UNJUDGED
    assert far.how.startswith("one run of each setting shows no spread; other examples alone would move the difference")
    sets = judge("better", seeds=1, setting=["2", "4"], than=["1", "3"], name="sets")
    assert (sets.verdict, sets.how) == (UNJUDGED, "one run of each setting shows no spread")


def test_a_side_that_diverged_with_every_seed_is_worse(judge):
    def how(setting, seed):
        return Outcome(0.8, "diverged" if setting.label == "1" or (setting.label == "3" and seed == 0) else "done")

    found = judge("worse", how, setting="1", than="2")
    assert found.verdict == HOLDS
    assert found.here == "validation accuracy diverged against 80.00 ± 0.00 %"
    assert found.how == "this side diverged with every one of 3 seeds"
    assert judge("equal", how, setting="1", than="2", name="equal").verdict == CONTRADICTED
    some = judge("worse", how, setting="3", than="2", name="some")
    assert (some.verdict, some.how) == (UNDECIDED, "one side diverged with some seeds")
    assert judge("better", how, 1, setting="2", than="1", name="one").verdict == HOLDS


def test_sets_are_compared_by_their_means_and_their_pairs_counted(judge):
    def how(setting, seed):
        return Outcome({"1": 0.80, "2": 0.90, "3": 0.85, "4": 0.84}[setting.label] + 0.001 * seed)

    # (0.90 + 0.84)/2 − (0.80 + 0.85)/2 = 0.045 in every seed: equal differences, of which three signs say p = 0.25
    found = judge("better", how, setting=["2", "4"], than=["1", "3"])
    assert found.verdict == UNDECIDED
    assert found.difference == pytest.approx(0.045)
    assert found.how.endswith("; better in 1 of 2 pairs of settings")


# -- best, worst


def test_best_is_better_than_each_other(judge):
    def how(setting, seed):
        return Outcome(0.8 + 0.02 * int(setting.label) + 0.001 * seed * int(setting.label))

    found = judge("best", how, setting="4")
    assert (found.verdict, found.how) == (HOLDS, "decided against each of 3 others")
    assert found.here.startswith("validation accuracy: number 1 of 4 from the best; beside the next 88.4")
    assert judge("best", how, setting="3", name="third").verdict == CONTRADICTED
    assert judge("worst", how, setting="1", name="worst").verdict == HOLDS
    assert judge("best", how, setting="4", than=["1", "2"], name="some").how == "decided against each of 2 others"
    assert judge("best", how, 1, setting="4", name="one").verdict == UNJUDGED


def test_a_lead_that_is_not_told_from_all_is_not_separated(judge):
    def how(setting, seed):
        return Outcome(0.8 + 0.01 * (setting.label == "4") * seed)

    found = judge("best", how, setting="4")
    assert (found.verdict, found.how) == (UNDECIDED, "3 of 3 others are not told from it")


# -- rises, falls


def lr_of(setting):
    return setting.setting.training.optimizer.lr


def test_a_measure_rises_with_an_axis_over_all_others(judge):
    grid = {**GRID, "training": {"optimizer": {"lr": [0.01, 0.1, 1.0]}}}

    def how(setting, seed):
        return Outcome(0.7 + {0.01: 0.0, 0.1: 0.05, 1.0: 0.1}[lr_of(setting)] + 0.001 * seed * (lr_of(setting) == 1))

    found = judge("rises", how, grid=grid, along="training.optimizer.lr")
    assert found.verdict == HOLDS
    assert found.here == (
        "validation accuracy 70.00 % at 0.01, 75.00 % at 0.1 and 80.10 % at 1, means over 2 combinations of the "
        "others, 2 of which rise"
    )
    assert judge("falls", how, grid=grid, along="training.optimizer.lr", name="falls").verdict == CONTRADICTED
    peak = {0.01: 0.0, 0.1: 0.2, 1.0: 0.1}

    def bent(setting, seed):
        return Outcome(0.7 + peak[lr_of(setting)] * (1 + 0.01 * seed))

    back = judge("rises", bent, grid=grid, along="training.optimizer.lr", name="bent")
    assert back.verdict == CONTRADICTED
    assert back.how.endswith("the other way from 0.1 to 1, decided (Holm)")
    assert judge("rises", how, 1, grid=grid, along="training.optimizer.lr", name="one").verdict == UNJUDGED


def test_a_measure_falls_with_another_over_settings(judge):
    """Loss is 2(1 − a) of accuracy a: over 4 settings τ = −1 and p = 2/4! = 0.083, over 6 it is 2/6! = 0.003."""
    found = judge("falls", along="train_loss", measure="test_accuracy")
    assert (found.verdict, found.n, found.difference) == (UNDECIDED, 4, -1.0)
    more = {**GRID, "training": {"optimizer": {"lr": [0.01, 0.1, 1.0]}}}
    found = judge("falls", grid=more, along="train_loss", measure="test_accuracy", seeds=1, name="more")
    assert (found.verdict, found.how) == (HOLDS, "over settings, p = 0.003")
    assert found.here == "Kendall's τ-b of training loss and test accuracy over 6 settings: −1.00"
    assert judge("rises", grid=more, along="train_loss", measure="test_accuracy", name="up").verdict == CONTRADICTED


# -- curves


def test_faster_is_fewer_epochs_to_the_same_level(judge):
    """Ends at 0.9: from 0.2 (five classes) the level is 0.865.  2 is there at epoch 2 or 3, 1 at 4 or 5."""

    def curves(setting, seed):
        late = {"1": 4, "2": 2}.get(setting.label, 3) + (seed == 2)
        epoch = np.arange(1, 7)
        return {"epoch": epoch, "val_accuracy": np.where(epoch < late, 0.5, 0.9)}

    # 2, 2, 3 against 4, 4, 5: d = −2 in every seed: of equal differences only signs speak, p = 0.25
    found = judge("faster", curves=curves, setting="2", than="1")
    assert found.verdict == UNDECIDED
    assert found.difference == -2
    assert found.here.startswith(
        "epochs until a validation accuracy of 86.50 %, 95 % of the way to the better side's best: 2.3 ± 0.6 against"
    )
    never = judge("slower", curves=curves, setting="1", than="2", level=0.95, name="never")
    assert (never.verdict, never.how) == (UNJUDGED, "no seed has a value on both sides")

    def one_way(setting, seed):
        return {"epoch": np.arange(1, 4), "val_accuracy": np.array([0.3, 0.5, 0.6 if setting.label == "1" else 0.9])}

    found = judge("slower", curves=one_way, setting="1", than="2", name="lower")
    assert found.verdict == HOLDS
    assert found.how == "this side never got there with every one of 3 seeds"


def test_smoother_is_less_noise_after_the_climb(judge):
    """Noise of ±0.02 and ±0.002 in turn, other signs with every seed."""

    def curves(setting, seed):
        size = 0.02 if setting.label == "1" else 0.002
        noise = np.random.default_rng(seed).normal(size=20)
        return {"epoch": np.arange(1, 21), "val_accuracy": 0.8 + size * noise}

    found = judge("smoother", curves=curves, setting="2", than="1")
    assert found.verdict == HOLDS
    assert judge("more-volatile", curves=curves, setting="2", than="1", name="volatile").verdict == CONTRADICTED
    short = judge("smoother", setting="2", than="1", name="short")
    assert short.verdict == UNJUDGED
    assert short.how == "no seed has a value on both sides: fewer than three epochs are left after the climb"
    none = judge("smoother", setting="2", than="1", measure="test_loss", name="none")
    assert none.how == "no curve of test loss was recorded"


# -- training beside validation, and how runs ended


def test_overfitting_is_training_above_validation(judge):
    """The fixture scores training 0.02 above validation in every run: of three equal differences nothing is decided."""
    assert judge("overfits", setting="1").verdict == UNDECIDED
    assert judge("overfits", setting="1", seeds=6, name="six").verdict == HOLDS
    assert judge("overfits", setting="1", than="2", seeds=6, name="both").verdict == UNDECIDED
    assert judge("overfits", setting="1", seeds=1, name="one").verdict == UNDECIDED  # 20 and 40 examples explain 0.02


def test_underfitting_is_worse_on_both(judge):
    how = scattered(0.001)
    assert judge("underfits", how, setting="1", than="2").verdict == HOLDS
    assert judge("underfits", how, setting="2", than="1", name="turned").verdict == CONTRADICTED


@pytest.mark.parametrize(
    ("claim", "verdicts"), {"explodes": "hhc", "collapses": "chc", "learns": "cch"}.items(), ids=lambda x: x
)
def test_how_runs_ended_one_run_can_show(judge, claim, verdicts):
    """1 diverged, 2 collapsed, 3 learns."""

    def how(setting, seed):
        ends = {"1": {"status": "diverged"}, "2": {"collapsed": 0}}.get(setting.label, {})
        return Outcome(0.2 if setting.label == "2" else 0.9, **ends)

    found = [judge(claim, how, 1, setting=label, name=label) for label in "123"]
    assert [one.verdict for one in found] == [{"h": HOLDS, "c": CONTRADICTED}[letter] for letter in verdicts]
    assert [one.here.split(" (")[0] for one in found] == ["diverged", "collapsed", "learns"]


# -- together


def statements(*said):
    return {"seeds": 3, "grid": GRID, "original": {"title": "Digits", "statement": list(said)}}


SAID = {"says": "wider <is> better", "where": "l. 3", "claim": "better", "setting": {"network": {"hidden": 6}},
        "than": {"network": {"hidden": 4}}}  # fmt: skip
ALIKE = {"says": "as the other", "where": "l. 4", "claim": "better", "setting": "1", "than": "2", "verbatim": False}


# -- against a level


def test_a_level_is_reached_where_the_whole_interval_is(judge):
    """Setting 4: 0.880, 0.883, 0.886; mean 0.883, s = 0.003, half = 4.303·0.003/√3 = 0.00745: 0.87555 to 0.89045."""
    for i, (level, verdict) in enumerate([(0.87, HOLDS), (0.88, UNDECIDED), (0.9, CONTRADICTED)]):
        found = judge("reaches", setting="4", level=level, name=f"level{i}")
        assert (found.verdict, found.n) == (verdict, 3)
    assert found.here == "validation accuracy 88.30 % (95 % interval 87.55 % to 89.05 %)"
    assert found.how == "interval of the mean against 90.00 %"
    both = judge("reaches", setting=["1", "4"], level=0.87, name="both")  # setting 1 is at 0.823
    assert both.verdict == CONTRADICTED
    loss = judge("reaches", setting="4", level=1e6, measure="val_loss", name="loss")  # a loss is below its level
    assert loss.verdict == HOLDS


def test_one_run_reaches_no_level_and_a_run_that_diverged_does_not(judge):
    found = judge("reaches", setting="4", level=0.5, seeds=1)
    assert (found.verdict, found.how) == (UNJUDGED, "one run of each setting shows no spread")
    lost = judge("reaches", lambda *_: Outcome(status="diverged"), setting="4", level=0.5, name="lost")
    assert (lost.verdict, lost.here) == (CONTRADICTED, "diverged")


# -- gradients


def recorded(setting, seed):
    """Of the gradient of the second layer a hundredth arrives at the first in setting 1, a tenth in the others."""
    part = (0.01 if setting.label == "1" else 0.1) * (1 + 0.01 * seed)
    return {
        "epoch": np.arange(3),
        "gradient_norm.dense1.W": np.array([4.0, 1.0, 2.0]) * part,
        "gradient_norm.dense1.b": np.ones(3),
        "gradient_norm.dense2.W": np.array([4.0, 1.0, 2.0]),
        "saturated.dense1": np.array([0.0, 0.2, 0.5]) if setting.label == "1" else np.zeros(3),
    }


def test_gradients_vanish_beside_those_of_another_setting(judge):
    """r = 0.01·(1, 1.01, 1.02) against 0.1·(1, 1.01, 1.02): d = −0.09·(1, 1.01, 1.02), mean −0.0909, s = 0.0009;
    half = 4.303·0.0009/√3 = 0.00224."""
    found = judge("vanishes", recorded=recorded, setting="1", than="2")
    assert (found.verdict, found.n, found.difference) == (HOLDS, 3, pytest.approx(-0.0909))
    assert (found.low, found.high) == pytest.approx((-0.0931, -0.0887), abs=1e-4)
    assert "geometric mean over epochs, 0.0101 ± " in found.here
    assert found.here.endswith("; saturated at the end dense1 50.0 % against dense1 0.0 %")
    assert judge("vanishes", recorded=recorded, setting="2", than="1", name="other").verdict == CONTRADICTED
    assert judge("vanishes", recorded=recorded, setting="2", than="3", name="same").verdict == UNDECIDED


def test_without_diagnostics_no_gradient_is_judged(judge):
    found = judge("vanishes", setting="1", than="2")
    assert found.verdict == UNJUDGED
    assert found.how == ("no gradients were recorded (training.diagnostics), or the network has one layer with weights")


def varied(setting, seed):
    return Outcome(0.7 + 0.05 * int(setting.label) + 0.002 * seed * int(setting.label))


def test_statements_stand_in_the_report_its_files_and_frames(make_results):
    folder = make_results(statements(SAID, ALIKE), varied)
    report = write_report(folder)
    text = report.page.read_text("utf-8")
    assert "What the original says in words" in text
    assert "wider &lt;is&gt; better" in text
    rows = (folder / "report" / "tables" / "statements.md").read_text("utf-8")
    assert "l. 3: “wider &lt;is&gt; better” | hidden 6: better than hidden 4 |" in rows
    assert "l. 4: in substance: as the other | 1: better than 2 | **contradicted here**" in rows
    frame = hg.statements(folder)
    assert list(frame["verdict"]) == [HOLDS, CONTRADICTED]
    assert list(frame["n"]) == [3, 3]
    verdicts = [one.text for one in statement_verdicts(report.reproduction.statements)]
    assert verdicts[0] == "Of 2 statements in words 1 holds here and 1 is contradicted here."
    assert verdicts[1].startswith("Contradicted here: in substance: as the other (l. 4): validation accuracy 75.20")


def test_of_a_smaller_study_nothing_is_judged(make_results):
    from dataclasses import replace

    results = Results.open(make_results(statements(SAID), varied))
    summary = replace(summarize(results), quick=True)
    (one,) = judged_statements(summary, sources_of(results).by_epoch, sources_of(results).diagnostics)
    assert one.ruling.verdict == UNJUDGED
    assert one.ruling.how == "not judged: made with --quick, a smaller study"


def test_a_statement_about_seeds_that_draw_a_split_is_judged_by_the_corrected_test():
    """d = 0.01, 0.02, 0.03: t = 0.02/(0.01·√(1/3)) = 3.46, and with n₂/n₁ = 1/4 t = 0.02/(0.01·√(7/12)) = 2.62."""
    first, second = {0: 0.91, 1: 0.92, 2: 0.93}, {0: 0.90, 1: 0.90, 2: 0.90}
    by = quantity_of("val_accuracy")
    plain, split = (
        compared_sides(Side(first, frozenset(), overlap=o), Side(second, frozenset()), by) for o in (0, 0.25)
    )
    assert plain.how.startswith("paired t-test on 3 seeds, not told from 0, p = 0.074")
    assert split.how.startswith("corrected resampled t-test on 3 seeds, not told from 0, p = 0.120")


def test_frames_of_curves_effects_and_classes(make_results):
    folder = make_results()
    curves, effects, classes = hg.curve_measures(folder), hg.effects(folder), hg.class_scores(folder)
    assert len(curves) == 4 * 3
    assert set(curves["metric"]) == {"val_accuracy"}
    assert list(effects["axis"].unique()) == ["training.optimizer.lr", "network.hidden"]
    assert effects["difference"].isna().tolist() == [True, False, True, False]
    # 4 settings · 3 seeds · 2 parts · (5 classes + 2 means)
    assert len(classes) == 4 * 3 * 2 * 7
    build_report(folder)
    tables = {path.name for path in (folder / "report" / "tables").glob("*.csv")}
    assert {"curve-measures.csv", "effects.csv", "classes-test.csv", "classes-validation.csv"} <= tables
