"""Pooling: numbers by hand, ties, NaN, PyTorch, central differences, both libraries."""

import numpy as np
import pytest
import torch

from handgrad.network.gradcheck import TOLERANCES, numerical_gradient, relative_error
from handgrad.network.pooling import (
    average_pool_backward,
    average_pool_forward,
    max_pool_backward,
    max_pool_forward,
    max_pool_winners,
)
from handgrad.network.windows import Windows

from .conftest import Library

CASES = {
    "2": ((2, 4, 6), Windows((2, 2), (2, 2))),
    "3x2": ((1, 6, 4), Windows((3, 2), (3, 2))),
    "overlapping": ((2, 5, 7), Windows((3, 3), (2, 2))),
    "stride 1": ((2, 4, 3), Windows((2, 2), (1, 1))),
    "gaps": ((1, 5, 5), Windows((2, 2), (3, 3))),
    "whole image": ((3, 3, 2), Windows((3, 2), (3, 2))),
}
TWO = Windows((2, 2), (2, 2))


def max_backward(dz, x, windows):
    return max_pool_backward(dz, x, max_pool_forward(x, windows), windows)


POOLS = {
    "max": (max_pool_forward, max_backward, torch.nn.functional.max_pool2d),
    "average": (average_pool_forward, average_pool_backward, torch.nn.functional.avg_pool2d),
}


def problem(case, dtype="float64", n=2):
    (c, rows, cols), windows = CASES[case]
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, c, rows, cols)).astype(dtype)
    return x, rng.normal(size=(n, c, *windows.counts((rows, cols)))).astype(dtype), windows


def image(*rows):
    return np.array([[rows]], dtype=float)


def test_numbers_by_hand():
    x, dz = image([1, 2, 0, -1], [4, 3, -2, 0.5]), image([10, 20])
    assert max_pool_forward(x, TWO).tolist() == [[[[4.0, 0.5]]]]
    assert max_backward(dz, x, TWO).tolist() == [[[[0, 0, 0, 0], [10, 0, 0, 20]]]]
    assert average_pool_forward(x, TWO).tolist() == [[[[2.5, -0.625]]]]
    assert average_pool_backward(dz, x, TWO).tolist() == [[[[2.5, 2.5, 5, 5], [2.5, 2.5, 5, 5]]]]


def test_a_pixel_that_is_the_maximum_of_several_windows_collects_from_all():
    x = image([0, 9, 0])
    assert max_backward(image([1, 10]), x, Windows((1, 2))).tolist() == [[[[0, 11, 0]]]]
    assert average_pool_backward(image([1, 10]), x, Windows((1, 2))).tolist() == [[[[0.5, 5.5, 5]]]]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("pool", POOLS)
def test_forward_and_backward_are_those_of_pytorch(pool, case, dtype):
    forward, backward, of_torch = POOLS[pool]
    x, dz, windows = problem(case, dtype)
    peer = torch.tensor(x, requires_grad=True)
    z = of_torch(peer, windows.size, windows.stride)
    z.backward(torch.tensor(dz))
    assert forward(x, windows).dtype == backward(dz, x, windows).dtype == dtype
    tolerance = TOLERANCES[dtype] if pool == "average" else 0
    np.testing.assert_allclose(forward(x, windows), z.detach().numpy(), rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(backward(dz, x, windows), peer.grad.numpy(), rtol=TOLERANCES[dtype], atol=1e-6)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("pool", POOLS)
def test_backward_agrees_with_central_differences(pool, case):
    forward, backward, _ = POOLS[pool]
    x, dz, windows = problem(case)
    dx = backward(dz, x, windows)
    g_hat = numerical_gradient(lambda v: float((dz * forward(v, windows)).sum()), x)
    assert relative_error(dx, g_hat) < TOLERANCES["central differences"]
    assert not relative_error(1.001 * dx, g_hat) < TOLERANCES["central differences"]


@pytest.mark.parametrize("windows", [TWO, Windows((2, 2)), Windows((3, 2), (1, 2))])
def test_of_equal_numbers_the_first_gets_the_gradient_as_in_pytorch(windows):
    rng = np.random.default_rng(0)
    x = rng.integers(0, 2, size=(4, 2, 4, 4)).astype(float)  # mostly ties
    dz = rng.normal(size=(4, 2, *windows.counts((4, 4))))
    peer = torch.tensor(x, requires_grad=True)
    torch.nn.functional.max_pool2d(peer, windows.size, windows.stride).backward(torch.tensor(dz))
    np.testing.assert_allclose(max_backward(dz, x, windows), peer.grad.numpy(), rtol=1e-15, atol=1e-15)
    assert max_backward(image([7]), image([2, 2], [2, 2]), TWO).tolist() == [[[[7, 0], [0, 0]]]]


@pytest.mark.parametrize("case", CASES)
def test_every_window_has_one_winner(case):
    x, _, windows = problem(case)
    x[0, 0] = 0  # ties
    x[1, 0, 1, 1] = np.nan
    won = np.stack([place for _, place in max_pool_winners(x, max_pool_forward(x, windows), windows)])
    assert (won.sum(axis=0) == 1).all()


@pytest.mark.parametrize("pool", POOLS)
@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_a_nan_goes_through_wherever_it_stands(pool, place, library: Library):
    forward, backward, _ = POOLS[pool]
    x = image([1, 2, 5, 6], [3, 4, 7, 8])
    x[0, 0, *place] = np.nan
    z = library.numpy(forward(library.array(x), TWO))
    assert np.isnan(z[0, 0, 0]).tolist() == [True, False]
    dx = library.numpy(backward(library.array(np.full_like(z, np.nan)), library.array(x), TWO))
    assert np.isnan(dx[0, 0, place[0], place[1]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("pool", POOLS)
def test_types_and_libraries_stay(pool, dtype, library: Library):
    forward, backward, _ = POOLS[pool]
    x, dz, windows = problem("overlapping", dtype)
    own_x, own_dz = library.array(x), library.array(dz)
    for found, expected in (
        (forward(own_x, windows), forward(x, windows)),
        (backward(own_dz, own_x, windows), backward(dz, x, windows)),
    ):
        assert type(found) is type(own_x)
        assert library.dtype(found) == dtype
        np.testing.assert_allclose(library.numpy(found), expected, rtol=1e-6)


@pytest.mark.parametrize("pool", POOLS)
def test_nothing_given_is_changed(pool):
    forward, backward, _ = POOLS[pool]
    x, dz, windows = problem("overlapping")
    kept = x.copy(), dz.copy()
    z = forward(x, windows)
    z += 1  # the result is no view of x either
    backward(dz, x, windows)
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(dz, kept[1])
