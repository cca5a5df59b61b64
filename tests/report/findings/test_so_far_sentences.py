"""A report of a study that is not over says so, and which runs are in progress."""

import json

import pytest

from handgrad.report.build import write_report
from handgrad.report.findings.so_far_sentences import so_far_verdicts
from handgrad.study import Results
from handgrad.study.folder.left_behind import left_behind
from handgrad.study.folder.so_far import BegunRun, SoFar, so_far
from tests.report.live.running import RunningStudy


@pytest.fixture
def study(make_results, tmp_path):
    with RunningStudy(make_results(), tmp_path / "running") as running:
        yield running


def test_a_report_of_a_running_study_says_what_is_known_so_far(study):
    study.finish(4)
    run_id = study.begin(epochs=2)
    before = (study.folder / "plan.json").read_bytes()
    report = write_report(study.folder, formats=())
    text = report.page.read_text("utf-8")
    assert "Preliminary: the study is running, 4 of 12 runs have ended" in text
    assert "best setting so far" in text
    assert 'id="in-progress"' in text
    assert (report.page.parent / "figures" / "in-progress.csv").exists()
    conclusions = json.loads((report.page.parent / "conclusions.json").read_text("utf-8"))
    begun = conclusions["preliminary"]["begun"]
    assert conclusions["preliminary"]["state"] == "running"
    assert (conclusions["preliminary"]["ended"], conclusions["preliminary"]["planned"]) == (4, 12)
    assert [(run["epoch"], run["seed"]) for run in begun] == [(2, 1)]
    (run,) = report.so_far.begun
    assert run.id == run_id
    assert run.curves["val_loss"].tolist() == [2.0, 1.0]
    assert run.curves["epoch"].tolist() == [1, 2]
    assert (study.folder / "plan.json").read_bytes() == before
    study.end()
    text = write_report(study.folder, formats=()).page.read_text("utf-8")
    assert "Preliminary" not in text
    assert "so far" not in text
    assert "in-progress" not in text
    assert not (report.page.parent / "figures" / "in-progress.csv").exists()


def test_a_study_that_was_killed_is_interrupted_wherever_its_state_is_asked_for(study):
    study.begin()
    assert Results.open(study.folder).state == "running"
    study.held.close()  # as a kill frees its lock
    found = Results.open(study.folder)
    assert found.state == so_far(found).state == "interrupted"
    assert {cell.status for cell in found.cells()} == {"interrupted", "pending"}
    with pytest.raises(Exception, match=r"its study is not finished \(interrupted\)"):
        left_behind(study.folder)


def test_a_checkpoint_that_cannot_be_read_hides_nothing_else(study):
    run_id = study.begin()
    (study.folder / "runs" / f"{run_id}.partial" / "checkpoint.safetensors").write_bytes(b"cut off")
    (run,) = so_far(Results.open(study.folder)).begun
    assert (run.epoch, run.curves) == (0, {})


def begun(number, epoch=0):
    return BegunRun(f"{number:010}", str(number), "main", number, None, epoch, 20, {})


def test_runs_in_progress_are_named():
    (one,) = so_far_verdicts(SoFar("running", 1, 24, (begun(1, 5),)), {"1": "A"})
    assert one.text == (
        "Preliminary: the study is running, 1 of 24 runs has ended, and what is said here of the best setting and of "
        "differences may still change. 1 more run has begun (setting A, seed 1 at epoch 5 of 20)."
    )
    (many,) = so_far_verdicts(SoFar("running", 0, 24, tuple(map(begun, range(6)))), {})
    assert ": the study is running, 0 of 24 runs have ended, so nothing can be said yet. 6 more" in many.text
    assert "6 more runs have begun (setting 0, seed 0; " in many.text
    assert many.text.endswith("setting 3, seed 3; and 2 more).")
    (killed,) = so_far_verdicts(SoFar("interrupted", 2, 3, (begun(7, 9),)), {})
    assert killed.text.endswith(
        "The command that ran it continues it; 1 run that had begun (setting 7, seed 7 at epoch 9 of 20) goes on from "
        "there."
    )
    (explained,) = so_far_verdicts(SoFar("running", 2, 3, ()), {}, of="readings")
    assert explained.text.endswith("2 of 3 runs have ended, and what is said here of readings may still change.")
    assert so_far_verdicts(SoFar("done", 3, 3, ()), {}) == []
