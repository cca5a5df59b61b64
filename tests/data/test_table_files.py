"""Tables in ARFF, libsvm, Parquet and Feather, and arrays in .mat and .npy files."""

import numpy as np
import pandas as pd
import pytest
from scipy.io import savemat
from scipy.sparse import csr_matrix
from sklearn.datasets import dump_svmlight_file, load_svmlight_file

from handgrad.data.datasets import load
from handgrad.errors import DataError

FRAME = pd.DataFrame(
    {"age": [30.5, None, 50.0, 41.0], "town": ["Ulm", "Kiel", None, "Ulm"], "n": [1, 2, 3, 4], "kind": list("xyxy")}
)
ARFF = """% from Weka
@relation people
@ATTRIBUTE age  numeric
@attribute 'home town' {Ulm, 'New Ulm'}
@attribute class {x, y}

@data
30.5, Ulm, x
?, 'New Ulm', y
% a remark
50, Ulm, y
"""


@pytest.mark.parametrize("ending", ["parquet", "feather", "csv"])
def test_frames_are_read_as_the_csv_that_pandas_would_write(tmp_path, ending):
    path = tmp_path / f"people.{ending}"
    FRAME.to_csv(path, index=False) if ending == "csv" else getattr(FRAME, f"to_{ending}")(path)
    data = load({"name": str(path), "missing": "mean", "drop": ["n"]})
    assert data.feature_names == ("age", "town=Kiel", "town=Ulm")
    np.testing.assert_array_equal(data.x_train, [[30.5, 0, 1], [np.nan, 1, 0], [50, np.nan, np.nan], [41, 0, 1]])
    assert (data.classes, data.y_train.tolist()) == (("x", "y"), [0, 1, 0, 1])


def test_an_index_with_a_name_is_a_column(tmp_path):
    FRAME[["n", "kind"]].set_index("n").assign(m=[4, 5, 6, 7])[["m", "kind"]].to_parquet(tmp_path / "a.parquet")
    assert load(str(tmp_path / "a.parquet")).feature_names == ("n", "m")


def test_arff(tmp_path):
    (tmp_path / "people.arff").write_text(ARFF)
    data = load({"name": str(tmp_path / "people.arff"), "missing": "drop"})
    assert data.feature_names == ("age", "home town=New Ulm", "home town=Ulm")
    assert data.x_train.tolist() == [[30.5, 0, 1], [50, 0, 1]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("@relation a\n", "has no line @data, behind which the rows of an ARFF file stand"),
        (ARFF + "{0 5, 2 y}\n", "line 12 is a sparse row ({…}), which is not read; save it as CSV"),
        (ARFF + "1, Ulm\n", "line 12 has 2 cells; the first row has 3; mend the line"),
    ],
)
def test_arff_that_is_none(tmp_path, text, message):
    (tmp_path / "people.arff").write_text(text)
    with pytest.raises(DataError) as caught:
        load({"name": str(tmp_path / "people.arff"), "missing": "mean"})
    assert str(caught.value) == f"{tmp_path / 'people.arff'}: {message}"


def test_libsvm_as_scikit_learn_reads_it(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(30, 5)) * (rng.random((30, 5)) < 0.4), np.arange(30) % 3
    dump_svmlight_file(x, y, str(tmp_path / "train.libsvm"), zero_based=False)
    dump_svmlight_file(x[:6, :3], y[:6], str(tmp_path / "test.libsvm"), zero_based=False)  # lacks the last features
    data = load(str(tmp_path))
    expected, labels = load_svmlight_file(str(tmp_path / "train.libsvm"), n_features=5)
    np.testing.assert_allclose(data.x_train, expected.toarray())
    assert data.y_train.tolist() == labels.tolist()
    assert (data.x_test.shape, data.x_test[:, 3:].any()) == ((6, 5), np.False_)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 1:2 3\n", "line 1 holds '3', not a pair like 4:0.5"),
        ("1 1:2\n1,2 1:3\n", "line 2 has several labels ('1,2'); one an example is supported"),
        ("1:2 2:3\n", "line 1 has no label"),
        ("1 1:2 1:3\n", "line 1 gives a feature twice; take one out"),
    ],
)
def test_libsvm_that_is_none(tmp_path, text, message):
    (tmp_path / "a.libsvm").write_text(text)
    with pytest.raises(DataError) as caught:
        load(str(tmp_path / "a.libsvm"))
    assert str(caught.value) == f"{tmp_path / 'a.libsvm'}: {message}"


