"""Labels of every kind become 0..k-1, and what cannot is refused."""

import numpy as np
import pytest

from handgrad.data.examples import Contents
from handgrad.data.labels import number_labels
from handgrad.errors import DataError


def numbered(y, y_test=None, classes=None, **options):
    contents = Contents(None, y, None, y_test, classes, **options)
    sizes = {"y_train": len(y)} | ({} if y_test is None else {"y_test": len(y_test)})
    parts, names, notes = number_labels(contents, sizes, "here")
    assert parts["y_train"].dtype == np.int64
    return parts["y_train"].tolist(), None if y_test is None else parts["y_test"].tolist(), names, notes


@pytest.mark.parametrize(
    "y", [[0, 2, 1], np.array([0, 2, 1], np.uint8), [0.0, 2.0, 1.0], ["0", "2", "1"], [[0], [2], [1]]]
)
def test_numbers_from_zero_stay(y):
    assert numbered(y) == ([0, 2, 1], None, ("0", "1", "2"), ())


def test_truth_values():
    assert numbered([True, False]) == ([1, 0], None, ("0", "1"), ())


def test_other_numbers_are_numbered_by_size_with_a_note():
    assert numbered([10, -1, 2]) == ([2, 0, 1], None, ("-1", "2", "10"), ("labels -1, 2, 10 became classes 0 to 2",))


def test_numbers_written_as_text_are_numbers():
    y, _, classes, notes = numbered(["10", "9", "9.0"])
    assert (y, classes, notes) == ([1, 0, 0], ("9", "10"), ("labels 9, 10 became classes 0 to 1",))


def test_text_is_numbered_by_alphabet():
    assert numbered(["dog", "cat", "dog"]) == ([1, 0, 1], None, ("cat", "dog"), ())
    assert numbered(np.array(["dog", "cat"], object))[0] == [1, 0]


def test_a_label_of_the_test_part_alone_is_a_class():
    assert numbered([0, 1], [2]) == ([0, 1], [2], ("0", "1", "2"), ())
    assert numbered(["a", "c"], ["b", "c"]) == ([0, 2], [1, 2], ("a", "b", "c"), ())


def test_many_labels_are_named_in_short():
    assert numbered(list(range(1, 11)))[3] == ("labels 1, 2, 3, …, 10 became classes 0 to 9",)


def test_classes_that_are_named():
    assert numbered([1, 0, 1], classes=("a", "b", "c")) == ([1, 0, 1], None, ("a", "b", "c"), ())
    assert numbered(["b", "a"], ["c"], classes=("c", "b", "a")) == ([1, 2], [0], ("c", "b", "a"), ())


@pytest.mark.parametrize(
    ("y", "y_test", "classes", "text"),
    [
        (
            [0.5, 1],
            None,
            None,
            "here: y_train must be classes: whole numbers or text; got numbers with decimals (0.5; 2 different ones). "
            "handgrad trains classifiers and does not predict quantities (regression): make classes of them, such as "
            "low and high, or say which column holds the classes",
        ),
        (
            [0, float("nan")],
            None,
            None,
            "here: y_train: example 1 has no label (it holds nan); fill it in or take the example out",
        ),
        ([0, float("inf")], None, None, "here: y_train holds inf; labels must be whole numbers or text"),
        ([0, 2**63], None, None, "here: y_train holds numbers beyond 2^62; labels must be small whole numbers or text"),
        ([0, 1e300], None, None, "here: y_train holds numbers beyond 2^62; labels must be small whole numbers or text"),
        ([[0, 1], [1, 0]], None, None, "here: y_train must be one label an example, (n,); got the shape (2, 2)"),
        (
            np.array([1, "a"], object),
            None,
            None,
            "here: y_train must hold whole numbers or text, all of one kind; got int, str",
        ),
        (
            np.array([None, "a"], object),
            None,
            None,
            "here: y_train: example 0 has no label (it holds None); fill it in or take the example out",
        ),
        ([3, 3], None, None, "here: all labels are '3'; at least two classes are needed"),
        (
            [0, 1],
            ["a", "b"],
            None,
            "here: the labels of one part are numbers and of the other text; they must be alike",
        ),
        ([0, 3], None, ("a", "b"), "here: with 2 classes labels must be 0 to 1; got 0 to 3"),
        (["a", "x"], None, ("a", "b"), "here: the label 'x' is none of the classes a, b"),
    ],
)
def test_the_words_for_what_is_wrong(y, y_test, classes, text):
    with pytest.raises(DataError) as caught:
        numbered(y, y_test, classes)
    assert str(caught.value) == text


def test_as_many_labels_as_examples():
    with pytest.raises(DataError, match="here: y_train has 2 labels for 3 examples; there must be as many"):
        number_labels(Contents(None, [0, 1]), {"y_train": 3}, "here")
    with pytest.raises(DataError, match="here: y_test has 0 labels for 1 examples; there must be as many"):
        number_labels(Contents(None, [0, 1], None, []), {"y_train": 2, "y_test": 1}, "here")
