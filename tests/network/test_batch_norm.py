"""Batch norm: numbers by hand, PyTorch in training and in inference, central differences, running statistics."""

import numpy as np
import pytest
import torch

from handgrad.network import passes
from handgrad.network.batch_norm import (
    EPS,
    MOMENTUM,
    batch_norm_backward,
    batch_norm_forward,
    batch_norm_inference,
    batch_norm_running,
    count,
)
from handgrad.network.gradcheck import TOLERANCES, numerical_gradient, relative_error
from handgrad.network.initializers import He, Normal, initialize
from handgrad.network.network import Network

from .conftest import Library

SHAPES = {"rows": (6, 3), "images": (3, 2, 4, 3), "one image": (1, 2, 3, 2)}


def problem(shape, dtype="float64"):
    rng = np.random.default_rng(0)
    x, dz = (rng.normal(1, 2, size=SHAPES[shape]).astype(dtype) for _ in range(2))
    gamma, beta = (rng.normal(size=x.shape[1]).astype(dtype) for _ in range(2))
    return x, dz, gamma, beta


def test_numbers_by_hand():
    # 1, 3: mean 2, variance 1; x̂ = ±1/√(1 + ε)
    x, gamma, beta = np.array([[1.0], [3.0]]), np.array([2.0]), np.array([5.0])
    x_hat = 1 / np.sqrt(1 + EPS)
    np.testing.assert_allclose(batch_norm_forward(x, gamma, beta), [[5 - 2 * x_hat], [5 + 2 * x_hat]], rtol=1e-15)
    dx, dgamma, dbeta = batch_norm_backward(np.array([[1.0], [0.0]]), x, gamma)
    assert dbeta.tolist() == [1.0]
    np.testing.assert_allclose(dgamma, [-x_hat], rtol=1e-15)
    # γ/√(σ²+ε)·(dz - ½ - x̂·(-x̂)/2): first row 1 - ½ - x̂²/2, second 0 - ½ + x̂²/2
    np.testing.assert_allclose(dx, 2 * x_hat * np.array([[0.5 - x_hat**2 / 2], [-0.5 + x_hat**2 / 2]]), rtol=1e-9)
    # mean 0.9·10 + 0.1·2; variance 0.9·4 + 0.1·(2/1)·1
    mean, variance = batch_norm_running(x, np.array([10.0]), np.array([4.0]))
    np.testing.assert_allclose([mean[0], variance[0]], [9.2, 3.8], rtol=1e-15)
    assert batch_norm_inference(np.array([[7.0]]), gamma, beta, np.array([3.0]), np.array([4 - EPS])).tolist() == [
        [9.0]
    ]


def test_the_constants_are_pytorchs():
    peer = torch.nn.BatchNorm2d(1)
    assert (peer.momentum, peer.eps) == (MOMENTUM, EPS)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_training_is_that_of_pytorch(shape, dtype):
    x, dz, gamma, beta = problem(shape, dtype)
    mean, variance = np.full_like(gamma, 0.3), np.full_like(gamma, 1.7)
    peers = [torch.tensor(array, requires_grad=True) for array in (x, gamma, beta)]
    running = torch.tensor(mean), torch.tensor(variance)
    z = torch.nn.functional.batch_norm(peers[0], *running, peers[1], peers[2], training=True)
    z.backward(torch.tensor(dz))
    ours = (
        batch_norm_forward(x, gamma, beta),
        *batch_norm_backward(dz, x, gamma),
        *batch_norm_running(x, mean, variance),
    )
    theirs = (z.detach(), *(peer.grad for peer in peers), *running)
    for own, peer in zip(ours, theirs, strict=True):
        assert own.dtype == dtype
        np.testing.assert_allclose(own, peer.numpy(), rtol=TOLERANCES[dtype], atol=10 * TOLERANCES[dtype])


