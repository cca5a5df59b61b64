"""The compiled engine on networks of images against the reference engine, but for rounding the same.

The bounds are those of test_compiled.  Sizes of filters and images are such that
no row is a whole number of vectors.
"""

import numpy as np
import pytest

from handgrad.data.batches import epoch_order, steps_per_epoch
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.training.engines import Job, open_session
from handgrad.training.engines.array import ArraySession
from handgrad.training.engines.compiled.image_session import ImageSession
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.training_section import TrainingSection
from tests.training.test_compiled import EPOCH, FAST, FEW, agree, begin, compare, train

SIZES = (1, 7, 64, "full")
LENET = (
    "conv 6 3x3 relu",
    "max-pool 2",
    "conv 5 2x2 relu",
    "flatten",
    "dense 40 relu",
    "dropout 0.5",
    "dense 4 softmax",
)
ALL_KINDS = ("conv 4 3x3 pad 1", "batch-norm relu", "dropout 0.2", "conv 3 3x2 stride 2 pad 1 tanh", "average-pool 2",
             "dense 12", "batch-norm tanh", "dropout 0.3", "dropout 0.2", "dense 4 softmax")  # fmt: skip
STRIDES = ("conv 7 4x3 stride 3x2 pad 1x1 sigmoid", "conv 3 1x1 leaky-relu", "max-pool 2 stride 1", "dense 4 softmax")
WITHOUT_NORM = tuple(layer for layer in ALL_KINDS if not layer.startswith("batch-norm"))


