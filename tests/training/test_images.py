"""Networks of images in training: they learn, continue with the same bits, are saved with all they need, and fit."""

import numpy as np
import pytest

from handgrad.data.datasets import from_arrays, split
from handgrad.errors import InputError, NetworkError, WeightsError
from handgrad.network.network import Network
from handgrad.streams import stream
from handgrad.training import in_progress, record
from handgrad.training.loop import execute
from handgrad.training.model import Model
from handgrad.training.optimizers import OPTIMIZERS, empty_slots, step
from handgrad.training.run import Run, Setting
from handgrad.training.weights import load_weights, save_weights
from tests.training.test_loop import same_bits

LAYERS = ["conv 4 3x3 pad 1", "batch-norm relu", "max-pool 2", "dropout 0.2", "conv 6 3x2 relu", "average-pool 2x1",
          "flatten", "dense 12 relu", "dropout 0.3", "dense 3 softmax"]  # fmt: skip


def bars(n, seed):
    """12×8 pictures of noise with a bright horizontal bar, vertical bar or square at any place: told by shape alone."""
    rng = stream(seed, "split")
    x, y = rng.integers(0, 60, size=(n, 1, 12, 8)), rng.integers(0, 3, n)
    for image, label in zip(x, y, strict=True):
        rows, cols = ((1, 4), (4, 1), (2, 2))[label]
        r, q = rng.integers(0, 12 - rows + 1), rng.integers(0, 8 - cols + 1)
        image[0, r : r + rows, q : q + cols] += 190
    return x.astype(np.uint8), y


@pytest.fixture(scope="module")
def pictures():
    return from_arrays(
        *bars(600, 1), *bars(200, 2), name="bars", classes=("flat", "upright", "square"), value_range=(0, 255)
    )


def run_of(pictures, seed=0, *, layers=LAYERS, engine="array", **training):
    setting = Setting(
        data={"validation": {"size": 100}},
        network={"layers": layers},
        training={"epochs": 3, "batch_size": 16, "engine": engine, **training},
    )
    return Run(setting, seed, pictures.checksum), split(pictures, setting.data)


@pytest.mark.parametrize("engine", ["array", "torch"])
def test_it_learns_shapes_at_any_place(pictures, engine):
    run, parts = run_of(pictures, engine=engine, epochs=12, optimizer={"name": "adam", "lr": 0.01})
    done = execute(run, parts)
    assert done.metrics["test_accuracy"] > 0.9
    dense, _ = run_of(pictures, layers=["dense 12 relu", "dense 3 softmax"], epochs=12,
                      optimizer={"name": "adam", "lr": 0.01})  # fmt: skip
    assert execute(dense, parts).metrics["test_accuracy"] < done.metrics["test_accuracy"] - 0.1


@pytest.mark.parametrize("engine", ["array", "torch"])
@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
def test_continuing_from_a_checkpoint_gives_the_same_bits(pictures, tmp_path, monkeypatch, optimizer, engine):
    """Running statistics are part of it: without them, scores after the second start would differ."""
    monkeypatch.setattr(in_progress, "CHECKPOINT_SECONDS", -1.0)
    monkeypatch.setattr(in_progress, "CHECKPOINT_SHARE", np.inf)
    run, parts = run_of(pictures, engine=engine, optimizer={"name": optimizer, "lr": 0.02}, weight_decay=1e-3,
                        clip_norm=1.0, schedule="cosine", early_stopping={"patience": 2})  # fmt: skip
    whole = execute(run, parts)

    def kill(event):
        if event.epoch == 2:
            raise KeyboardInterrupt

    file = tmp_path / "checkpoint.safetensors"
    with pytest.raises(KeyboardInterrupt):
        execute(run, parts, checkpoint=file, observers=[kill])
    continued = execute(run, parts, checkpoint=file)
    same_bits(whole, continued)
    assert whole.metrics == continued.metrics


def test_a_run_that_continues_another_is_one_run_of_both_lengths(pictures):
    whole = execute(*run_of(pictures, epochs=3))
    first = execute(*run_of(pictures, epochs=1))
    run, parts = run_of(pictures, epochs=2)
    same_bits(whole, execute(Run(run.setting, 0, run.data_checksum, first.id), parts, parent=first))


def test_early_stopping_restores_the_running_statistics_too(pictures):
    stopped = execute(*run_of(pictures, epochs=40, early_stopping={"patience": 2},
                              optimizer={"name": "sgd", "lr": 0.5}))  # fmt: skip
    best = stopped.data["best_epoch"]
    assert best < stopped.data["epochs"]
    assert stopped.metrics["val_loss"] == stopped.curves["val_loss"][best - 1]
    alone = execute(*run_of(pictures, epochs=best, optimizer={"name": "sgd", "lr": 0.5}))
    for name, array in alone.params.items():
        np.testing.assert_array_equal(stopped.params[name], array)


