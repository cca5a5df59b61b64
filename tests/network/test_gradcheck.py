"""The gradient check: every combination passes, and whatever is wrong by 0.1 % is caught."""

import dataclasses
import inspect
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from handgrad.errors import NetworkError
from handgrad.network import batch_norm, passes
from handgrad.network.activations import ACTIVATIONS, LEAKY_SLOPE
from handgrad.network.dense import Dense
from handgrad.network.dropout import Dropout
from handgrad.network.gradcheck import (
    IMAGE_LAYERS,
    TOLERANCES,
    AtKink,
    Combination,
    all_combinations,
    check,
    check_combination,
    image_combinations,
    numerical_gradient,
    relative_error,
)
from handgrad.network.initializers import He, Normal, initialize
from handgrad.network.layers import LAYERS, parse_layer
from handgrad.network.losses import LOSSES, check_fit, margins
from handgrad.network.network import Network
from handgrad.network.targets import TARGETS

WRONG = 1.001

# For every function backward, one mutant for each of its terms or factors, wrong by 0.1 %.
ACTIVATION_MUTANTS: dict[str, list[Callable[[Any, Any], Any]]] = {
    "identity": [lambda da, a: WRONG * da],
    "sigmoid": [
        lambda da, a: WRONG * da * a * (1 - a),
        lambda da, a: da * a * (WRONG - a),
        lambda da, a: da * a * (1 - WRONG * a),
    ],
    "tanh": [
        lambda da, a: WRONG * da * (1 - a * a),
        lambda da, a: da * (WRONG - a * a),
        lambda da, a: da * (1 - WRONG * a * a),
    ],
    "relu": [lambda da, a: WRONG * da * (a > 0)],
    "leaky-relu": [
        lambda da, a: da * np.where(a > 0, WRONG, LEAKY_SLOPE),
        lambda da, a: da * np.where(a > 0, 1, WRONG * LEAKY_SLOPE),
    ],
    "softmax": [
        lambda da, a: a * (WRONG * da - (da * a).sum(axis=-1, keepdims=True)),
        lambda da, a: a * (da - WRONG * (da * a).sum(axis=-1, keepdims=True)),
    ],
    "log-softmax": [
        lambda da, a: WRONG * da - np.exp(a) * da.sum(axis=-1, keepdims=True),
        lambda da, a: da - WRONG * np.exp(a) * da.sum(axis=-1, keepdims=True),
    ],
}


def _softmax(z: Any) -> Any:
    return ACTIVATIONS["softmax"].forward(z)


def _sigmoid(z: Any) -> Any:
    return ACTIVATIONS["sigmoid"].forward(z)


def _violated(a: Any, T: Any) -> Any:
    return (margins(a, T) > 0).astype(a.dtype)


LOSS_MUTANTS: dict[str, list[Callable[[Any, Any], Any]]] = {
    "squared-error": [lambda a, T: 2 * (WRONG * a - T), lambda a, T: 2 * (a - WRONG * T)],
    "half-squared-error": [lambda a, T: WRONG * a - T, lambda a, T: a - WRONG * T],
    "mean-squared-error": [lambda a, T: 2 / 3 * (WRONG * a - T), lambda a, T: 2 / 3 * (a - WRONG * T)],
    "absolute-error": [lambda a, T: WRONG * np.sign(a - T)],
    "huber": [lambda a, T: WRONG * np.clip(a - T, -1, 1)],
    "cross-entropy": [lambda z, T: WRONG * _softmax(z) - T, lambda z, T: _softmax(z) - WRONG * T],
    "binary-cross-entropy": [lambda z, T: WRONG * _sigmoid(z) - T, lambda z, T: _sigmoid(z) - WRONG * T],
    "nll": [lambda a, T: -WRONG * T],
    "multi-margin": [
        lambda a, T: (WRONG * _violated(a, T) - T * _violated(a, T).sum(axis=-1, keepdims=True)) / 3,
        lambda a, T: (_violated(a, T) - WRONG * T * _violated(a, T).sum(axis=-1, keepdims=True)) / 3,
    ],
}


def worst(combination: Combination) -> float:
    return max(row.error for row in check_combination(combination))


def caught(combination: Combination) -> bool:
    return any(not row.ok for row in check_combination(combination))


def cases(mutants: dict[str, list[Any]]) -> list[Any]:
    return [pytest.param(name, m, id=f"{name}-{i}") for name, of in mutants.items() for i, m in enumerate(of)]


