"""Class weights: the gradient of the weighted loss, on every engine that has them, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest

from handgrad.errors import InputError
from handgrad.network import passes
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.network.targets import encode
from handgrad.training.class_weights import weights_formula, weights_of
from handgrad.training.engines.array import ArraySession
from handgrad.training.engines.compiled.dense_session import DenseSession
from handgrad.training.engines.compiled.image_session import ImageSession
from handgrad.training.loop import execute
from handgrad.training.run import Setting
from tests.training import test_compiled, test_compiled_images
from tests.training.conftest import make_run, make_split
from tests.training.test_compiled import FAST, FEW, SMALL, agree, begin, compare, train
from tests.training.test_compiled_images import LENET

RNG = np.random.default_rng(3)
WEIGHTS = (0.25, 1.5, 3.0, 0.6)  # of four classes


@pytest.fixture(scope="module")
def rare():
    """Of 240 training examples class c has a tenth."""
    parts = make_split(n=240, distance=0.7)
    parts.train.y[:] = np.where(np.arange(240) % 10 == 0, 2, np.arange(240) % 2)
    parts.train.x[parts.train.y == 2] += 0.8
    return parts


def test_balanced_weights_by_hand():
    y = np.array([0, 0, 0, 0, 0, 0, 1, 1, 1])  # n = 9, k = 2: 9/12 and 9/6
    assert weights_of("balanced", y, ("a", "b")).tolist() == [0.75, 1.5]
    assert weights_of("balanced", y, ("a", "b"))[y].mean() == 1
    assert weights_of({"b": 3.0, "a": 0.5}, y, ("a", "b")).tolist() == [0.5, 3.0]
    assert weights_of("balanced", y, ("a", "b", "none trains")).tolist() == [0.75, 1.5, 1.0]
    assert weights_formula("balanced", y, ("a", "b")) == ", each example times w_c (n/(k·n_c): a 0.75, b 1.5)"


@pytest.mark.parametrize(
    ("loss", "output", "reduction"),
    [
        ("cross-entropy", "softmax", "mean"),
        ("squared-error", "tanh", "sum"),
        ("binary-cross-entropy", "sigmoid", "mean"),
    ],
)
def test_the_gradient_is_that_of_the_weighted_loss(loss, output, reduction):
    network = Network.parse((4,), "dense 5 tanh", f"dense 3 {output}")
    params = {name: RNG.normal(size=shape) for name, shape in network.parameter_shapes.items()}
    x, y = RNG.normal(size=(6, 4)), np.array([0, 1, 2, 0, 0, 1])
    T, weights = encode(y, 3, "one-hot", np.float64), np.array([0.5, 1.0, 4.0])[y]

    def whole(params):
        losses, grads, _ = passes.loss_and_gradients(network, params, x, T, loss, reduction, weights=weights)
        return losses.sum() / (6 if reduction == "mean" else 1), grads

    _, grads = whole(params)
    plain, _, _ = passes.loss_and_gradients(network, params, x, T, loss, reduction)
    weighted, _, _ = passes.loss_and_gradients(network, params, x, T, loss, reduction, weights=weights)
    np.testing.assert_allclose(weighted, plain * weights)
    for name, w in params.items():
        direction = RNG.normal(size=w.shape)
        ends = [whole({**params, name: w + sign * 1e-6 * direction})[0] for sign in (1, -1)]
        assert (ends[0] - ends[1]) / 2e-6 == pytest.approx((grads[name] * direction).sum(), rel=1e-6)


@pytest.mark.parametrize("engine", ["compiled", "torch", "jax"])
def test_other_engines_weigh_the_same(rare, engine):
    made = {"class_weights": "balanced", "dtype": "float64", "epochs": 2}
    expected, found = (execute(make_run(engine=one, **made), rare) for one in ("array", engine))
    assert found.curves["loss_per_step"] == pytest.approx(expected.curves["loss_per_step"], rel=1e-6)
    for name, w in expected.params.items():
        assert found.params[name] == pytest.approx(w, rel=1e-9, abs=1e-12), name


def test_a_rare_class_is_found_more_often_and_scores_are_unweighted(rare):
    chosen = (None, "balanced")
    plain, balanced = (execute(make_run(engine="array", class_weights=one, epochs=8), rare) for one in chosen)
    assert balanced.confusion["test"][2][2] > plain.confusion["test"][2][2]
    assert balanced.network.loss_formula.endswith(
        "mean over the batch, each example times w_c (n/(k·n_c): a 0.833, b 0.667, c 3.33)"
    )
    ones = execute(make_run(engine="array", class_weights=dict.fromkeys("abc", 1.0), epochs=8), rare)
    assert ones.metrics == plain.metrics
    assert "class_weights" not in plain.setting["training"]


@pytest.fixture(params=["sparse", "dense", "images"])
def kernels(request):
    """Trains by kernels of one kind, with these weights of the four classes or none -> (job, session)."""
    if request.param == "images":
        module, layers, engine, how = test_compiled_images, LENET, ImageSession, {"shape": (2, 8, 8)}
    else:
        module, layers, engine, how = test_compiled, SMALL, DenseSession, {"sparse": request.param == "sparse"}

    def job(weights=WEIGHTS, **training):
        plain = module.make_job(layers, **how, **training)
        return plain if weights is None else replace(plain, weights=np.array(weights)[plain.parts["train"][1]])

    return job, engine


@pytest.mark.parametrize("size", [1, 7, 64, "full"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels_weigh_as_the_reference_does(kernels, size, dtype):
    make, engine = kernels
    for optimizer in ("sgd", "momentum"):  # of sparse examples: steps in blocks at batch size 1, and rows that wait
        job = make(batch_size=size, dtype=dtype, optimizer={"name": optimizer, "lr": 0.01})
        compare(job, FEW, engine=engine, steps=10)
    plain, weighted = begin(engine, make(None, batch_size=size, dtype=dtype)), begin(engine, job)
    assert (plain.score("train")[0] == weighted.score("train")[0]).all()  # a score has no weights
    assert (train(plain, job, steps=1) != train(weighted, job, steps=1)).all()


def test_kernels_weigh_every_chunk_of_a_batch_and_clip(kernels):
    make, engine = kernels
    n = 600 if FAST else 300
    for clip in (None, 0.01):
        compare(make(n=n, batch_size="full", clip_norm=clip), FEW, engine=engine, epochs=2)


def test_a_weight_of_one_changes_no_bit(kernels):
    make, engine = kernels
    for size in (1, 7):
        jobs = [make(weights, batch_size=size, loss="cross-entropy") for weights in (None, (1.0,) * 4)]
        plain, ones = (begin(engine, job) for job in jobs)
        assert (train(plain, jobs[0], epochs=2) == train(ones, jobs[1], epochs=2)).all()
        params = ones.export()[0]
        assert all((w == params[name]).all() for name, w in plain.export()[0].items())


def test_new_pictures_keep_the_weights_of_their_examples(kernels):
    make, engine = kernels
    job = make(batch_size=7)
    x = job.parts["train"][0][:, ::-1] * np.float32(0.5)
    sessions = [begin(one, job) for one in (ArraySession, engine)]
    for session in sessions:
        session.take_examples(x)
    reference, found = (train(session, job, steps=10) for session in sessions)
    agree(found, reference, FEW)


@pytest.mark.parametrize("loss", LOSSES)
def test_kernels_weigh_every_loss(loss):
    output = next(name for name in ACTIVATIONS if name in LOSSES[loss].outputs)
    for reduction in ("mean", "sum"):
        layers = ("dense 36 tanh", f"dense 4 {output}")
        job = test_compiled.make_job(layers, batch_size=7, loss=loss, batch_reduction=reduction)
        compare(replace(job, weights=np.array(WEIGHTS)[job.parts["train"][1]]), FEW, steps=1)


@pytest.mark.parametrize("engine", ["compiled", "torch", "jax"])
def test_one_output_of_two_classes(engine):
    two = make_split(classes=2, distance=0.5)
    made = {
        "network": {"hidden": [8], "output": "sigmoid", "units": 1},
        "loss": "binary-cross-entropy",
        "class_weights": {"a": 3.0, "b": 0.5},
        "dtype": "float64",
        "epochs": 2,
    }
    expected, found = (execute(make_run(engine=one, **made), two) for one in ("array", engine))
    assert found.curves["loss_per_step"] == pytest.approx(expected.curves["loss_per_step"], rel=1e-6)
    assert found.metrics == pytest.approx(expected.metrics, rel=1e-6)


def test_auto_takes_the_compiled_engine():
    assert Setting(training={"class_weights": "balanced"}).resolved().training.engine == "compiled"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "balance",
            'class_weights must be "balanced", or a table of a weight for each class, such as { cat = 1.0, dog',
        ),
        ({"a": 0}, "class_weights has a weight of 'a' that must be > 0; got 0"),
        ({"a": 1, "b": 1, "x": 2}, "training.class_weights has an unknown class 'x'. Known: a, b, c"),
        ({"a": 1}, "training.class_weights has no weight for 'b', 'c'; give each class one"),
    ],
)
def test_weights_that_are_refused(rare, given, message):
    with pytest.raises(InputError) as caught:
        execute(make_run(engine="array", class_weights=given), rare)
    assert message in str(caught.value)


def test_what_has_no_class_weights():
    setting = Setting(data={"task": "regression"}, training={"class_weights": "balanced"})
    with pytest.raises(InputError, match=r"class_weights is for classification, and data\.task = 'regression'"):
        setting.network_for((4,), 1, has_validation=True)
