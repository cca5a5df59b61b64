"""Where a run diverged is one step and one layer, whatever engine trained it."""

import numpy as np
import pytest

from handgrad.training import divergence
from handgrad.training.divergence import State, first_bad_step
from handgrad.training.engines import Epoch
from handgrad.training.loop import execute
from handgrad.training.record import load, save
from tests.training.conftest import make_run, make_split

ENGINES = ("array", "compiled", "torch")


class Counting:
    """A session whose one number grows by 1 a step, is infinite from the step `breaks` on, and whose loss shows it
    `late` steps afterwards."""

    def __init__(self, breaks, late):
        self.breaks, self.late, self.steps = breaks, late, 0
        self.trained = 0

    def load(self, params, slots, t):
        self.t = t

    def export(self):
        return {"w": np.array([self.t if self.t < self.breaks else np.inf])}, {}, self.t

    def train_epoch(self, order, lrs, first_step):
        assert len(order) == 2 * len(lrs)
        assert first_step == 100 + self.t
        losses = []
        for _ in lrs:
            self.trained += 1
            losses.append(np.nan if self.t >= self.breaks + self.late else 1.0)
            if not np.isfinite(losses[-1]):
                break
            self.t += 1
        return np.array(losses, np.float32)


@pytest.mark.parametrize("n", [1, 2, 17, 300])
def test_the_first_bad_step_is_found_wherever_it_is_and_however_late_it_shows(n):
    for breaks in {1, min(2, n), n // 3 + 1, n} & set(range(1, n + 1)):
        for late in {0, 1, 5, n}:
            session = Counting(breaks, late)
            start, losses = State({"w": np.zeros(1)}, {}, 0), np.ones(n, np.float32)
            epoch = Epoch(np.arange(2 * n), np.ones(n), 100)
            found = first_bad_step(session, start, epoch, 2, losses, State({"w": np.full(1, np.inf)}, {}, n))
            assert (len(found.losses), found.before.t) == (breaks, breaks - 1)
            assert found.rows.tolist() == [2 * breaks - 2, 2 * breaks - 1]
            assert np.isfinite(found.before.params["w"]).all()
            assert not np.isfinite(found.after.params["w"]).all()
            assert session.trained <= 2 * n  # what is left is halved: an epoch, and at most one more


def test_where_the_steps_made_again_are_finite_it_is_where_it_was_noticed():
    start, noticed = State({"w": np.zeros(1)}, {}, 0), State({"w": np.full(1, np.inf)}, {}, 4)
    losses = np.array([1, 1, 1, np.nan], np.float32)
    found = first_bad_step(Counting(50, 0), start, Epoch(np.arange(8), np.ones(4), 100), 2, losses, noticed)
    assert found.before is found.after is noticed
    assert found.losses.tobytes() == losses.tobytes()


NOTICED_LATE = {
    "saturated": {"network": {"hidden": [8], "activation": "sigmoid", "output": "identity"}, "loss": "absolute-error",
                  "optimizer": {"name": "sgd", "lr": 1e38}, "batch_size": 1},
    "sums": {"network": {"hidden": [8], "activation": "relu", "output": "identity"}, "loss": "squared-error",
             "optimizer": {"name": "sgd", "lr": 30.0}, "batch_size": 10},
    "growing": {"network": {"hidden": [8], "activation": "relu", "output": "identity"}, "loss": "multi-margin",
                "optimizer": {"name": "sgd", "lr": 1e30}, "batch_size": 10},
    "momentum": {"network": {"hidden": [8], "output": "identity"}, "loss": "squared-error",
                 "optimizer": {"name": "momentum", "lr": 1e20}, "batch_size": "full", "epochs": 9},
}  # fmt: skip


@pytest.mark.parametrize("name", NOTICED_LATE)
def test_engines_name_the_same_step_and_layer(name):
    """An engine that skips zero pixels goes on with an infinite weight where another meets 0·∞; behind a sigmoid
    nobody's loss shows it."""
    split = make_split()
    x = split.train.x
    x[:, ::2] = np.where(x[:, ::2] > 0, x[:, ::2], 0)  # zeros
    ends = [execute(make_run(engine=engine, **NOTICED_LATE[name]), split) for engine in ENGINES]
    assert [end.status for end in ends] == ["diverged"] * 3
    first = ends[0].data["diverged"]
    for end in ends:
        where = end.data["diverged"]
        assert (where["epoch"], where["step"], where["layer"]) == (first["epoch"], first["step"], first["layer"])
        assert where["step"] == len(end.curves["loss_per_step"])
        assert all(np.isfinite(w).all() for w in end.params.values())  # of the step before it
        scored = "after the epoch" in where["reason"]  # every step was finite, and the loss of a part is not
        assert end.data["optimizer_steps"] == where["step"] - (not scored)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ["sgd", "adam", "adamw", "rmsprop"])
def test_a_step_size_beyond_the_numbers_is_a_divergence(engine, name):
    run = make_run(engine=engine, optimizer={"name": name, "lr": 1e300}, weight_decay=0.1)
    assert execute(run, make_split()).status == "diverged"


@pytest.mark.parametrize("engine", ENGINES)
def test_a_loss_that_is_not_finite_on_the_test_part_alone_is_a_divergence(engine, tmp_path):
    """All steps and epochs were finite; the record must still be one that can be saved."""
    split = make_split()
    split.parts["test"].x[3] = 1e38  # times the weights it is beyond float32
    end = execute(make_run(engine=engine, network={"output": "identity"}, loss="squared-error"), split)
    assert (end.status, end.epochs) == ("diverged", len(end.curves["train_loss"]))
    assert end.data["diverged"]["reason"].startswith("test_loss is ")
    assert end.data["diverged"]["layer"] == "dense1"
    assert set(end.metrics.values()) == {None}
    save(end, tmp_path)
    assert load(tmp_path).data["samples"]["after"] is None


@pytest.mark.parametrize("engine", ENGINES)
def test_initial_weights_beyond_the_numbers_are_a_divergence(engine, tmp_path):
    """Nothing can be shown of outputs that are not finite before training."""
    end = execute(
        make_run(engine=engine, network={"hidden": [8, 8], "init": {"name": "normal", "std": 1e30}}), make_split()
    )
    assert (end.status, end.data["samples"]) == ("diverged", None)
    save(end, tmp_path)
    assert load(tmp_path).status == "diverged"


def test_a_divergence_that_is_not_met_again_is_told_as_it_was_noticed(monkeypatch):
    monkeypatch.setattr("handgrad.training.divergence._bisected", lambda *_: None)
    end = execute(make_run(**NOTICED_LATE["sums"]), make_split())
    assert end.data["diverged"]["reason"].startswith("the loss of the batch is ")
    assert not np.isfinite(end.curves["loss_per_step"][-1])


def test_groups_of_steps_are_made_again_as_they_were():
    assert divergence.ALIGNED == 16