def test_running_statistics_are_saved_measured_and_left_alone_by_optimizers(pictures, tmp_path):
    run, parts = run_of(pictures, optimizer={"name": "adam", "lr": 0.01}, weight_decay=0.1)
    done = execute(run, parts)
    names = {f"batch-norm1.{letter}" for letter in ("gamma", "beta", "mean", "variance")}
    assert names < done.params.keys()
    assert {name.split(".", 1)[1] for name in done.state} == set(done.params) - {
        "batch-norm1.mean", "batch-norm1.variance"
    }  # fmt: skip
    assert (done.params["batch-norm1.variance"] != 1).all()
    record.save(done, tmp_path / "run")
    model = Model.load(tmp_path / "run")
    index = done.data["samples"]["index"]
    np.testing.assert_allclose(model.outputs(pictures.x_test[index]), done.data["samples"]["after"], rtol=1e-5)
    assert (model.predict(pictures.x_test) == pictures.y_test).mean() == pytest.approx(done.metrics["test_accuracy"])
    assert done.data["network"]["parameters"] == 40 + 8 + 6 * 4 * 6 + 6 + 6 * 2 * 3 * 12 + 12 + 39


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_leaves_what_has_no_gradient(name):
    optimizer = OPTIMIZERS[name]()
    params = {"conv1.W": np.ones((2, 1, 2, 2)), "batch-norm1.gamma": np.ones(2), "batch-norm1.mean": np.full(2, 7.0)}
    grads = {name: np.zeros_like(w) for name, w in params.items() if not name.endswith("mean")}
    slots = empty_slots(optimizer, {name: params[name] for name in grads})
    new, new_slots = step(optimizer, params, grads, slots, lr=0.1, t=1, weight_decay=0.5)
    assert list(new) == list(params)
    assert new_slots.keys() == grads.keys()
    assert new["batch-norm1.mean"] is params["batch-norm1.mean"]
    assert (new["batch-norm1.gamma"] == 1).all()  # no decay
    assert (new["conv1.W"] < 1).all()


@pytest.mark.parametrize("ending", [".safetensors", ".npz"])
def test_weights_of_filters_and_statistics_come_back(tmp_path, ending):
    network = Network.parse((1, 12, 8), *LAYERS)
    rng = np.random.default_rng(0)
    params = {name: rng.normal(size=shape).astype(np.float32) for name, shape in network.parameter_shapes.items()}
    path = tmp_path / f"weights{ending}"
    save_weights(path, params)
    loaded = load_weights(path, network)
    for name, array in params.items():
        np.testing.assert_array_equal(loaded[name], array)
    del params["batch-norm1.mean"]
    params["conv1.W"] = params["conv1.W"].transpose(2, 3, 1, 0)  # the order of TensorFlow
    save_weights(path, params)
    with pytest.raises(WeightsError) as error:
        load_weights(path, network)
    assert str(error.value).splitlines() == [
        f"{path}: batch-norm1.mean is missing; needed (4,)",
        f"{path}: conv1.W has shape (3, 3, 1, 4); this network needs (4, 1, 3, 3)",
    ]


def test_divergence_names_the_layer(pictures):
    done = execute(*run_of(pictures, layers=["conv 3 3x3", "conv 2 2x2", "dense 3"], loss="squared-error",
                           optimizer={"name": "sgd", "lr": 1e20}))  # fmt: skip
    assert done.status == "diverged"
    assert done.data["diverged"]["layer"] in ("conv1", "conv2", "dense1")


def test_batch_norm_of_units_needs_a_batch(pictures):
    run, parts = run_of(pictures, layers=["dense 4", "batch-norm relu", "dense 3 softmax"], batch_size=1)
    with pytest.raises(NetworkError) as error:
        execute(run, parts)
    assert str(error.value) == (
        "network.layers: 'batch-norm relu' takes the mean and deviation of its units over the batch, but "
        "training.batch_size = 1; take 2 or more"
    )
    of_images, parts = run_of(pictures, layers=["batch-norm", "dense 3 softmax"], batch_size=1, epochs=1)
    assert execute(of_images, parts).status == "done"  # a channel of one image has many numbers


def test_a_last_batch_of_one_example_is_no_trouble(pictures):
    run, parts = run_of(pictures, layers=["dense 4", "batch-norm relu", "dense 3 softmax"], batch_size=499, epochs=2)
    done = execute(run, parts)  # 500 = 499 + 1
    assert done.status == "done"
    assert np.isfinite(done.params["batch-norm1.variance"]).all()


def test_layers_that_do_not_fit_the_images_are_refused_before_training(pictures):
    run, parts = run_of(pictures, layers=["conv 4 5x9", "dense 3 softmax"])
    with pytest.raises(InputError) as error:
        execute(run, parts)
    assert str(error.value) == (
        "network.layers: layer 1, 'conv 4 5x9 stride 1 pad 0 identity': its filters are larger than the images of 12x8 "
        "(1 channel) that it gets; what would fit: 'conv 4 5x8 stride 1 pad 0 identity', "
        "'conv 4 5x9 stride 1 pad 0x1 identity'"
    )
