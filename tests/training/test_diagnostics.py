"""Norms of gradients and saturated units: by hand, against central differences, and recorded without a trace."""

import dataclasses

import numpy as np
import pytest

from handgrad.errors import InputError
from handgrad.network import passes
from handgrad.network.network import Network
from handgrad.study import Results, run_study
from handgrad.training import record
from handgrad.training.diagnostics import EDGE, SATURATES, diagnose, diagnosed, names_of
from handgrad.training.loop import advance, execute
from handgrad.training.run import Run, Setting
from tests.training.conftest import make_run, make_split
from tests.training.test_loop import same_bits


def test_by_hand():
    """One unit of tanh on two examples, loss Σ (a − T)², its mean.

    x = 1, 0;  W = 3, b = 0:  a = tanh 3 = 0.995, 0;  T = 0:  da = 2a, dz = 2a(1 − a²), mean over 2.
    dW = ½ · 2 · 0.995055 · (1 − 0.990134) · 1 = 0.0098172;  db the same, as a = 0 adds none.
    0.995 > 0.99 is saturated, 0 is not: half of the pairs, and no unit for every example.
    """
    network = Network.parse((1,), "dense 1 tanh")
    params = {"dense1.W": np.array([[3.0]]), "dense1.b": np.zeros(1)}
    found = diagnose(network, params, np.array([[1.0], [0.0]]), np.zeros((2, 1)), "squared-error")
    a = np.tanh(3.0)
    assert list(found) == names_of(network)
    assert found["gradient_norm.dense1.W"] == pytest.approx(a * (1 - a * a), rel=1e-12)
    assert found["gradient_norm.dense1.b"] == pytest.approx(0.0098172, abs=1e-7)
    assert (found["saturated.dense1"], found["dead.dense1"]) == (0.5, 0.0)


def test_units_of_relu_that_are_off():
    """z = x @ W for x = 1, −1 and W = (1, −1, 0): a = (1, 0, 0), (0, 1, 0): 4 of 6 pairs are off, one unit of 3 is."""
    network = Network.parse((1,), "dense 3 relu", "dense 1")
    params = {"dense1.W": np.array([[1.0, -1.0, 0.0]]), "dense1.b": np.zeros(3)}
    params |= {"dense2.W": np.ones((3, 1)), "dense2.b": np.zeros(1)}
    found = diagnose(network, params, np.array([[1.0], [-1.0]]), np.zeros((2, 1)), "squared-error")
    assert found["saturated.dense1"] == pytest.approx(4 / 6)
    assert found["dead.dense1"] == pytest.approx(1 / 3)
    assert "saturated.dense2" not in found  # the identity never is
    # o = 1, 1; do = 2·1/2 each; dW2 = Σ a·do = (1, 1, 0): √2; db2 = 2
    assert found["gradient_norm.dense2.W"] == pytest.approx(np.sqrt(2))
    assert found["gradient_norm.dense2.b"] == pytest.approx(2.0)


def test_the_edges_of_saturation_are_the_same_share_of_the_range():
    """tanh: a in (−1, 1), half of whose range is 1; sigmoid: a in (0, 1), half of whose range is ½."""
    assert SATURATES["tanh"](np.array([-0.991, -0.989, 0.989, 0.991])).tolist() == [True, False, False, True]
    assert SATURATES["sigmoid"](np.array([0.0049, 0.0051, 0.9949, 0.9951])).tolist() == [True, False, False, True]
    for name, a, slope in (("tanh", EDGE, 1.0), ("sigmoid", (1 + EDGE) / 2, 0.25)):
        derivative = passes.ACTIVATIONS[name].backward(np.ones(1), np.array([a]))[0]
        assert derivative / slope == pytest.approx(1 - EDGE**2)  # 0.0199 of the largest


