"""A study of the same name whose file has changed: its runs are shared, and what it replaces is kept and said."""

from contextlib import suppress

import numpy as np
import pytest

from handgrad.errors import ResultsError
from handgrad.study import Results, run_study
from handgrad.study.folder import earlier
from handgrad.study.folder.earlier import differences
from handgrad.study.folder.locks import reporting
from handgrad.study.folder.plan_file import read_plan
from handgrad.study.folder.store import opened
from handgrad.training.run import MATHEMATICS as mathematics
from handgrad.training.run import Setting


def run(study, out):
    """Run -> (the runs that ran, what was said of the study before)."""
    events = []
    run_study(study, out, jobs=1, observer=events.append)
    said = [event.text for event in events if event.kind == "note" and "held another study" in event.text]
    return {event.run for event in events if event.kind == "run finished"}, said


@pytest.fixture
def first(make, tmp_path):
    """(a study, its finished folder with something in report/, and the bytes of its files)."""
    study, out = make(grid={"training.optimizer.lr": [0.1, 0.2]}), tmp_path / "out"
    run(study, out)
    (out / "report").mkdir()
    (out / "report" / "discussion.md").write_text("mine")
    return study, out, {name: (out / name).read_bytes() for name in ("study.toml", "plan.json")}


def test_another_margin_is_no_other_study(first, make):
    """No run is repeated and nothing is set aside; the next report takes the new margin."""
    _, out, _ = first
    ids = {cell.id for cell in Results.open(out).cells()}
    again = make(grid={"training.optimizer.lr": [0.1, 0.2]}, conclusions={"margin": 0.05})
    assert run(again, out) == (set(), [])
    results = Results.open(out)
    assert {cell.id for cell in results.cells()} == ids
    assert results.spec.conclusions.margin == 0.05
    assert set(results.conclusions()["margin"]) == {0.05}
    assert not list(out.glob("earlier-*"))


def test_the_same_study_again_changes_nothing(first):
    study, out, _ = first
    assert run(study, out) == (set(), [])
    assert (out / "report" / "discussion.md").exists()
    assert not list(out.glob("earlier-*"))


def test_a_plan_that_was_deleted_makes_no_other_study(first):
    study, out, _ = first
    (out / "plan.json").unlink()  # as is said where it was damaged
    assert run(study, out) == (set(), [])
    assert (out / "report" / "discussion.md").exists()
    assert not list(out.glob("earlier-*"))


def test_more_seeds_keep_the_runs_and_the_report_of_before(first, make):
    _, out, before = first
    ran, said = run(make(seeds=3, grid={"training.optimizer.lr": [0.1, 0.2]}), out)
    assert len(ran) == 2  # the third seed alone
    assert said == [
        f"{out} held another study of this name: seeds was [0, 1], is [0, 1, 2]. "
        f"Its report, study.toml and plan.json are kept in {out / 'earlier-1'}. Finished runs stay, and equal ones are "
        "shared. To keep both side by side, give one of them another name or choose another folder with --out"
    ]
    assert (out / "earlier-1" / "report" / "discussion.md").read_text() == "mine"
    assert not (out / "report").exists()
    for name, content in before.items():
        assert (out / "earlier-1" / name).read_bytes() == content
    assert Results.open(out).spec.seeds == (0, 1, 2)


def test_what_another_setting_was_is_said_and_going_back_is_no_loss(first, make):
    study, out, _ = first
    other = make(["training.epochs=1"], network={"hidden": 12})
    ran, (said,) = run(other, out)
    assert len(ran) == 2
    assert "grid.training.optimizer.lr is gone, network.hidden was [8], is [12], training.epochs was 3, is 1." in said
    ran, (said,) = run(study, out)
    assert ran == set()
    assert "network.hidden was [12], is [8], training.epochs was 1, is 3" in said
    assert "kept in" not in said  # there was no report of the other
    assert [path.name for path in out.glob("earlier-*")] == ["earlier-1"]


