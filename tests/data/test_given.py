"""What people give for arrays, their labels, names and ranges: taken for what it is, or one message."""

import re
from pathlib import Path

import numpy as np
import pandas
import pytest

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import from_arrays, load, split
from handgrad.errors import DataError, InputError

X, Y = np.random.default_rng(0).random((6, 2)), np.array([0, 1, 0, 1, 1, 0])


def test_the_columns_of_a_frame_are_known_by_name():
    frame = pandas.DataFrame(X, columns=["height", "width"])
    assert from_arrays(frame, Y).feature_names == ("height", "width")
    assert from_arrays(frame, Y).checksum == from_arrays(X, Y).checksum
    assert from_arrays(X, Y).feature_names is None


@pytest.mark.parametrize("y", [np.stack([Y, Y], 1), np.stack([Y, 1 - Y, Y], 1).astype(float), [[True, True]] * 6])
def test_several_labels_an_example(y):
    with pytest.raises(DataError) as said:
        from_arrays(X, y, name="multi")
    shape = np.shape(y)
    assert str(said.value) == (
        f"multi: y_train must be one label an example, (n,); got the shape {shape}, rows of 0 and 1: several labels an "
        'example are those of data.task = "multi-label" (in Python task=…)'
    )


def test_labels_that_are_one_hot():
    with pytest.raises(DataError, match=r"got the shape \(6, 2\), a 1 in each row: give the .* y.argmax\(axis=1\)"):
        from_arrays(X, np.eye(2)[Y])
    with pytest.raises(DataError, match=r"got the shape \(6, 2\)$"):
        from_arrays(X, X)


def test_names_and_ranges_of_numpy_are_the_same():
    plain = from_arrays(X, Y, classes=("a", "b"), value_range=(0, 1))
    numpy = from_arrays(X, Y, classes=np.array(["a", "b"]), value_range=np.array([0, 1]))
    assert (plain.checksum, plain.classes, plain.value_range) == (numpy.checksum, numpy.classes, numpy.value_range)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"classes": "ab"}, "mine: classes must be at least two names, in the order of their numbers; got 'ab'"),
        ({"classes": 2}, "classes must be at least two names"),
        ({"classes": [1, 2]}, "classes must be at least two names"),
        ({"classes": ["a", "a"]}, "mine: classes has a name twice; got ['a', 'a']"),
        ({"value_range": 1}, "mine: value_range must be (smallest, largest); got 1"),
        ({"value_range": (1, 0)}, "mine: value_range must be (smallest, largest); got (1, 0)"),
        ({"value_range": (0, float("inf"))}, "value_range must be (smallest, largest)"),
        ({"value_range": (0, 1, 2)}, "value_range must be (smallest, largest)"),
    ],
)
def test_names_and_ranges_that_are_none(more, message):
    with pytest.raises(DataError, match=re.escape(message)):
        from_arrays(X, Y, name="mine", **more)


@pytest.mark.parametrize(
    "given", ["digits", {"name": "digits"}, DataSection(name="digits")], ids=lambda g: type(g).__name__
)
def test_a_set_by_its_name_its_table_or_its_section(given):
    assert load(given).name == "digits"


def test_what_is_no_data(tmp_path):
    np.savez(tmp_path / "mine.npz", x=X, y=Y)
    assert load(tmp_path / "mine.npz").name == load(Path("mine.npz"), folder=str(tmp_path)).name == "mine.npz"
    for given in (None, 3, [1]):
        with pytest.raises(
            InputError, match=r"data must be the name of a data set, a path, or a table such as \{'name'"
        ):
            load(given)
    with pytest.raises(InputError, match=r"data.nmae is an unknown key; did you mean 'name'"):
        load({"nmae": "digits"})
    with pytest.raises(InputError, match=r"section must be a table such as .*; got 'digits'"):
        split(load("digits"), "digits")
