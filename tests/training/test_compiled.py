"""The compiled engine against the reference engine: same seed, same losses, parameters and scores but for rounding.

The bounds: after 1 and 10 steps the losses and parameters differ by a few units in the last place of the largest
number of their array; over two epochs by at most EPOCH times that unit.
"""

import numba
import numpy as np
import pytest

from handgrad.data.batches import epoch_order, steps_per_epoch
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.initializers import Normal, NormalFanIn, initialize
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.training.engines import Job, kernels_for
from handgrad.training.engines.array import ArraySession
from handgrad.training.engines.compiled.dense_session import DenseSession
from handgrad.training.engines.compiled.kernels import layout
from handgrad.training.engines.compiled.kernels.dense import stages
from handgrad.training.engines.compiled.kernels.dense_layers import NARROW_UNITS, SPARSE_UNITS
from handgrad.training.engines.compiled.kernels.vectors import lanes_of
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.run import Setting
from handgrad.training.training_section import TrainingSection

FEW, EPOCH = 16, 256  # units in the last place of the largest number
SIZES = (1, 7, 64, "full")
DEEP = ("dense 70 relu", "dropout 0.3", "dense 40 tanh", "dense 33 sigmoid", "dropout 0.5", "dense 4 softmax")
SMALL = ("dense 70 relu", "dense 4 softmax")
FAST = not numba.config.DISABLE_JIT  # the compiler off: the same tests on fewer examples