@pytest.mark.parametrize("depth", [0, 1, 3])
@pytest.mark.parametrize("loss", list(LOSSES))
def test_every_combination(loss, depth):
    chosen = [c for c in all_combinations() if c.loss == loss and c.depth == depth and c.image_layers is None]
    assert chosen
    failed = {str(c): error for c in chosen if not (error := worst(c)) <= TOLERANCES["central differences"]}
    assert failed == {}


@pytest.mark.parametrize("image_layers", IMAGE_LAYERS)
def test_every_combination_with_images(image_layers):
    chosen = [c for c in image_combinations() if c.image_layers == image_layers]
    assert {c.loss for c in chosen} == set(LOSSES)
    assert {c.activation for c in chosen} == {name for name in ACTIVATIONS if not ACTIVATIONS[name].rowwise}
    failed = {str(c): error for c in chosen if not (error := worst(c)) <= TOLERANCES["central differences"]}
    assert failed == {}


def test_the_image_layers_have_every_kind_of_layer():
    texts = [text.format(f="tanh") for layers in IMAGE_LAYERS.values() for text in layers]
    assert {parse_layer(text).kind for text in texts} | {"dropout"} == set(LAYERS)


def test_no_combination_is_missing_or_doubled():
    combinations = list(all_combinations())
    assert len(set(combinations)) == len(combinations)
    assert set(image_combinations()) < set(combinations)
    combinations = [c for c in combinations if c.image_layers is None]
    found = {(c.loss, c.output, c.targets) for c in combinations}
    for loss, output, targets in itertools.product(LOSSES, ACTIVATIONS, TARGETS):
        try:
            check_fit(loss, output, targets)
        except NetworkError:
            assert (loss, output, targets) not in found
        else:
            same = [c for c in combinations if (c.loss, c.output, c.targets) == (loss, output, targets)]
            # 2 reductions × dropout on and off × (no hidden layer, or each activation at depth 1 and 3)
            assert len(same) == 2 * 2 * (1 + 2 * len(ACTIVATIONS))


def test_every_activation_and_loss_has_mutants():
    assert set(ACTIVATION_MUTANTS) == set(ACTIVATIONS)
    assert set(LOSS_MUTANTS) == set(LOSSES)


@pytest.mark.parametrize(("name", "mutant"), cases(ACTIVATION_MUTANTS))
def test_an_activation_wrong_by_a_thousandth_is_caught(name, mutant, monkeypatch):
    as_hidden = Combination(name, "identity", "squared-error", "one-hot", "mean", dropout=False, depth=1)
    deep = dataclasses.replace(as_hidden, depth=3)
    as_output = Combination("tanh", name, "squared-error", "one-hot", "mean", dropout=False, depth=1)
    assert not caught(as_hidden)
    monkeypatch.setitem(ACTIVATIONS, name, dataclasses.replace(ACTIVATIONS[name], backward=mutant))
    assert caught(as_hidden)
    assert caught(deep)
    assert caught(as_output)


@pytest.mark.parametrize(("name", "mutant"), cases(LOSS_MUTANTS))
def test_a_loss_wrong_by_a_thousandth_is_caught(name, mutant, monkeypatch):
    output = LOSSES[name].fused_with or ("log-softmax" if name == "nll" else "identity")
    for depth, reduction in itertools.product((0, 1, 3), ("mean", "sum")):
        combination = Combination("tanh", output, name, "one-hot", reduction, dropout=False, depth=depth)
        assert not caught(combination)
        with monkeypatch.context() as patch:
            patch.setitem(LOSSES, name, dataclasses.replace(LOSSES[name], backward=mutant))
            assert caught(combination)


@pytest.mark.parametrize("term", ["dx", "W", "b"])
def test_a_dense_layer_wrong_by_a_thousandth_is_caught(term, monkeypatch):
    combination = Combination("tanh", "softmax", "cross-entropy", "one-hot", "mean", dropout=False, depth=1)
    right = Dense.backward

    def mutant(*arguments: Any) -> Any:
        dx, grads = right(*arguments)
        if term == "dx":
            return dx if dx is None else WRONG * dx, grads
        return dx, {**grads, term: WRONG * grads[term]}

    monkeypatch.setattr(Dense, "backward", mutant)
    wrong = {row.parameter for row in check_combination(combination) if not row.ok}
    assert wrong == ({"dense1.W", "dense1.b"} if term == "dx" else {f"dense1.{term}", f"dense2.{term}"})


