"""Verdicts, word by word."""

import csv
import io
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from handgrad.cli.console import print_summary
from handgrad.errors import InputError
from handgrad.report.chapters.chapters import headline
from handgrad.report.figures.phase_figures import ranking
from handgrad.report.findings.against_best import Against
from handgrad.report.findings.choice_sentences import choice_verdicts
from handgrad.report.findings.conclusion_sentences import conclusions_data, phase_verdicts, word_verdicts
from handgrad.report.findings.conclusions import SettingRuns, conclude
from handgrad.report.findings.scored_parts import scored_on, training_sample
from handgrad.report.findings.summarize import summarize
from handgrad.report.findings.verdicts import (
    conditional,
    early_stopping_verdicts,
    selection,
    small_parts,
    test_set_verdicts,
    trouble_verdicts,
)
from handgrad.report.findings.wording import troubles
from handgrad.report.page.page import tiles
from handgrad.report.result_frames import compare, conclusions
from handgrad.report.tables.study_tables import runs_table, summary_table
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


def near(setting, seed):
    """2 is best, 1 half a point behind: no three seeds show that."""
    return Outcome((0.9 if setting.label == "2" else 0.895) + 0.01 * ((seed * 3 + int(setting.label)) % 4))


def test_what_is_not_separated_is_said_with_its_numbers(make_results):
    (phase,) = summary_of(make_results({"seeds": 3, "conclusions": {"margin": 0.001}, **LRS}, near)).phases
    said = texts(phase_verdicts(phase))
    one = phase.conclusions.against["1"]
    assert said[0].startswith("Setting 2: lr 0.1 is best by validation accuracy: 9")
    chance = phase.conclusions.against["2"].chance
    assert said[0].endswith(
        f"% (n = 3, ddof 1); it leads the 2 settings in {100 * chance:.0f} % of draws around the means seen."
    )
    low, high = (f"{100 * end:+.2f}".replace("-", "−") for end in (one.low, one.high))
    d = f"{100 * one.difference:+.2f}".replace("-", "−")
    assert said[1] == (
        f"Not separated from the best, which is not the same as equal: setting 1, {d} points (simultaneous 95 % "
        f"interval {low} to {high}, n = 3). {one.more_seeds:,} further seeds of both settings would "
        "decide, if means and spreads stay as seen."
    )
    assert said[2].startswith("Method: differences on shared seeds; a 95 % interval by t")
    assert said[3] == "Equivalent is what lies within ± 0.10 points (conclusions.margin of the study)."
    assert said[4].startswith(
        "A setting of typical spread is shown to be behind, while both are rivals, from about: 3 seeds "
    )
    assert texts(phase_verdicts(phase, brief=True)) == said[:2]


@pytest.mark.parametrize(
    ("more", "noise", "text"),
    [
        ([1], "seeds", "1 further seed of both settings would decide, if means and spreads stay as seen."),
        ([2, 2], "seeds", "2 further seeds of each setting would decide, if means and spreads stay as seen."),
        (
            [17, 1],
            "seeds",
            "Between 1 (setting 3) and 17 (setting 2) further seeds of each setting would decide, if means and spreads "
            "stay as seen.",
        ),
        (
            [3, None],
            "seeds and examples",
            "3 further seeds of each setting would decide about 1 of them, if means and spreads stay as seen. About "
            "setting 3 not even 10,000 would; more examples might.",
        ),
        ([None], "seeds", "Not even 10,000 further seeds would decide, if means and spreads stay as seen."),
    ],
)
def test_how_many_seeds_would_decide_and_about_whom(more, noise, text):
    runs = {str(i): SettingRuns({0: 0.9, 1: 0.91, 2: 0.9 + 0.01 * i}) for i in range(1, len(more) + 2)}
    found = conclude(runs, "1", "val_accuracy", compared=runs)
    best = Against("best", 3, 0.0, None, None, None, 0.5, None, 0)
    others = {str(i): Against("not separated", 3, -0.01, -0.03, 0.01, n, 0.1, None, 0) for i, n in enumerate(more, 2)}
    (said,) = word_verdicts(replace(found, against={"1": best, **others}, noise=noise))
    assert said.text.startswith("Not separated from the best, which is not the same as equal: setting")
    assert said.text.endswith(f"n = 3). {text}")