def make_job(layers, *, n=150 if FAST else 30, n_in=20, sparse=True, targets="one-hot", **training):
    rng = np.random.default_rng(1)
    x = rng.uniform(0.1, 1, size=(n, n_in)).astype(np.float32)
    if sparse:
        x[rng.uniform(size=x.shape) < 0.8] = 0
    y = rng.integers(0, 4, n)
    network = Network.parse((n_in,), *layers)
    parts = {"train": (x, y), "validation": (x[: n // 2], y[: n // 2])}
    return Job(network, TrainingSection(**{"optimizer": {"name": "sgd", "lr": 0.01}, **training}), targets, 3, parts)


def begin(engine, job):
    session = engine(job)
    session.load(initialize(job.network, NormalFanIn(), Normal(std=0.1), 3, job.training.dtype), {}, 0)
    return session


def train(session, job, epochs=1, steps=None):
    """Losses of so many epochs, or of the first steps."""
    n, size = len(job.parts["train"][1]), job.training.batch_size
    found = []
    for epoch in range(epochs):
        order, count = epoch_order(3, epoch, n), steps_per_epoch(n, size)
        first = epoch * count
        if steps is not None and size != "full":
            order, count = order[: steps * size], min(steps, count)
        found.append(session.train_epoch(order, np.full(count, job.training.optimizer.lr), first))
    return np.concatenate(found)


def agree(got, expected, ulps, slack=0.0):
    unit = np.finfo(expected.dtype).eps * max(np.abs(expected).max(initial=0), 1e-2)
    np.testing.assert_allclose(got, expected, rtol=0, atol=ulps * unit + slack)


def compare(job, ulps, slack=0.0, engine=DenseSession, **how):
    """Train both engines and compare everything that they tell; slack: a further difference of parameters."""
    reference, compiled = begin(ArraySession, job), begin(engine, job)
    agree(train(compiled, job, **how), train(reference, job, **how), ulps, slack)
    (params, slots, t), (got, got_slots, got_t) = reference.export(), compiled.export()
    assert t == got_t
    for name, w in params.items():
        agree(got[name], w, ulps, slack)
        for slot, expected in zip(got_slots.get(name, ()), slots.get(name, ()), strict=True):
            agree(slot, expected, 4 * ulps, slack)
    losses, predicted = reference.score("validation")
    agree(compiled.score("validation")[0], losses, 4 * ulps, slack)
    assert (compiled.score("validation")[1] == predicted).all()
    x = job.parts["train"][0][:5]
    agree(compiled.outputs(x), reference.outputs(x), 4 * ulps, slack)


@pytest.mark.parametrize("steps", [1, 10])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sparse", [True, False])
def test_after_few_steps(size, steps, sparse):
    compare(make_job(SMALL, sparse=sparse, batch_size=size), FEW, steps=steps)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(name, size):
    """Where a gradient is itself a rounding error, an optimizer that divides by its size makes a step of it: a part
    of lr, however small the gradient.  That part is allowed for."""
    job = make_job(SMALL, batch_size=size, optimizer={"name": name, "lr": 0.01}, weight_decay=0.01)
    slack = 0.02 * job.training.optimizer.lr if name in ("adagrad", "rmsprop", "adam", "adamw") else 0.0
    compare(job, FEW, slack, steps=1)
    compare(job, EPOCH, slack, epochs=1)


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_rows_that_few_batches_touch(name, dtype, size):
    """Every second pixel is rare: its weights move without a gradient for many steps, and are caught up in one."""
    job = make_job(SMALL, n_in=40, batch_size=size, optimizer={"name": name, "lr": 0.01}, dtype=dtype)
    x = job.parts["train"][0]
    x[:, ::2][np.random.default_rng(2).uniform(size=x[:, ::2].shape) < 0.95] = 0
    x[:, 0] = 0
    touched = (x[epoch_order(3, 0, len(x))[: 10 * size], ::2] != 0).any(0)
    assert not touched.all()
    slack = 0.02 * job.training.optimizer.lr if name in ("rmsprop", "adam", "adamw", "adagrad") else 0.0
    compare(job, FEW, slack, steps=10)
    compare(job, EPOCH, slack, epochs=2)


@pytest.mark.parametrize("size", SIZES if FAST else (1, 7))
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name, size):
    for output in [output for output in ACTIVATIONS if output in LOSSES[name].outputs]:
        for reduction in ("mean", "sum"):
            lr = 0.01 if reduction == "mean" or size == 1 else 0.0001
            job = make_job(
                ("dense 36 tanh", f"dense 4 {output}"),
                batch_size=size,
                loss=name,
                batch_reduction=reduction,
                optimizer={"name": "sgd", "lr": lr},
            )
            compare(job, FEW, steps=1)
            compare(job, EPOCH, epochs=1)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_and_depth(name, size):
    compare(make_job((f"dense 70 {name}", f"dense 30 {name}", "dense 4 softmax"), batch_size=size), EPOCH, epochs=2)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("sparse", [True, False])
def test_deep_with_dropout(size, sparse):
    compare(make_job(DEEP, sparse=sparse, batch_size=size), EPOCH, epochs=2)


@pytest.mark.parametrize(
    ("layers", "more"),
    [
        (("dense 4 softmax",), {}),
        (("dense 4 softmax",), {"sparse": False}),
        (("dropout 0.2", "dense 50 relu", "dense 4 softmax"), {}),
        (SMALL, {"clip_norm": 0.5, "weight_decay": 0.1, "l2_form": "per-example"}),
        (SMALL, {"clip_norm": 0.5, "batch_size": 1}),
        (SMALL, {"weight_decay": 0.5, "batch_size": 1}),
        (SMALL, {"n_in": 900, "n": 20, "batch_size": 1}),
        (("dense 8 tanh", "dense 4 tanh"), {"targets": "plus-minus-one", "loss": "squared-error"}),
        (DEEP, {"dtype": "float64", "optimizer": {"name": "adam", "lr": 0.01}}),
        (DEEP, {"dtype": "float64", "batch_size": 1}),
    ],
)
def test_further_settings(layers, more):
    compare(make_job(layers, **{"batch_size": 7, **more}), EPOCH, epochs=2)


@pytest.mark.skipif(not FAST, reason="600 examples take long in Python")
@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("clip", [None, 0.01])
def test_a_batch_larger_than_the_workspace(sparse, clip):
    layers = ("dense 70 relu", "dropout 0.5", "dense 4 softmax")
    compare(make_job(layers, n=700, batch_size=600, sparse=sparse, clip_norm=clip), EPOCH, epochs=2)


@pytest.mark.parametrize("size", [1, 7])
@pytest.mark.parametrize("name", ["momentum", "rmsprop", "adam"])
def test_continuing_gives_the_same_bits(name, size):
    job = make_job(DEEP, batch_size=size, optimizer={"name": name, "lr": 0.01})
    whole, half, rest = (begin(DenseSession, job) for _ in range(3))
    train(whole, job, epochs=2)
    train(half, job, epochs=1)
    rest.load(*half.export())
    n = len(job.parts["train"][1])
    count = steps_per_epoch(n, size)
    rest.train_epoch(epoch_order(3, 1, n), np.full(count, 0.01), count)
    for name, w in whole.export()[0].items():
        assert rest.export()[0][name].tobytes() == w.tobytes()


@pytest.mark.parametrize("name", ["sgd", "momentum"])
@pytest.mark.parametrize(("size", "at"), [(1, 21), (1, 65), (7, 1), (7, 3), (7, 10), ("full", 1)])
def test_a_loss_that_is_not_finite_ends_the_epoch_before_its_update(size, at, name):
    job = make_job(SMALL, n=150, batch_size=size, optimizer={"name": name, "lr": 0.01})
    n = len(job.parts["train"][1])
    order = epoch_order(3, 0, n)
    job.parts["train"][0][order[(at - 1) * (n if size == "full" else size)], 3] = np.nan
    with np.errstate(all="ignore"):
        reference, compiled = begin(ArraySession, job), begin(DenseSession, job)
        expected, got = train(reference, job), train(compiled, job)
    assert len(got) == len(expected) == at
    assert np.isnan(got[-1])
    assert compiled.export()[2] == at - 1
    for name, w in reference.export()[0].items():
        agree(compiled.export()[0][name], w, FEW)
        assert np.isfinite(compiled.export()[0][name]).all()


def test_the_padding_of_a_layer_stays_zero():
    job = make_job(DEEP, batch_size=7, optimizer={"name": "momentum", "lr": 0.01})
    session = begin(DenseSession, job)
    train(session, job, epochs=2)
    W, L = session.table[1, stages.W], lanes_of(np.float32)
    matrix = session.memory.theta[W : W + layout.size(20, 70, L)].reshape(-1, 20, L).transpose(1, 0, 2).reshape(20, -1)
    assert np.abs(matrix[:, :70]).min() > 0
    assert not matrix[:, 70:].any()


def test_inputs_are_sparse_where_most_are_zero():
    assert DenseSession(make_job(SMALL, sparse=True)).sparse
    assert not DenseSession(make_job(SMALL, sparse=False)).sparse


@pytest.mark.parametrize("units", [NARROW_UNITS + 1, NARROW_UNITS, SPARSE_UNITS, SPARSE_UNITS - 1, 3])
@pytest.mark.parametrize("size", [1, 7])
def test_a_first_layer_of_few_units_takes_sparse_inputs_too_unless_they_are_very_few(units, size):
    job = make_job((f"dense {units} tanh", "dense 4 softmax"), batch_size=size)
    assert DenseSession(job).sparse == (units >= SPARSE_UNITS)
    wanted = "small-batches" if units >= SPARSE_UNITS else "dense"
    assert kernels_for(job.network.layers, job.training, 0.2) == wanted
    compare(job, FEW, steps=10)


@pytest.mark.parametrize("size", [2, 3, 8, 13, 16, 17])
@pytest.mark.parametrize("more", [{}, {"weight_decay": 0.5, "l2_form": "per-example"}, {"dtype": "float64"}])
def test_small_batches_several_at_a_time(size, more):
    """150 examples are two windows of up to 64 and a shorter third one, whose last batch may be shorter."""
    job = make_job(("dense 70 tanh", "dropout 0.3", "dense 30 relu", "dense 4 softmax"), batch_size=size, **more)
    assert kernels_for(job.network.layers, job.training, 0.2) == ("small-batches" if size < 17 else "dense")
    assert DenseSession(job).window == (64 // size * size if size < 17 else 0)
    compare(job, EPOCH, epochs=2)


@pytest.mark.parametrize("decay", [0.0, 0.3])
@pytest.mark.parametrize("size", [1, 7])
def test_a_learning_rate_that_changes_at_every_step(size, decay):
    job = make_job(SMALL, batch_size=size, weight_decay=decay)
    n = len(job.parts["train"][1])
    lrs = 0.02 / (1 + np.arange(steps_per_epoch(n, size)))
    sessions = [begin(engine, job) for engine in (ArraySession, DenseSession)]
    expected, got = (session.train_epoch(epoch_order(3, 0, n), lrs, 0) for session in sessions)
    agree(got, expected, EPOCH)
    for name, w in sessions[0].export()[0].items():
        agree(sessions[1].export()[0][name], w, EPOCH)


def test_a_weight_decay_that_leaves_nothing_of_the_weights():
    compare(make_job(SMALL, batch_size=7, weight_decay=100.0), EPOCH, epochs=1)  # lr·λ = 1


def test_auto_takes_the_compiled_engine_for_every_network():
    for network in ({"hidden": [5], "dropout": 0.1}, {"layers": ["conv 2 3x3", "batch-norm relu", "dense 10 softmax"]}):
        assert Setting.model_validate({"network": network}).resolved().training.engine == "compiled"


def test_what_is_exported_does_not_change_with_further_training():
    job = make_job(SMALL, batch_size=7)
    session = begin(DenseSession, job)
    params = session.export()[0]
    before = {name: w.copy() for name, w in params.items()}
    train(session, job)
    for name, w in params.items():
        assert w.tobytes() == before[name].tobytes()
        assert w.tobytes() != session.export()[0][name].tobytes()