@pytest.mark.parametrize(
    ("kind", "term", "image_layers", "wrong"),
    [
        ("conv", "dx", "conv stride pad", {"conv1.W", "conv1.b"}),
        ("conv", "W", "conv stride pad", {"conv1.W", "conv2.W"}),
        ("conv", "b", "conv stride pad", {"conv1.b", "conv2.b"}),
        ("max-pool", "dx", "max-pool", {"conv1.W", "conv1.b"}),
        ("max-pool", "dx", "max-pool stride", {"conv1.W", "conv1.b"}),
        ("average-pool", "dx", "average-pool", {"conv1.W", "conv1.b"}),
        ("flatten", "dx", "average-pool", {"conv1.W", "conv1.b"}),
        ("batch-norm", "gamma", "batch-norm", {"batch-norm1.gamma", "batch-norm2.gamma"}),
        ("batch-norm", "beta", "batch-norm", {"batch-norm1.beta", "batch-norm2.beta"}),
        ("batch-norm", "dx", "batch-norm",
         {"conv1.W", "conv1.b", "batch-norm1.gamma", "batch-norm1.beta", "dense1.W", "dense1.b"}),
    ],
)  # fmt: skip
def test_a_layer_of_images_wrong_by_a_thousandth_is_caught(kind, term, image_layers, wrong, monkeypatch):
    combination = Combination(
        "tanh", "softmax", "cross-entropy", "one-hot", "mean", dropout=False, depth=0, image_layers=image_layers
    )
    right = LAYERS[kind].backward

    def mutant(*arguments: Any) -> Any:
        dx, grads = right(*arguments)
        if term == "dx":
            return dx if dx is None else WRONG * dx, grads
        return dx, {**grads, term: WRONG * grads[term]}

    assert not caught(combination)
    monkeypatch.setattr(LAYERS[kind], "backward", mutant)
    assert {row.parameter for row in check_combination(combination) if not row.ok} == wrong


@pytest.mark.parametrize("term", ["dbeta / m", "dgamma / m"])
def test_a_term_of_batch_norm_wrong_by_a_thousandth_is_caught(term, monkeypatch):
    """The terms that come from μ and σ² depending on x."""
    source = inspect.getsource(batch_norm.batch_norm_backward).replace(f"({term}", f"({WRONG} * {term}")
    namespace = vars(batch_norm).copy()
    exec(source, namespace)
    combination = Combination("tanh", "softmax", "cross-entropy", "one-hot", "mean", False, 0, "batch-norm")
    monkeypatch.setattr(batch_norm, "batch_norm_backward", namespace["batch_norm_backward"])
    assert caught(combination)


def test_a_tie_between_the_pixels_of_a_pool_is_a_kink():
    network = Network.parse((1, 2, 2), "conv 1 1x1", "max-pool 2", "dense 2")
    params = {name: np.ones(shape) for name, shape in network.parameter_shapes.items()}
    x, T = np.array([[[[1.0, 2.0], [0.0, 2.0]]]]), np.eye(2)[:1]
    assert all(row.ok for row in check(network, params, x, T, "squared-error"))  # both move together
    skewed = Network.parse((1, 2, 3), "conv 1 1x2", "max-pool 2", "dense 2")
    params = {name: np.ones(shape) for name, shape in skewed.parameter_shapes.items()}
    with pytest.raises(AtKink):
        check(skewed, params, np.array([[[[1.0, 2.0, 1.0], [0.0, 0.0, 0.0]]]]), T, "squared-error")


def test_dropout_wrong_by_a_thousandth_is_caught(monkeypatch):
    combination = Combination("tanh", "softmax", "cross-entropy", "one-hot", "mean", dropout=True, depth=1)
    right = Dropout.backward

    def mutant(*arguments: Any) -> Any:
        dx, grads = right(*arguments)
        return WRONG * dx, grads

    monkeypatch.setattr(Dropout, "backward", mutant)
    assert {row.parameter for row in check_combination(combination) if not row.ok} == {"dense1.W", "dense1.b"}


def test_a_nan_is_never_ok(monkeypatch):
    combination = Combination("tanh", "softmax", "cross-entropy", "one-hot", "mean", dropout=False, depth=1)
    broken = dataclasses.replace(LOSSES["cross-entropy"], backward=lambda z, T: z * np.nan)
    monkeypatch.setitem(LOSSES, "cross-entropy", broken)
    assert caught(combination)