def test_the_margin_says_where_it_comes_from(make_results):
    (phase,) = summary_of(make_results({"seeds": 3, **LRS}, near)).phases
    a = (phase.conclusions.against["2"].n and phase.best.samples["val_accuracy"].mean * 20 + 2) / 24
    margin = 1.959964 * (a * (1 - a) / 24) ** 0.5
    assert phase.conclusions.margin == pytest.approx(margin)
    said = texts(phase_verdicts(phase))
    assert f"Equivalent to the best, within ± {100 * margin:.2f} points: setting 1, " in said[1]
    assert said[3].endswith(
        "1.96 standard errors of the best's accuracy on 20 examples, by which another set of as many would move it "
        "(conclusions.margin sets another)."
    )
    loss = {"seeds": 3, "select_by": "val_loss", **LRS}
    (phase,) = summary_of(make_results(loss, near, name="loss")).phases
    assert "validation loss has no margin unless the study gives one" in " ".join(texts(phase_verdicts(phase)))


def test_behind_is_said_with_the_nearest_and_what_the_margin_makes_of_it(make_results):
    accuracy = {"1": 0.6, "2": 0.9, "3": 0.87, "4": 0.1}

    def tell(setting, seed):
        return Outcome(accuracy[setting.label] + 0.002 * ((seed * (2 + int(setting.label))) % 5))

    (phase,) = summary_of(make_results({"seeds": 5, "grid": {"network": {"hidden": [2, 3, 4, 5]}}}, tell)).phases
    said = texts(phase_verdicts(phase))
    assert phase.conclusions.labels("behind") == ["3", "1", "4"]
    assert said[1].startswith("Behind the best: all 3 others; the nearest is setting 3, −3.")
    assert said[1].endswith("n = 5). Setting 3 is behind by less than the margin.")


@pytest.mark.parametrize("seeds", [4, 8])
def test_a_setting_that_is_better_where_it_finished_is_not_said_to_be_behind(make_results, seeds):
    """It ranks below the best because a run of it failed; the rank is no verdict on its numbers."""

    def tell(setting, seed):
        accuracy = (0.95 if setting.label == "2" else 0.80) + 0.001 * (seed * (1 + int(setting.label)) % 5)
        return Outcome(accuracy, "failed" if (setting.label, seed) == ("2", 0) else "done")

    folder = make_results({"seeds": seeds, "conclusions": {"margin": 0.01}, **LRS}, tell)
    (phase,) = summary_of(folder).phases
    assert phase.best.label == "1"
    assert (phase.conclusions.ahead(), phase.conclusions.labels("not separated")) == (["2"], ["2"])
    said = texts(phase_verdicts(phase))
    assert said[1].startswith("Setting 2 is better than the best on the seeds that both have, +1")
    assert said[1].endswith("), and ranks below it because of its missing runs.")
    assert not [text for text in said if text.startswith(("Behind the best", "Not separated"))]
    frame = conclusions(folder)
    assert frame["word"].tolist() == ["best", "not separated"]
    assert frame["n"].tolist() == [seeds, seeds - 1]


def test_a_setting_held_by_one_below_it_is_explained(make_results):
    """4 lost one run of three: of its mean nothing can be said, and so 2 and 3, which rank above it, are not behind."""
    accuracy = {"1": 0.9, "2": 0.89, "3": 0.7, "4": 0.88}
    fell = ("4", 1)

    def tell(setting, seed):
        level = 0.1 if (setting.label, seed) == fell else accuracy[setting.label]
        return Outcome(level + 0.004 * ((seed * (1 + int(setting.label))) % 3))

    tables = {"seeds": 3, "conclusions": {"margin": 0.001}, "grid": {"network": {"hidden": [2, 3, 4, 5]}}}
    (phase,) = summary_of(make_results(tables, tell)).phases
    found = phase.conclusions
    assert list(found.against) == ["1", "2", "3", "4"]
    assert found.held_by == {"2": "4", "3": "4"}
    (said,) = [text for text in texts(phase_verdicts(phase)) if "not said to be behind" in text]
    assert said == (
        "Settings 2 and 3 are not said to be behind, though their own intervals exclude 0: setting 4, which ranks "
        "below, is not separated. More seeds of setting 4 would settle these too."
    )
    assert [row["held_by"] for row in found.rows()] == [found.held_by.get(label) for label in found.against]


