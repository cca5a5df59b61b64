"""Verdicts, word by word."""

import pytest

from handgrad.report.chapters.opening import opening
from handgrad.report.figures.phases import ranking
from handgrad.report.findings.examples import conditional, small_parts, test_set_verdicts
from handgrad.report.findings.happened import setting_verdicts
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.verdicts import phase_verdicts, selection, trouble
from handgrad.report.tables.study import summary_table
from handgrad.study.folder.results import Results
from tests.report.conftest import Outcome

test_set_verdicts.__test__ = False  # no test of pytest's

LRS = {"grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}}}


def summary_of(folder):
    return summarize(Results.open(folder))


def texts(verdicts):
    return [verdict.text for verdict in verdicts]


def test_divergence_says_where(make_results):
    def tell(setting, seed):
        return Outcome(0.9, "diverged" if setting.label == "2" else "done")

    (phase,) = summary_of(make_results({"seeds": [42, 268], **LRS}, tell)).phases
    assert setting_verdicts(phase.settings[1]) == ["seeds 42, 268 diverged in epoch 4, step 1,234, layer dense1"]
    assert texts(trouble(phase)) == ["2: lr 0.1 — seeds 42, 268 diverged in epoch 4, step 1,234, layer dense1."]
    assert phase.winner == "1"


def test_collapse_names_the_class_of_every_seed(make_results):
    def tell(setting, seed):
        return Outcome(0.2, collapsed=seed % 2) if setting.label == "2" else Outcome(0.9)

    (phase,) = summary_of(make_results({"seeds": 3, **LRS}, tell)).phases
    assert setting_verdicts(phase.settings[1]) == [
        "seeds 0, 2 collapsed: class a is predicted for everything",
        "seed 1 collapsed: class b is predicted for everything",
    ]


def test_failed_and_unfinished_runs_are_named(make_results):
    statuses = ["failed", "pending", "interrupted"]
    (phase,) = summary_of(make_results({"seeds": 3}, lambda setting, seed: Outcome(status=statuses[seed]))).phases
    assert setting_verdicts(phase.settings[0]) == [
        "seed 0 failed: MemoryError: no <memory> left",
        "seed 1 pending",
        "seed 2 interrupted",
    ]
    assert texts(phase_verdicts(phase)) == ["No winner yet: 2 runs not finished."]


def test_below_six_seeds_undecided_is_said_aloud(make_results):
    def tell(setting, seed):
        return Outcome((0.9 if setting.label == "2" else 0.895) + 0.01 * ((seed * 3 + int(setting.label)) % 4))

    (phase,) = summary_of(make_results({"seeds": 3, **LRS}, tell)).phases
    said = texts(phase_verdicts(phase))
    assert said[0].startswith("Setting 2: lr 0.1 is best by validation accuracy: 9")
    assert said[0].endswith("% (n = 3, ddof 1).")
    assert said[1] == (
        "Undecided: with 3 shared seeds no sign-flip test can reach p < 0.05 (the smallest possible is 0.25); 6 seeds "
        "are needed. The paired t-test below assumes that differences between seeds are normally distributed."
    )
    assert said[2] == (
        "Tied with the best: setting 1 (paired t-test on 3 shared seeds, Holm's correction over 1, p ≥ 0.05)."
    )
    assert texts(phase_verdicts(phase, brief=True))[1] == "Undecided: 3 shared seeds, 6 are needed."


def test_from_six_seeds_a_lead_can_be_established(make_results):
    def tell(setting, seed):
        return Outcome((0.9 if setting.label == "2" else 0.8) + 0.001 * ((seed * 3 + int(setting.label)) % 4))

    (phase,) = summary_of(make_results({"seeds": 6, **LRS}, tell)).phases
    said = phase_verdicts(phase)
    assert [verdict.kind for verdict in said] == ["good", "good"]
    assert said[1].text == "Setting 1 is behind the best (paired t-test on 6 shared seeds, p < 0.05)."


def test_what_a_search_stopped_short_is_not_compared_with_whole_runs(make_results):
    def tell(setting, seed):
        """4 is best, 3 is tied with it, 2 is behind; 1 was stopped after two epochs, when it was as good as 4."""
        accuracy = {"1": 0.9, "2": 0.8, "3": 0.899, "4": 0.9}[setting.label]
        whole = setting.label != "1"
        noise = 0.002 * ((seed * 3 + int(setting.label)) % 4)
        return Outcome(accuracy + noise, "done" if whole else "pruned", epochs=4 if whole else 2)

    (phase,) = summary_of(make_results({"seeds": 6, "grid": {"network": {"hidden": [3, 4, 5, 6]}}}, tell)).phases
    assert [setting.comparison is not None for setting in phase.settings] == [False, True, True, False]
    worst, tied = (setting.comparison for setting in phase.settings[1:3])
    assert worst.adjusted_p == pytest.approx(2 * worst.p)  # Holm's correction counts two settings, not three
    assert (phase.tied, tied.tied) == ([phase.settings[2]], True)
    assert texts(phase_verdicts(phase))[1:] == [
        "Tied with the best: setting 3 (paired t-test on 6 shared seeds, Holm's correction over 2, p ≥ 0.05).",
        "The search stopped 1 of 4 settings early; their numbers are those of their last epoch. The best is chosen "
        "among the others, and compared with them alone.",
    ]
    table = summary_table(phase, 1, "summary", "Settings")
    place = [column.heading for column in table.columns].index("p (Holm)")
    assert [(row.cells[place].text, row.shaded) for row in table.rows] == [
        ("–", False), ("< 0.001", False), (f"{tied.adjusted_p:.3f}", True), ("best", True),
    ]  # fmt: skip
    assert "They are not tested and never shaded" in table.caption
    assert "stopped short are not tested" in ranking(phase, "ranking").caption
    assert "the runner-up (3)" in test_set_verdicts(phase.best, phase)[0].text


def test_settings_that_were_stopped_at_the_same_epoch_are_compared(make_results):
    (phase,) = summary_of(make_results({"seeds": 3, **LRS}, lambda s, seed: Outcome(0.9, "pruned", epochs=2))).phases
    assert sum(setting.comparison is not None for setting in phase.settings) == 1
    assert phase.stopped == []
    assert texts(phase_verdicts(phase))[-1].endswith(
        "The best is chosen among those that went furthest, and compared with them alone."
    )


def test_below_six_seeds_the_paired_t_test_speaks_for_itself_alone(make_results):
    def tell(setting, seed):
        return Outcome((0.9 if setting.label == "2" else 0.5) + 0.001 * ((seed * 3 + int(setting.label)) % 4))

    (phase,) = summary_of(make_results({"seeds": 3, **LRS}, tell)).phases
    assert texts(phase_verdicts(phase, brief=True))[1:] == [
        "Undecided: 3 shared seeds, 6 are needed.",
        "Normal differences assumed, setting 1 is behind the best (paired t-test on 3 shared seeds, p < 0.05).",
    ]


def test_one_seed_decides_nothing(make_results):
    (phase,) = summary_of(make_results({"seeds": 1, **LRS})).phases
    assert texts(phase_verdicts(phase))[1] == (
        "Undecided: with one seed there is no spread, and nothing tells a better setting from a luckier one. "
        "6 seeds are needed for a verdict."
    )


def test_selection_on_validation_and_on_test(make_results):
    quiet = summary_of(make_results())
    assert selection(quiet, "val_accuracy").text == (
        "Winners were chosen by the mean over seeds of validation accuracy; the test set had no say."
    )
    stamped = summary_of(make_results({"seeds": 2, "select_on_test": True, **LRS}, name="stamped"))
    assert stamped.phases[0].metric == "test_accuracy"
    first = opening(stamped)[0]
    assert first.kind == "warning"
    assert first.text.startswith("Winners were chosen by test accuracy (select_on_test = true).")


def test_the_test_set_has_a_noise_of_its_own(make_results):
    found = summary_of(make_results({"seeds": 3, **LRS}, lambda s, seed: Outcome(0.9 if s.label == "2" else 0.87)))
    (said,) = texts(test_set_verdicts(found.winner, found.phases[0]))
    # 50 test examples; fixture: test = accuracy − 0.01 = 0.89; √(0.89·0.11/50) = 0.04425; (0.89 − 0.86)·50 = 1.5 -> 2
    assert said == (
        "On the test set: 89.00 ± 0.00 % (n = 3, ddof 1). A test set of 50 examples alone makes one accuracy uncertain "
        "by a standard error of 4.42 points (binomial). On average the runner-up (1) gets 2 fewer right."
    )


def test_what_is_missing_is_said_at_the_top(make_results):
    statuses = {0: "diverged", 1: "failed", 2: "done"}
    found = summary_of(make_results({"seeds": 3, **LRS}, lambda setting, seed: Outcome(0.9, statuses[seed])))
    assert "2 runs diverged and 2 runs failed; they are counted and named below, and enter no mean." in texts(
        opening(found)
    )
