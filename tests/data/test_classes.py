"""Labels of every kind become 0..k-1, and what cannot is refused."""

import numpy as np
import pandas as pd
import pytest

from handgrad.data.classes import number_labels
from handgrad.data.contents import Contents
from handgrad.data.datasets import from_arrays
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
            'To predict them as numbers, say data.task = "regression" (in Python task="regression"); to tell classes, '
            "say which column holds them, or make some, such as "
            "low and high",
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
        (
            [[0, 1], [1, 0]],
            None,
            None,
            "here: y_train must be one label an example, (n,); got the shape (2, 2), "
            "a 1 in each row: give the class numbers, y.argmax(axis=1)",
        ),
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


# -- labels that are no classes


def real(n=300):
    return np.random.default_rng(0).normal(300, 90, n)


@pytest.mark.parametrize(
    ("y", "text"),
    [
        (real(), "here: y_train must be classes: whole numbers or text; got numbers with decimals ("),
        (
            real().astype(np.float16),
            "here: y_train must be classes: whole numbers or text; got numbers with decimals (",
        ),
        (
            [f"{value:.1f}" for value in real()],
            "here: the labels must be classes: whole numbers or text; got numbers with dec",
        ),
        (
            ["0.5", "1", "2"],
            "here: the labels must be classes: whole numbers or text; got numbers with decimals (0.5; 3 diff",
        ),
        (["1", "2", "inf"], "here: the labels hold 'inf'; labels must be whole numbers or text"),
        (real().astype(int), "different ones in 300 examples ("),
        (
            np.random.default_rng(0).integers(100, 250, 300),
            "here: the labels are 128 different ones in 300 examples (100, 101",
        ),
        (
            [str(int(value)) for value in real()],
            "rather a quantity or a number of the row than classes. data.task = ",
        ),
        (
            np.arange(300),
            "here: the labels are 300 different ones in 300 examples (0, 1, 2, 3 … (296 more)), 300 of them with",
        ),
        (
            np.arange(12) * 1000,
            "here: the labels are 12 different ones in 12 examples (0, 1000, 2000, 3000 … (8 more)), 12 of",
        ),
        ([f"Mr {k}" for k in range(40)], "rather names or texts of their own than classes"),
    ],
)
def test_a_quantity_is_no_class(y, text):
    with pytest.raises(DataError) as caught:
        numbered(y)
    assert text in str(caught.value)
    assert 'data.task = "regression"' in str(caught.value) or "inf" in text or "names" in text


def test_the_message_names_the_column_and_what_to_do():
    with pytest.raises(DataError) as caught:
        numbered([str(3 * k % 1000) for k in range(50)], label="column 'price'")
    assert str(caught.value) == (
        "here: the labels (column 'price') are 50 different ones in 50 examples (0, 3, 6, 9 … (46 more)), 50 of them "
        "with a single example: rather a quantity or a number of the row than classes. "
        'data.task = "regression" predicts quantities; else say which column holds the classes, make fewer of them, or '
        'write them as text ("c17"), if they are classes'
    )


@pytest.mark.parametrize(
    "y",
    [
        np.arange(1000) % 100,
        np.arange(300) % 100,  # three examples of each
        np.arange(300) % 100 + 1000,
        (np.arange(500) % 100) * 7,  # five of each
        [f"c{k % 100}" for k in range(300)],
        np.arange(20),  # a small one, an example of each
        np.array(["b", "a", "b"], "S"),
    ],
)
def test_many_classes_with_examples_are_classes(y):
    assert len(numbered(y)[2]) == len(set(y.tolist() if isinstance(y, np.ndarray) else y))


def test_classes_that_are_named_may_be_as_many_as_they_like():
    assert len(numbered(np.arange(30) * 1, classes=tuple(f"c{k}" for k in range(30)))[2]) == 30


@pytest.mark.parametrize(
    ("y", "k", "why"),
    [
        ([0, None], 1, "it holds None"),
        (np.array([1.0, np.nan]), 1, "it holds nan"),
        (np.ma.array([0, 1, 1], mask=[0, 0, 1]), 2, "it is masked"),
        (pd.Series([1, None], dtype="Int64"), 1, "it holds "),
        (pd.Series(["a", None]), 1, "it holds "),
        (["a", "NaN"], 1, "'NaN' means a missing one"),
        (["a", ""], 1, ""),
    ],
)
def test_a_label_that_is_missing(y, k, why):
    with pytest.raises(DataError) as caught:
        numbered(y)
    assert str(caught.value).startswith(f"here: y_train: example {k} has no label")
    assert why in str(caught.value)


def test_what_means_a_missing_label_can_be_said():
    assert numbered(["NA", "DE"], missing=())[2] == ("DE", "NA")
    assert numbered(["NA", "DE"], classes=("NA", "DE"))[0] == [0, 1]
    assert numbered(["+", "-"])[2] == ("+", "-")
    with pytest.raises(DataError, match="example 1 has no label \\('DE' means a missing one\\)"):
        numbered(["NA", "DE"], missing=("DE",))


@pytest.mark.parametrize(("one", "other"), [("1", "01"), ("1000", "1E3"), ("0501", "501"), ("+1", "1")])
def test_codes_that_are_one_number_are_not_one_class_in_silence(one, other):
    with pytest.raises(DataError, match="which are one number; write one class in one way"):
        from_arrays(np.arange(9)[:, None], [one, other, "7"] * 3)


def test_one_way_of_writing_numbers_is_as_good_as_another():
    assert from_arrays(np.arange(6)[:, None], ["+1", "-1"] * 3).classes == ("-1", "1")
    assert from_arrays(np.arange(6)[:, None], ["1.0", "1", "2"] * 2).classes == ("1", "2")
    assert from_arrays(np.arange(6)[:, None], ["1.000e+00", "2.000e+00"] * 3).classes == ("1", "2")


def test_texts_that_look_alike_are_refused():
    with pytest.raises(DataError, match="which look alike"):
        from_arrays(np.arange(6)[:, None], ["caf\u00e9", "cafe\u0301"] * 3)


def test_bytes_that_are_no_text_do_not_become_one_class():
    with pytest.raises(DataError, match=r"y_train holds b'\\xe9', which is no UTF-8"):
        from_arrays(np.arange(6)[:, None], np.array([b"\xe9", b"\xe8"] * 3))
