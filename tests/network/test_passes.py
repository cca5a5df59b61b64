"""The passes: a network worked by hand, parity with autograd, types, chunks, masks, divergence."""

import math

import numpy as np
import pytest
import torch

from handgrad.errors import UnknownName
from handgrad.network import passes
from handgrad.network.gradcheck import TOLERANCES
from handgrad.network.initializers import He, Normal, initialize
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.streams import stream

from .conftest import Library
from .test_activations import OF_TORCH as ACTIVATIONS_OF_TORCH
from .test_losses import OF_TORCH as LOSSES_OF_TORCH

DEEP = Network.parse((2, 3), "dropout 0.2", "dense 7 tanh", "dropout 0.4", "dense 5 relu", "dense 4 softmax")


def problem(network=DEEP, n=6, dtype="float64", seed=0):
    rng = stream(seed, "gradcheck")
    params = initialize(network, He(), Normal(std=0.5), seed, dtype)
    x = rng.normal(size=(n, *network.input_shape)).astype(dtype)
    T = np.eye(network.n_outputs, dtype=dtype)[rng.integers(0, network.n_outputs, n)]
    return params, x, T


def on(library: Library, params, *arrays):
    return {name: library.array(array) for name, array in params.items()}, *map(library.array, arrays)


def test_a_network_worked_by_hand():
    # 2 inputs, 2 relu units, 1 output, half-squared error, one example
    network = Network.parse((2,), "dense 2 relu", "dense 1")
    params = {
        "dense1.W": np.array([[1.0, -1.0], [2.0, 1.0]]),
        "dense1.b": np.array([0.0, -1.0]),
        "dense2.W": np.array([[3.0], [5.0]]),
        "dense2.b": np.array([1.0]),
    }
    x, T = np.array([[1.0, 1.0]]), np.array([[8.0]])
    # z1 = (1 + 2, -1 + 1 - 1) = (3, -1);  a1 = (3, 0);  z2 = 3·3 + 1 = 10
    losses, grads, trace = passes.loss_and_gradients(network, params, x, T, "half-squared-error", "mean")
    assert trace.a[0].tolist() == [[3.0, 0.0]]
    assert trace.output.tolist() == trace.z.tolist() == [[10.0]]
    assert losses.tolist() == [2.0]  # ½·(10 - 8)²
    # dz2 = 2;  dW2 = a1·2;  da1 = 2·(3, 5) = (6, 10);  dz1 = (6, 0);  dW1 = xᵀ dz1
    assert {name: g.tolist() for name, g in grads.items()} == {
        "dense1.W": [[6.0, 0.0], [6.0, 0.0]],
        "dense1.b": [6.0, 0.0],
        "dense2.W": [[6.0], [0.0]],
        "dense2.b": [2.0],
    }


def test_gradients_come_in_the_order_and_shapes_of_the_parameters():
    params, x, T = problem()
    _, grads, _ = passes.loss_and_gradients(DEEP, params, x, T, "cross-entropy", "mean")
    assert [(name, g.shape) for name, g in grads.items()] == list(DEEP.parameter_shapes.items())


