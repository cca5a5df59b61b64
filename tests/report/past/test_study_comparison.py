"""Two studies side by side: keys, data, and settings of the same values with paired differences."""

import json
import shutil

import pytest

import handgrad as hg
from handgrad.errors import ResultsError
from handgrad.report.findings.statistics import compare
from handgrad.report.past.comparison_sentences import compared_table, comparison_sentences
from handgrad.report.past.study_comparison import compare_folders
from handgrad.study.folder.store import opened
from handgrad.study.rules.multiple_tests import holm
from tests.report.conftest import Outcome

LR = {"training": {"optimizer": {"lr": [0.01, 0.1]}}}


def by_lr(**accuracies):
    """Accuracies by learning rate, a little more with every seed: what its label is does not matter."""
    step = accuracies.pop("step", 0.01)
    table = {float(lr.replace("_", ".")): value for lr, value in accuracies.pop("at").items()}
    return lambda setting, seed: Outcome(table[setting.setting.training.optimizer.lr] + step * seed)


@pytest.fixture
def two(make_results):
    """Two studies, whose second has other learning rates first and another number of epochs and of seeds."""
    first = make_results({"seeds": 3, "grid": LR}, by_lr(at={"0_01": 0.5, "0_1": 0.7}), name="a")
    grid = {"training": {"optimizer": {"lr": [0.3, 0.1]}}}
    second = make_results(
        {"seeds": 4, "training": {"epochs": 7}, "grid": grid, "title": "Longer"},
        by_lr(at={"0_3": 0.9, "0_1": 0.72}, step=0.02),
        name="b",
    )
    return compare_folders(first, second)


def test_keys_that_differ_have_their_values_of_both_and_words_are_no_difference(two):
    found = {one.key: (one.first, one.second) for one in two.settings}
    assert found.pop("training.epochs")[1] == "7"  # the first has the default
    assert found == {"seeds": ("0, 1, 2", "0, 1, 2, 3"), "grid.training.optimizer.lr": ("0.01, 0.1", "0.3, 0.1")}
    assert two.data == ()


def test_settings_are_the_same_by_their_values_not_their_labels(two):
    (one,) = two.by_metric
    assert (one.first.label, one.second.label, one.axes) == ("2", "2", {"training.optimizer.lr": 0.1})
    assert [[setting.label for setting in only] for only in two.only] == [["1"], ["1"]]
    assert one.change.n == 3  # the fourth seed is of the second alone
    assert one.change.difference == pytest.approx(0.03)  # 0.02 + the mean of 0, 0.01, 0.02
    wanted = compare({0: 0.72, 1: 0.74, 2: 0.76}, {0: 0.7, 1: 0.71, 2: 0.72})
    assert one.change.p == pytest.approx(wanted.p)
    assert one.p_holm == one.change.p
    assert (one.change.interval.low, one.change.interval.high) == pytest.approx(
        (wanted.interval.low, wanted.interval.high)
    )


def test_what_is_said_of_them(two):
    table = compared_table(two)
    assert [cell.text for cell in table.rows[0].cells] == [
        "2", "2", "lr 0.1", "71.00 ± 1.00 (3)", "75.00 ± 2.58 (4)", "+3.00 (+0.52 to +5.48)",
    ]  # fmt: skip
    said = comparison_sentences(two)
    assert said[0].startswith("Both learn from the same data: invented, ")
    assert said[1:4] == [
        "B is better in its setting 2 (paired t on 3 seeds that both finished, p < 0.05).",
        "A alone has setting 1; B has no such values.",
        "B alone has setting 1; A has no such values.",
    ]
    assert said[4].startswith("Best against best: A 2 (lr 0.1) with 71.00 ± 1.00 %, B 1 (lr 0.3) with 93.00 ± 2.58 %: ")
    assert said[4].endswith("Each was chosen by these numbers, which flatters both: no test of which study is better.")


def test_p_is_adjusted_for_all_settings_that_are_compared(make_results):
    """Holm over two: the smaller p is doubled."""
    values = {"0_01": 0.5, "0_1": 0.7}
    first = make_results({"seeds": 3, "grid": LR}, by_lr(at=values), name="a")
    tables = {"seeds": 3, "grid": LR, "network": {"hidden": 12}}
    second = make_results(tables, by_lr(at={"0_01": 0.53, "0_1": 0.71}, step=0.02), name="b")
    found = compare_folders(first, second)
    p = [one.change.p for one in found.by_metric]
    assert [one.p_holm for one in found.by_metric] == holm(p)
    assert max(one.p_holm for one in found.by_metric) > max(min(p), 0)
    assert [one.key for one in found.settings] == ["network.hidden"]
    assert found.only == ((), ())


def test_runs_that_both_have_are_no_comparison(make_results):
    first = make_results({"seeds": 3, "grid": LR}, by_lr(at={"0_01": 0.5, "0_1": 0.7}), name="a")
    second = make_results({"seeds": 3, "grid": LR, "title": "t"}, by_lr(at={"0_01": 0.5, "0_1": 0.7}), name="b")
    found = compare_folders(first, second)
    assert found.settings == ()
    assert found.shared_runs == 6
    assert all(one.same_runs and one.p_holm is None and not one.differ for one in found.compared)
    said = comparison_sentences(found)
    assert "6 runs are in both, bit for bit." in said
    assert said[-1].endswith(": the same runs.")
    assert not any("shown to differ" in text for text in said)