def make_job(layers, *, n=100 if FAST else 20, shape=(2, 8, 7), targets="one-hot", **training):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(n, *shape)).astype(np.float32), rng.integers(0, 4, n)
    parts = {"train": (x, y), "validation": (x[: n // 2], y[: n // 2])}
    training = {"optimizer": {"name": "sgd", "lr": 0.01}, **training}
    return Job(Network.parse(shape, *layers), TrainingSection(**training), targets, 3, parts)


def check(job, ulps, slack=0.0, **how):
    compare(job, ulps, slack, engine=ImageSession, **how)


@pytest.mark.parametrize("steps", [1, 10])
@pytest.mark.parametrize("size", SIZES)
def test_after_few_steps(size, steps):
    check(make_job(LENET, shape=(2, 8, 8), batch_size=size), FEW, steps=steps)


@pytest.mark.parametrize("size", SIZES)
def test_an_epoch_of_every_kind_of_layer(size):
    check(make_job(ALL_KINDS if size != 1 else WITHOUT_NORM, batch_size=size), EPOCH, epochs=1)


@pytest.mark.parametrize("steps", [1, 3, 10])
@pytest.mark.parametrize("size", [2, 3])
@pytest.mark.parametrize("layers", [ALL_KINDS, ("dense 12", "batch-norm tanh", "dense 4 softmax")])
def test_batch_norm_of_two_or_three_examples(layers, size, steps):
    """Of two examples x̂ is ±√(σ²/(σ² + ε)) and dx = ±γ/√(σ² + ε)·(dz₁ − dz₂)/2·ε/(σ² + ε): all but a last factor
    cancels, and the rounding of what cancels remains, up to 316 (1/√ε) times enlarged where the two are nearly equal.
    It is a few hundred units a step in either precision, and steps enlarge those before them; a mistake would be the
    same number in both: so float64 shows it."""
    check(make_job(layers, batch_size=size, dtype="float64"), 2**14 if steps < 10 else 2**16, steps=steps)


@pytest.mark.parametrize("size", SIZES if FAST else (7,))
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer(name, size):
    """See test_compiled: an optimizer that divides by the gradient's size makes a step of a rounding error."""
    layers = ("conv 4 3x3 relu", "max-pool 2", "dense 9 relu", "dense 4 softmax")
    job = make_job(layers, shape=(2, 8, 8), batch_size=size, optimizer={"name": name, "lr": 0.01}, weight_decay=0.01)
    slack = 0.02 * job.training.optimizer.lr if name in ("adagrad", "rmsprop", "adam", "adamw") else 0.0
    check(job, FEW, slack, steps=1)
    check(job, EPOCH, 2 * slack, epochs=1)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss(name):
    for output in sorted(LOSSES[name].outputs):
        for reduction in ("mean", "sum"):
            job = make_job(("conv 3 3x3 tanh", f"dense 4 {output}"), batch_size=7, loss=name, batch_reduction=reduction)
            check(job, FEW, steps=1)


@pytest.mark.parametrize(
    ("layers", "more"),
    [
        (STRIDES, {"shape": (3, 11, 9)}),
        (("conv 3 2x2 stride 3", "conv 2 2x2", "dense 4 softmax"), {"shape": (3, 8, 8)}),
        (("conv 1 3x3", "conv 1 3x3", "dense 4 softmax"), {"shape": (1, 9, 9)}),
        (("conv 9 3x3", "max-pool 3 stride 2", "dense 4 softmax"), {"shape": (1, 9, 9)}),
        (("max-pool 2", "batch-norm", "dense 4 softmax"), {"shape": (2, 8, 8)}),
        (("flatten", "batch-norm relu", "dense 4 softmax"), {}),
        (("dropout 0.2", "dropout 0.1", "dense 4 softmax"), {}),
        (LENET, {"clip_norm": 0.5, "weight_decay": 0.1, "l2_form": "per-example", "shape": (2, 8, 8)}),
        (LENET, {"clip_norm": 0.01, "shape": (2, 8, 8), "batch_size": 50}),
        (LENET, {"loss": "squared-error", "targets": "plus-minus-one", "shape": (2, 8, 8)}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_further_settings(layers, more, dtype):
    check(make_job(layers, **{"batch_size": 7, "dtype": dtype, **more}), EPOCH, epochs=1)
    check(make_job(layers, **{"batch_size": 17, "dtype": dtype, **more}), EPOCH, epochs=1)


@pytest.mark.parametrize("size", [2, 7])
def test_continuing_gives_the_same_bits(size):
    job = make_job(ALL_KINDS, batch_size=size, optimizer={"name": "momentum", "lr": 0.01})
    whole, half, rest = (begin(ImageSession, job) for _ in range(3))
    train(whole, job, epochs=2)
    train(half, job, epochs=1)
    rest.load(*half.export())
    n = len(job.parts["train"][1])
    count = steps_per_epoch(n, size)
    rest.train_epoch(epoch_order(3, 1, n), np.full(count, 0.01), count)
    for name, w in whole.export()[0].items():
        assert rest.export()[0][name].tobytes() == w.tobytes()


@pytest.mark.parametrize(("size", "at"), [(1, 5), (7, 2), ("full", 1)])
def test_a_loss_that_is_not_finite_ends_the_epoch_before_its_update(size, at):
    job = make_job(LENET, shape=(2, 8, 8), batch_size=size)
    n = len(job.parts["train"][1])
    order = epoch_order(3, 0, n)
    job.parts["train"][0][order[(at - 1) * (1 if size == 1 else 7 if size == 7 else n)], 1, 3, 3] = np.nan
    with np.errstate(all="ignore"):
        reference, compiled = begin(ArraySession, job), begin(ImageSession, job)
        expected, got = train(reference, job), train(compiled, job)
    assert len(got) == len(expected) == at
    assert np.isnan(got[-1])
    for name, w in reference.export()[0].items():
        agree(compiled.export()[0][name], w, FEW)
        assert np.isfinite(compiled.export()[0][name]).all()
    before = begin(ImageSession, job).score("validation")[0]
    compiled.load(begin(ArraySession, job).params, {}, 0)
    np.testing.assert_array_equal(compiled.score("validation")[0], before)  # nothing of the NaN is left


def test_the_first_of_equal_numbers_is_the_maximum():
    job = make_job(
        ("max-pool 2", "conv 3 2x2", "max-pool 3 stride 1", "dense 4 softmax"), shape=(2, 8, 8), batch_size=7
    )
    job.parts["train"][0][:] = np.round(job.parts["train"][0])
    session, reference = begin(ImageSession, job), begin(ArraySession, job)
    for one in (session, reference):
        params = one.export()[0]
        one.load({**params, "conv1.W": np.round(4 * params["conv1.W"])}, {}, 0)
    agree(train(session, job), train(reference, job), FEW)
    for name, w in reference.export()[0].items():
        agree(session.export()[0][name], w, FEW)


def test_the_engine_takes_the_kernels_that_fit():
    assert isinstance(open_session("compiled", make_job(LENET, shape=(2, 8, 8))), ImageSession)
    assert not isinstance(open_session("compiled", make_job(("dense 4 softmax",))), ImageSession)
