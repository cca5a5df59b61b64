"""Targets that are numbers, and several labels: read from tables and arrays, split, scaled; what is refused."""

import numpy as np
import pandas
import pytest

import handgrad as hg
from handgrad.data.datasets import open_split, save_split
from handgrad.errors import DataError


def table(tmp_path, text: str, name: str = "houses.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


HOUSES = "rooms,town,price,rent\n" + "".join(f"{k % 4},{'ab'[k % 2]},{1000.5 + k},{k / 4}\n" for k in range(20))


def test_a_column_of_numbers_is_the_target(tmp_path):
    data = hg.load_data({"name": str(table(tmp_path, HOUSES)), "task": "regression", "label": "price"})
    assert (data.task, data.classes, data.feature_names) == (
        "regression",
        ("price",),
        ("rooms", "town=a", "town=b", "rent"),
    )
    assert data.y_train.tolist() == [[1000.5 + k] for k in range(20)]
    assert data.y_train.dtype == np.float64


def test_several_columns_are_targets_and_features_no_longer(tmp_path):
    section = {"name": str(table(tmp_path, HOUSES)), "task": "regression", "label": ["rent", "price"]}
    data = hg.load_data(section)
    assert (data.classes, data.feature_names) == (("rent", "price"), ("rooms", "town=a", "town=b"))
    assert data.y_train[3].tolist() == [0.75, 1003.5]


def test_other_parts_have_the_same_targets(tmp_path):
    for name in ("train.csv", "test.csv"):
        table(tmp_path, HOUSES, name)
    data = hg.load_data({"name": str(tmp_path), "task": "regression", "label": ["rent", "price"]})
    assert np.array_equal(data.y_test, data.y_train)


def test_targets_with_a_decimal_comma(tmp_path):
    text = "a;b\n1,5;2,25\n0,5;3\n"
    data = hg.load_data({"name": str(table(tmp_path, text)), "task": "regression", "label": "b"})
    assert data.y_train.tolist() == [[2.25], [3.0]]


def test_arrays_and_frames():
    x = np.zeros((3, 2))
    assert hg.from_arrays(x, [1, 2.5, 3], task="regression").y_train.shape == (3, 1)
    y = pandas.DataFrame({"height": [1.0, 2, 3], "weight": [4.0, 5, 6]})
    data = hg.from_arrays(x, y, task="regression")
    assert (data.classes, data.y_train.shape) == (("height", "weight"), (3, 2))
    labels = hg.from_arrays(x, [[0, 1], [1, 1], [0, 0]], task="multi-label")
    assert (labels.classes, labels.task) == (("label 1", "label 2"), "multi-label")


@pytest.mark.parametrize(
    ("y", "task", "message"),
    [
        ([1.0, np.nan, 2.0], "regression", "y_train: example 1 has the target nan"),
        ([1.0, "x", 2.0], "regression", "y_train: example 1 has the target 'x', which is no number"),
        ([1.0, 2.0], "regression", "y_train has 2 targets for 3 examples"),
        ([1e39, 2.0, 0], "regression", "example 0 has the target 1e+39; targets must be finite numbers of float32"),
        ([[0, 2], [1, 1], [0, 0]], "multi-label", "y_train holds 2, but labels are 0 or 1"),
        ([0, 1, 1], "multi-label", "multi-label needs two columns of labels or more"),
        ([0, 1, 1], "ranking", "task must be one of: classification, regression, multi-label; got 'ranking'"),
        ([0.5, 1, 2], "classification", 'To predict them as numbers, say data.task = "regression"'),
        (
            [[0, 1], [1, 1], [0, 0]],
            "classification",
            'several labels an example are those of data.task = "multi-label"',
        ),
    ],
)
def test_what_is_no_target_is_refused(y, task, message):
    with pytest.raises(DataError) as error:
        hg.from_arrays(np.zeros((3, 2)), y, task=task)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"task": "regression", "label": "town"}, "line 2, column 'town' holds 'a', no finite number"),
        ({"label": ["price", "rent"]}, "data.label names 2 columns, and classes stand in one"),
        ({"task": "regression", "label": ["price", "town"]}, "column 'town' holds texts or is left out"),
        ({"task": "regression", "label": ["price", "price"]}, "data.label names a column twice"),
        ({"task": "regression", "label": ["price", "cost"]}, "data.label is an unknown column 'cost'"),
        ({"label": "price"}, 'data.task = "regression"'),
    ],
)
def test_tables_say_where(tmp_path, section, message):
    with pytest.raises(DataError) as error:
        hg.load_data({"name": str(table(tmp_path, HOUSES)), **section})
    assert message in str(error.value)