def test_a_point_at_a_kink_is_refused():
    network = Network.parse((2,), "dense 3 relu", "dense 2")
    params = {name: np.zeros(shape) for name, shape in network.parameter_shapes.items()}  # every z is 0
    params["dense2.W"] += 1
    x, T = np.ones((2, 2)), np.eye(2)
    with pytest.raises(AtKink):
        check(network, params, x, T, "squared-error")
    smooth = Network.parse((2,), "dense 3 tanh", "dense 2")
    assert all(row.ok for row in check(smooth, params, x, T, "squared-error"))


@pytest.mark.parametrize("loss", ["absolute-error", "multi-margin"])
def test_the_kinks_of_losses_are_refused(loss):
    network = Network.parse((1,), "dense 2")
    params = {"dense1.W": np.zeros((1, 2)), "dense1.b": np.array([1.0, 0.0])}  # a = T, and 1 - a_y + a_j = 0
    with pytest.raises(AtKink):
        check(network, params, np.ones((1, 1)), np.array([[1.0, 0.0]]), loss)


def test_no_drawn_point_checks_nothing():
    combination = Combination("relu", "relu", "absolute-error", "one-hot", "mean", dropout=True, depth=3)
    assert not any(row.vanishes for row in check_combination(combination))


def test_the_numbers_of_the_check_by_hand():
    # f(w) = w³ at 2: 12, and the central difference is 12 + h²
    w = np.array([2.0])
    assert numerical_gradient(lambda w: float((w**3).sum()), w, h=0.5).tolist() == [12.25]
    assert w.tolist() == [2.0]
    # by its own size; by a hundredth of the largest; by 1e-4 at least
    assert relative_error(np.array([1.0]), np.array([1.1])) == pytest.approx(0.1 / 1.1)
    assert relative_error(np.array([1.1, 0.0]), np.array([1.1, 0.001])) == pytest.approx(0.001 / 0.011)
    assert relative_error(np.array([0.0]), np.array([1e-12])) == pytest.approx(1e-8)
    assert np.isnan(relative_error(np.array([np.nan, 1.0]), np.array([1.0, 1.0])))


MLP = ["dense 64 tanh", "dropout 0.2", "dense 10 softmax"]
LENET = ["conv 6 5x5 tanh", "average-pool 2", "conv 16 5x5", "batch-norm tanh", "max-pool 2", "dense 120 tanh",
         "dropout 0.5", "dense 84 tanh", "dropout 0.5", "dense 10 softmax"]  # fmt: skip


@pytest.mark.parametrize("layers", [MLP, [text.replace("tanh", "relu") for text in MLP], LENET])
def test_a_real_network_in_random_directions(layers):
    """784-64-10 and LeNet: the derivative along random directions v, Σ g·v against (L(w + hv) - L(w - hv)) / 2h."""
    network = Network.parse((1, 28, 28), *layers)
    rng = np.random.default_rng(0)
    params = initialize(network, He(), Normal(std=0.1), 0, "float64")
    x, T = rng.uniform(size=(20, 1, 28, 28)), np.eye(10)[rng.integers(0, 10, 20)]
    masks = passes.masks(network, 1, 0, 20, like=x)
    _, grads, _ = passes.loss_and_gradients(network, params, x, T, "cross-entropy", "mean", masks=masks)
    for _ in range(5):
        v = {name: rng.normal(size=w.shape) for name, w in params.items()}
        norm = sum((direction**2).sum() for direction in v.values()) ** 0.5
        h = 1e-6 / norm

        def moved(t: float, v: dict[str, Any] = v) -> float:
            at = {name: w + t * v[name] for name, w in params.items()}
            return float(passes.loss_and_gradients(network, at, x, T, "cross-entropy", "mean", masks=masks)[0].mean())

        slope = sum(float((g * v[name]).sum()) for name, g in grads.items())
        assert (moved(h) - moved(-h)) / (2 * h) == pytest.approx(slope, rel=1e-5)


def test_a_depth_without_widths_is_refused():
    with pytest.raises(NetworkError, match=r"^depth must be one of 0, 1, 3; got 2$"):
        Combination("tanh", "softmax", "cross-entropy", "one-hot", "mean", dropout=False, depth=2)