def test_a_sparse_file_that_would_fill_the_memory(tmp_path):
    (tmp_path / "a.libsvm").write_text("".join(f"{k % 2} 900000000:1\n" for k in range(100)))
    with pytest.raises(DataError, match="half of the memory"):
        load(str(tmp_path / "a.libsvm"))


def test_matlab(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(12, 4)), np.arange(12) % 3 + 1
    savemat(tmp_path / "a.mat", {"X": x, "y": y[:, None], "note": "ours"})
    data = load(str(tmp_path / "a.mat"))
    np.testing.assert_array_equal(data.x_train, x)
    assert (data.classes, data.notes[0]) == (("1", "2", "3"), "a.mat: not read: note")
    pictures = np.random.default_rng(0).integers(0, 256, (8, 8, 3, 12), np.uint8)  # as SVHN has them
    savemat(tmp_path / "b.mat", {"X": pictures, "y": y})
    data = load(str(tmp_path / "b.mat"))
    np.testing.assert_array_equal(data.x_train, pictures.transpose(3, 2, 0, 1))
    assert "b.mat: the last axis of X is that of the examples" in data.notes
    savemat(tmp_path / "c.mat", {"X": x, "y": np.array(["no", "yes", "no"] * 4, object)})
    assert load(str(tmp_path / "c.mat")).classes == ("no", "yes")


def test_a_sparse_matrix_of_matlab(tmp_path):
    x = np.eye(4)[[0, 1, 2, 3] * 3]
    savemat(tmp_path / "a.mat", {"X": csr_matrix(x), "y": np.arange(12) % 2})
    assert load(str(tmp_path / "a.mat")).x_train.tolist() == x.tolist()


def test_matlab_of_another_version(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM" + bytes(400))
    with pytest.raises(DataError, match=r"version 7\.3"):
        load(str(tmp_path / "a.mat"))
    savemat(tmp_path / "b.mat", {"X": np.eye(2), "y": {"a": 1}})
    with pytest.raises(DataError, match="'y' must be an array of numbers or a cell array of texts"):
        load(str(tmp_path / "b.mat"))


def test_a_folder_of_npy_files(tmp_path):
    x, y = np.random.default_rng(0).normal(size=(12, 4)), np.arange(12) % 3
    for name, array in (("x_train", x), ("y_train", y), ("x_test", x[:5]), ("y_test", y[:5]), ("ids", y)):
        np.save(tmp_path / f"{name}.npy", array)
    data = load(str(tmp_path))
    assert (len(data.y_train), len(data.y_test)) == (12, 5)
    assert data.notes[0] == f"{tmp_path.name}: not read: ids.npy"
    np.save(tmp_path / "x_train.npy", np.array([{}] * 12), allow_pickle=True)
    with pytest.raises(DataError, match=r"x_train\.npy: is not an array of numbers or text"):
        load(str(tmp_path))


def test_sparse_features_count_from_0_where_one_does(tmp_path):
    (tmp_path / "train.libsvm").write_text("0 1:1 2:2\n1 0:5\n")
    (tmp_path / "test.libsvm").write_text("0 3:1\n1 1:5\n")
    data = load(str(tmp_path))
    expected, _ = load_svmlight_file(str(tmp_path / "train.libsvm"), n_features=4)
    np.testing.assert_array_equal(data.x_train, expected.toarray())
    assert data.x_test.tolist() == [[0, 0, 0, 1], [0, 5, 0, 0]]
