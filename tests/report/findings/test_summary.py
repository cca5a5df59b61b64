"""Summaries: who is counted, who wins, who is compared with whom."""

import pytest

from handgrad.report.chapters.chapters import headline
from handgrad.report.findings.choice_sentences import leading_verdicts, other_choices_verdicts
from handgrad.report.findings.conclusion_sentences import conclusions_data
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.wording import axis_names, setting_name
from handgrad.report.page.page import tiles
from handgrad.study.folder.results_folder import Results
from handgrad.training.collapse import collapse
from tests.records import made_record
from tests.report.conftest import Outcome

GRID = {"training": {"optimizer": {"lr": [0.01, 0.1]}}, "network": {"hidden": [4, 6]}}


def summary_of(folder):
    return summarize(Results.open(folder))


def test_a_setting_is_summed_up_over_its_seeds(make_results):
    found = summary_of(make_results())
    (phase,) = found.phases
    setting = phase.settings[1]
    # 0.82 + 0.02 … the fixture: 0.80 + 0.02·label + 0.003·(seed % 3)
    assert setting.label == "2"
    values = setting.samples["val_accuracy"]
    assert values.values == pytest.approx({0: 0.84, 1: 0.843, 2: 0.846})
    assert values.mean == pytest.approx(0.843)
    assert values.std == pytest.approx(0.003)
    assert setting.best_run("val_accuracy").seed == 2
    assert setting.seconds("total").mean == 1.5
    assert found.winner.label == phase.winner == "4"
    assert [one.label for one in phase.ranked] == ["4", "3", "2", "1"]


def test_ddof_0_changes_what_is_shown_and_no_interval(make_results):
    one, zero = (
        summary_of(make_results({"seeds": 3, "ddof": ddof, "grid": GRID}, name=f"ddof{ddof}")).winner for ddof in (1, 0)
    )
    assert zero.samples["val_accuracy"].std == pytest.approx(one.samples["val_accuracy"].std * (2 / 3) ** 0.5)
    assert zero.samples["val_accuracy"].interval == one.samples["val_accuracy"].interval


def test_runs_without_a_value_are_counted_and_never_averaged(make_results):
    statuses = {("4", 0): "diverged", ("3", 1): "failed", ("2", 0): "pending", ("2", 1): "interrupted"}

    def tell(setting, seed):
        return Outcome(0.8 + 0.02 * int(setting.label), statuses.get((setting.label, seed), "done"))

    (phase,) = summary_of(make_results(tell=tell)).phases
    four, three, two = (phase.settings[i] for i in (3, 2, 1))
    assert (four.samples["val_accuracy"].n, four.count("diverged")) == (2, 1)
    assert (three.samples["val_accuracy"].n, three.count("failed")) == (2, 1)
    assert (two.samples["val_accuracy"].n, two.unfinished) == (1, 2)
    # 1 is the only one with all of its runs: whatever their means, it is the best
    assert phase.ranked[0].label == "1"
    assert phase.winner == "1"
    assert not phase.complete
    # a diverged run counts as guessing among five classes
    assert phase.conclusions.against["4"].difference == pytest.approx((0.2 - 0.82 + 2 * (0.88 - 0.82)) / 3)
    assert (phase.conclusions.against["4"].n, phase.conclusions.against["2"].n) == (3, 1)