@pytest.mark.parametrize("seed", range(12))
def test_every_word_mark_and_number_says_the_same_of_a_setting(make_results, seed):
    """One comparison has one word: sentences, shading of table and ranking, frame and file never disagree."""
    rng = np.random.default_rng(seed)
    k, n = int(rng.integers(2, 16)), int(rng.integers(1, 9))
    x = np.round(rng.normal(rng.choice([0.8, 0.85, 0.9], (k, 1)), rng.choice([0.001, 0.02, 0.1], (k, 1)), (k, n)), 3)
    fate = rng.choice(["done", "failed", "diverged"], p=[0.9, 0.05, 0.05], size=(k, n)) if n > 1 else None

    def tell(setting, seed):
        at = int(setting.label) - 1
        return Outcome(float(np.clip(x[at, seed], 0, 1)), "done" if fate is None else str(fate[at, seed]))

    margin = {"conclusions": {"margin": 0.03}} if seed % 2 else {}
    folder = make_results({"seeds": n, **margin, "grid": {"network": {"hidden": list(range(2, 2 + k))}}}, tell)
    summary = summary_of(folder)
    (phase,) = summary.phases
    frame = Results.open(folder).conclusions()
    words = dict(zip(frame["setting"], frame["word"], strict=True))
    order = ["best", "equivalent", "not separated", "behind"]
    placed = [order.index(word) for word in frame["word"].dropna()]
    assert placed[0] == 0
    assert sum(a != b for a, b in pairwise(placed)) == len(set(placed)) - 1  # no stripes
    (phase_data,) = conclusions_data(summary)["phases"]
    assert {one["setting"]: one["word"] for one in phase_data["settings"]} == words
    json.dumps(phase_data, allow_nan=False)
    for one in frame.to_dict("records"):
        if one["word"] == "behind":
            assert one["high"] < 0
        if one["word"] == "equivalent":
            assert max(abs(one["low"]), abs(one["high"])) <= one["margin"]
    table = read_csv(to_csv(summary_table(phase, 1, "summary", "Settings")))
    assert {row["setting"]: row["verdict"] for row in table} == {
        label: word if word else "" for label, word in words.items()
    }
    shaded = {row.cells[0].text: row.shaded for row in summary_table(phase, 1, "summary", "Settings").rows}
    drawn = {row.label.partition(":")[0]: (row.word, row.shaded) for row in ranking(phase, "ranking").rows}
    for label, word in words.items():
        assert shaded[label] == (word == "best" or (word not in (None, "behind") and phase.conclusions.tested))
        assert drawn[label] == (word or "not compared", shaded[label])
    said = texts(phase_verdicts(phase))
    for word, start in (("behind", "Behind the best: "), ("equivalent", "Equivalent to the best")):
        assert any(text.startswith(start) for text in said) == (word in words.values())


def test_what_a_search_stopped_short_is_not_compared_with_whole_runs(make_results):
    def tell(setting, seed):
        """4 is best, 3 is near it, 2 is behind; 1 was stopped after two epochs, when it was as good as 4."""
        accuracy = {"1": 0.9, "2": 0.5, "3": 0.899, "4": 0.9}[setting.label]
        whole = setting.label != "1"
        noise = 0.002 * ((seed * 3 + int(setting.label)) % 4)
        return Outcome(accuracy + noise, "done" if whole else "pruned", epochs=4 if whole else 2)

    folder = make_results({"seeds": 6, "grid": {"network": {"hidden": [3, 4, 5, 6]}}}, tell)
    (phase,) = summary_of(folder).phases
    assert list(phase.conclusions.against) == ["4", "3", "2"]
    assert [one.label for one in phase.ranked] == ["4", "3", "2", "1"]
    said = texts(phase_verdicts(phase))
    assert said[1].startswith("Equivalent to the best, within ± ")
    assert said[2].startswith("Behind the best: setting 2, −40.")
    assert said[-1] == (
        "1 of 4 settings was stopped short by the search; its numbers are those of its last epoch. The best is chosen "
        "among the others, and compared with them alone."
    )
    table = summary_table(phase, 1, "summary", "Settings")
    place = [column.heading for column in table.columns].index("verdict")
    assert [(row.cells[place].text, row.shaded) for row in table.rows] == [
        ("not compared", False), ("behind", False), ("equivalent", True), ("best", True),
    ]  # fmt: skip
    assert "They are not compared and never shaded" in table.caption
    assert "stopped short are not compared" in ranking(phase, "ranking").caption
    assert "the runner-up (3)" in test_set_verdicts(phase.best, phase)[0].text
    frame = Results.open(folder).conclusions()
    assert frame["setting"].tolist() == ["4", "3", "2", "1"]
    assert frame["word"].isna().tolist() == [False, False, False, True]