@pytest.mark.parametrize("chunk", [1000, 7])
def test_norms_are_those_of_the_gradient_of_the_mean_loss(monkeypatch, chunk):
    """Against central differences of the mean loss, in chunks that do not divide the number of examples."""
    monkeypatch.setattr(passes, "rows_at_once", lambda network: chunk)
    rng = np.random.default_rng(3)
    network = Network.parse((4,), "dense 5 tanh", "dense 3 softmax")
    params = {name: rng.normal(size=shape) for name, shape in network.parameter_shapes.items()}
    x, T = rng.normal(size=(30, 4)), np.eye(3)[rng.integers(3, size=30)]
    found = diagnose(network, params, x, T, "cross-entropy")
    for name, w in params.items():
        gradient = np.zeros_like(w)
        for at in np.ndindex(w.shape):
            ends = []
            for h in (1e-6, -1e-6):
                moved = w.copy()
                moved[at] += h
                ends.append(passes.score(network, params | {name: moved}, x, T, "cross-entropy")[0].mean())
            gradient[at] = (ends[0] - ends[1]) / 2e-6
        assert found[f"gradient_norm.{name}"] == pytest.approx(np.linalg.norm(gradient), rel=1e-6)


def test_filters_and_batch_norm_have_them_too():
    rng = np.random.default_rng(0)
    network = Network.parse((1, 6, 6), "conv 2 3x3 relu", "max-pool 2", "batch-norm relu", "dense 3 softmax")
    params = {name: rng.normal(size=shape) for name, shape in network.parameter_shapes.items()}
    params |= {name: np.abs(params[name]) for name in network.buffer_names}
    found = diagnose(network, params, rng.normal(size=(5, 1, 6, 6)), np.eye(3)[[0, 1, 2, 0, 1]], "cross-entropy")
    assert list(found) == names_of(network)
    assert not {name for name in found if any(buffer in name for buffer in network.buffer_names)}
    assert all(np.isfinite(value) for value in found.values())
    assert {name for name in found if name.startswith("dead")} == {"dead.conv1", "dead.batch-norm1"}


@pytest.mark.parametrize("engine", ["array", "compiled", "torch", "jax"])
def test_no_bit_of_training_is_another_and_all_engines_agree(split, engine):
    plain = make_run(engine=engine, epochs=3)
    run = make_run(engine=engine, epochs=3, diagnostics=True)
    assert run.id != plain.id
    found = execute(run, split)
    same_bits(found, execute(plain, split))
    assert found.diagnostics["epoch"].tolist() == [0, 1, 2, 3]
    reference = execute(make_run(engine="array", epochs=3, diagnostics=True), split)
    assert found.diagnostics.keys() == reference.diagnostics.keys()
    for name, values in reference.diagnostics.items():
        np.testing.assert_allclose(found.diagnostics[name], values, rtol=1e-3, atol=1e-4)


def test_without_the_setting_nothing_is_recorded_and_no_key_is_there(split, tmp_path):
    plain = make_run(diagnostics=False)
    assert plain.id == make_run().id
    done = execute(plain, split)
    assert (done.diagnostics, "diagnostics" in done.setting["training"]) == ({}, False)
    record.save(done, tmp_path / done.id)
    assert not (tmp_path / done.id / "diagnostics.npz").exists()
    assert "diagnostics" not in make_run().group_key


def test_the_values_are_of_the_weights_at_that_moment(split):
    """The last of them, from the weights in the record: on all 240 training examples, as they are fewer than 2,000."""
    done = execute(make_run(diagnostics=True, dtype="float64"), split)
    assert len(diagnosed(len(split.train.y))) == 240
    T = np.eye(3)[split.train.y]
    again = diagnose(done.model.network, done.params, split.train.x.astype(np.float64), T, "cross-entropy")
    assert again == {name: values[-1] for name, values in done.diagnostics.items() if name != "epoch"}