def test_other_data_is_said_and_the_best_are_not_set_against_each_other(make_results):
    first = make_results({"seeds": 2, "grid": LR}, name="a", classes=list("abc"))
    second = make_results({"seeds": 2, "grid": LR}, name="b")
    found = compare_folders(first, second)
    keys = {one.key: (one.first, one.second) for one in found.data}
    assert keys["classes"] == ("3", "5")
    assert {"checksum", "training examples", "validation examples"} <= keys.keys()
    said = comparison_sentences(found)
    assert "They were not scored on the same examples; intervals over seeds do not hold that noise." in said
    assert said[-1].endswith("They learn from other data, so the two cannot be set against each other.")


def test_studies_without_a_shared_seed_have_no_difference(make_results):
    first = make_results({"seeds": [0, 1], "grid": LR}, name="a")
    second = make_results({"seeds": [5, 6], "grid": LR}, name="b")
    found = compare_folders(first, second)
    assert {one.change.difference for one in found.compared} == {None}
    assert [row.cells[-1].text for row in compared_table(found).rows] == ["no seed in both"] * 2
    assert "No setting has two seeds that both studies finished, so there is no interval." in comparison_sentences(
        found
    )


def test_studies_that_share_no_setting_say_why_and_have_an_empty_frame(make_results):
    first = make_results({"seeds": 2, "grid": LR}, name="a")
    other = {"training": {"optimizer": {"lr": [0.3, 0.5]}}, "network": {"hidden": [6, 8]}}
    second = make_results({"seeds": 2, "grid": other}, name="b")
    said = comparison_sentences(compare_folders(first, second))
    assert "No setting has the same values in both: lr is 0.01 and 0.1 in A and 0.3 and 0.5 in B." in said
    empty, full = hg.compare_studies(first, second), hg.compare_studies(second, second)
    assert len(empty) == 0
    assert sorted(empty.columns) == sorted(full.columns)
    assert empty.columns[:4].tolist() == ["first", "second", "training.optimizer.lr", "network.hidden"]


def test_bundles_of_other_names_are_the_same_settings(make_results):
    bundles = {"one": {"training.epochs": 4}, "two": {"training.epochs": 5}}
    first = make_results({"seeds": 2, "bundle": {"length": bundles}}, name="a")
    second = make_results({"seeds": 2, "grid": {"training.epochs": [5, 4]}}, name="b")
    pairs = [(one.first.label, one.second.label) for one in compare_folders(first, second).by_metric]
    assert pairs == [("1", "2"), ("2", "1")]


def test_json_holds_it_and_an_explanation_is_refused(two, make_results):
    table = json.loads(json.dumps(two.to_json(), allow_nan=False))
    assert table["only_first"] == ["1"]
    assert table["best"]["change"] == pytest.approx(0.21)
    assert {row["metric"] for row in table["compared"]} >= {"val_accuracy", "test_accuracy", "train_loss"}
    folder = make_results({"seeds": 2, "grid": LR}, name="c")
    from handgrad.study.folder.plan_file import read_plan

    with opened(folder, "invented-study") as store:
        plan = read_plan(folder)
        store.write_study((folder / "study.toml").read_text())
        store.write_plan(
            {key: plan[key] for key in plan if key not in ("format", "handgrad", "study_toml")} | {"explain": {}}
        )
    with pytest.raises(ResultsError, match=r"explains published numbers, and its readings are ranked in .*index\.html"):
        compare_folders(folder, folder)


def test_seeds_that_vary_other_things_make_no_pairs(make_results):
    first = make_results({"seeds": 2, "vary": ["init"], "grid": LR}, name="a")
    second = make_results({"seeds": 2, "vary": ["order"], "grid": LR}, name="b")
    found = compare_folders(first, second)
    assert {(one.unlike, one.change.n, one.p_holm) for one in found.compared} == {("other seeds", 0, None)}
    assert [row.cells[-1].text for row in compared_table(found).rows] == ["other seeds"] * 2
    assert comparison_sentences(found)[-1].endswith("; they have other seeds and are not compared.")


def test_a_study_that_is_not_over_is_said_to_be_so_and_one_without_runs_differs_in_nothing(make_results):
    def half(setting, seed):
        return Outcome(0.9, status="pending" if setting.label == "2" else "done")

    whole, part = (
        make_results({"seeds": 2, "grid": LR}, name="whole"),
        make_results({"seeds": 2, "grid": LR}, half, name="part"),
    )
    said = comparison_sentences(compare_folders(whole, part))
    assert said[0].startswith("Of B, 2 of 4 runs have ended: what is said of it is so far.")
    assert not any(text.startswith("Of A") for text in said)
    shutil.rmtree(part / "runs")
    gone = compare_folders(whole, part)
    assert gone.data == ()
    assert comparison_sentences(gone)[0].startswith("Of B, 0 of 4 runs have ended")
    assert "No setting has a result in both." in comparison_sentences(gone)
