"""Frames of pandas and other things that are given as arrays."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from handgrad.data.datasets import from_arrays
from handgrad.errors import DataError

X = np.random.default_rng(0).normal(size=(12, 3))
Y = np.arange(12) % 2
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])


def test_columns_of_other_parts_are_found_by_name():
    data = from_arrays(FRAME, Y, FRAME[["c", "a", "b"]], Y, x_val=FRAME[["b", "c", "a"]], y_val=Y)
    assert np.array_equal(data.x_test, data.x_train)
    assert np.array_equal(data.x_val, data.x_train)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (FRAME.rename(columns={"a": "z"}), "x_test lacks a and has also z"),
        (FRAME[["a", "b"]], "x_test lacks c"),
        (FRAME[["a", "a", "b", "c"]], "x_test has a column twice"),
    ],
)
def test_other_columns_are_refused(other, message):
    with pytest.raises(DataError, match=message):
        from_arrays(FRAME, Y, other, Y)


def test_labels_in_another_order_than_the_examples_are_refused():
    labels = pd.Series(Y)
    shuffled = labels.sample(frac=1, random_state=0)
    with pytest.raises(DataError, match=r"the labels are in another order than the examples .* y.loc\[x.index\]"):
        from_arrays(FRAME, shuffled)
    assert from_arrays(FRAME, shuffled.loc[FRAME.index]).y_train.tolist() == Y.tolist()
    assert len(from_arrays(FRAME, shuffled.to_numpy()).y_train) == 12
    assert len(from_arrays(FRAME, labels.set_axis(range(100, 112))).y_train) == 12  # an index of another kind


@pytest.mark.parametrize(
    "frame",
    [FRAME.assign(d=True), FRAME.astype(object), pd.DataFrame({"a": range(12), "b": 1}, dtype="Int64")],
    ids=["truth values", "objects", "Int64"],
)
def test_columns_of_several_kinds_of_numbers_are_numbers(frame):
    assert from_arrays(frame, Y).x_train.tolist() == pytest.approx(frame.to_numpy().astype(np.float64))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (FRAME.assign(d="x"), "example 0, column 'd' holds 'x', no number"),
        (FRAME.astype("Float64").mask(FRAME > 1), "column '.' has no value"),
        (sparse.csr_matrix(X), r"x_train is a sparse matrix; give all of it: x_train.toarray\(\)"),
        ([[2**60 + 1, 1.5, None]] * 12, "whole numbers beyond 2"),
        ((row for row in X), "must hold numbers; got generator"),
    ],
)
def test_what_is_no_number_is_named(x, message):
    with pytest.raises(DataError, match=message):
        from_arrays(x, Y)


class Tensor:
    """As one of PyTorch that requires grad."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("Can't call numpy() on Tensor that requires grad.")


def test_what_cannot_become_an_array_is_one_message():
    with pytest.raises(DataError, match="x_train must be one array of numbers; 'Tensor': Can't call numpy"):
        from_arrays(Tensor(), Y)


@pytest.mark.parametrize(
    ("shape", "said"), [((9, 9, 4), 1), ((3, 9, 3), 1), ((1, 9, 3), 1), ((16, 4, 4), 0), ((3, 8, 8), 0)]
)
def test_an_axis_that_may_be_that_of_the_channels_is_said(shape, said):
    data = from_arrays(np.full((12, *shape), 255, np.uint8), Y)
    assert data.shape == shape
    assert len(data.notes) == said
    assert all("brings channels that are last to the front" in note for note in data.notes)