def test_a_table_without_a_target_says_its_line(tmp_path):
    with pytest.raises(DataError, match="line 3, column 'b' has no target; fill it in, or leave"):
        hg.load_data({"name": str(table(tmp_path, "a,b\n1,2.5\n2,\n3,4\n")), "task": "regression"})
    section = {"task": "regression", "label": ["b", "c"], "missing": "mean"}
    with pytest.raises(DataError, match="line 2 lacks a target"):
        hg.load_data({"name": str(table(tmp_path, "a,b,c\n1,2.5,\n2,1,3\n")), **section})


def test_named_sets_know_their_task():
    assert hg.load_data("diabetes").task == "regression"
    with pytest.raises(DataError, match=r"but digits is for classification; take data.task out"):
        hg.load_data({"name": "digits", "task": "regression"})
    with pytest.raises(DataError, match=r"data.scale_targets is for targets that are numbers, and digits is for class"):
        hg.split(hg.load_data("digits"), {"scale_targets": "standard"})
    with pytest.raises(DataError, match=r'arrays is for regression, .* say data.task = "regression"'):
        hg.split(hg.from_arrays([[1.0]] * 9, range(9), task="regression"), {"name": "arrays"})


def test_targets_are_scaled_by_the_training_part_and_back():
    parts = hg.split(hg.load_data("diabetes"), {"name": "diabetes", "scale_targets": "standard"})
    T = parts.learnt(parts.train.y)
    assert (float(T.mean()), float(T.std())) == pytest.approx((0, 1), abs=1e-6)
    assert T.dtype == np.float32
    assert parts.target_scaler.undo(parts.learnt(parts.test.y)) == pytest.approx(parts.test.y, rel=1e-6)
    assert parts.target_scaler.shift == pytest.approx((parts.train.y.mean(),))
    assert parts.label_table == {}


def test_folds_and_sizes_of_numbers_divide_without_classes():
    data = hg.from_arrays(np.arange(20.0)[:, None], np.arange(20.0), task="regression")
    whole = {"name": "arrays", "task": "regression", "test": False}
    found = [hg.split(data, {**whole, "validation": {"folds": 4, "fold": k}}).validation.index for k in (1, 2, 3, 4)]
    assert sorted(np.concatenate(found).tolist()) == list(range(20))
    assert [len(one) for one in found] == [5] * 4


def test_a_split_with_targets_is_kept_in_files(tmp_path):
    made = hg.split(hg.load_data("diabetes"), {"name": "diabetes", "scale_targets": "standard"})
    save_split(made, tmp_path / "split")
    kept = open_split(tmp_path / "split")
    assert (kept.task, kept.target_scaler, kept.classes) == (made.task, made.target_scaler, made.classes)
    assert np.array_equal(kept.test.y, made.test.y)


def test_how_many_examples_have_each_label():
    y = np.array([[0, 1], [1, 1], [0, 0], [0, 1]])
    parts = hg.split(
        hg.from_arrays(np.zeros((4, 2)), y, task="multi-label"),
        {"name": "arrays", "task": "multi-label", "test": False, "validation": False},
    )
    assert parts.label_table == {"train": [1, 3], "total": [1, 3]}
