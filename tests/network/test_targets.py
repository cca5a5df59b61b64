"""Targets: numbers by hand, and what is refused."""

import numpy as np
import pytest

from handgrad.errors import UnknownName
from handgrad.network.targets import encode


def test_one_hot():
    T = encode(np.array([2, 0]), 3, "one-hot")
    assert T.tolist() == [[0, 0, 1], [1, 0, 0]]
    assert T.dtype == np.float32


def test_plus_minus_one_in_float64():
    T = encode(np.array([2, 0]), 3, "plus-minus-one", np.float64)
    assert T.tolist() == [[-1, -1, 1], [1, -1, -1]]
    assert T.dtype == np.float64


def test_no_examples():
    assert encode(np.array([], np.int64), 3, "one-hot").shape == (0, 3)


def test_an_unknown_encoding():
    with pytest.raises(UnknownName, match=r"unknown encoding of targets 'onehot'; did you mean 'one-hot'\?"):
        encode(np.array([0]), 2, "onehot")


@pytest.mark.parametrize("y", [[-1, 0], [0, 3]])
def test_a_class_that_is_none(y):
    with pytest.raises(ValueError, match=r"classes must be in 0\.\.2; got"):
        encode(np.array(y), 3, "one-hot")