def test_settings_that_were_stopped_at_the_same_epoch_are_compared(make_results):
    (phase,) = summary_of(make_results({"seeds": 3, **LRS}, lambda s, seed: Outcome(0.9, "pruned", epochs=2))).phases
    assert len(phase.conclusions.against) == 2
    assert phase.stopped == []
    assert texts(phase_verdicts(phase))[-1].endswith(
        "The best is chosen among those that went furthest, and compared with them alone."
    )


def test_one_seed_decides_nothing(make_results):
    (phase,) = summary_of(make_results({"seeds": 1, **LRS})).phases
    assert texts(phase_verdicts(phase))[1] == (
        "Not separated from the best: setting 1. With one seed there is no spread (two show one), and nothing tells a "
        "better setting from a luckier one."
    )
    assert choice_verdicts(phase) == []
    assert [row.shaded for row in summary_table(phase, 1, "summary", "Settings").rows] == [False, True]


def test_where_every_run_diverged_there_is_no_best(make_results):
    folder = make_results({"seeds": 2, **LRS}, lambda s, seed: Outcome(0.9, "diverged"))
    summary = summary_of(folder)
    assert texts(phase_verdicts(summary.phases[0])) == [
        "There is no best: of 4 runs none came to a finite end (4 diverged)."
    ]
    assert Results.open(folder).conclusions().empty
    assert conclusions_data(summary)["best"] is None


@pytest.mark.parametrize("measure", ["val_accuracy", "val_loss"])
def test_a_setting_that_always_diverges_is_behind(make_results, measure):
    def tell(setting, seed):
        return Outcome(0.9 + 0.01 * (seed % 3), "diverged" if setting.label == "1" else "done")

    (phase,) = summary_of(make_results({"seeds": 4, "select_by": measure, **LRS}, tell)).phases
    assert phase.conclusions.against["1"].word == "behind"
    assert "setting 1 in 4 of 4 runs (40 to 100 %)" in " ".join(texts(phase_verdicts(phase)))


@pytest.mark.parametrize("accuracy", [0.0, 1.0])
def test_where_all_runs_agree_the_examples_have_a_spread(make_results, accuracy):
    (phase,) = summary_of(make_results({"seeds": 3, **LRS}, lambda s, seed: Outcome(accuracy))).phases
    one = phase.conclusions.against["2"]
    assert (one.difference, one.low < 0 < one.high) == (0, True)
    tied = " Setting 2 has the same mean; of equals the first in the study's order is called best."
    assert texts(phase_verdicts(phase))[0].endswith(tied)
    assert "nan" not in " ".join(texts(phase_verdicts(phase)))


def test_by_how_much_the_choice_flatters(make_results):
    """Each is best where the other is not: whichever is chosen without a seed is the worse one on it."""
    right = {"1": (0.9, 0.8, 0.85), "2": (0.8, 0.9, 0.84)}
    found = summary_of(make_results({"seeds": 3, **LRS}, lambda s, seed: Outcome(right[s.label][seed])))
    (said,) = choice_verdicts(found.phases[0])
    # without seed 0: 2, 80 %; without 1: 1, 80 %; without 2: both 85 %, the first, 85 %
    assert said.text == (
        "The best was chosen on the numbers shown. Chosen without one seed and scored on that seed, 3 times, it comes "
        "to a validation accuracy of 81.67 %: the choice flatters it by about 3.33 points (2 of 3 choices are this "
        "setting)."
    )
    assert said in headline(found, None)
    assert "the choice flatters it by about 3.33 points" in tiles(found)[1]["how"]
    same = summary_of(
        make_results({"seeds": 3, **LRS}, lambda s, seed: Outcome(0.8 + 0.05 * int(s.label)), name="same")
    )
    assert "no sign that the choice flatters it (3 of 3" in choice_verdicts(same.phases[0])[0].text


