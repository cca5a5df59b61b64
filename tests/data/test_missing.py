"""Missing cells of tables and arrays: the mean of the training part, or no such rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import handgrad as hg
from handgrad.data.data_section import DataSection
from handgrad.data.datasets import from_arrays, load, open_split, save_split, split
from handgrad.errors import DataError
from handgrad.training.model import Model
from handgrad.training.record import save

nan = np.nan


def arrays(n=40):
    x = np.random.default_rng(0).normal(size=(n, 3)) * [1, 10, 100] + 5
    y = np.arange(n) % 2
    x[::7, 1] = nan
    x[3, 0] = nan
    return x, y


def test_the_mean_is_that_of_the_training_part_as_scikit_learn_has_it():
    x, y = arrays()
    parts = split(from_arrays(x, y, missing="mean"), {"scale": "standard", "validation": {"size": 8}})
    pipeline = make_pipeline(SimpleImputer(), StandardScaler()).fit(x[parts.train.index])
    for part in parts.parts.values():
        np.testing.assert_allclose(part.x, pipeline.transform(x[part.index]), atol=1e-5)
    assert parts.scaling.endswith("; a missing cell is the mean of its column over the training part")


def test_every_fold_has_its_own_mean():
    x, y = arrays()
    data = from_arrays(x, y, missing="mean")
    fills = {split(data, {"validation": {"folds": 4, "fold": k}}).scaler.fill for k in range(1, 5)}
    assert len(fills) == 4


def test_notes_say_how_many_are_missing_and_what_becomes_of_them():
    x, y = arrays()
    frame = pd.DataFrame(x, columns=["a", "b", "c"])
    assert from_arrays(frame, y, missing="mean").notes == (
        "x_train: 7 of 40 rows have a missing cell ('a': 1, 'b': 6): the mean of the training part stands there",
    )
    dropped = from_arrays(frame, y, missing="drop")
    assert dropped.notes == ("x_train: 7 of 40 rows have a missing cell ('a': 1, 'b': 6) and are left out",)
    assert len(dropped.y_train) == 33
    np.testing.assert_array_equal(dropped.x_train, x[~np.isnan(x).any(axis=1)])


def test_pandas_own_sign_for_nothing():
    frame = pd.DataFrame({"a": pd.array([1, None, 3, 4], "Int64"), "b": [1.0, 2.0, None, 4.0]})
    assert np.isnan(from_arrays(frame, [0, 1, 0, 1], missing="mean").x_train).sum() == 2
    with pytest.raises(DataError, match="no value"):
        from_arrays(frame, [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("x", "missing", "message"),
    [
        ([[1, nan], [2, nan]], "mean", r"column 1 has no value in the training part.*data.drop = \[1\] leaves it out"),
        ([[1, nan], [nan, 2]], "drop", 'data.missing = "drop" leaves none; data.drop leaves out columns'),
        ([[1, nan], [2, 3]], "median", "missing must be 'mean' or 'drop', or a list of texts; got 'median'"),
        ([[1, nan], [2, 3]], None, "example 0 holds a value that is no finite float32"),
        ([[1, np.inf], [2, 3]], "mean", "example 0 holds a value that is no finite float32"),
        (np.full((2, 2, 2), nan), "mean", "example 0 holds a value that is no finite float32"),
    ],
)
def test_what_cannot_be(x, missing, message):
    with pytest.raises(DataError, match=message):
        from_arrays(x, [0, 1], missing=missing)


def test_a_column_that_is_missing_in_the_whole_training_part():
    x = np.array([[1, nan], [2, nan], [3, 5], [4, 6]])
    data = from_arrays(x, [0, 1, 0, 1], missing="mean")
    with pytest.raises(DataError, match="column 1 has no value in the training part"):
        split(data, {"train": {"size": 1}, "validation": False, "test": {"size": 1}})


def test_a_study_of_a_table_with_missing_cells(tmp_path):
    rows = "".join(f"{k % 7 if k % 5 else ''},{'ab'[k % 2]},{'xy'[k % 2]}\n" for k in range(60))
    (tmp_path / "my.csv").write_text("n,town,kind\n" + rows)
    section = {"name": str(tmp_path / "my.csv"), "missing": "mean", "scale": "standard"}
    setting = {
        "data": section,
        "network": {"hidden": 4},
        "training": {"epochs": 40, "optimizer": {"name": "adam", "lr": 0.05}},
    }
    record = hg.train(setting, seed=0)
    assert record.data["data"]["scaler"]["fill"][0] == pytest.approx(3, abs=0.5)
    assert record.metrics["test_accuracy"] == 1
    save(record, tmp_path / "run")
    model = Model.load(tmp_path / "run")
    x = np.array([[nan, 1, 0], [2, nan, nan]])
    np.testing.assert_array_equal(model.outputs(x), record.model.outputs(x))
    mean = np.where(np.isnan(x), model.scaler.fill, x)
    np.testing.assert_allclose(model.outputs(x), model.outputs(mean), rtol=1e-6)
    frame = pd.DataFrame({"town": ["b", "a", None], "n": [2.0, nan, 3.0]})  # as the table had it
    expected = model.outputs(np.array([[2, 0, 1], [nan, 1, 0], [3, nan, nan]]))
    np.testing.assert_array_equal(model.outputs(frame), expected)
    with pytest.raises(DataError, match=r"column 'town' holds 'c' in row 0 .*; the network learnt 'a', 'b'"):
        model.outputs(pd.DataFrame({"n": [1.0], "town": ["c"]}))
    with pytest.raises(DataError, match="the frame lacks town=a, town=b"):
        model.outputs(pd.DataFrame({"n": [1.0]}))


def test_a_stored_split_keeps_what_stands_for_missing_cells(tmp_path):
    x, y = arrays()
    parts = split(from_arrays(x, y, missing="mean"), DataSection())
    save_split(parts, tmp_path)
    assert open_split(tmp_path).scaler == parts.scaler


def test_a_npz_file(tmp_path):
    x, y = arrays()
    np.savez(tmp_path / "my.npz", x=x, y=y)
    data = load({"name": str(tmp_path / "my.npz"), "missing": "drop"})
    assert len(data.y_train) == 33


def test_cells_that_are_missing_in_other_parts_only():
    x, y = arrays()
    whole = np.where(np.isnan(x), 5, x)
    parts = split(from_arrays(whole, y, x[:10], y[:10], missing="mean"), {"scale": "standard"})
    mean = whole[parts.train.index].mean(axis=0)
    expected = parts.scaler.apply(np.where(np.isnan(x[:10]), mean, x[:10]))
    np.testing.assert_allclose(parts.test.x, expected, atol=1e-6)


def test_a_network_takes_missing_cells_where_the_study_says_what_becomes_of_them(tmp_path):
    (tmp_path / "my.csv").write_text("a,kind\n" + "".join(f"{k},{k % 2}\n" for k in range(20)))
    data = load(str(tmp_path / "my.csv"))
    asked = {"name": str(tmp_path / "my.csv"), "missing": "mean"}
    assert split(data, {}).scaler.fill is None
    assert split(data, asked).scaler.fill == (split(data, asked).train.index.mean(),)
