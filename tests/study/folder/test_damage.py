"""Damage to a finished folder is found whatever file it meets: named by readers, made good by running again."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handgrad.errors import DamagedError, InputError, ResultsError
from handgrad.report.findings.summarize import summarize
from handgrad.study import Results, run_study
from handgrad.study.folder.decisions import decision, read_decisions
from handgrad.study.folder.plan_file import read_plan
from handgrad.study.folder.store import opened, read_data
from handgrad.training import record as records
from handgrad.training.model import Model
from handgrad.training.record import load
from tests.study.conftest import contents

CONTINUES = [{"name": "go on", "continue": True, "set": {"training": {"epochs": 2}}}]


@pytest.fixture(scope="module")
def finished(folder, tmp_path_factory):
    """(a study with optimizer state, a continuing phase and a search; its finished folder)."""
    from handgrad.study import make_study

    study = make_study(
        {
            "name": "clouds",
            "seeds": 2,
            "data": {"name": "clouds.npz", "validation": {"size": 60}, "test": {"size": 60}},
            "network": {"hidden": 4},
            "training": {"batch_size": 20, "epochs": 4, "optimizer": {"name": "momentum", "lr": 0.1}},
            "grid": {"training.optimizer.lr": [0.1, 0.2, 0.3]},
            "asha": {"grace_period": 1, "reduction_factor": 2},
            "phase": CONTINUES,
        },
        where="study.toml",
        folder=folder,
    )
    out = tmp_path_factory.mktemp("finished") / "out"
    run_study(study, out, jobs=1)
    return study, out


@pytest.fixture
def out(finished, tmp_path):
    shutil.copytree(finished[1], tmp_path / "out")
    return tmp_path / "out"


def rerun(study, out):
    events = []
    run_study(study, out, jobs=1, observer=events.append)
    ran = {event.run for event in events if event.kind == "run finished"}
    notes = [event.text for event in events if event.kind == "note"]
    return ran, [
        text for text in notes if not text.startswith(("clouds.npz has no test part", 'phase "main": settings'))
    ]


def flip(path, position=0.5, bit=1):
    content = bytearray(path.read_bytes())
    content[int(position * (len(content) - 1))] ^= bit
    path.write_bytes(content)


def files_of(out):
    return sorted(path for path in out.rglob("*") if path.is_file() and path.stat().st_size)


def read_all(out):
    results = Results.open(out)
    list(results._waiting)
    return summarize(results)


def test_a_folder_that_is_whole_says_nothing(finished, out):
    assert rerun(finished[0], out) == (set(), [])
    assert summarize(Results.open(out)).unverified == 0


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(position=st.floats(0, 1), bit=st.sampled_from([1, 2, 4, 8, 16, 32, 64, 128]), data=st.data())
def test_one_bit_in_any_file_is_found_by_a_reader(finished, out, position, bit, data):
    path = data.draw(st.sampled_from(files_of(out)))
    whole = path.read_bytes()
    flip(path, position, bit)
    try:
        with pytest.raises(InputError) as found:
            read_all(out)
        assert path.name.rsplit(".", 1)[0] in str(found.value)  # which names the file
        if path.parent.parent.name == "runs":
            assert path.parent.name in str(found.value)  # and the run
    finally:
        path.write_bytes(whole)


def test_every_damaged_file_of_runs_and_data_is_made_again_with_the_same_bytes(finished, out):
    study, whole = finished
    for path in files_of(out):
        if path.parts[-3] != "runs" and path.parent.name not in ("data", "decisions"):
            continue
        before = path.read_bytes()
        flip(path)
        ran, notes = rerun(study, out)
        assert any(path.name in note for note in notes), path
        assert ran == ({path.parent.name} if path.parts[-3] == "runs" else set()), path
        assert contents(out) == contents(whole)
        if path.name != "record.json":  # which holds times
            assert path.read_bytes() == before
        summarize(Results.open(out))


@pytest.mark.parametrize("name", ["curves.npz", "weights.safetensors", "state.safetensors", "record.json"])
def test_a_file_that_is_gone_and_one_that_does_not_belong(finished, out, name):
    study, _ = finished
    run = next(path for path in sorted((out / "runs").iterdir()) if (path / "state.safetensors").exists())
    (run / name).unlink()
    with pytest.raises(DamagedError, match=rf"{run.name}/{name}: cannot be read \(No such file or directory\)"):
        summarize(Results.open(out))
    assert rerun(study, out)[0] == {run.name}


def test_a_parent_is_made_again_before_a_run_goes_on_from_it(finished, out):
    """Two weights were mixed up, and the runs that continue them are gone: once they got their ids and other bytes."""
    study, whole = finished
    later = read_plan(out)["phases"][1]["settings"][0]["runs"]
    for run in later:
        shutil.rmtree(out / "runs" / run["id"])
    name = "weights.safetensors"
    shutil.copy(out / "runs" / later[1]["continues"] / name, out / "runs" / later[0]["continues"] / name)
    with pytest.raises(DamagedError, match=f"{later[0]['continues']}/{name}: was altered"):
        load(out / "runs" / later[0]["continues"])  # what a worker does
    ran, _ = rerun(study, out)
    assert ran == {later[0]["continues"], later[0]["id"], later[1]["id"]}
    assert contents(out) == contents(whole)


def test_a_run_that_began_with_other_weights_than_its_parent_has_is_made_again(finished, out):
    study, whole = finished
    run = read_plan(out)["phases"][1]["settings"][0]["runs"][0]
    folder = out / "runs" / run["id"]
    child = load(folder)
    assert child.parent == load(out / "runs" / run["continues"]).weight_files
    records.save(child.model_copy(update={"parent": {"weights.safetensors": "0" * 64}}), folder)
    ran, notes = rerun(study, out)
    assert ran == {run["id"]}
    assert f"run {run['id']} is made again: the run {run['continues']} that it continues has other weights now" in notes
    assert contents(out) == contents(whole)


def test_folders_that_were_swapped_are_refused_by_every_reader(finished, out):
    study, whole = finished
    one, two = sorted((out / "runs").iterdir())[:2]
    one.rename(out / "t")
    two.rename(one)
    (out / "t").rename(two)
    results = Results.open(out)
    message = rf"{one.name}/record.json: it is of run '{two.name}', not of {one.name}: folders were mixed up; run the"
    readers = [results.runs, results.curves, results.settings, lambda: results.record(one.name)]
    readers += [lambda: summarize(results), lambda: Model.load(one), lambda: load(one, arrays=False)]
    for read in readers:
        with pytest.raises(DamagedError, match=message):
            read()
    with pytest.raises(DamagedError) as found:
        summarize(results)
    assert two.name + "/record.json" in str(found.value)  # all of them are named
    assert rerun(study, out)[0] == {one.name, two.name}
    assert contents(out) == contents(whole)
    shutil.copytree(one, out / "best")  # a copy under a name of the user's own is no mix-up
    assert load(out / "best", arrays=False).id == one.name


def test_weights_of_a_run_are_checked_wherever_they_are_loaded(out):
    run = sorted((out / "runs").iterdir())[0]
    flip(run / "weights.safetensors", 0.9)
    for path in (run, run / "weights.safetensors"):
        with pytest.raises(DamagedError, match=r"weights\.safetensors: was altered after it was written"):
            Model.load(path)


def test_the_study_file_of_a_folder_is_the_one_that_ran(finished, out):
    text = (out / "study.toml").read_text()
    (out / "study.toml").write_bytes(text.replace("\n", "\r\n").encode())
    assert Results.open(out).spec.ddof == 1  # other line ends are no change
    (out / "study.toml").write_text(text.replace("seeds = [0, 1]", "seeds = [0, 1]\nddof = 0"))
    with pytest.raises(DamagedError, match=r"study\.toml: was changed after the study ran; run the study again"):
        _ = Results.open(out).spec
    rerun(finished[0], out)
    assert (out / "study.toml").read_text() == text


# -- records of versions without checksums


def without_checksums(out):
    """The folder as earlier versions wrote it."""
    for path in [out / "plan.json", *out.glob("runs/*/record.json"), *out.glob("data/*.json")]:
        facts = json.loads(path.read_text())
        new = ("sha256", "files", "study_toml", "parent")
        path.write_text(json.dumps({key: value for key, value in facts.items() if key not in new}))
    for path in out.glob("decisions/*.jsonl"):
        path.write_text("".join(json.dumps(event) + "\n" for event in read_decisions(path)[0]))


def test_results_of_before_are_read_continued_and_said_to_be_unverified(finished, out):
    study, whole = finished
    without_checksums(out)
    summary = summarize(Results.open(out))
    runs = len(list((out / "runs").iterdir()))
    assert summary.unverified == runs
    assert summary.notes[-1] == (
        f"{runs} records of an earlier version without checksums: damage to the files may go unnoticed"
    )
    gone = read_plan(out)["phases"][1]["settings"][0]["runs"][0]["id"]
    shutil.rmtree(out / "runs" / gone)
    assert rerun(study, out) == ({gone}, [])
    assert contents(out) == contents(whole)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2**70) | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(value, path=()):
    yield path
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in entries:
        yield from places(part, (*path, key))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_records_and_plans_of_before_with_anything_in_them_never_end_in_a_traceback(finished, out, data):
    without_checksums(out)
    files = [out / "plan.json", *sorted(out.glob("runs/*/record.json"))[:2], *out.glob("data/*.json")]
    path = data.draw(st.sampled_from(files))
    text = path.read_text()
    value = json.loads(text)
    where = data.draw(st.sampled_from(list(places(value))))
    if not where:
        value = data.draw(JSON)
    else:
        inside = value
        for step in where[:-1]:
            inside = inside[step]
        if data.draw(st.booleans()):
            del inside[where[-1]]
        else:
            inside[where[-1]] = data.draw(JSON)
    path.write_text(json.dumps(value))
    try:
        results = Results.open(out)
        results.runs(), results.curves(), results.settings(), results.winner(), results.state
        summarize(results)
        [load(out / "runs" / cell.id).model for cell in results.cells() if cell.record]
        with opened(out, "clouds") as store:
            [store.finished(cell.id) for cell in results.cells()]
    except InputError:
        pass
    finally:
        path.write_text(text)


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "null", "[]", '"x"', "{}", "", "\0", '{"format": 1}', '{"format": []}']
)
@pytest.mark.parametrize("name", ["plan.json", "record.json", "data.json"])
def test_any_json_in_place_of_a_file(finished, out, name, text):
    path = {"plan.json": out / "plan.json", "record.json": sorted(out.glob("runs/*/record.json"))[0]}.get(name)
    path = path or next(out.glob("data/*.json"))
    path.write_text(text)
    with pytest.raises(ResultsError, match=rf"{path.name}: |results of format \[\]"):
        summarize(Results.open(out))


# -- decisions


def test_a_decision_that_was_altered_is_decided_anew(finished, out):
    study, _ = finished
    path = out / "decisions" / "0.jsonl"
    text = path.read_text()
    lines = text.splitlines(keepends=True)
    assert read_decisions(path) == ([read_line(line) for line in lines], None)
    winner = json.loads(lines[-1])["setting"]
    path.write_text("".join(lines[:-1]) + lines[-1].replace(f'"{winner}"', '"9"'))
    assert read_decisions(path)[1] == f"line {len(lines)} was altered after it was written"
    ran, notes = rerun(study, out)
    assert ran == set()
    assert any("decided anew from there" in note for note in notes)
    assert path.read_text() == text
    path.write_text(text[:-5])  # cut off by a kill, which is no damage
    assert read_decisions(path)[1] is None
    assert rerun(study, out) == (set(), [])
    assert path.read_text() == text


def read_line(line):
    event = json.loads(line)
    del event["crc"]
    assert decision(event) == line
    return event


# -- what a folder of runs may not be


def test_files_and_dead_links_in_place_of_folders(finished, out):
    study, _ = finished
    for name in ("data", "runs", "decisions"):
        (out / name).rename(out / "away")
        (out / name).write_text("")
        for read in (lambda: Results.open(out), lambda: run_study(study, out, jobs=1)):
            with pytest.raises(ResultsError, match=rf"{name}: is a file where handgrad keeps a folder; move it away"):
                read()
        (out / name).unlink()
        (out / name).symlink_to("nowhere")
        with pytest.raises(ResultsError, match=rf"{name}: is a link that leads nowhere; mend or remove it"):
            Results.open(out)
        (out / name).unlink()
        (out / name).symlink_to(out / "away")
        assert Results.open(out).failed() == 0
        (out / name).unlink()
        (out / "away").rename(out / name)


@pytest.mark.parametrize("name", ["plan.json", "study.toml", ".lock"])
def test_folders_in_place_of_files(finished, out, name):
    study, _ = finished
    (out / name).unlink(missing_ok=True)
    (out / name).mkdir()
    with pytest.raises(ResultsError, match=rf"{name}: is a folder where handgrad keeps a file; move it away, then run"):
        run_study(study, out, jobs=1)
    assert (out / name).is_dir()


def test_what_may_not_be_read_is_said_and_not_made_again(finished, out, monkeypatch):
    from pathlib import Path

    study, _ = finished
    real = Path.read_bytes

    def denied(path):
        if path.name == "record.json":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "read_bytes", denied)
    with pytest.raises(ResultsError, match=r"record\.json: cannot be read \(Permission denied\); mend the rights"):
        run_study(study, out, jobs=1)
    with pytest.raises(ResultsError, match=r"record\.json: cannot be read \(Permission denied\); mend the rights"):
        summarize(Results.open(out))


def test_damaged_samples_are_named(out):
    key = read_plan(out)["phases"][0]["settings"][0]["data"]
    assert read_data(out, key)["x"].dtype.kind == "f"
    path = out / "data" / f"{key}-samples.npz"
    for content in (b"", b"PK\x03\x04", np.random.default_rng(1).bytes(500)):
        path.write_bytes(content)
        with pytest.raises(DamagedError, match=rf"{path.name}: was altered after it was written; run the study again"):
            read_data(out, key)
    path.unlink()
    with pytest.raises(DamagedError, match="no such file"):
        read_data(out, key)


def test_a_checkpoint_that_was_altered_is_not_gone_on_from(finished, tmp_path):
    from handgrad.training.progress import Progress, load_checkpoint, save_checkpoint

    path, progress = tmp_path / "checkpoint.safetensors", Progress({"dense1.W": np.zeros((8, 8), np.float32)}, epoch=3)
    save_checkpoint(path, "0123456789", progress)
    assert load_checkpoint(path, "0123456789").epoch == 3
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        found = load_checkpoint(path, "0123456789")
        assert found is None or (found.epoch == 3 and not found.params["dense1.W"].any())


def test_what_a_kill_left_is_gone_after_the_same_command(finished, out):
    """A pruned run's checkpoint beside its record, decisions half written, and what earlier versions left."""
    study, _ = finished
    pruned = [run for run in (out / "runs").iterdir() if load(run, arrays=False).status == "pruned"]
    assert pruned
    left = [out / "runs" / f"{pruned[0].name}.partial" / "checkpoint.safetensors"]
    left += [out / "decisions" / name for name in (".0.jsonl.4711-2.tmp", ".0.jsonl.4711.tmp")]
    left += [out / "data" / f".{'a' * 10}-samples.4711.npz", out / ".plan.json.4711-0.tmp"]
    left += [out / "runs" / f".{pruned[0].name}.4711-9.tmp" / "curves.npz", out / ".working" / "k" / "train-x.npy"]
    mine = [out / "runs" / ".mine.2026.tmp", out / ".working" / "mine.txt", pruned[0] / "notes.txt"]
    for path in [*left, *mine]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    assert rerun(study, out) == (set(), [])
    assert [path for path in left if path.exists()] == []
    assert not [path for path in out.rglob("*") if path.name.endswith((".partial", "-9.tmp")) or path.name == "k"]
    assert all(path.read_text() == "x" for path in mine)
    flip(pruned[0] / "curves.npz")
    assert rerun(study, out)[0] == {pruned[0].name}
    assert (pruned[0] / "notes.txt").read_text() == "x"  # the record was replaced around it
