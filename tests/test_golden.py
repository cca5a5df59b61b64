"""What earlier versions wrote stays as it is: ids of runs, records, plans, checkpoints.

`golden/study` is a results folder with runs that are done, pruned, diverged and continued, `golden/failed` a run that
failed, `golden/checkpoint` one that is paused.  They were written by commit c94b707 and are never written anew.
"""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import handgrad as hg
from handgrad.report import summarize
from handgrad.training.loop import execute
from handgrad.training.progress import load_checkpoint, save_checkpoint
from handgrad.training.record import load, save
from handgrad.training.run import Run, Setting
from handgrad.training.weights import read_tensors

GOLDEN = Path(__file__).parent / "golden"
RUNS = sorted((GOLDEN / "study" / "runs").iterdir()) + sorted((GOLDEN / "failed").iterdir())
DIGITS = "4a3ddff2a8b5c4d0"
IDS = {  # of ten kinds of runs; mathematics 4 of the compiled and jax engines, 3 of the others
    "default": "609371c84d",
    "batch-1": "77875fc5a3",
    "full-batch": "f89d21eb2f",
    "momentum": "60ce971a50",
    "dropout": "42574cbf9d",
    "clipped": "56abdf3b9f",
    "squared-error": "185dde992d",
    "early-stopping": "e45b83a50b",
    "images": "07938f6f34",
    "group": "eafa6b338f",
}
CNN = ["conv 4 3x3 relu", "max-pool 2", "batch-norm relu", "dense 20 tanh", "dropout 0.2", "dense 10 softmax"]
SETTINGS = {
    "default": ({}, {}),
    "batch-1": ({"hidden": [20], "activation": "tanh"}, {"batch_size": 1}),
    "full-batch": ({"hidden": [20, 10], "activation": ["relu", "sigmoid"]}, {"batch_size": "full"}),
    "momentum": ({"init": {"name": "normal", "std": 0.05}}, {"optimizer": "momentum", "schedule": "plateau"}),
    "dropout": ({"dropout": 0.3}, {"optimizer": "adagrad", "weight_decay": 0.01, "l2_form": "per-example"}),
    "clipped": ({"activation": "leaky-relu"}, {"optimizer": "rmsprop", "clip_norm": 0.5, "schedule": "cosine"}),
    "squared-error": (
        {"output": "tanh", "targets": "plus-minus-one"},
        {"loss": "squared-error", "optimizer": {"name": "sgd", "lr": 0.001}, "dtype": "float64"},
    ),
    "early-stopping": ({}, {"early_stopping": {"patience": 3}, "engine": "array"}),
    "images": ({"layers": CNN}, {"optimizer": {"name": "adam", "lr": 0.002}, "engine": "torch"}),
    "group": ({}, {"engine": "jax", "stack": 16, "test_every_epoch": True}),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_run_keeps_its_id(name):
    network, training = SETTINGS[name]
    setting = Setting.checked({"data": {"name": "digits"}, "network": network, "training": training})
    assert Run(setting, 3, DIGITS).id == IDS[name]


@pytest.mark.parametrize("folder", RUNS, ids=[folder.name for folder in RUNS])
def test_a_record_is_written_as_it_was(folder, tmp_path):
    save(load(folder), tmp_path / folder.name)
    assert {path.name: path.read_bytes() for path in (tmp_path / folder.name).iterdir()} == {
        path.name: path.read_bytes() for path in folder.iterdir()
    }


def test_every_status_is_among_them():
    assert {load(folder).status for folder in RUNS} == {"done", "pruned", "diverged", "failed"}


def test_a_checkpoint_is_written_as_it_was_and_goes_on(tmp_path):
    (path,) = (GOLDEN / "checkpoint").iterdir()
    progress = load_checkpoint(path, path.stem)
    assert progress is not None
    save_checkpoint(tmp_path / path.name, path.stem, progress)
    arrays, facts = read_tensors(path)
    again, facts_again = read_tensors(tmp_path / path.name)
    assert facts_again == facts
    assert {name: (a.dtype, a.tobytes()) for name, a in again.items()} == {
        name: (a.dtype, a.tobytes()) for name, a in arrays.items()
    }

    setting = Setting.checked(load(GOLDEN / "failed" / path.stem).data["setting"])
    data = hg.load_data("digits")
    run = Run(setting, 1, data.checksum)
    assert run.id == path.stem
    parts = hg.split(data, setting.data)
    record = execute(run, parts, checkpoint=tmp_path / path.name)
    first = list(parts.parts.values())[-1].index[: len(progress.before)].tolist()
    assert (record.samples.before, record.samples.index, record.samples.drawn) == (progress.before, first, False)
    assert (record.status, record.data["time"]["resumed"]) == ("done", 1)
    assert record.curves["loss_per_step"][:24].tobytes() == progress.loss_per_step[0].tobytes()
    before, epochs = progress.epoch, setting.training.epochs  # which that version did not score for balanced accuracy
    assert np.isfinite(record.curves["val_balanced_accuracy"]).tolist() == [False] * before + [True] * (epochs - before)
    assert record.curves["val_loss"][:before].tolist() == progress.curves["val_loss"]


def test_a_results_folder_is_continued_and_reported(tmp_path):
    folder = tmp_path / "study"
    shutil.copytree(GOLDEN / "study", folder)
    plan = (folder / "plan.json").read_bytes()
    before = {path: path.read_bytes() for path in (folder / "runs").rglob("*") if path.is_file()}
    results = hg.run_study(GOLDEN / "study.toml", folder, jobs=1)  # nothing is left to train
    assert {path: path.read_bytes() for path in (folder / "runs").rglob("*") if path.is_file()} == before
    assert json.loads((folder / "plan.json").read_bytes()) == json.loads(plan)
    assert results.winner() == "3_1"
    assert "golden" in hg.build_report(folder).read_text()
    shown = next(record for run in RUNS if (record := load(run, arrays=False)).samples and record.status == "done")
    label = next(one for one, planned in results.planned.items() if shown.id in str(planned["runs"]))
    data = hg.load_data("digits").x_train[shown.samples.index] / 16  # of the earlier version, beside those drawn now
    np.testing.assert_allclose(results.images(label, shown.id), data, rtol=1e-6)
    assert len(results.images(label)) > len(data)
    runs = results.runs()
    ended = runs[runs["status"].isin(["done", "pruned"])]
    for name in ("val_balanced_accuracy", "val_macro_f1"):  # from the confusion matrices
        assert ended[name].between(0, 1).all()
    assert ended["train_macro_f1"].isna().all()
    summary = summarize(results)
    assert "10 records of an earlier version without balanced accuracy and macro F1" in "".join(summary.notes)
    values = {run.id: run.value("val_macro_f1") for run in summary.runs if run.status in ("done", "pruned")}
    assert values == ended.set_index("id")["val_macro_f1"].to_dict()
    found = hg.examples_right(results)
    assert found.right is None
    assert "has no bits: an earlier version wrote it" in found.reason