@pytest.mark.parametrize("shape", SHAPES)
def test_use_is_that_of_pytorch(shape):
    x, _, gamma, beta = problem(shape)
    mean, variance = np.full_like(gamma, 0.3), np.full_like(gamma, 1.7)
    peer = torch.nn.functional.batch_norm(*map(torch.tensor, (x, mean, variance, gamma, beta)))
    np.testing.assert_allclose(batch_norm_inference(x, gamma, beta, mean, variance), peer.numpy(), rtol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_backward_agrees_with_central_differences(shape):
    x, dz, gamma, beta = problem(shape)
    for g, f, w in zip(
        batch_norm_backward(dz, x, gamma),
        (
            lambda v: batch_norm_forward(v, gamma, beta),
            lambda v: batch_norm_forward(x, v, beta),
            lambda v: batch_norm_forward(x, gamma, v),
        ),
        (x, gamma, beta),
        strict=True,
    ):
        g_hat = numerical_gradient(lambda v, f=f: float((dz * f(v)).sum()), w)
        assert relative_error(g, g_hat) < TOLERANCES["central differences"]
        assert not relative_error(1.001 * g, g_hat) < TOLERANCES["central differences"]


def test_a_single_number_for_each_unit_gives_beta_and_leaves_the_statistics():
    x, gamma, beta = np.array([[3.0, -4.0]]), np.array([2.0, 3.0]), np.array([0.5, 0.25])
    assert count(x) == 1
    assert batch_norm_forward(x, gamma, beta).tolist() == [[0.5, 0.25]]
    dx, dgamma, dbeta = batch_norm_backward(np.array([[1.0, 7.0]]), x, gamma)
    assert (dx.tolist(), dgamma.tolist(), dbeta.tolist()) == ([[0, 0]], [0, 0], [1, 7])
    mean, variance = batch_norm_running(x, np.ones(2), np.full(2, 3.0))
    assert (mean.tolist(), variance.tolist()) == ([1, 1], [3, 3])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", SHAPES)
def test_types_and_libraries_stay(shape, dtype, library: Library):
    def results(x, dz, gamma, beta):
        return (
            batch_norm_forward(x, gamma, beta),
            *batch_norm_backward(dz, x, gamma),
            *batch_norm_running(x, beta, gamma),
            batch_norm_inference(x, gamma, beta, beta, gamma * gamma),
        )

    arrays = problem(shape, dtype)
    own = [library.array(array) for array in arrays]
    for found, expected in zip(results(*own), results(*arrays), strict=True):
        assert type(found) is type(own[0])
        assert library.dtype(found) == dtype
        np.testing.assert_allclose(library.numpy(found), expected, rtol=1e-4, atol=1e-5)


def test_a_network_uses_the_batch_in_training_and_the_running_statistics_in_use():
    network = Network.parse((2, 3, 3), "conv 2 2x2", "batch-norm tanh", "dense 2 softmax")
    params = initialize(network, He(), Normal(std=0.5), 0, "float64")
    assert {name for name in params if name.startswith("batch")} == {
        f"batch-norm1.{letter}" for letter in ("gamma", "beta", "mean", "variance")
    }
    assert network.buffer_names == {"batch-norm1.mean", "batch-norm1.variance"}
    assert network.parameter_count == 2 * 2 * 4 + 2 + 2 + 2 + 8 * 2 + 2
    x = np.random.default_rng(0).normal(size=(5, 2, 3, 3))
    _, grads, trace = passes.loss_and_gradients(network, params, x, np.eye(2)[[0, 1, 0, 1, 0]], "cross-entropy", "mean")
    assert list(grads) == [name for name in params if name not in network.buffer_names]
    z = trace.a[0]  # of conv, which has no activation
    np.testing.assert_array_equal(trace.a[1], np.tanh(batch_norm_forward(z, np.ones(2), np.zeros(2))))
    buffers = passes.updated_buffers(network, params, trace)
    assert buffers.keys() == network.buffer_names
    np.testing.assert_allclose(buffers["batch-norm1.mean"], 0.1 * z.mean(axis=(0, 2, 3)), rtol=1e-12)
    inference = passes.forward(network, params | buffers, x)
    np.testing.assert_allclose(
        inference.a[1],
        np.tanh((z - buffers["batch-norm1.mean"][:, None, None])
                / np.sqrt(buffers["batch-norm1.variance"][:, None, None] + EPS)),
        rtol=1e-12,
    )  # fmt: skip
    one_by_one = [passes.forward(network, params | buffers, x[i : i + 1]).output[0] for i in range(5)]
    np.testing.assert_allclose(one_by_one, inference.output, rtol=1e-12)  # each example by itself


@pytest.mark.parametrize("letter", ["gamma", "mean", "variance"])
def test_the_layer_where_numbers_stop_being_finite_is_named(letter):
    network = Network.parse((3,), "dense 2 tanh", "batch-norm", "dense 2")
    params = initialize(network, He(), Normal(std=0.5), 0, "float64")
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert passes.first_non_finite(network, params, x) == "loss"
    params[f"batch-norm1.{letter}"][0] = np.nan
    assert passes.first_non_finite(network, params, x) == "batch-norm1"


def test_numbers_that_overflow_only_in_use_are_found():
    network = Network.parse((1,), "batch-norm", "dense 1")
    params = initialize(network, He(), Normal(), 0, "float32")
    x = np.array([[3e38], [-3e38]], dtype=np.float32)  # in training: variance ∞ and x̂ = 0
    params["batch-norm1.mean"][...] = 3e38
    assert passes.first_non_finite(network, params, x) == "batch-norm1"  # in inference: -3e38 - 3e38