def test_a_pause_a_prune_and_a_continued_run_keep_one_history(split, tmp_path):
    settings = {"epochs": 5, "diagnostics": True}
    whole, file = execute(make_run(**settings), split), tmp_path / "checkpoint.safetensors"
    for until in (1, 3):
        advance(make_run(**settings), split, until=until, checkpoint=file)
    went_on = execute(make_run(**settings), split, checkpoint=file)
    assert {name: values.tolist() for name, values in went_on.diagnostics.items()} == {
        name: values.tolist() for name, values in whole.diagnostics.items()
    }
    for one, name in ((whole, "whole"), (went_on, "went on")):
        record.save(one, tmp_path / name)
    contents = {path.name: path.read_bytes() for path in (tmp_path / "whole").iterdir() if path.name != "record.json"}
    assert contents == {name: (tmp_path / "went on" / name).read_bytes() for name in contents}
    record.save(whole, tmp_path / whole.id)
    parent = record.load(tmp_path / whole.id)
    child = execute(make_run(epochs=2, diagnostics=True, continues=whole.id), split, parent=parent)
    assert child.diagnostics["epoch"].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]
    assert child.diagnostics["dead.dense1"][:6].tolist() == whole.diagnostics["dead.dense1"].tolist()
    without = execute(make_run(epochs=2, continues=whole.id), split, parent=parent)
    assert without.diagnostics == {}
    other = dataclasses.replace(
        make_run(epochs=2, network={"activation": "identity"}, diagnostics=True), continues=whole.id
    )
    assert execute(other, split, parent=parent).diagnostics["epoch"].tolist() == [5, 6, 7]  # of other curves: anew


def test_a_run_that_diverges_has_those_from_before_it(split):
    done = execute(
        make_run(
            network={"output": "identity"}, loss="squared-error", optimizer={"name": "sgd", "lr": 1e6}, diagnostics=True
        ),
        split,
    )
    assert done.status == "diverged"
    assert done.diagnostics["epoch"].tolist() == [0]


def test_of_many_examples_2000_are_looked_at_always_the_same():
    rows = diagnosed(60_000)
    assert len(set(rows.tolist())) == 2000
    assert rows.tolist() == diagnosed(60_000).tolist()


def test_a_study_reads_them_as_a_frame(tmp_path):
    tables = {"name": "vanishing", "seeds": 2, "data": {"name": "digits"}, "network": {"hidden": [6]}}
    study = {**tables, "training": {"epochs": 2, "diagnostics": True}, "grid": {"network.activation": ["tanh", "relu"]}}
    results = run_study(study, tmp_path, jobs=1)
    frame = Results.open(tmp_path).diagnostics()
    assert len(frame) == 2 * 2 * 3  # settings, seeds, epochs 0 to 2
    assert frame["epoch"].tolist() == [0, 1, 2] * 4
    assert frame["gradient_norm.dense2.W"].gt(0).all()
    assert "epoch_loss" in results.curves()
    plain = run_study(tables | {"name": "plain", "seeds": 1}, tmp_path / "plain", jobs=1)
    assert len(plain.diagnostics()) == 0


def test_what_is_wrong_is_said():
    with pytest.raises(InputError, match=r"training\.diagnostics must be true or false; got 'yes'"):
        Setting.checked({"training": {"diagnostics": "yes"}})
    with pytest.raises(
        InputError, match=r"training\.record_gradients is an unknown key: write training\.diagnostics = true"
    ):
        Setting.checked({"training": {"record_gradients": True}})
    assert Run(Setting.checked({"training": {"diagnostics": True}}), 0, "0" * 64).setting.training.diagnostics


def test_altered_diagnostics_are_told(tmp_path):
    done = execute(make_run(diagnostics=True), make_split())
    record.save(done, tmp_path / done.id)
    assert set(record.load(tmp_path / done.id).diagnostics) == set(done.diagnostics)
    path = tmp_path / done.id / "diagnostics.npz"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(record.DamagedError, match=r"diagnostics\.npz: was altered"):
        record.load(tmp_path / done.id)
