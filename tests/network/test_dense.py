"""The dense layer: numbers by hand, central differences, both libraries."""

import numpy as np
import pytest

from handgrad.network.dense import dense_backward, dense_backward_parameters, dense_forward
from handgrad.network.gradcheck import TOLERANCES, numerical_gradient, relative_error

from .conftest import Library

X = np.array([[1.0, 2.0], [3.0, 4.0], [0.0, -1.0]])  # (3, 2)
W = np.array([[1.0, 0.0, 2.0, -1.0], [0.0, 1.0, 1.0, 3.0]])  # (2, 4)
B = np.array([0.5, 0.0, -1.0, 0.0])
DZ = np.array([[1.0, 0.0, 0.0, 2.0], [0.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]])


def test_numbers_by_hand():
    # first row: 1·1 + 0.5 = 1.5;  2·1 = 2;  1·2 + 2·1 - 1 = 3;  -1 + 2·3 = 5
    assert dense_forward(X, W, B)[0].tolist() == [1.5, 2.0, 3.0, 5.0]
    dx, dW, db = dense_backward(DZ, X, W)
    # first row of dx: dz @ W.T = (1·1 + 2·(-1), 2·3);   dW[0, 3] = Σ x[:, 0]·dz[:, 3] = 1·2 + 0·1
    assert dx[0].tolist() == [-1.0, 6.0]
    assert dW.tolist() == [[1.0, 3.0, 0.0, 2.0], [2.0, 4.0, -1.0, 3.0]]
    assert db.tolist() == [1.0, 1.0, 1.0, 3.0]


def test_backward_agrees_with_central_differences():
    dx, dW, db = dense_backward(DZ, X, W)
    for g, f, w in (
        (dx, lambda v: dense_forward(v, W, B), X),
        (dW, lambda v: dense_forward(X, v, B), W),
        (db, lambda v: dense_forward(X, W, v), B),
    ):
        g_hat = numerical_gradient(lambda v, f=f: float((DZ * f(v)).sum()), w)
        assert relative_error(g, g_hat) < TOLERANCES["central differences"]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types_and_libraries_stay(dtype, library: Library):
    dz, x, w, b = (library.array(array.astype(dtype)) for array in (DZ, X, W, B))
    results = (dense_forward(x, w, b), *dense_backward(dz, x, w))
    for found, expected in zip(results, (dense_forward(X, W, B), *dense_backward(DZ, X, W)), strict=True):
        assert type(found) is type(x)
        assert library.dtype(found) == dtype
        np.testing.assert_array_equal(library.numpy(found), expected)


def test_the_first_layer_needs_the_parameters_only():
    _, dW, db = dense_backward(DZ, X, W)
    only_dW, only_db = dense_backward_parameters(DZ, X)
    np.testing.assert_array_equal(only_dW, dW)
    np.testing.assert_array_equal(only_db, db)


def test_nothing_given_is_changed():
    given = [array.copy() for array in (DZ, X, W, B)]
    dense_forward(X, W, B)
    dense_backward(DZ, X, W)
    for array, kept in zip((DZ, X, W, B), given, strict=True):
        np.testing.assert_array_equal(array, kept)