def test_two_named_settings_are_compared_by_the_paired_t_test(make_results):
    d = [0.05, 0.05, 0.05, 0.05, 0.06, -0.005]
    folder = make_results({"seeds": 6, **LRS}, lambda s, seed: Outcome(0.9 if s.label == "1" else 0.9 + d[seed]))
    frame = compare(folder, "2", "1").set_index("metric")
    row = frame.loc["val_accuracy"]
    assert (row["n"], row["decided"], row["sign_flip_p"]) == (6, False, 4 / 64)
    assert row["difference"] == pytest.approx(np.mean(d)) == pytest.approx(row["first"] - row["second"])
    assert row["p"] == pytest.approx(stats.ttest_1samp(d, 0).pvalue)
    assert compare(folder, 2, 1).equals(compare(folder, "2", "1"))
    for label in ("9", 9):
        with pytest.raises(InputError, match=r"unknown setting '9'\. Known: 1, 2"):
            compare(folder, "2", label)
        with pytest.raises(InputError, match=r"unknown setting '9'\. Known: 1, 2"):
            Results.open(folder).images(label)
    with pytest.raises(InputError, match=r"first must be a str; got 2\.0"):
        compare(folder, 2.0, "1")
    with pytest.raises(InputError, match="first and second are the same setting, 1; give the labels of two"):
        compare(folder, "1", 1)


def test_runs_that_are_no_pairs_are_refused_with_the_reason(make_results):
    def tell(setting, seed):
        """3 has no run with a result, of 2 seed 0 is missing, and a search stopped 4."""
        lost = setting.label == "3" or (setting.label, seed) == ("2", 0)
        status = "pending" if lost else "pruned" if setting.label == "4" else "done"
        return Outcome(0.8 + 0.01 * seed, status, epochs=2 if status == "pruned" else 4)

    folder = make_results({"seeds": 2, "grid": {"network": {"hidden": [3, 4, 5, 6]}}}, tell)
    assert compare(folder, "1", "2")["n"].unique().tolist() == [1]
    with pytest.raises(InputError, match=r"settings 1 and 3 share no run with a result: 1 has seed 0, seed 1; 3 has "):
        compare(folder, "1", "3")
    with pytest.raises(InputError, match="a search stopped runs of 4 after 2 epochs, and other epochs are no compar"):
        compare(folder, "1", "4")


def test_seeds_that_mean_other_things_pair_nothing(make_results):
    phases = [{"name": "w", "vary": ["init"]}, {"name": "o", "after": "main", "vary": ["order"]}]
    phases += [{"name": "both", "after": "main", "vary": ["init", "order"], "set": {"network": {"hidden": 3}}}]
    folder = make_results({"seeds": 3, "phase": phases}, lambda setting, seed: Outcome(0.8 + 0.01 * seed))
    for label in ("1_1", "1_2"):
        with pytest.raises(InputError, match=f"seeds of 1 vary initial weights, order of examples, those of {label} "):
            compare(folder, "1", label)
    assert len(compare(folder, "1", "1_3"))  # without dropout, a seed is of initial weights and order in both


def test_settings_with_equally_many_right_have_equal_means(make_results):
    """81 + 85 and 82 + 84 of 100: ranks of a reproduction and Kendall's τ take such means as ties."""
    right = {"1": (0.81, 0.85), "2": (0.82, 0.84)}
    (phase,) = summary_of(make_results({"seeds": 2, **LRS}, lambda s, seed: Outcome(right[s.label][seed]))).phases
    one, two = (setting.samples["val_accuracy"].mean for setting in phase.settings)
    assert one == two == 0.83