@pytest.mark.parametrize("batch_reduction", ["mean", "sum"])
@pytest.mark.parametrize(
    ("loss", "output"), [(name, output) for name, loss in LOSSES.items() for output in sorted(loss.outputs)]
)
def test_agrees_with_autograd_through_the_whole_network(loss, output, batch_reduction):
    network = Network.parse((5,), "dense 7 tanh", "dropout 0.4", "dense 6 leaky-relu", f"dense 4 {output}")
    params, x, T = problem(network)
    masks = passes.masks(network, 3, 0, len(x), like=x)
    losses, grads, _ = passes.loss_and_gradients(network, params, x, T, loss, batch_reduction, masks=masks)

    peers = {name: torch.tensor(array, requires_grad=True) for name, array in params.items()}
    a = torch.tanh(torch.tensor(x) @ peers["dense1.W"] + peers["dense1.b"]) * torch.tensor(masks[1])
    a = torch.nn.functional.leaky_relu(a @ peers["dense2.W"] + peers["dense2.b"])
    z = a @ peers["dense3.W"] + peers["dense3.b"]
    o = z if LOSSES[loss].fused_with == output else ACTIVATIONS_OF_TORCH[output](z)
    expected = LOSSES_OF_TORCH[loss](o, torch.tensor(T))
    (expected.mean() if batch_reduction == "mean" else expected.sum()).backward()

    np.testing.assert_allclose(losses, expected.detach().numpy(), rtol=TOLERANCES["float64"])
    for name, peer in peers.items():
        assert peer.grad is not None
        tolerance = TOLERANCES["float64"]
        np.testing.assert_allclose(grads[name], peer.grad.numpy(), rtol=tolerance, atol=tolerance)


MIXED = Network.parse(
    (2, 9, 8), "conv 4 3x2 stride 1x2 pad 1x0 relu", "dropout 0.2", "max-pool 3x2", "batch-norm tanh",
    "conv 3 2x2 pad 1", "average-pool 2 stride 1", "flatten", "dense 6 leaky-relu", "dropout 0.4", "batch-norm",
    "dense 4 softmax",
)  # fmt: skip


