"""predict, evaluate and export: whatever weights and pictures they are given, the right number or one message."""

import json
import shlex
import sys

import numpy as np
import pytest
from PIL import Image

import handgrad as hg
from handgrad import cli
from handgrad.training import record as records

SETTING = {"network": {"hidden": [16]}, "training": {"epochs": 8, "optimizer": {"name": "adam", "lr": 0.01}}}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """results/digits/runs: a run of digits, and one that diverged."""
    folder = tmp_path_factory.mktemp("networks")
    for name, lr in (("good", 0.01), ("diverged", 1e30)):
        optimizer = {"name": "adam" if name == "good" else "sgd", "lr": lr}
        training = {**SETTING["training"], "optimizer": optimizer, "engine": "array"}
        made = hg.train({**SETTING, "training": training}, seed=0)
        assert made.status == ("done" if name == "good" else "diverged")
        records.save(made, folder / "results" / "digits" / "runs" / name)
    (folder / "digits.toml").write_text("[network]\nhidden = [16]\n[training]\nepochs = 8\n")
    return folder


@pytest.fixture
def handgrad(capsys, monkeypatch, runs):
    """Call the command line beside the runs -> (exit code, standard output, standard error)."""
    monkeypatch.chdir(runs)

    def call(line):
        monkeypatch.setattr(sys, "argv", ["handgrad", *shlex.split(line.replace("RUNS", "results/digits/runs"))])
        code = 0
        try:
            cli.main()
        except SystemExit as end:
            code = end.code or 0
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Ten digits as light on dark, and as dark on light."""
    folder = tmp_path_factory.mktemp("drawn")
    data = hg.load_data("digits")
    for k in range(10):
        pixels = (data.x_train[np.flatnonzero(data.y_train == k)[3], 0] * 15.9).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"ink{k}.png")
        Image.fromarray(255 - pixels).save(folder / f"paper{k}.png")
    return folder


def classes(out):
    return [found["class"] for found in json.loads(out)]


def test_pictures_of_the_opposite_brightness_are_noted(handgrad, drawn):
    ink, paper = (" ".join(str(drawn / f"{kind}{k}.png") for k in range(10)) for kind in ("ink", "paper"))
    code, right, err = handgrad(f"predict RUNS/good {ink} --json")
    assert (code, err) == (0, "")
    code, _, err = handgrad(f"predict RUNS/good {paper} --json")
    assert code == 0
    assert err.startswith("note: 10 of 10 pictures are bright (mean 0.")
    assert err.endswith("the training pictures are dark (mean 0.30): --invert turns them round\n")
    code, turned, err = handgrad(f"predict RUNS/good {paper} --invert --json")
    assert (code, err) == (0, "")
    assert classes(turned) == classes(right)
    assert "leave --invert out" in handgrad(f"predict RUNS/good {ink} --invert")[2]


def test_what_was_done_to_pictures_is_said(handgrad, drawn, tmp_path):
    with Image.open(drawn / "ink3.png") as ink:
        ink.resize((300, 200)).save(tmp_path / "wide.png")
        ink.resize((80, 80)).save(tmp_path / "square.png")
    _, _, err = handgrad(f"predict RUNS/good {tmp_path / 'wide.png'} {tmp_path / 'square.png'} {drawn / 'ink3.png'}")
    assert err.splitlines() == [
        f"note: {tmp_path / 'wide.png'}: 200 × 300 pixels, resized to 8 × 8, which stretches it",
        f"note: {tmp_path / 'square.png'}: 80 × 80 pixels, resized to 8 × 8",
    ]
    many = " ".join([str(tmp_path / "square.png")] * 10)
    assert handgrad(f"predict RUNS/good {many}")[2].splitlines()[-1] == "note: … and 4 more such notes"


@pytest.mark.parametrize(
    "line", ["evaluate RUNS/diverged", "predict RUNS/diverged {ink}", "export RUNS/diverged --to diverged.npz"]
)
def test_a_run_that_diverged_says_so(handgrad, drawn, line):
    code, out, err = handgrad(line.format(ink=drawn / "ink0.png"))
    assert err.startswith(
        "note: this run diverged (epoch 1, step 2, layer dense2: the loss of the batch is nan); its w"
    )
    if line.startswith("export"):
        assert code == 0
        return
    assert (code, out) == (2, "")
    assert "examples give NaN, though the weights are finite: they are so large that float32 overflows" in err


def test_weights_of_nan_are_named_by_their_layer(handgrad, runs):
    made = records.load(runs / "results" / "digits" / "runs" / "good")
    made.params["dense2.W"][3] = np.nan
    records.save(made, runs / "results" / "digits" / "runs" / "nan")
    code, out, err = handgrad("evaluate RUNS/nan")
    assert (code, out) == (2, "")
    assert (
        "weights.safetensors: dense2.W holds NaN: the run diverged (handgrad show says where), and its weights" in err
    )


def test_weights_are_scored_with_a_run_s_setting_and_data(handgrad, runs):
    handgrad("export RUNS/good --to w.npz")
    own = json.loads(handgrad("evaluate RUNS/good --json")[1])
    for study in ("RUNS/good", "digits.toml"):
        found = json.loads(handgrad(f"evaluate w.npz {study} --json")[1])
        assert found["accuracy"] == own["accuracy"]
    assert json.loads(handgrad("evaluate results/digits/runs/good/weights.safetensors --json")[1]) == own
    code, _, err = handgrad("evaluate w.npz RUNS/good training.epochs=3")
    assert code == 2
    assert "runs/good is a run, whose setting is what it is; KEY=VALUE changes that of a study" in err


def test_a_layout_is_an_option_for_files_from_elsewhere(handgrad, runs):
    (runs / "square.toml").write_text('[network]\nlayers = ["dense 10 tanh", "dense 10 tanh", "dense 10 softmax"]\n')
    rng = np.random.default_rng(0)
    np.savez(runs / "sq.npz", **{f"W{i}": rng.normal(size=s) for i, s in enumerate([(64, 10), (10, 10), (10, 10)])})
    assert handgrad("evaluate sq.npz square.toml")[0] == 0  # the first matrix decides for all
    found = json.loads(handgrad("evaluate sq.npz square.toml --layout handgrad --json")[1])
    assert found == json.loads(handgrad("evaluate sq.npz square.toml --json")[1])
    code, _, err = handgrad("evaluate sq.npz square.toml --layout torch")
    assert code == 2
    assert "W0 has shape (64, 10); dense1.W needs (10, 64)" in err
    assert "--layout is for files from elsewhere" in handgrad("evaluate RUNS/good --layout torch")[2]
    code, _, err = handgrad("evaluate sq.npz square.toml --layout pytorch")
    assert code == 2
    assert "unknown layout of weights 'pytorch'; did you mean 'torch'" in err
