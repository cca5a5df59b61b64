"""The results folder: one writer, whole files, other versions refused, damage mended."""

import errno
import json
import os

import numpy as np
import pytest

from handgrad.data.datasets import load, split
from handgrad.errors import ResultsError
from handgrad.files import sealed
from handgrad.study import Results, run_study
from handgrad.study.folder.disk import write_whole
from handgrad.study.folder.plan_file import read_plan
from handgrad.study.folder.store import opened
from handgrad.training.recording import samples_of
from tests.study.conftest import contents


@pytest.fixture
def done(make, tmp_path):
    """A finished study: (study, its folder)."""
    study = make(grid={"training.optimizer.lr": [0.1, 0.2]})
    run_study(study, tmp_path / "out", jobs=1)
    return study, tmp_path / "out"


def rerun(study, out):
    """Run again -> (the runs that ran, the notes)."""
    events = []
    run_study(study, out, jobs=1, observer=events.append)
    ran = {event.run for event in events if event.kind == "run finished"}
    return ran, [event.text for event in events if event.kind == "note"]


def test_a_study_leaves_plain_files(done):
    study, out = done
    assert {path.name for path in out.iterdir()} == {".lock", "data", "plan.json", "runs", "study.toml"}
    plan = read_plan(out)
    assert plan["state"] == "done"
    assert plan["execution"] == {**plan["execution"], "runner": "serial", "workers": 1, "threads_per_worker": 1}
    assert len(list((out / "runs").iterdir())) == 4
    key = plan["phases"][0]["settings"][0]["data"]
    facts = json.loads((out / "data" / f"{key}.json").read_text())
    assert facts["counts"] == {"train": 240, "validation": 60, "test": 60}
    assert [sum(column) for column in zip(*list(facts["label_table"].values())[:3], strict=True)] == facts[
        "label_table"
    ]["total"]
    with np.load(out / "data" / f"{key}-samples.npz", allow_pickle=False) as samples:
        _, part = samples_of(split(load(study.spec.data, folder=study.folder), study.spec.data))
        np.testing.assert_array_equal(samples["x"], part.x)
        np.testing.assert_array_equal(samples["y"], part.y)


def test_a_second_writer_is_turned_away(done):
    study, out = done
    with opened(out, "clouds"), pytest.raises(ResultsError, match="another process is writing these results"):
        run_study(study, out, jobs=1)
    assert rerun(study, out)[0] == set()  # the lock is free again


def damage(path, how):
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "other": b"{}"}[how])


@pytest.mark.parametrize("file", ["record.json", "curves.npz", "weights.safetensors"])
@pytest.mark.parametrize("how", ["empty", "cut", "other"])
def test_a_damaged_record_is_made_again_and_nothing_else(done, file, how):
    study, out = done
    before = contents(out)
    broken = sorted(before)[1]
    written = {run: os.stat(out / "runs" / run / "record.json").st_mtime_ns for run in before if run != broken}
    damage(out / "runs" / broken / file, how)
    ran, notes = rerun(study, out)
    assert ran == {broken}
    assert any(note.startswith(f"run {broken}: its record is damaged and is made again") for note in notes)
    assert contents(out) == before
    assert {run: os.stat(out / "runs" / run / "record.json").st_mtime_ns for run in written} == written


def of_another_version(text):
    """A file of results with another format, and the checksum that belongs to it."""
    return sealed(text.replace('"format": 1', '"format": 9', 1).rpartition(',\n "sha256"')[0] + "}")


def test_results_of_another_version_are_refused(done):
    study, out = done
    text = (out / "plan.json").read_text()
    (out / "plan.json").write_bytes(of_another_version(text))
    message = r"results of format 9, written by handgrad .*reads format 1\. Use that version, or choose .* --out"
    with pytest.raises(ResultsError, match=message):
        run_study(study, out, jobs=1)
    with pytest.raises(ResultsError, match=message):
        Results.open(out)
    (out / "plan.json").write_text(text)
    record = next((out / "runs").iterdir()) / "record.json"
    record.write_bytes(of_another_version(record.read_text()))
    with pytest.raises(ResultsError, match=r"record format 9, this handgrad reads 1; read it with the version"):
        run_study(study, out, jobs=1)


def test_a_damaged_plan_and_a_folder_without_one(done, tmp_path):
    _, out = done
    with pytest.raises(ResultsError, match=r"no results of a study here \(it has no plan.json\)"):
        Results.open(tmp_path)
    (out / "plan.json").unlink()
    with pytest.raises(ResultsError, match=r'has runs of one: "handgrad run .*study.toml --out .*" writes plan.json'):
        Results.open(out)
    (out / "plan.json").write_text("{")
    with pytest.raises(ResultsError, match="delete it and run the study again: finished runs are kept"):
        Results.open(out)


def test_folders_of_something_else_are_left_alone(done, make, tmp_path):
    _, out = done
    with pytest.raises(ResultsError, match="holds the results of the study 'clouds', not of 'other'; choose another"):
        run_study(make(name="other"), out, jobs=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.tex").write_text("")
    with pytest.raises(ResultsError, match=r"holds other files \(thesis.tex\) and no results of a study"):
        run_study(make(), tmp_path / "mine", jobs=1)


def test_a_folder_that_cannot_be_made(make, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match=r"cannot be written: Not a directory.*choose another folder with --out"):
        run_study(make(), tmp_path / "file" / "out", jobs=1)


def test_a_disk_that_fills_up_loses_nothing_that_was_finished(make, tmp_path, monkeypatch):
    study, out = make(grid={"training.optimizer.lr": [0.1, 0.2, 0.3]}), tmp_path / "out"
    real, calls = os.fsync, []

    def fsync(number):
        if len([run for run in (out / "runs").glob("[0-9a-f]*") if run.suffix != ".partial"]) >= 2:
            calls.append(number)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(number)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(ResultsError, match=r"No space left on device.*Finished runs are safe; .*same command"):
            run_study(study, out, jobs=1)
    assert calls
    kept = contents(out)
    assert 2 <= len(kept) < 6
    ran, _ = rerun(study, out)
    assert len(ran) == 6 - len(kept)
    assert not list(out.rglob(".*.tmp"))
    run_study(study, tmp_path / "fresh", jobs=1)
    assert contents(out) == contents(tmp_path / "fresh")


def test_a_full_disk_in_a_run_ends_the_study(make, tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("handgrad.training.loop.RunInProgress", full)
    with pytest.raises(ResultsError, match="No space left on device"):
        run_study(make(), tmp_path / "out", jobs=1)
    assert read_plan(tmp_path / "out")["state"] == "interrupted"


def test_a_file_is_whole_or_not_there(tmp_path, monkeypatch):
    write_whole(tmp_path / "a.txt", b"first")
    monkeypatch.setattr(os, "fsync", lambda number: (_ for _ in ()).throw(OSError(errno.EIO, "broken")))
    with pytest.raises(ResultsError, match="cannot be written: broken"):
        write_whole(tmp_path / "a.txt", b"second")
    assert (tmp_path / "a.txt").read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.txt"]