def test_comparisons_are_with_the_winner(make_results):
    def tell(setting, seed):
        jitter = 0.001 * ((seed * 7 + int(setting.label) * (seed % 3)) % 5)
        return Outcome({"1": 0.6, "2": 0.85, "3": 0.79, "4": 0.8}[setting.label] + jitter)

    tables = {"seeds": 6, "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}, "network": {"hidden": [4, 6]}}}
    (phase,) = summary_of(make_results(tables, tell)).phases
    assert phase.winner == "2"
    found = phase.conclusions.against
    assert list(found) == ["2", "4", "3", "1"] == [one.label for one in phase.ranked]
    assert found["1"].n == 6
    assert found["1"].difference == pytest.approx(-0.25, abs=0.005)
    assert phase.conclusions.labels("behind") == ["4", "3", "1"]


BRANCHES = {
    "seeds": 2,
    "grid": {"network": {"hidden": [4, 6]}},
    "phase": [
        {"name": "batch size", "grid": {"training": {"batch_size": [8, 16]}}},
        {"name": "rate", "after": "main", "grid": {"training": {"optimizer": {"lr": [0.1, 0.5]}}}},
    ],
}
ACCURACY = {"1": 0.8, "2": 0.85, "2_1": 0.93, "2_2": 0.7, "2_3": 0.86, "2_4": 0.5}


def test_the_best_of_comparable_phases_leads_whichever_is_last(make_results):
    found = summary_of(make_results(BRANCHES, lambda s, seed: Outcome(ACCURACY[s.label] + 0.01 * seed)))
    assert [phase.winner for phase in found.phases] == ["2", "2_1", "2_3"]
    assert (found.leading.name, found.winner.label) == ("batch size", "2_1")
    (said,) = leading_verdicts(found)
    assert said.text == (
        'The best setting stands in phase "batch size", the best of 3 phases that were scored on the same examples '
        'with as many seeds. The last phase, "rate", comes to 86.50 ± 0.71 % (n = 2, ddof 1) with setting 2_3.'
    )
    assert said in headline(found, None)
    # phase main and phase rate choose the same setting without either seed
    (choices,) = other_choices_verdicts(found)
    assert choices.text == (
        'Judged in the same way: no sign that the choice of phase "main" flatters setting 2; no sign that the choice '
        'of phase "rate" flatters setting 2_3.'
    )
    assert choices in headline(found, None)
    assert tiles(found)[0]["value"] == "2_1"
    assert tiles(found)[0]["how"].endswith("(phase batch size)")
    assert conclusions_data(found)["best"] == {"phase": "batch size", "setting": "2_1"}


def test_phases_with_other_numbers_of_seeds_are_not_compared(make_results):
    tables = {**BRANCHES, "phase": [*BRANCHES["phase"][:1], {**BRANCHES["phase"][1], "new_seeds": 3}]}
    found = summary_of(make_results(tables, lambda s, seed: Outcome(ACCURACY[s.label])))
    assert (found.leading.name, found.winner.label) == ("rate", "2_3")
    (said,) = leading_verdicts(found)
    assert said.text.endswith("which cannot be compared with it, have main, batch size.")


def test_of_equal_phases_the_latest_leads_and_one_phase_needs_no_name(make_results):
    worse = {**ACCURACY, "2_1": 0.8, "2_3": 0.8}
    found = summary_of(make_results(BRANCHES, lambda s, seed: Outcome(worse[s.label])))
    assert (found.leading.name, found.winner.label) == ("rate", "2")
    assert leading_verdicts(summary_of(make_results(name="one"))) == []


def test_the_choice_of_an_earlier_phase_flatters_too(make_results):
    """4 and 6 hidden units are each best where the other is not."""
    tables = {**BRANCHES, "phase": BRANCHES["phase"][:1]}
    worse = {("1", 0): 0.8, ("1", 1): 0.9, ("2", 0): 0.9, ("2", 1): 0.82}
    found = summary_of(make_results(tables, lambda s, seed: Outcome(worse.get((s.label, seed), 0.95))))
    # chosen on seed 1: setting 1, 80 % on seed 0; on seed 0: setting 2, 82 %; shown: 86 %
    (said,) = other_choices_verdicts(found)
    assert said.text == (
        'Judged in the same way: the choice of phase "main" flatters setting 2 by about 5.00 points. Phases that start '
        "from such a choice may keep part of that."
    )


def test_a_later_phase_holds_the_winner_that_it_starts_from(make_results):
    tables = {
        "seeds": 2,
        "grid": {"network": {"hidden": [4, 6]}},
        "phase": [{"name": "batch size", "grid": {"training": {"batch_size": [8, 16]}}}],
    }

    def tell(setting, seed):
        return Outcome({"1": 0.8, "2": 0.9, "2_1": 0.85, "2_2": 0.7}[setting.label])

    found = summary_of(make_results(tables, tell))
    later = found.phases[1]
    assert [(one.label, one.earlier) for one in later.settings] == [("2", True), ("2_1", False), ("2_2", False)]
    assert setting_name(later.settings[0], later.axes) == "2: batch size 32"
    assert later.winner == "2"
    assert [one.label for one in found.settings] == ["1", "2", "2_1", "2_2"]
    assert len(found.runs) == 8


def test_phases_that_could_not_begin_are_named(make_results):
    tables = {
        "grid": {"network": {"hidden": [4, 6]}},
        "phase": [{"name": "batch size", "grid": {"training": {"batch_size": [8, 16]}}}],
    }
    found = summary_of(make_results(tables, lambda setting, seed: Outcome(status="pending")))
    assert found.waiting == ("batch size",)
    assert found.winner is None
    assert [run.status for run in found.runs] == ["pending", "pending"]


def test_a_plan_without_a_winner_shows_the_best_so_far(make_results):
    def tell(setting, seed):
        return Outcome(0.9 if setting.label == "2" else 0.8, "pending" if (setting.label, seed) == ("1", 2) else "done")

    folder = make_results(tell=tell)
    assert Results.open(folder).winner() is None
    (phase,) = summary_of(folder).phases
    assert phase.winner == "2"
    assert not phase.complete


def test_long_parts_of_records_are_not_kept(make_results):
    for run in summary_of(make_results()).runs:
        long = run.record.confusion, run.record.samples, run.record.setting, run.record.time.epochs
        assert long == ({}, None, {}, [])


def test_a_constant_class_is_a_collapse():
    classes = {"classes": ["cat", "dog"]}
    assert collapse(made_record(confusion={"test": [[0, 50], [0, 50]]}, data=classes)) == ("dog", 1.0)
    assert collapse(made_record(confusion={"test": [[1, 49], [0, 50]]}, data=classes)) == ("dog", 0.99)
    assert collapse(made_record(confusion={"test": [[2, 48], [0, 50]]}, data=classes)) is None
    assert (
        collapse(made_record(confusion={"test": [[0, 1], [0, 99]]}, data=classes)) is None
    )  # nearly everything is a dog
    assert collapse(made_record(confusion={}, data=classes)) is None


def test_what_a_part_cannot_show_is_no_collapse():
    classes = {"classes": ["cat", "dog"], "label_table": {"train": [15, 14]}}
    one = made_record(confusion={"test": [[0, 1], [0, 0]]}, data=classes)
    assert collapse(one) is None  # the textbook's XOR table: one example is left to test
    nine = made_record(confusion={"validation": [[0, 3], [0, 0]], "test": [[0, 3], [0, 3]]}, data=classes)
    assert collapse(nine) is None
    ten = made_record(confusion={"validation": [[0, 3], [0, 0]], "test": [[0, 3], [0, 4]]}, data=classes)
    assert collapse(ten) == ("dog", 1.0)  # validation and test together
    assert (
        collapse(made_record(confusion={"test": [[0, 50], [0, 0]]}, data=classes)) is None
    )  # no dog is there to be told apart


def test_a_run_that_learnt_its_training_part_has_not_collapsed():
    classes = {"classes": ["cat", "dog"], "label_table": {"train": [15, 14]}}

    def found(accuracy, what, n):
        matrix, score = {"test": [[0, 50], [0, 50]]}, {"what": what, "n": n}
        metrics = {"train_accuracy": accuracy}
        return collapse(made_record(confusion=matrix, train_score=score, metrics=metrics, data=classes))

    assert found(1.0, "all", 29) is None  # it learnt something else
    assert found(14 / 29, "all", 29) == ("dog", 1.0)
    assert found(1.0, "sample", 3) == ("dog", 1.0)  # 3 of 29 may be three dogs


def test_names_of_axes_are_as_short_as_they_can_be():
    assert axis_names(["case", "training.l2_form"]) == {"case": "case", "training.l2_form": "l2 form"}
    assert axis_names(["data.seed", "data.validation.seed"]) == {
        "data.seed": "data seed",
        "data.validation.seed": "validation seed",
    }


def test_a_phase_with_new_seeds_is_compared_within_itself(make_results):
    tables = {"seeds": 2, "grid": {"training.optimizer.lr": [0.01, 0.1]}}
    phases = [
        {"name": "seeds", "new_seeds": 3, "grid": {"training.optimizer.lr": [0.01, 0.1]}},
        {"name": "widths", "after": "main", "grid": {"network.hidden": [4]}},
    ]
    summary = summary_of(
        make_results(tables | {"phase": phases}, tell=lambda setting, seed: Outcome(0.8 + 0.01 * seed))
    )
    _, seeds, widths = summary.phases
    assert [(one.label, [run.seed for run in one.runs]) for one in seeds.settings] == [
        ("1_1", [2, 3, 4]),
        ("1_2", [2, 3, 4]),
    ]
    assert [one.label for one in widths.settings] == ["1", "1_3"]
    assert widths.settings[0].earlier
