"""Class weights: the gradient of the weighted loss, on every engine that has them, and what is refused."""

import numpy as np
import pytest

from handgrad.errors import InputError
from handgrad.network import passes
from handgrad.network.network import Network
from handgrad.network.targets import encode
from handgrad.training.class_weights import weights_formula, weights_of
from handgrad.training.loop import execute
from handgrad.training.run import Setting
from tests.training.conftest import make_run, make_split

RNG = np.random.default_rng(3)


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


@pytest.mark.parametrize("engine", ["torch", "jax"])
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
    assert balanced.engine["why"] == "the compiled engine has no class weights"
    ones = execute(make_run(engine="array", class_weights=dict.fromkeys("abc", 1.0), epochs=8), rare)
    assert ones.metrics == plain.metrics
    assert "class_weights" not in plain.setting["training"]


def test_auto_takes_an_engine_that_has_them():
    assert Setting(training={"class_weights": "balanced"}).resolved().training.engine == "array"
    assert Setting().resolved().training.engine == "compiled"


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


def test_what_has_no_class_weights(rare):
    with pytest.raises(InputError, match=r'^the compiled engine has no class weights; set training\.engine = "array"$'):
        execute(make_run(engine="compiled", class_weights="balanced"), rare)
    setting = Setting(data={"task": "regression"}, training={"class_weights": "balanced"})
    with pytest.raises(InputError, match=r"class_weights is for classification, and data\.task = 'regression'"):
        setting.network_for((4,), 1, has_validation=True)
