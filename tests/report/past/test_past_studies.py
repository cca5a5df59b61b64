"""The list of past studies: state, runs, the best that the report names, age and size; what is damaged is said."""

import json
import os
import shutil

import pytest

from handgrad.errors import ResultsError
from handgrad.report.findings.summarize import summarize
from handgrad.report.past.past_studies import PastStudy, read_studies, read_study
from handgrad.study import Results
from tests.report.conftest import Outcome

TWO = {"seeds": 2, "grid": {"training": {"optimizer": {"lr": [0.01, 0.1]}}}}
LATER = [{"name": "batch size", "grid": {"training.batch_size": [5, 10]}}]


def told(worse):
    """The second setting of the first phase wins; later settings are `worse`, or better."""
    return lambda setting, seed: Outcome({"1": 0.8, "2": 0.9}.get(setting.label, 0.5 if worse else 0.95) + 0.01 * seed)


@pytest.mark.parametrize("worse", [True, False])
def test_the_best_is_that_of_the_report_and_only_winners_are_read(make_results, worse):
    """Where no setting of the second phase beats what it starts from, that stays the best in both."""
    folder = make_results({**TWO, "phase": LATER}, told(worse))
    summary = summarize(Results.open(folder))
    best, start = summary.winner, next(one for one in summary.settings if one.label == "2")
    for path in folder.glob("runs/*"):  # of settings that won nothing records are not looked at
        if path.name not in {run.id for run in (*best.runs, *start.runs)}:
            (path / "record.json").write_text("damaged")
    study = read_study(folder)
    assert (study.best, study.state, study.runs) == (best.label, "done", "8 of 8")
    assert study.best == ("2" if worse else study.best)
    assert study.mean == best.samples["val_accuracy"].mean
    assert study.value == ("90.50 ± 0.71 %" if worse else "95.50 ± 0.71 %")
    assert study.setting.startswith("lr 0.1")


def test_a_study_that_was_interrupted_has_a_best_so_far(make_results):
    def tell(setting, seed):
        return Outcome(0.8) if setting.label == "1" else Outcome(status="pending" if seed else "interrupted")

    study = read_study(make_results({**TWO, "phase": LATER}, tell))
    assert (study.state, study.runs, study.best, study.mean) == ("interrupted", "2 of 8", "1", 0.8)
    assert study.problem is None


def test_what_is_wrong_is_said_and_nothing_raised(make_results, tmp_path):
    whole = make_results(TWO)
    many = tmp_path / "many"
    for name in ("damaged", "cut", "whole"):
        shutil.copytree(whole, many / name)
    text = (whole / "plan.json").read_text()
    (many / "damaged" / "plan.json").write_text(text.replace('"state": "done"', '"state": "nice"'))
    (many / "cut" / "plan.json").write_text(text[:300])
    for name, plan in (("old", {"format": 0, "handgrad": "0.0.1"}), ("list", [])):
        (many / name).mkdir()
        (many / name / "plan.json").write_text(json.dumps(plan))
    (many / "begun").mkdir()
    (many / "begun" / "study.toml").write_text("")
    (many / "notes").mkdir()  # no results folder
    found = {study.folder.name: study for study in read_studies(many)}
    assert {name: study.state for name, study in found.items()} == {
        "damaged": "damaged", "cut": "damaged", "whole": "done", "old": "unreadable", "list": "damaged",
        "begun": "unreadable",
    }  # fmt: skip
    assert found["damaged"].problem.startswith(f"{many / 'damaged' / 'plan.json'}: was altered after it was written")
    assert "results of format 0, written by handgrad 0.0.1" in found["old"].problem
    assert found["begun"].problem == (
        f"{many / 'begun'}: has a study.toml and no plan.json; run its study again: finished runs are kept"
    )
    assert json.dumps([study.data() for study in found.values()])


def test_a_damaged_record_of_the_winner_is_named_beside_what_the_plan_says(make_results):
    folder = make_results(TWO)
    for path in folder.glob("runs/*/record.json"):
        path.write_bytes(path.read_bytes().replace(b'"done"', b'"dome"'))
    study = read_study(folder)
    assert (study.state, study.runs, study.best) == ("damaged", "4 of 4", None)
    assert study.title == "invented-study"
    assert "record.json" in study.problem


def test_a_finished_study_without_its_runs_is_damaged(make_results):
    folder = make_results(TWO)
    shutil.rmtree(folder / "runs")
    study = read_study(folder)
    assert (study.state, study.runs) == ("damaged", "0 of 4")
    assert study.problem == f"{folder}: none of its 4 runs is here; run its study again: finished runs are kept"


def test_the_newest_comes_first_and_a_report_or_a_lock_makes_nothing_new(make_results, tmp_path):
    for name, when in (("a", 1000), ("b", 3000), ("c", 2000)):
        folder = make_results(TWO, name=f"many/{name}")
        (folder / "report").mkdir()
        (folder / "earlier-1").mkdir()
        for path in [*folder.rglob("*")]:
            os.utime(path, (when, when))
        for path in (folder / "report" / "index.html", folder / ".lock", folder / "earlier-1" / "plan.json"):
            path.write_text("x")
    studies = read_studies(tmp_path / "many")
    assert [(study.folder.name, study.written) for study in studies] == [("b", 3000), ("c", 2000), ("a", 1000)]
    files = [path for path in (tmp_path / "many" / "b").rglob("*") if path.is_file()]
    assert studies[0].bytes == sum(path.stat().st_size for path in files)
    assert studies[0].report == tmp_path / "many" / "b" / "report" / "index.html"
    assert studies[0].data()["written"] == "1970-01-01T00:50:00Z"


def test_links_are_not_followed(make_results, tmp_path):
    folder = make_results(TWO)
    before = read_study(folder).bytes
    (tmp_path / "big").write_bytes(bytes(100_000))
    (folder / "big").symlink_to(tmp_path / "big")
    (folder / "round").symlink_to(folder)
    assert read_study(folder).bytes == before


def test_a_results_folder_lists_itself_and_other_folders_are_one_message(make_results, tmp_path):
    folder = make_results(TWO)
    assert [study.folder for study in read_studies(folder)] == [folder]
    assert [study.name for study in read_studies(tmp_path)] == ["invented-study"]
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    for name, message in (
        ("empty", "holds no results of a study"),
        ("file", "is a file"),
        ("nowhere", "no such folder"),
    ):
        with pytest.raises(
            ResultsError, match=rf"{name}: {message}.*Give the folder that holds the results of studies"
        ):
            read_studies(tmp_path / name)


def test_a_value_says_its_deviation_only_where_there_is_one(tmp_path):
    def value(**facts):
        return PastStudy(tmp_path, "a", "a", "done", 0, 0, **facts).value

    assert value() == "–"
    assert value(metric="val_loss", mean=0.125) == "0.125"
    assert value(metric="val_loss", mean=0.125, std=0.01) == "0.125 ± 0.01"
