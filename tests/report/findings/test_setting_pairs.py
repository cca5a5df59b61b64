"""Pairs of settings: what is compared, and with which interval."""

import pytest

import handgrad as hg
from handgrad.report.chapters.side_by_side_chapter import side_by_side_chapter
from handgrad.report.findings.setting_pairs import across_phases, pair_differences
from handgrad.report.findings.statistics import compare
from handgrad.report.findings.summarize import summarize
from handgrad.report.study_figure import sources_of
from handgrad.study.folder.results_folder import Results
from tests.report.conftest import Outcome


def tell(setting, seed):
    label = int(setting.label)
    return Outcome(0.9 + 0.01 * label + 0.002 * (label * seed % 3), "diverged" if (label, seed) == (2, 1) else "done")


def test_a_pair_of_more_than_two_settings_has_the_note_that_nothing_is_corrected(make_results):
    def moved(setting, seed):
        return Outcome(0.8 + 0.04 * int(setting.label) + 0.003 * (int(setting.label) * seed % 3))

    row = hg.compare(make_results(tell=moved), "3", "2").set_index("metric").loc["val_accuracy"]
    assert row.decided
    note = "p and interval are of this pair alone, not corrected for the choice among 4 settings: see conclusions"
    assert row.note == note
    two = {"seeds": 3, "grid": {"network": {"hidden": [4, 6]}}}
    assert hg.compare(make_results(two, moved), "1", "2").set_index("metric").note["val_accuracy"] == ""
    alike = hg.compare(make_results(two, lambda *_: Outcome(0.8)), "1", "2").set_index("metric")
    assert alike.note["val_accuracy"] == "equal in every seed"


def test_pairs_are_of_shared_seeds_and_settings_of_which_no_run_diverged(make_results):
    results = Results.open(make_results(tell=tell))
    summary = summarize(results)
    (phase,) = summary.phases
    found = {(pair.first, pair.second): pair.found for pair in pair_differences(phase)}
    assert set(found) == {("4", "3"), ("4", "1"), ("3", "1")}
    values = {setting.label: setting.samples[phase.metric].values for setting in phase.settings}
    assert found["3", "1"] == compare(values["3"], values["1"])
    assert found["3", "1"].interval is not None

    _, beside = side_by_side_chapter(summary, sources_of(results)).blocks
    (shown,) = beside.data["phases"]
    assert set(shown["said"]) == {"4|3", "4|1", "3|1", "4|2"}  # against the best the conclusions know more
    interval = found["3", "1"].interval
    ends = f"{100 * interval.low:+.2f} to {100 * interval.high:+.2f} points".replace("-", "−")
    assert shown["said"]["3|1"].endswith(f"over 3 seeds, 95 % t interval of this pair {ends}.")
    assert "(the best)" in shown["said"]["4|3"]
    assert [one["name"] for one in beside.data["differ"]] == ["hidden", "lr"]
    assert beside.data["across"] == {}
    assert shown["settings"][-1]["value"].endswith("1 run diverged")
    assert len(beside.data["matrices"]) == 11
    assert beside.data["part"] == "test"


def test_settings_of_two_phases_are_compared_where_their_seeds_pair(make_results):
    """The winner 2 is listed by the second phase too; the third has seeds that make other things."""
    tables = {
        "seeds": 3,
        "training": {"batch_size": 8},
        "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}},
        "phase": [
            {"name": "batch size", "grid": {"training": {"batch_size": [8, 16]}}},
            {"name": "noise", "vary": ["order"], "grid": {"network": {"hidden": [4, 6]}}},
        ],
    }
    outcomes = {"1": 0.8, "2": 0.9, "2_1": 0.85}
    results = Results.open(make_results(tables, lambda one, seed: Outcome(outcomes.get(one.label, 0.7) + 0.001 * seed)))
    summary = summarize(results)
    found = {frozenset((first, second)): one for first, second, one in across_phases(summary)}
    assert [[one.label for one in phase.settings] for phase in summary.phases[:2]] == [["1", "2"], ["2", "2_1"]]
    pair = found[frozenset(("1", "2_1"))]
    assert abs(pair.difference) == pytest.approx(0.05)
    assert frozenset(("1", "2")) not in found
    assert frozenset(("2", "2_1")) not in found
    assert "cannot be paired by seed" in found[frozenset(("1", "2_2"))]

    _, beside = side_by_side_chapter(summary, sources_of(results)).blocks
    said = beside.data["across"]
    assert said["2_1|1"].startswith("2_1 − 1: +5.00 points over 3 seeds")
    (why,) = (text for key, text in said.items() if set(key.split("|")) == {"1", "2_2"})
    assert "those of 1 vary initial weights, order of examples." in why
    assert "give two" not in why


def test_one_run_has_nothing_beside_it(make_results):
    results = Results.open(make_results({"seeds": 1}))
    assert side_by_side_chapter(summarize(results), sources_of(results)) is None


@pytest.mark.parametrize("seeds", [1, 2])
def test_equal_differences_have_no_interval(make_results, seeds):
    tables = {"seeds": seeds, "grid": {"network": {"hidden": [4, 6, 8]}}}
    results = Results.open(make_results(tables, lambda setting, seed: Outcome(0.8 + 0.05 * int(setting.label))))
    (phase,) = summarize(results).phases
    assert {pair.found.interval for pair in pair_differences(phase)} == {None}
    _, beside = side_by_side_chapter(summarize(results), sources_of(results)).blocks
    assert beside.data["phases"][0]["said"]["2|1"].endswith("they show no spread, so no interval.")
