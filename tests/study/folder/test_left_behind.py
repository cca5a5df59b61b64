"""Runs that a changed study left behind: found, named at its end, removed on request; no other run is touched."""

import pytest

from handgrad.errors import ResultsError
from handgrad.study import Results, run_study
from handgrad.study.folder.left_behind import left_behind, remove_runs
from handgrad.study.folder.locks import writing

GRID = {"training.optimizer.lr": [0.1, 0.2]}


def ids(out):
    return {cell.id for cell in Results.open(out).cells()}


def run(study, out):
    """Run -> what was said of runs left behind."""
    events = []
    run_study(study, out, jobs=1, observer=events.append)
    return [event.text for event in events if event.kind == "note" and "handgrad clean" in event.text]


@pytest.fixture
def changed(make, tmp_path):
    """(the folder of a study that was changed, the runs that it had before alone, what was said)."""
    out = tmp_path / "out"
    assert run(make(grid=GRID), out) == []
    before = ids(out)
    said = run(make(grid={"training.optimizer.lr": [0.2, 0.3]}), out)
    return out, before - ids(out), said


def test_what_a_changed_study_left_is_named_with_the_command(changed):
    out, old, said = changed
    assert len(old) == 2
    assert {one.id for one in left_behind(out)} == old
    assert said == [
        f"{out} holds 2 runs of earlier studies that this one does not list; to see and remove them: "
        f"handgrad clean {out}"
    ]


def test_only_those_are_removed_with_their_checkpoints_and_nothing_of_the_user(changed):
    out, old, _ = changed
    kept, noted = ids(out), min(old)
    (out / "runs" / noted / "notes.md").write_text("mine")
    partial = out / "runs" / f"{'0' * 10}.partial"
    partial.mkdir()
    (partial / "checkpoint.safetensors").write_bytes(bytes(50))
    for name in ("pictures", "0123"):  # no names of runs
        (out / "runs" / name).mkdir()
        (out / "runs" / name / "record.json").write_text("{}")
    (out / "runs" / "1111111111").symlink_to(out / "runs" / max(kept))
    found = left_behind(out)
    assert {one.id for one in found} == old | {"0" * 10}
    assert {one.bytes for one in found if one.id == "0" * 10} == {50}
    assert remove_runs(out, found) == found
    left = {path.name for path in (out / "runs").iterdir()}
    assert left == kept | {noted, "pictures", "0123", "1111111111"}
    assert [path.name for path in (out / "runs" / noted).iterdir()] == ["notes.md"]
    assert left_behind(out) == []
    assert {cell.status for cell in Results.open(out).checked_cells()} == {"done"}


def test_a_folder_that_is_being_written_is_left_alone(changed):
    out, old, _ = changed
    found = left_behind(out)
    with writing(out), pytest.raises(ResultsError, match=r"another process is writing.*Wait for it to end, then clean"):
        remove_runs(out, found)
    assert all((out / "runs" / name / "record.json").exists() for name in old)


def test_a_run_that_is_listed_by_now_stays(changed, make):
    out, old, _ = changed
    found = left_behind(out)
    run(make(grid=GRID), out)  # back to the study of before, while the question was asked
    assert remove_runs(out, found) == []
    assert old <= ids(out)


def test_runs_that_others_continue_are_kept(make, tmp_path):
    out = tmp_path / "out"
    phase = [{"name": "longer", "continue": True, "set": {"training": {"epochs": 1}}}]
    run(make(grid=GRID, phase=phase), out)
    assert left_behind(out) == []


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("plan.json", '"state": "done"', '"state": "interrupted"', "was altered"),
        ("study.toml", "seeds = ", "seeds = [9, 8] # ", "its study.toml is not the one that ran"),
    ],
)
def test_a_study_that_is_not_as_it_ran_is_not_cleaned(changed, name, old, new, why):
    out, _, _ = changed
    (out / name).write_text((out / name).read_text().replace(old, new, 1))
    with pytest.raises(ResultsError, match=why):
        left_behind(out)


def test_a_study_whose_phases_have_not_all_run_is_not_cleaned(make, tmp_path):
    """A later phase may come to runs that lie there from before."""
    out = tmp_path / "out"
    phase = [{"name": "batch", "grid": {"training.batch_size": [10]}}]
    run(make(grid=GRID, phase=phase), out)
    events = []
    run_study(make(seeds=3, grid=GRID, phase=phase), out, jobs=1, observer=events.append, phases=["main"])
    assert not any("handgrad clean" in event.text for event in events)
    with pytest.raises(ResultsError, match=r"has not begun batch, and may still come to runs.*run it to its end"):
        left_behind(out)
