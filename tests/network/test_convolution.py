"""Convolution: numbers by hand, loops, PyTorch, central differences, chunks, both libraries."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from handgrad.network import convolution
from handgrad.network.convolution import columns, conv_backward, conv_backward_parameters, conv_forward, from_columns
from handgrad.network.gradcheck import TOLERANCES, numerical_gradient, relative_error
from handgrad.network.windows import Windows

from .conftest import Library

# (image, filters, windows): several channels, images that are not square, every option
CASES = {
    "plain": ((1, 5, 5), 2, Windows((3, 3))),
    "channels": ((3, 4, 6), 2, Windows((2, 3))),
    "stride": ((2, 7, 5), 3, Windows((3, 3), (2, 2))),
    "other strides": ((2, 7, 6), 2, Windows((3, 2), (2, 1))),
    "pad": ((2, 4, 3), 2, Windows((3, 3), (1, 1), (1, 1))),
    "pad and stride": ((2, 6, 5), 2, Windows((3, 2), (2, 3), (1, 2))),  # the last padded row is in no window
    "whole image": ((2, 3, 4), 3, Windows((3, 4))),
    "one pixel": ((3, 3, 2), 2, Windows((1, 1))),
    "gaps": ((1, 7, 7), 2, Windows((2, 2), (3, 3))),  # pixels between the windows are in none
    "large pad": ((1, 2, 2), 1, Windows((2, 2), (1, 1), (3, 3))),  # windows that see only zeros
}


def problem(case, n=3, dtype="float64"):
    (c, rows, cols), filters, windows = CASES[case]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, c, rows, cols)).astype(dtype)
    W, b = rng.normal(size=(filters, c, *windows.size)).astype(dtype), rng.normal(size=filters).astype(dtype)
    dz = rng.normal(size=(n, filters, *windows.counts((rows, cols)))).astype(dtype)
    return x, W, b, dz, windows


def loops(x, W, b, windows):
    """The formula as it stands."""
    (s_rows, s_cols), (p_rows, p_cols) = windows.stride, windows.pad
    wide = np.pad(x, ((0, 0), (0, 0), (p_rows, p_rows), (p_cols, p_cols)))
    z = np.empty((len(x), len(W), *windows.counts(x.shape[2:])))
    for n, o, r, q in np.ndindex(z.shape):
        patch = wide[n, :, r * s_rows : r * s_rows + W.shape[2], q * s_cols : q * s_cols + W.shape[3]]
        z[n, o, r, q] = (patch * W[o]).sum() + b[o]
    return z


def test_numbers_by_hand():
    x = np.array([[[[1.0, 2.0, 0.0], [0.0, -1.0, 3.0]]]])  # one image of one channel, 2×3
    W, b = np.array([[[[1.0, 2.0], [3.0, 4.0]]]]), np.array([10.0])
    # 1·1 + 2·2 + 0·3 - 1·4 + 10 = 11;   2·1 + 0·2 - 1·3 + 3·4 + 10 = 21
    assert conv_forward(x, W, b, Windows((2, 2))).tolist() == [[[[11.0, 21.0]]]]
    dx, dW, db = conv_backward(np.array([[[[1.0, 5.0]]]]), x, W, Windows((2, 2)))
    # the middle column is in both windows: 2·1 + 1·5, and 4·1 + 3·5
    assert dx.tolist() == [[[[1.0, 7.0, 10.0], [3.0, 19.0, 20.0]]]]
    # dW = 1·left window + 5·right window
    assert dW.tolist() == [[[[1 + 10.0, 2 + 0.0], [0 - 5.0, -1 + 15.0]]]]
    assert db.tolist() == [6.0]


@pytest.mark.parametrize("case", CASES)
def test_forward_is_the_formula(case):
    x, W, b, _, windows = problem(case)
    np.testing.assert_allclose(conv_forward(x, W, b, windows), loops(x, W, b, windows), rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_forward_and_backward_are_those_of_pytorch(case, dtype):
    x, W, b, dz, windows = problem(case, dtype=dtype)
    peers = [torch.tensor(array, requires_grad=True) for array in (x, W, b)]
    z = torch.nn.functional.conv2d(*peers, stride=windows.stride, padding=windows.pad)
    z.backward(torch.tensor(dz))
    ours = (conv_forward(x, W, b, windows), *conv_backward(dz, x, W, windows))
    theirs = (z.detach(), *(peer.grad for peer in peers))
    for own, peer in zip(ours, theirs, strict=True):
        assert own.dtype == dtype
        np.testing.assert_allclose(own, peer.numpy(), rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])


PAIRS = st.tuples(st.integers(1, 3), st.integers(1, 3))


@settings(deadline=None)
@given(PAIRS, PAIRS, st.tuples(st.integers(0, 2), st.integers(0, 2)), st.tuples(st.integers(3, 7), st.integers(3, 7)))
def test_any_size_stride_padding_and_image(size, stride, pad, image):
    windows = Windows(size, stride, pad)
    rng = np.random.default_rng(0)
    x, W = rng.normal(size=(2, 2, *image)), rng.normal(size=(3, 2, *size))
    peers = [torch.tensor(array, requires_grad=True) for array in (x, W)]
    z = torch.nn.functional.conv2d(*peers, stride=stride, padding=pad)
    assert z.shape[2:] == windows.counts(image)
    dz = rng.normal(size=z.shape)
    z.backward(torch.tensor(dz))
    dx, dW, _ = conv_backward(dz, x, W, windows)
    np.testing.assert_allclose(conv_forward(x, W, np.zeros(3), windows), z.detach().numpy(), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(dx, peers[0].grad.numpy(), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(dW, peers[1].grad.numpy(), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_backward_agrees_with_central_differences(case):
    x, W, b, dz, windows = problem(case, n=2)
    dx, dW, db = conv_backward(dz, x, W, windows)
    for g, f, w in (
        (dx, lambda v: conv_forward(v, W, b, windows), x),
        (dW, lambda v: conv_forward(x, v, b, windows), W),
        (db, lambda v: conv_forward(x, W, v, windows), b),
    ):
        g_hat = numerical_gradient(lambda v, f=f: float((dz * f(v)).sum()), w)
        assert relative_error(g, g_hat) < TOLERANCES["central differences"]
        assert not relative_error(1.001 * g, g_hat) < TOLERANCES["central differences"]


def test_the_first_layer_needs_the_parameters_only():
    x, W, _, dz, windows = problem("pad and stride")
    for alone, with_dx in zip(
        conv_backward_parameters(dz, x, W, windows), conv_backward(dz, x, W, windows)[1:], strict=True
    ):
        np.testing.assert_array_equal(alone, with_dx)


@pytest.mark.parametrize("images", [1, 2, 3])
def test_chunks_change_nothing_but_rounding(images, monkeypatch):
    x, W, b, dz, windows = problem("pad and stride", n=5)
    whole = (conv_forward(x, W, b, windows), *conv_backward(dz, x, W, windows))
    of_one = columns(x[:1], windows).nbytes
    monkeypatch.setattr(convolution, "CHUNK_BYTES", images * of_one)
    made = []
    monkeypatch.setattr(convolution, "columns", lambda x, windows: made.append(columns(x, windows)) or made[-1])
    parts = (conv_forward(x, W, b, windows), *conv_backward(dz, x, W, windows))
    for part, all_at_once in zip(parts, whole, strict=True):
        np.testing.assert_allclose(part, all_at_once, rtol=1e-13, atol=1e-13)
    assert max(array.nbytes for array in made) == images * of_one  # the memory is bounded


@pytest.mark.parametrize("case", CASES)
def test_from_columns_is_the_transpose_of_columns(case):
    """⟨columns(x), y⟩ = ⟨x, from_columns(y)⟩: what a backward of a linear operation is."""
    x, _, _, _, windows = problem(case)
    made = columns(x, windows)
    y = np.random.default_rng(1).normal(size=made.shape)
    back = from_columns(y, x.shape[1:], windows.counts(x.shape[2:]), windows)
    assert (made * y).sum() == pytest.approx((x * back).sum(), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_types_and_libraries_stay(dtype, library: Library):
    x, W, b, dz, windows = problem("pad and stride", dtype=dtype)
    exact = (conv_forward(x, W, b, windows), *conv_backward(dz, x, W, windows))
    own_x, own_W, own_b, own_dz = map(library.array, (x, W, b, dz))
    results = (conv_forward(own_x, own_W, own_b, windows), *conv_backward(own_dz, own_x, own_W, windows))
    for found, expected in zip(results, exact, strict=True):
        assert type(found) is type(own_x)
        assert library.dtype(found) == dtype
        np.testing.assert_allclose(library.numpy(found), expected, rtol=TOLERANCES[dtype], atol=TOLERANCES[dtype])


def test_nothing_given_is_changed():
    x, W, b, dz, windows = problem("pad")
    kept = [array.copy() for array in (x, W, b, dz)]
    conv_forward(x, W, b, windows)
    conv_backward(dz, x, W, windows)
    for array, before in zip((x, W, b, dz), kept, strict=True):
        np.testing.assert_array_equal(array, before)


def test_a_nan_reaches_every_window_that_sees_it():
    x, W, b, _, windows = problem("plain")
    x[0, 0, 0, 0] = np.nan
    z = conv_forward(x, W, b, windows)
    assert np.isnan(z[0, :, 0, 0]).all()
    assert np.isnan(z).sum() == 2  # both filters, in one place
