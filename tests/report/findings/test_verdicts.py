"""Verdicts, word by word."""

import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest

from handgrad.report.chapters.chapters import headline
from handgrad.report.figures.phase_figures import ranking
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.verdicts import (
    conditional,
    phase_verdicts,
    selection,
    small_parts,
    test_set_verdicts,
    trouble_verdicts,
)
from handgrad.report.findings.wording import troubles
from handgrad.report.result_frames import compare
from handgrad.report.tables.study_tables import summary_table
from handgrad.report.tables.table import to_csv
from handgrad.study.folder.results_folder import Results
from tests.records import made_record
from tests.report.conftest import Outcome

test_set_verdicts.__test__ = False  # no test of pytest's

LRS = {"grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}}}


def summary_of(folder):
    return summarize(Results.open(folder))


def read_csv(text):
    return list(csv.DictReader(io.StringIO(text)))


def texts(verdicts):
    return [verdict.text for verdict in verdicts]


def test_divergence_says_where(make_results):
    def tell(setting, seed):
        return Outcome(0.9, "diverged" if setting.label == "2" else "done")

    (phase,) = summary_of(make_results({"seeds": [42, 268], **LRS}, tell)).phases
    assert troubles(phase.settings[1]) == ["seeds 42, 268 diverged in epoch 4, step 1,234, layer dense1"]
    assert texts(trouble_verdicts(phase)) == [
        "2: lr 0.1 — seeds 42, 268 diverged in epoch 4, step 1,234, layer dense1."
    ]
    assert phase.winner == "1"


def test_collapse_names_the_class_of_every_seed(make_results):
    def tell(setting, seed):
        return Outcome(0.2, collapsed=seed % 2) if setting.label == "2" else Outcome(0.9)

    (phase,) = summary_of(make_results({"seeds": 3, **LRS}, tell)).phases
    assert troubles(phase.settings[1]) == [
        "seeds 0, 2 collapsed: class a is predicted for everything",
        "seed 1 collapsed: class b is predicted for everything",
    ]


def test_failed_and_unfinished_runs_are_named(make_results):
    statuses = ["failed", "pending", "interrupted"]
    (phase,) = summary_of(make_results({"seeds": 3}, lambda setting, seed: Outcome(status=statuses[seed]))).phases
    assert troubles(phase.settings[0]) == [
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
    assert said[1:] == [
        "Undecided: setting 1, which is not shown to be behind the best; that is not the same as equal.",
        "Paired t-test on 3 shared seeds. It assumes that differences between seeds are normally distributed: with 3 "
        "shared seeds no sign-flip test, which does not, can reach p < 0.05 (the smallest possible is 0.25; 6 seeds "
        "are needed).",
    ]
    assert texts(phase_verdicts(phase, brief=True)) == said[:2]


def test_settings_with_equally_many_right_have_equal_means(make_results):
    """81 + 85 and 82 + 84 of 100: ranks of a reproduction and Kendall's τ take such means as ties."""
    right = {"1": (0.81, 0.85), "2": (0.82, 0.84)}
    (phase,) = summary_of(make_results({"seeds": 2, **LRS}, lambda s, seed: Outcome(right[s.label][seed]))).phases
    one, two = (setting.samples["val_accuracy"].mean for setting in phase.settings)
    assert one == two == 0.83


def test_from_six_seeds_a_lead_can_be_established(make_results):
    def tell(setting, seed):
        return Outcome((0.9 if setting.label == "2" else 0.8) + 0.001 * ((seed * 3 + int(setting.label)) % 4))

    (phase,) = summary_of(make_results({"seeds": 6, **LRS}, tell)).phases
    said = phase_verdicts(phase)
    assert [verdict.kind for verdict in said] == ["good", "good", "note"]
    assert said[1].text == "Behind the best: setting 1 (p < 0.05)."
    assert said[2].text == ("Paired t-test on 6 shared seeds; behind is said where a sign-flip test has p < 0.05 too.")


@pytest.mark.parametrize("seeds", [4, 8])
def test_a_setting_that_is_better_where_it_finished_is_not_said_to_be_behind(make_results, seeds):
    """It ranks below the best because a run of it failed; the rank is no verdict on its numbers."""

    def tell(setting, seed):
        accuracy = (0.95 if setting.label == "2" else 0.80) + 0.001 * (seed * (1 + int(setting.label)) % 5)
        return Outcome(accuracy, "failed" if (setting.label, seed) == ("2", 0) else "done")

    folder = make_results({"seeds": seeds, **LRS}, tell)
    (phase,) = summary_of(folder).phases
    other = next(s for s in phase.settings if s.label == "2")
    assert phase.best.label == "1"
    assert other.comparison.adjusted_p < 0.05
    assert other.comparison.verdict == "undecided"
    assert other in phase.tied
    said = texts(phase_verdicts(phase))
    told = (
        "Setting 2 is better than the best on the runs that both have, and ranks below it because of its missing runs."
    )
    assert told in said
    assert not [text for text in said if text.startswith("Behind the best") or "t-test alone" in text]
    assert compare(folder).verdict.tolist() == ["undecided"]


def test_the_test_of_signs_is_heard_on_the_page_too(make_results):
    """The difference of one seed has the other sign: t says p < 0.01, signs 4/64."""
    d = [0.05, 0.05, 0.05, 0.05, 0.06, -0.005]
    folder = make_results({"seeds": 6, **LRS}, lambda s, seed: Outcome(0.9 if s.label == "1" else 0.9 + d[seed]))
    (phase,) = summary_of(folder).phases
    said = texts(phase_verdicts(phase))
    assert said[1] == "Undecided: setting 1, which is not shown to be behind the best; that is not the same as equal."
    assert said[2] == ("Of setting 1 the paired t-test alone would say that it is behind; the sign-flip test does not.")
    assert not any("Behind the best" in text for text in said)
    (row,) = compare(Results.open(folder)).to_dict("records")
    assert (row["verdict"], row["decided"], row["sign_flip_p"]) == ("undecided", False, 4 / 64)
    table = summary_table(phase, 1, "summary", "Settings")
    place = [column.heading for column in table.columns].index("p (Holm)")
    assert table.rows[0].cells[place].text == f"{row['holm_p']:.3f} (signs 0.062)"
    assert table.rows[0].shaded


def test_a_rank_below_one_that_is_behind_may_be_undecided_and_is_explained(make_results):
    """3 is behind by two points with hardly any spread, 2 by three with a large one."""
    noise = {"1": (0,) * 6, "2": (0.1, -0.1, 0.09, -0.09, 0.11, -0.11), "3": (0.001, 0, 0.001, 0, 0.001, 0)}
    means = {"1": 0.9, "2": 0.87, "3": 0.88}
    folder = make_results(
        {"seeds": 6, "grid": {"network": {"hidden": [3, 4, 5]}}},
        lambda s, seed: Outcome(means[s.label] + noise[s.label][seed]),
    )
    (phase,) = summary_of(folder).phases
    assert texts(phase_verdicts(phase))[1:4] == [
        "Undecided: setting 2, which is not shown to be behind the best; that is not the same as equal.",
        "Behind the best: setting 3 (p < 0.05).",
        "Setting 2 ranks below one that is behind and stays undecided: its distance from the best varies more from "
        "seed to seed, or fewer seeds show it.",
    ]


WORDS_OF_VERDICTS = {"Behind the best": True, "Undecided": False}


@pytest.mark.parametrize("seed", range(12))
def test_every_word_mark_and_number_says_the_same_of_a_pair(make_results, seed):
    """One comparison has one verdict: sentences, shading of table and ranking, p and `decided` never disagree."""
    rng = np.random.default_rng(seed)
    k, n = int(rng.integers(2, 6)), int(rng.integers(1, 9))
    x = np.round(rng.normal(rng.choice([0.8, 0.85, 0.9], (k, 1)), rng.choice([0.001, 0.02, 0.1], (k, 1)), (k, n)), 3)
    gone = rng.random((k, n)) < 0.1

    def tell(setting, seed):
        at = int(setting.label) - 1
        return Outcome(float(x[at, seed]), "failed" if gone[at, seed] and n > 1 else "done")

    folder = make_results({"seeds": n, "grid": {"network": {"hidden": list(range(2, 2 + k))}}}, tell)
    summary = summary_of(folder)
    (phase,) = summary.phases
    decided = {row["setting"]: bool(row["decided"]) for row in compare(Results.open(folder)).to_dict("records")}
    for brief in (False, True):
        said = {}
        for text in texts(phase_verdicts(phase, brief=brief)):
            word, _, rest = text.partition(": setting")
            if word in WORDS_OF_VERDICTS:
                labels = re.findall(r"\d+", rest.partition(",  which")[0].partition(" (p")[0].partition(", which")[0])
                assert not said.keys() & set(labels)
                said |= dict.fromkeys(labels, WORDS_OF_VERDICTS[word])
        assert said == (decided if phase.tested else {})
    table = summary_table(phase, 1, "summary", "Settings")
    shaded = {row.cells[0].text: row.shaded for row in table.rows}
    drawn = ranking(phase, "ranking")
    marked = {row.label.partition(":")[0]: row.tied for row in drawn.rows if not row.best}
    for marks in (shaded, marked):
        assert {label: not marks[label] for label in decided} == (
            decided if phase.tested else dict.fromkeys(decided, True)
        )
    for row in read_csv(to_csv(table)):
        if row["setting"] in decided and row.get("holm_p"):
            few = int(row["shared_seeds"]) < 6
            assert decided[row["setting"]] == (
                float(row["holm_p"]) < 0.05 and (few or float(row["sign_flip_p"]) < 0.05)
            )


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
    assert worst.pairs == 3  # of three settings, not of four
    assert (phase.tied, tied.tied) == ([phase.settings[2]], True)
    assert texts(phase_verdicts(phase))[1:] == [
        "Undecided: setting 3, which is not shown to be behind the best; that is not the same as equal.",
        "Behind the best: setting 2 (p < 0.05).",
        "Paired t-test on 6 shared seeds, Holm's correction over all 3 pairs of settings, as the best was chosen on "
        "the same numbers; behind is said where a sign-flip test has p < 0.05 too.",
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
    assert texts(phase_verdicts(phase, brief=True))[1:] == ["Behind the best: setting 1 (p < 0.05)."]
    assert texts(phase_verdicts(phase))[2].startswith(
        "Paired t-test on 3 shared seeds. It assumes that differences between seeds are normally distributed"
    )


def test_one_seed_decides_nothing(make_results):
    (phase,) = summary_of(make_results({"seeds": 1, **LRS})).phases
    assert texts(phase_verdicts(phase))[1] == (
        "Undecided: with one seed there is no spread, and nothing tells a better setting from a luckier one. "
        "Two seeds show a spread, 6 let a test decide that assumes no normal distribution."
    )


def test_selection_on_validation_and_on_test(make_results):
    quiet = summary_of(make_results())
    assert selection(quiet, "val_accuracy").text == (
        "Winners were chosen by the mean over seeds of validation accuracy; the test set had no say."
    )
    stamped = summary_of(make_results({"seeds": 2, "select_on_test": True, **LRS}, name="stamped"))
    assert stamped.phases[0].metric == "test_accuracy"
    first = headline(stamped, None)[0]
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
        headline(found, None)
    )


def test_intervals_and_p_are_of_these_examples(make_results):
    found = summary_of(make_results({"seeds": 3, **LRS}, lambda s, seed: Outcome(0.9 + 0.01 * seed)))
    # 20 validation examples, mean 0.91: √(0.91·0.09/20) = 0.06399
    assert texts(conditional(found)) == [
        "Intervals and p are over seeds, on one set of 20 validation examples: they speak of other seeds, not of other "
        "examples. On 20 others an accuracy like the best's has a standard error of 6.40 points (binomial)."
    ]
    assert conditional(found)[0] in headline(found, None)
    assert "over seeds, on one set of 20 examples" in summary_table(found.phases[0], 1, "summary", "Settings").caption
    every = summary_of(make_results({"seeds": 2}, lambda s, seed: Outcome(1.0), name="every"))
    assert texts(conditional(every))[0].endswith(
        "100 % of 20 leaves room for 83.16 to 100.00 % on others (95 %, exact binomial)."
    )
    assert conditional(summary_of(make_results({"seeds": 1}, name="one"))) == []


def test_a_small_part_says_what_one_example_is_worth(make_results):
    found = summary_of(make_results({"seeds": 1}))
    assert texts(small_parts(found)) == [
        "The validation part has 20 examples: one of them is worth 5.0 points of accuracy.",
        "The test part has 50 examples: one of them is worth 2.0 points of accuracy.",
    ]
    assert [verdict.kind for verdict in small_parts(found)] == ["warning", "note"]
    assert set(small_parts(found)) <= set(headline(found, None))
    setting = found.settings[0]
    record = made_record(data={"counts": {"train": 3, "test": 1}})
    (one,) = small_parts(replace(found, phases=(replace(found.phases[0], settings=(
        replace(setting, runs=(replace(setting.runs[0], record=record),)),)),)))  # fmt: skip
    assert one.text == ("1 example cannot be a test part: its accuracy is 0 or 100 %, whatever the network has learnt.")
