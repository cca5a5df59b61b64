"""Curves by epoch, and the mean loss of the steps of an epoch."""

import numpy as np
import pytest

from handgrad.training.curves import History, by_epoch, epoch_losses
from handgrad.training.loop import advance, execute
from tests.training.conftest import make_run


def test_the_loss_of_an_epoch_is_the_mean_over_its_steps(split):
    """240 examples in batches of 17 are 14 steps and one of 2 examples, which counts as much: 15 an epoch."""
    run = execute(make_run(batch_size=17, epochs=3), split)
    steps = run.curves["loss_per_step"].astype(np.float64).reshape(3, 15)
    np.testing.assert_allclose(run.history["epoch_loss"], steps.mean(axis=1), rtol=1e-15)
    assert run.metrics["epoch_loss"] == run.history["epoch_loss"][-1]
    assert run.metrics["epoch_loss"] > run.metrics["train_loss"]  # it was measured while the network learnt
    assert "epoch_loss" not in run.curves  # it follows from what is kept


def test_steps_of_an_epoch_that_did_not_end_belong_to_none():
    losses = epoch_losses(np.float32([1, 3, 5, 7, np.inf]), [2, 4])
    assert losses.tolist() == [2.0, 6.0]
    assert epoch_losses(np.float32([1, 2]), []).tolist() == []


def test_a_diverged_run_has_none_at_its_end(split):
    run = execute(
        make_run(network={"output": "identity"}, loss="squared-error", optimizer={"name": "sgd", "lr": 1e6}), split
    )
    assert (run.status, run.metrics["epoch_loss"]) == ("diverged", None)
    assert len(run.history.get("epoch_loss", ())) == len(run.history["epoch"])


def test_a_paused_run_tells_it_of_its_own_epochs(split, tmp_path):
    first = execute(make_run(epochs=2), split)
    run = make_run(epochs=4, continues=first.id)
    whole = execute(run, split, parent=first)
    paused = advance(run, split, until=3, parent=first, checkpoint=tmp_path / "checkpoint.safetensors")
    assert paused.history["epoch_loss"] == whole.history["epoch_loss"][2:5].tolist()
    assert whole.history["epoch_loss"][:2].tolist() == first.history["epoch_loss"].tolist()


def test_a_run_that_stopped_early_has_that_of_its_best_epoch(split):
    run = execute(make_run(epochs=60, early_stopping={"patience": 2, "min_delta": 0.02}), split)
    assert run.best_epoch is not None
    assert run.best_epoch < run.epochs
    assert run.metrics["epoch_loss"] == run.history["epoch_loss"][run.best_epoch - 1]


@pytest.mark.parametrize("missing", ["loss_per_step", "steps_at_epoch_end"])
def test_curves_without_steps_have_none(missing):
    curves = {"epoch": np.array([1]), "loss_per_step": np.ones(2), "steps_at_epoch_end": np.array([2])}
    assert "epoch_loss" not in by_epoch({name: values for name, values in curves.items() if name != missing})


def test_the_names_of_keras_lead_to_the_curves():
    history = History(epoch_loss=np.array([2.0]), train_accuracy=np.array([0.5]), val_accuracy=np.array([0.4]))
    assert [history[name].item() for name in ("loss", "accuracy", "val_acc")] == [2.0, 0.5, 0.4]
    with pytest.raises(KeyError, match="unknown curve 'val_los'; did you mean 'val_loss'"):
        History(val_loss=np.ones(1))["val_los"]
    with pytest.raises(KeyError, match="unknown curve 'loss'"):
        History(lr=np.ones(1))["loss"]