@pytest.mark.parametrize("change", [{"title": "a"}, {"description": "b"}, {"takes": "a minute"}])
def test_words_make_no_other_study(first, make, change):
    _, out, _ = first
    assert run(make(grid={"training.optimizer.lr": [0.1, 0.2]}, **change), out) == (set(), [])


def test_other_data_under_the_same_name_is_another_study(first, make, folder):
    study, out, _ = first
    content = (folder / "clouds.npz").read_bytes()
    with np.load(folder / "clouds.npz") as clouds:
        changed = {"x": clouds["x"] + 1, "y": clouds["y"]}
    try:
        np.savez(folder / "clouds.npz", **changed)
        ran, (said,) = run(study, out)
    finally:
        (folder / "clouds.npz").write_bytes(content)
    assert len(ran) == 4
    assert "the study file is the same, but 4 of 4 runs are others, since its data is not the same." in said
    assert (out / "earlier-1" / "report").exists()


def test_another_version_of_the_mathematics_trains_the_runs_of_its_engine_anew(make, tmp_path, monkeypatch):
    study, out = make(grid={"training.engine": ["array", "compiled"]}), tmp_path / "out"
    ran, _ = run(study, out)
    records = {path: path.read_bytes() for path in (out / "runs").rglob("*") if path.is_file()}
    monkeypatch.setitem(mathematics, "compiled", mathematics["compiled"] + 1)
    again, (said,) = run(make(grid={"training.engine": ["array", "compiled"]}), out)
    assert len(ran) == 4
    assert len(again) == 2
    assert (
        "the study file is the same, but 2 of 4 runs are others, since an engine's mathematics has another version "
        "(CHANGELOG.md), or code of your own has changed. Finished runs stay" in said
    )
    assert {path: path.read_bytes() for path in records} == records


def test_another_engine_for_auto_is_said(first, make, monkeypatch):
    _, out, _ = first
    monkeypatch.setattr(Setting, "_supported_by", lambda setting, engine: False)
    ran, (said,) = run(make(grid={"training.optimizer.lr": [0.1, 0.2]}), out)
    assert len(ran) == 4
    assert "4 of 4 runs are others, since another engine trains it here: it was compiled, is array." in said


def test_a_report_that_is_being_made_is_not_taken_away(first, make, monkeypatch):
    _, out, before = first
    monkeypatch.setattr(earlier, "reporting", lambda folder: reporting(folder, patience=0.05))
    with reporting(out), pytest.raises(ResultsError, match="another process is making the report of these results"):
        run_study(make(seeds=3), out, jobs=1)
    assert {name: (out / name).read_bytes() for name in before} == before
    assert (out / "report" / "discussion.md").exists()


def test_a_kill_while_things_are_kept_loses_nothing(first, make, monkeypatch):
    import os

    _, out, before = first
    changed = make(seeds=3, grid={"training.optimizer.lr": [0.1, 0.2]})
    real = os.replace
    for after in (False, True):
        for call in range(1, 5):
            count = [0]

            def killed(*arguments, count=count, call=call, after=after):
                count[0] += 1
                if count[0] >= call:
                    if after and count[0] == call:
                        real(*arguments)
                    raise KeyboardInterrupt
                real(*arguments)

            with monkeypatch.context() as patch:
                patch.setattr(os, "replace", killed)
                with opened(out, "clouds") as store, suppress(KeyboardInterrupt):
                    store.begin(changed.toml(), {"drawn": 1, "settings": []})
            reports = [*out.glob("report"), *out.glob("earlier-*/report")]
            assert [path.joinpath("discussion.md").read_text() for path in reports] == ["mine"]
            assert any(path.read_bytes() == before["study.toml"] for path in out.rglob("study.toml"))
    assert len(run(changed, out)[0]) == 2
    assert read_plan(out)["seeds"] == [0, 1, 2]


def test_files_that_cannot_be_read_differ():
    assert list(differences("a = [", "a = 1")) == ["its study.toml cannot be read"]
    same = '[[phase]]\nname = "p"\n[phase.set]\ntraining.epochs = 2'
    assert list(differences(same, same.replace("2", "3"))) == ["phase.p.set.training.epochs was 2, is 3"]
    assert list(differences("made = 1", "made = 2")) == []
