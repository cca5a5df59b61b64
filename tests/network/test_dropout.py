"""Dropout: the mask's values, share, independence and determinism; forward and backward."""

import math

import numpy as np
import pytest

from handgrad.network.dropout import dropout_backward, dropout_forward, dropout_mask
from handgrad.streams import dropout_bits

from .conftest import Library

LIKE = np.ones(1, dtype=np.float32)


def mask(step=0, layer=1, n=400, units=250, rate=0.3, key=11, like=LIKE):
    return dropout_mask(key, step, layer, n, units, rate, like)


def test_the_mask_is_zero_or_inverted_rate():
    assert np.unique(mask(rate=0.5)).tolist() == [0.0, 2.0]
    assert np.unique(mask(rate=0.2)).tolist() == [0.0, np.float32(1.25)]
    assert np.unique(mask(rate=0.0)).tolist() == [1.0]


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.9])
def test_the_share_of_zeros_is_the_rate(rate):
    zeros = (mask(rate=rate) == 0).mean()  # of 100,000
    assert abs(zeros - rate) < 5 * math.sqrt(rate * (1 - rate) / 100_000)


def test_the_mean_is_kept():
    assert mask(rate=0.3).mean() == pytest.approx(1, abs=5 * math.sqrt(0.3 / 0.7 / 100_000))


def test_bits_below_the_threshold_are_dropped():
    bits = dropout_bits(11, 4, 1, np.arange(400)[:, None], np.arange(250)[None, :])
    np.testing.assert_array_equal(mask(step=4) == 0, bits < math.floor(0.3 * 2**32))


@pytest.mark.parametrize("other", [{"step": 1}, {"layer": 2}, {"key": 12}])
def test_masks_of_other_steps_layers_and_keys_are_independent(other):
    kept, others = mask() > 0, mask(**other) > 0
    assert abs((kept & others).mean() - 0.49) < 5 * math.sqrt(0.49 * 0.51 / 100_000)


def test_rows_and_columns_are_independent():
    kept = mask() > 0
    for pairs in (kept[1:] & kept[:-1], kept[:, 1:] & kept[:, :-1]):
        assert abs(pairs.mean() - 0.49) < 6 * math.sqrt(0.49 * 0.51 / 100_000)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_every_library_has_the_same_bits(dtype, library: Library):
    like = library.array(np.ones(1, dtype=dtype))
    found = mask(like=like)
    assert type(found) is type(like)
    assert library.dtype(found) == dtype
    np.testing.assert_array_equal(library.numpy(found) > 0, mask() > 0)


def test_a_smaller_batch_has_the_first_rows():
    np.testing.assert_array_equal(mask(n=7), mask(n=400)[:7])


def test_forward_and_backward_by_hand():
    m = np.array([[2.0, 0.0]])
    assert dropout_forward(np.array([[3.0, 5.0]]), m).tolist() == [[6.0, 0.0]]
    assert dropout_backward(np.array([[7.0, 1.0]]), m).tolist() == [[14.0, 0.0]]


def test_nan_goes_through_even_where_it_is_dropped():
    assert np.isnan(dropout_forward(np.array([[np.nan, np.nan]]), np.array([[2.0, 0.0]]))).all()