def test_selection_on_validation_and_on_test(make_results):
    quiet = summary_of(make_results())
    assert texts(selection(quiet, "val_accuracy")) == [
        "Winners were chosen by the mean over seeds of validation accuracy; the test set had no say."
    ]
    stamped = summary_of(make_results({"seeds": 2, "select_on_test": True, **LRS}, name="stamped"))
    assert stamped.phases[0].metric == "test_accuracy"
    first = headline(stamped, None)[0]
    assert first.kind == "warning"
    assert first.text.startswith("Winners were chosen by test accuracy (select_on_test = true).")


@pytest.mark.parametrize(
    ("validation", "where"),
    [({"size": 20}, "validation"), ({"folds": 2}, "the part that validates in its own fold")],
)
def test_early_stopping_makes_validation_too_good(make_results, validation, where):
    tables = {"seeds": 2, "data": {"validation": validation}, "training": {"early_stopping": {"patience": 3}}}
    found = summary_of(make_results(tables))
    (said,) = early_stopping_verdicts(found)
    assert said.text == (
        f"Early stopping keeps the epoch of a run that does best on {where}, and the run is scored on the same "
        "examples: its validation numbers are a little too good."
    )
    assert said in headline(found, None)


def test_early_stopping_of_some_settings_is_said_of_these(make_results):
    stop = {"early": {"training": {"early_stopping": {"patience": 3}}}}
    (said,) = texts(early_stopping_verdicts(summary_of(make_results({"seeds": 2, "variant": stop}))))
    assert said.startswith("Early stopping (in 1 of 2 settings) keeps the epoch of a run that does best on validation,")
    assert early_stopping_verdicts(summary_of(make_results({"seeds": 2}, name="without"))) == []


def test_where_nothing_was_chosen_or_scored_nothing_is_said_of_it(make_results):
    alone = summary_of(make_results({"seeds": 2}, name="alone"))
    assert selection(alone, "val_accuracy") == []
    assert scored_on(alone.settings) == "40 of 80 training, 20 validation and 50 test examples"
    lost = summary_of(make_results({"seeds": 2, **LRS}, lambda s, seed: Outcome(0.1, "diverged"), name="lost"))
    assert selection(lost, "val_accuracy") == []
    assert scored_on(lost.settings) == training_sample(lost.settings) == ""
    assert "Scored on" not in summary_table(lost.phases[0], 1, "summary", "").caption


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
    assert {
        "2 runs diverged: they are in the table of runs and enter no mean; in differences from the best each counts "
        "as guessing.",
        "2 runs failed: they are in the table of runs and enter no number.",
    } <= set(texts(headline(found, None)))


def test_intervals_and_p_are_of_these_examples(make_results):
    found = summary_of(make_results({"seeds": 3, **LRS}, lambda s, seed: Outcome(0.9 + 0.01 * seed)))
    # 20 validation examples, mean 0.91: √(0.91·0.09/20) = 0.06399
    assert texts(conditional(found)) == [
        "Intervals hold for other seeds, on these examples (20 validation examples). On 20 others an "
        "accuracy like the best's has a standard error of 6.40 points (binomial)."
    ]
    assert conditional(found)[0] in headline(found, None)
    assert (
        "over seeds and hold for other seeds, on these examples (20 examples)"
        in summary_table(found.phases[0], 1, "summary", "Settings").caption
    )
    every = summary_of(make_results({"seeds": 2}, lambda s, seed: Outcome(1.0), name="every"))
    assert texts(conditional(every))[0].endswith(
        "100 % of 20 examples leaves room for 83.16 to 100.00 % on others (95 %, exact binomial)."
    )
    assert conditional(summary_of(make_results({"seeds": 1}, name="one"))) == []


def test_a_small_part_says_what_one_example_is_worth(make_results):
    found = summary_of(make_results({"seeds": 1}))
    assert texts(small_parts(found)) == [
        "One of 20 validation examples is 5.0 points of accuracy.",
        "One of 50 test examples is 2.0 points of accuracy.",
    ]
    assert [verdict.kind for verdict in small_parts(found)] == ["warning", "note"]
    assert set(small_parts(found)) <= set(headline(found, None))
    setting = found.settings[0]
    record = made_record(data={"counts": {"train": 3, "test": 1}})
    (one,) = small_parts(replace(found, phases=(replace(found.phases[0], settings=(
        replace(setting, runs=(replace(setting.runs[0], record=record),)),)),)))  # fmt: skip
    assert one.text == ("1 example cannot be a test part: its accuracy is 0 or 100 %, whatever the network has learnt.")


