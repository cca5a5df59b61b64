"""Activations: numbers by hand, parity with PyTorch's autograd, types, NaN, extremes, kinks."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from handgrad.network.activations import ACTIVATIONS, LEAKY_SLOPE
from handgrad.network.gradcheck import TOLERANCES, numerical_gradient, relative_error

from .conftest import Library

OF_TORCH: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "identity": lambda z: z * 1,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "leaky-relu": torch.nn.functional.leaky_relu,
    "softmax": lambda z: torch.softmax(z, dim=-1),
    "log-softmax": lambda z: torch.log_softmax(z, dim=-1),
}
NAMES = list(ACTIVATIONS)
FINITE = arrays(np.float64, (3, 4), elements=st.floats(-50, 50))


def numbers(dtype: str = "float64") -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(0, 2, (5, 4)).astype(dtype), rng.normal(size=(5, 4)).astype(dtype)


def test_every_activation_has_a_peer():
    assert set(OF_TORCH) == set(ACTIVATIONS)
    assert all(name == activation.name for name, activation in ACTIVATIONS.items())


@pytest.mark.parametrize(
    ("name", "z", "a", "da", "dz"),
    [
        ("identity", [2.0, -1.0], [2.0, -1.0], [3.0, 4.0], [3.0, 4.0]),
        # z = log 3: a = 1/(1 + 1/3) = 3/4, a(1 - a) = 3/16; z = 0: a = 1/2, a(1 - a) = 1/4
        ("sigmoid", [math.log(3), 0.0], [0.75, 0.5], [16.0, 4.0], [3.0, 1.0]),
        # z = log 2: (2 - 1/2)/(2 + 1/2) = 3/5, 1 - 9/25 = 16/25
        ("tanh", [math.log(2), 0.0], [0.6, 0.0], [25.0, 7.0], [16.0, 7.0]),
        ("relu", [2.0, -2.0], [2.0, 0.0], [5.0, 5.0], [5.0, 0.0]),
        ("leaky-relu", [2.0, -2.0], [2.0, -0.02], [5.0, 5.0], [5.0, 0.05]),
        # e^z = 3, 1: a = 3/4, 1/4.  Σ da·a = 8·3/4 = 6;  dz = 3/4·(8 - 6), 1/4·(0 - 6)
        ("softmax", [math.log(3), 0.0], [0.75, 0.25], [8.0, 0.0], [1.5, -1.5]),
        # Σ da = 8;  dz = 8 - 8·3/4, 0 - 8·1/4
        ("log-softmax", [math.log(3), 0.0], [math.log(0.75), math.log(0.25)], [8.0, 0.0], [2.0, -2.0]),
    ],
)
def test_numbers_by_hand(name, z, a, da, dz):
    activation = ACTIVATIONS[name]
    found = activation.forward(np.array([z]))
    assert found == pytest.approx(np.array([a]), rel=1e-14)
    assert activation.backward(np.array([da]), found) == pytest.approx(np.array([dz]), rel=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_backward_agrees_with_central_differences(name):
    z, da = numbers()
    activation = ACTIVATIONS[name]
    assert np.abs(z).min() > 1e-3  # away from the kinks of relu and leaky relu
    dz = activation.backward(da, activation.forward(z))
    g_hat = numerical_gradient(lambda z: float((da * activation.forward(z)).sum()), z)
    assert relative_error(dz, g_hat) < TOLERANCES["central differences"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_forward_and_backward_agree_with_autograd(name, dtype):
    z, da = numbers(dtype)
    peer = torch.tensor(z, requires_grad=True)
    expected = OF_TORCH[name](peer)
    expected.backward(torch.tensor(da))
    a = ACTIVATIONS[name].forward(z)
    tolerance = TOLERANCES[dtype]
    np.testing.assert_allclose(a, expected.detach().numpy(), rtol=tolerance, atol=tolerance)
    assert peer.grad is not None
    np.testing.assert_allclose(ACTIVATIONS[name].backward(da, a), peer.grad.numpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("name", NAMES)
def test_at_zero_the_derivative_is_that_of_pytorch(name):
    z, da = np.zeros((1, 3)), np.array([[2.0, 3.0, 5.0]])
    peer = torch.tensor(z, requires_grad=True)
    OF_TORCH[name](peer).backward(torch.tensor(da))
    assert peer.grad is not None
    dz = ACTIVATIONS[name].backward(da, ACTIVATIONS[name].forward(z))
    np.testing.assert_allclose(dz, peer.grad.numpy(), rtol=1e-14, atol=1e-15)


def test_the_subgradients_at_the_kink_are_those_stated():
    zero, one = np.zeros((1, 1)), np.ones((1, 1))
    assert ACTIVATIONS["relu"].backward(one, zero).item() == 0
    assert ACTIVATIONS["leaky-relu"].backward(one, zero).item() == LEAKY_SLOPE


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_types_and_libraries_stay(name, dtype, library: Library):
    z, da = (library.array(array) for array in numbers(dtype))
    a = ACTIVATIONS[name].forward(z)
    dz = ACTIVATIONS[name].backward(da, a)
    assert type(a) is type(dz) is type(z)
    assert library.dtype(a) == library.dtype(dz) == dtype
    on_numpy = ACTIVATIONS[name].forward(numbers(dtype)[0])
    np.testing.assert_allclose(library.numpy(a), on_numpy, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])


@pytest.mark.parametrize("name", NAMES)
def test_nan_goes_through(name, library: Library):
    z = library.array(np.array([[np.nan, 1.0], [0.5, 1.0]]))
    a = library.numpy(ACTIVATIONS[name].forward(z))
    assert np.isnan(a[0, 0])
    assert np.isfinite(a[1]).all()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_large_inputs_neither_overflow_nor_warn(name, dtype, library: Library):
    z = library.array(np.array([[1e4, -1e4, 0.0]], dtype=dtype))
    a = ACTIVATIONS[name].forward(z)
    dz = ACTIVATIONS[name].backward(library.array(np.ones((1, 3), dtype=dtype)), a)
    assert np.isfinite(library.numpy(a)).all()
    assert np.isfinite(library.numpy(dz)).all()


@pytest.mark.parametrize("name", NAMES)
def test_nothing_given_is_changed(name):
    z, da = numbers()
    a = ACTIVATIONS[name].forward(z)
    kept = a.copy()
    ACTIVATIONS[name].backward(da, a)
    np.testing.assert_array_equal(z, numbers()[0])
    np.testing.assert_array_equal(da, numbers()[1])
    np.testing.assert_array_equal(a, kept)


@pytest.mark.parametrize(
    ("name", "of_torch"),
    [
        ("identity", ("linear",)),
        ("sigmoid", ("sigmoid",)),
        ("tanh", ("tanh",)),
        ("relu", ("relu",)),
        ("leaky-relu", ("leaky_relu", LEAKY_SLOPE)),
    ],
)
def test_gains_are_those_of_pytorch(name: str, of_torch: tuple[Any, ...]):
    assert ACTIVATIONS[name].gain == pytest.approx(torch.nn.init.calculate_gain(*of_torch), rel=1e-15)


def test_rows_of_probabilities_have_gain_one():
    assert ACTIVATIONS["softmax"].gain == ACTIVATIONS["log-softmax"].gain == 1


@given(FINITE, st.floats(-1000, 1000))
def test_softmax_sums_to_one_and_does_not_see_a_shift(z: np.ndarray, shift: float):
    a = ACTIVATIONS["softmax"].forward(z)
    assert a.sum(axis=-1) == pytest.approx(1, rel=1e-14)
    np.testing.assert_allclose(ACTIVATIONS["softmax"].forward(z + shift), a, rtol=1e-10, atol=1e-300)


@given(FINITE)
def test_log_softmax_is_the_logarithm_of_softmax(z: np.ndarray):
    expected = np.log(ACTIVATIONS["softmax"].forward(z))
    np.testing.assert_allclose(ACTIVATIONS["log-softmax"].forward(z), expected, rtol=1e-12, atol=1e-12)


@given(FINITE)
def test_sigmoid_is_tanh_of_half_the_angle_and_odd_about_one_half(z: np.ndarray):
    sigmoid, tanh = ACTIVATIONS["sigmoid"].forward, ACTIVATIONS["tanh"].forward
    np.testing.assert_allclose(sigmoid(z), 0.5 + 0.5 * tanh(z / 2), rtol=0, atol=1e-15)
    np.testing.assert_allclose(sigmoid(-z), 1 - sigmoid(z), rtol=0, atol=2e-16)