def mixed_by_torch(p, x, masks):
    f = torch.nn.functional
    a = torch.relu(f.conv2d(x, p["conv1.W"], p["conv1.b"], stride=(1, 2), padding=(1, 0))) * torch.tensor(masks[1])
    a = f.max_pool2d(a, (3, 2))
    a = torch.tanh(f.batch_norm(a, None, None, p["batch-norm1.gamma"], p["batch-norm1.beta"], training=True))
    a = f.avg_pool2d(f.conv2d(a, p["conv2.W"], p["conv2.b"], padding=1), 2, 1).flatten(1)
    a = f.leaky_relu(a @ p["dense1.W"] + p["dense1.b"]) * torch.tensor(masks[8])
    a = f.batch_norm(a, None, None, p["batch-norm2.gamma"], p["batch-norm2.beta"], training=True)
    return a @ p["dense2.W"] + p["dense2.b"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_mixed_network_of_images_agrees_with_autograd(dtype, library: Library):
    params, x, T = problem(MIXED, dtype=dtype)
    masks = passes.masks(MIXED, 3, 0, len(x), like=x)
    assert {i: mask.shape for i, mask in masks.items()} == {1: (6, 4, 9, 4), 8: (6, 6)}
    own_params, own_x, own_T = on(library, params, x, T)
    losses, grads, _ = passes.loss_and_gradients(
        MIXED, own_params, own_x, own_T, "cross-entropy", "sum", masks={i: library.array(m) for i, m in masks.items()}
    )
    peers = {name: torch.tensor(array, requires_grad=True) for name, array in params.items()}
    expected = LOSSES_OF_TORCH["cross-entropy"](mixed_by_torch(peers, torch.tensor(x), masks), torch.tensor(T))
    expected.sum().backward()
    tolerance = 10 * TOLERANCES[dtype]  # batch norm divides by small deviations
    np.testing.assert_allclose(library.numpy(losses), expected.detach().numpy(), rtol=tolerance)
    assert list(grads) == [name for name in MIXED.parameter_shapes if name not in MIXED.buffer_names]
    for name, g in grads.items():
        assert library.dtype(g) == dtype
        np.testing.assert_allclose(library.numpy(g), peers[name].grad.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types_and_libraries_stay(dtype, library: Library):
    params, x, T = problem(dtype=dtype)
    exact = passes.loss_and_gradients(
        DEEP, *problem()[:1], *problem()[1:], "cross-entropy", "mean", masks=passes.masks(DEEP, 3, 0, 6, like=T)
    )
    own_params, own_x, own_T = on(library, params, x, T)
    masks = passes.masks(DEEP, 3, 0, len(x), like=own_x)
    losses, grads, trace = passes.loss_and_gradients(
        DEEP, own_params, own_x, own_T, "cross-entropy", "mean", masks=masks
    )
    scored = passes.score(DEEP, own_params, own_x, own_T, "cross-entropy")[0]
    for array in (losses, trace.output, trace.z, *grads.values(), *trace.a, scored, *masks.values()):
        assert type(array) is type(own_x)
        assert library.dtype(array) == dtype
    tolerance = TOLERANCES[dtype]
    np.testing.assert_allclose(library.numpy(losses), exact[0], rtol=tolerance)
    for name, g in grads.items():
        np.testing.assert_allclose(library.numpy(g), exact[1][name], rtol=tolerance, atol=tolerance)


def test_the_sum_is_n_times_the_mean():
    params, x, T = problem()
    mean = passes.loss_and_gradients(DEEP, params, x, T, "squared-error", "mean")
    total = passes.loss_and_gradients(DEEP, params, x, T, "squared-error", "sum")
    np.testing.assert_array_equal(mean[0], total[0])  # the losses of the examples know no reduction
    for name, g in mean[1].items():
        np.testing.assert_allclose(len(x) * g, total[1][name], rtol=1e-12, atol=1e-14)


def test_the_gradient_of_a_batch_is_the_sum_over_its_examples():
    params, x, T = problem()
    _, whole, _ = passes.loss_and_gradients(DEEP, params, x, T, "cross-entropy", "sum")
    single = [
        passes.loss_and_gradients(DEEP, params, x[i : i + 1], T[i : i + 1], "cross-entropy", "sum")[1]
        for i in range(len(x))
    ]
    for name, g in whole.items():
        np.testing.assert_allclose(sum(of_one[name] for of_one in single), g, rtol=1e-12, atol=1e-14)


def test_nothing_given_is_changed():
    params, x, T = problem()
    masks = passes.masks(DEEP, 3, 0, len(x), like=x)
    kept = {name: array.copy() for name, array in params.items()}
    kept_masks = {i: mask.copy() for i, mask in masks.items()}
    passes.loss_and_gradients(DEEP, params, x, T, "cross-entropy", "mean", masks=masks)
    np.testing.assert_array_equal(x, problem()[1])
    np.testing.assert_array_equal(T, problem()[2])
    for name, array in kept.items():
        np.testing.assert_array_equal(params[name], array)
    for i, mask in kept_masks.items():
        np.testing.assert_array_equal(masks[i], mask)


def test_a_linear_model_and_a_fused_output():
    network = Network.parse((3,), "dense 2 softmax")
    params, x, T = problem(network)
    _, grads, trace = passes.loss_and_gradients(network, params, x, T, "cross-entropy", "sum")
    np.testing.assert_allclose(grads["dense1.W"], x.T @ (trace.output - T), rtol=1e-13)
    logits = Network.parse((3,), "dense 2 identity")  # the same loss on logits
    _, of_logits, _ = passes.loss_and_gradients(logits, params, x, T, "cross-entropy", "sum")
    np.testing.assert_array_equal(grads["dense1.W"], of_logits["dense1.W"])


def test_masks_are_for_dropout_layers_and_have_the_shape_of_their_layer():
    masks = passes.masks(DEEP, 3, 0, 6, like=np.ones(1))
    assert {i: mask.shape for i, mask in masks.items()} == {0: (6, 2, 3), 2: (6, 7)}
    again, other_step = passes.masks(DEEP, 3, 0, 6, like=np.ones(1)), passes.masks(DEEP, 3, 1, 6, like=np.ones(1))
    np.testing.assert_array_equal(masks[2], again[2])
    assert (masks[2] != other_step[2]).any()
    assert passes.masks(Network.parse((2,), "dense 2"), 3, 0, 6, like=np.ones(1)) == {}


def test_dropout_is_in_force_only_with_masks():
    params, x, _ = problem()
    in_use = passes.forward(DEEP, params, x)
    assert in_use.a[2] is in_use.a[1]
    masks = passes.masks(DEEP, 3, 0, len(x), like=x)
    in_training = passes.forward(DEEP, params, x, masks=masks)
    np.testing.assert_array_equal(in_training.a[0], x * masks[0])
    np.testing.assert_array_equal(in_training.a[2], in_training.a[1] * masks[2])


@pytest.mark.parametrize("chunk", [1, 4, 5, 1000])
def test_scores_and_predictions_in_chunks(chunk, library: Library):
    params, x, T = problem(n=11)
    own_params, own_x, own_T = on(library, params, x, T)
    losses, predicted = passes.score(DEEP, own_params, own_x, own_T, "cross-entropy", chunk=chunk)
    outputs = passes.predict(DEEP, own_params, own_x, chunk=chunk)
    trace = passes.forward(DEEP, params, x)
    np.testing.assert_allclose(library.numpy(outputs), trace.output, rtol=1e-12)
    np.testing.assert_array_equal(library.numpy(predicted), trace.output.argmax(axis=1))
    np.testing.assert_allclose(library.numpy(losses), LOSSES["cross-entropy"].forward(trace.z, T), rtol=1e-12)


def test_large_images_are_scored_fewer_at_a_time():
    assert passes.rows_at_once(DEEP) == 1000
    wide = Network.parse((3, 32, 32), "conv 64 3x3 pad 1 relu", "conv 64 3x3 pad 1 relu", "dense 10")
    assert passes.rows_at_once(wide) == 2**26 // (2 * 64 * 32 * 32 + 10)
    huge = Network.parse((1, 5000, 5000), "conv 4 1x1", "dense 2")
    assert passes.rows_at_once(huge) == 1


def test_of_equal_outputs_the_first_class_is_predicted():
    network = Network.parse((1,), "dense 3 relu")
    params = {"dense1.W": np.array([[-1.0, 2.0, 2.0]]), "dense1.b": np.zeros(3)}
    predicted = passes.score(network, params, np.array([[1.0], [-0.0]]), np.eye(3)[:2], "squared-error")[1]
    assert predicted.tolist() == [1, 0]


def test_an_unknown_loss_offers_the_nearest():
    params, x, T = problem()
    with pytest.raises(UnknownName, match="unknown loss 'squared'; did you mean 'squared-error'"):
        passes.loss_and_gradients(DEEP, params, x, T, "squared", "mean")


@pytest.mark.parametrize("hidden", ["relu", "leaky-relu", "tanh", "sigmoid"])
def test_a_nan_reaches_the_loss(hidden):
    network = Network.parse((3,), f"dense 4 {hidden}", "dense 2 softmax")
    params, x, T = problem(network)
    params["dense1.W"][0, 0] = np.nan
    losses, grads, _ = passes.loss_and_gradients(network, params, x, T, "cross-entropy", "mean")
    assert np.isnan(losses).all()
    assert all(np.isnan(grads[name]).any() for name in ("dense2.W", "dense2.b"))


@pytest.mark.parametrize(
    ("broken", "value", "where"),
    [
        (None, 0.0, "loss"),
        ("dense1.W", math.nan, "dense1"),
        ("dense2.b", math.inf, "dense2"),
        ("dense3.W", -math.inf, "dense3"),
        ("dense2.W", 1e308, "dense2"),  # finite itself, but its outputs are not
    ],
)
def test_the_layer_where_numbers_stop_being_finite_is_named(broken, value, where, library: Library):
    params, x, _ = problem()
    if broken:
        params[broken][...] = value
    x = np.abs(x) + 1
    own_params, own_x = on(library, params, x)
    assert passes.first_non_finite(DEEP, own_params, own_x) == where


def test_the_first_broken_layer_counts():
    params, x, _ = problem()
    params["dense3.b"][0] = params["dense2.b"][0] = math.nan
    assert passes.first_non_finite(DEEP, params, x) == "dense2"