def test_a_study_that_chooses_by_balanced_accuracy_says_so_everywhere(make_results):
    tables = {"seeds": 2, "select_by": "val_balanced_accuracy", **LRS}
    found = summary_of(make_results(tables, lambda s, seed: Outcome(0.5 + 0.25 * int(s.label) - 0.25 * seed)))
    (phase,) = found.phases
    assert phase.metric == "val_balanced_accuracy"
    table = summary_table(phase, 1, "summary", "Results")
    headings = [column.heading for column in table.columns]
    assert {"validation %", "validation balanced accuracy %", "test balanced accuracy %"} <= set(headings)
    assert "Scored on 40 of 80 training, 20 validation and 50 test examples." in table.caption
    (first, second) = read_csv(to_csv(table))
    assert float(first["val_balanced_accuracy_mean"]) == pytest.approx(0.625)  # from 0.75 and 0.5
    assert float(second["val_balanced_accuracy_mean"]) == pytest.approx(0.875)
    assert phase_verdicts(phase)[0].text.startswith(
        "Setting 2: lr 0.1 is best by validation balanced accuracy: 87.50 ±"
    )
    (of_test,) = test_set_verdicts(phase.best, phase)
    assert of_test.text.startswith("On the test set: balanced accuracy 90.00 ± 14.14 % (n = 2, ddof 1), acc")
    assert texts(small_parts(found)) == [
        f"One of {n} {part} examples is {points} points of accuracy, and one of the {of} of class a is {points} points "
        "of balanced accuracy."
        for n, part, of, points in ((20, "validation", 4, 5.0), (50, "test", 10, 2.0))
    ]
    (row, *_) = read_csv(to_csv(runs_table(found)))
    assert float(row["val_balanced_accuracy"]) == pytest.approx(0.75)
    assert float(row["val_macro_f1"]) == pytest.approx(0.8, abs=0.1)
    shown = [column.heading for column in runs_table(found).columns]
    assert "validation balanced accuracy" in shown
    assert "validation macro F1" not in shown


@pytest.mark.parametrize(("n", "said"), [(14, ["One of 14 test examples is 7.1 points of accuracy."]), (200, [])])
def test_parts_of_two_hundred_are_large_enough(make_results, capsys, tmp_path, n, said):
    found = summary_of(make_results({"seeds": 1}))
    record = made_record(data={"counts": {"train": 3, "test": n}}, train_score={"what": "sample", "n": 3})
    runs = (replace(found.settings[0].runs[0], record=record),)
    phase = replace(found.phases[0], settings=(replace(found.settings[0], runs=runs),))
    found = replace(found, phases=(phase,))
    assert texts(small_parts(found)) == said
    print_summary(found, None, tmp_path)
    printed = capsys.readouterr().out
    assert all(f"\n{text}\n" in printed for text in said)
    assert f"  Scored on all 3 training and {n} test examples.\n" in printed


def test_the_furthest_ahead_is_the_one_that_is_named():
    """Both are better than the best on the seeds that they share with it, and miss a run."""
    values = {"1": (0.90, 0.91, 0.905), "2": (0.93, 0.94), "3": (0.91, 0.925), "4": (0.85, 0.84, 0.86)}
    runs = {label: SettingRuns(dict(enumerate(own))) for label, own in values.items()}
    found = conclude(runs, "1", "val_accuracy", compared=runs, examples=1000)
    (said,) = [one.text for one in word_verdicts(found) if "better than the best" in one.text]
    assert "the furthest is setting 2, +3.00 points" in said


def test_runs_without_a_spread_are_not_called_one_seed():
    runs = {label: SettingRuns({0: 0.1, 1: 0.1, 2: 0.1}) for label in ("1", "2")}
    found = replace(conclude(runs, "1", "val_accuracy", compared=runs, classes=10), margin=None)
    untested = replace(found, against={label: replace(one, low=None) for label, one in found.against.items()})
    (said,) = word_verdicts(untested)
    assert "The runs that count show no spread" in said.text
