"""What lies at a path of the user's own: which file is which part, and what to do with other forms."""

import gzip

import numpy as np
import pytest

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import load, split
from handgrad.errors import DataError

from .conftest import idx, picture, put, zipped

ROWS = b"label,a,b\n" + b"0,1,2\n1,3,4\n2,5,6\n" * 4
FEW = ROWS[: ROWS.index(b"2,5,6") + 6]


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("train.csv", "test.csv"), "train test"),
        (("mnist_train.csv", "mnist_test.csv"), "train test"),
        (("Train.CSV", "VALID.csv", "test.tsv"), "train val test"),
        (("train.csv", "val.csv"), "train val"),
        (("iris-training.csv", "iris-validation.csv"), "train val"),
    ],
)
def test_parts_of_a_folder_of_tables(tmp_path, names, parts):
    put(tmp_path / "set", {name: (ROWS if "train" in name.lower() else FEW) for name in names})
    (tmp_path / "set" / ".DS_Store").write_bytes(b"")
    (tmp_path / "set" / names[-1]).write_bytes(
        (tmp_path / "set" / names[-1]).read_bytes().replace(b",", b"\t" if "tsv" in names[-1] else b",")
    )
    data = load(str(tmp_path / "set"))
    assert (len(data.y_train), data.feature_names) == (12, ("a", "b"))
    assert (data.y_test is not None, data.y_val is not None) == ("test" in parts, "val" in parts)
    assert not any("not read" in note for note in data.notes)


def test_packed_parts(tmp_path):
    put(tmp_path / "set", {"train.csv.zip": zipped({"train.csv": ROWS}), "test.csv.zip": zipped({"test.csv": FEW})})
    data = load(str(tmp_path / "set"))
    assert (len(data.y_train), len(data.y_test)) == (12, 3)


def test_what_is_not_read_is_said(tmp_path):
    put(
        tmp_path / "set",
        {"train.csv": ROWS, "sample_submission.csv": b"x", "README.md": b"", "images/1.png": picture()},
    )
    assert load(str(tmp_path / "set")).notes[0] == "set: not read: README.md, images, sample_submission.csv"


def test_a_validation_table_validates(tmp_path):
    put(tmp_path / "set", {"train.csv": ROWS, "val.csv": FEW, "test.csv": FEW})
    data = load(str(tmp_path / "set"))
    made = split(data, DataSection())
    assert {name: len(part) for name, part in made.parts.items()} == {"train": 12, "validation": 3, "test": 3}
    assert (
        made.notes[-1]
        == "set has a validation part of its own, 3 examples: it is used where data.validation is not set"
    )
    with pytest.raises(DataError) as caught:
        split(data, DataSection(validation={"size": 4}))
    assert str(caught.value) == (
        "data.validation draws a validation part, and set has its own validation part of 3 examples: take "
        "data.validation out to use that one, or take that one out of the data"
    )
    none = split(data, DataSection(validation=False))
    note = "set: its own validation part of 3 examples is not used: data.validation = false"
    assert (none.validation, none.notes[-1]) == (None, note)


def test_a_test_table_without_labels_is_left_out_with_a_note(tmp_path):
    put(tmp_path / "set", {"train.csv": ROWS, "test.csv": b"a,b\n1,2\n"})
    for label in (None, "label"):
        data = load(DataSection(name=str(tmp_path / "set"), label=label))
        assert (len(data.y_train), data.y_test) == (12, None)
        assert "test.csv has no column 'label' (a test part of Kaggle has no labels): it is not read" in data.notes


@pytest.mark.parametrize(
    ("train", "test", "label", "text"),
    [
        (
            ROWS,
            b"a,c\n1,2\n",
            None,
            "test.csv: has no column 'label' of labels, as train.csv has; name train.csv alone: data.name = "
            '"…/train.csv". It has a, c',
        ),
        (
            b"0,1,7\n1,3,4\n2,5,6\n" * 4,
            b"1,2\n3,4\n",
            0,
            "test.csv: has 2 columns, train.csv one more: are its labels missing? name train.csv alone: data.name = "
            '"…/train.csv"',
        ),
        (
            ROWS,
            b"label,b,a\n1,2,3\n",
            None,
            "test.csv: has other columns than train.csv; both need the same ones in the same order",
        ),
    ],
)
def test_a_test_table_with_other_columns(tmp_path, train, test, label, text):
    put(tmp_path / "set", {"train.csv": train, "test.csv": test})
    with pytest.raises(DataError) as caught:
        load(DataSection(name=str(tmp_path / "set"), label=label))
    assert str(caught.value) == f"{tmp_path / 'set'}/{text}"


@pytest.mark.parametrize(
    ("files", "text"),
    [
        (
            {"a.csv": ROWS, "b.csv": ROWS},
            "holds a.csv, b.csv, but no train.csv: call the parts train.csv and test.csv (also val.csv, "
            'mnist_train.csv), or name one file: data.name = "…/a.csv"',
        ),
        (
            {"a_train.csv": ROWS, "b_train.csv": ROWS},
            "holds several training parts (a_train.csv, b_train.csv); name one of them: ",
        ),
        (
            {"train.csv": ROWS, "train.tsv": ROWS},
            "train.csv and train.tsv are both the train part; leave one of them there",
        ),
        ({"a.npz": b"", "b.npz": b""}, "holds a.npz, b.npz, but no train.csv"),
    ],
)
def test_a_folder_that_leaves_a_choice(tmp_path, files, text):
    put(tmp_path / "set", files)
    with pytest.raises(DataError) as caught:
        load(str(tmp_path / "set"))
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.xlsx", "files .xlsx are not read; save the sheet as CSV (UTF-8) there"),
        ("a.parquet", "is not a table, or is damaged ("),
        ("a.mat", "is not a MATLAB file of version 4 to 7, or is damaged ("),
        ("a.arff", "line 1 is none of ARFF's before @data: 'x'"),
        ("a.libsvm", "all labels (column 'label') are 'x'; at least two classes are needed"),
        (
            "a.npy",
            "files .npy are not read; put the arrays into a folder, as x_train.npy and y_train.npy (or x.npy and "
            "y.npy), and give the folder",
        ),
        ("a.H5", "files .h5 are not read; save its arrays as .npz, as in Python: numpy.savez('data.npz', x=x, y=y)"),
        (
            "a.pkl",
            "files .pkl are not read; such a file could execute anything: save its arrays as .npz, as in Python: num",
        ),
        ("set/only.xlsx", "files .xlsx are not read; save the sheet as CSV (UTF-8) there"),
    ],
)
def test_other_forms_say_what_to_do(tmp_path, name, text):
    put(tmp_path, {name: b"x"})
    with pytest.raises(DataError) as caught:
        load(str(tmp_path / name.split("/")[0]))
    assert str(caught.value).startswith(f"{tmp_path / name}: {text}")


def test_a_zip_of_several_tables(tmp_path):
    put(tmp_path, {"titanic.zip": zipped({"train.csv": ROWS, "test.csv": ROWS})})
    with pytest.raises(
        DataError, match=r"titanic\.zip: holds the tables train\.csv, test\.csv; unpack it and give the folder"
    ):
        load(str(tmp_path / "titanic.zip"))


@pytest.mark.parametrize(
    ("name", "values", "text"),
    [
        ("digits", {"drop": [0]}, "data.drop is for tables (CSV), but digits is a named data set; take it out"),
        (
            "digits",
            {"value_range": [0, 255]},
            "data.value_range is for data of your own, but digits is a named",
        ),
        ("a.npz", {"drop": [0]}, "data.drop is for tables (CSV), but "),
        ("pictures", {"missing": []}, "data.missing is for tables (CSV) and .npz files, but "),
    ],
)
def test_settings_of_other_forms(tmp_path, name, values, text):
    np.savez(tmp_path / "a.npz", x=np.eye(2), y=[0, 1])
    put(tmp_path, {"pictures/a/1.png": picture()})
    with pytest.raises(DataError) as caught:
        load(DataSection(name=name, **values), folder=tmp_path)
    assert text in str(caught.value)


def test_pictures_that_are_nearly_black_are_said(tmp_path):
    put(tmp_path, {f"masks/{name}/1.png": picture(value, mode="L") for name, value in (("a", 0), ("b", 1))})
    data = load(str(tmp_path / "masks"))
    assert (data.value_range, data.notes) == (
        (0, 255),
        (
            "the pictures are dark: none has a value above 1, and all are taken for 0 to 255; data.value_range = [0, 1]"
            " would say otherwise",
        ),
    )
    stated = load(DataSection(name=str(tmp_path / "masks"), value_range=[0, 1]))
    assert (stated.value_range, stated.notes) == ((0, 1), ())
    put(tmp_path, {f"full/{name}/1.png": picture(value, mode="L") for name, value in (("a", 0), ("b", 200))})
    assert load(str(tmp_path / "full")).notes == ()


def test_a_table_beside_folders_of_parts_is_a_question(tmp_path):
    files = {f"train/{kind}/{k}.png": picture(k, mode="L") for kind in ("cat", "dog") for k in range(4)}
    folder = put(tmp_path / "set", {**files, "train.csv": b"id,label\n" + b"1,0\n2,1\n" * 4})
    with pytest.raises(DataError, match=r"holds the table train\.csv and the folder train: which is the data"):
        load(str(folder))
    (folder / "train.csv").rename(folder / "labels.csv")
    assert load(str(folder)).classes == ("cat", "dog")


def idx_set(name, *, ending=".gz", test="test"):
    pack = gzip.compress if ending else bytes
    files = {}
    for part in ("train", test):
        files[f"{name}{part}-images-idx3-ubyte{ending}"] = pack(idx(np.arange(200, dtype=np.uint8).reshape(8, 5, 5)))
        files[f"{name}{part}-labels-idx1-ubyte{ending}"] = pack(idx(np.arange(1, 9, dtype=np.uint8) % 2 + 1))
    return files


def test_sets_made_like_mnist_are_read_by_their_own_names(tmp_path):
    folder = put(tmp_path / "letters", {**idx_set("emnist-letters-"), "emnist-letters-mapping.txt": b"1 65 97\n"})
    data = load(str(folder))
    assert (data.shape, data.classes, len(data.x_test)) == ((1, 5, 5), ("1", "2"), 8)
    assert data.notes[:2] == (
        "letters: not read: emnist-letters-mapping.txt",
        "EMNIST's files hold pictures with rows and columns exchanged; they are read as they are",
    )
    plain = put(tmp_path / "plain", {k.replace("-idx", ".idx"): v for k, v in idx_set("", ending="").items()})
    assert np.array_equal(load(str(plain)).x_train, data.x_train)


def test_several_sets_of_idx_files_are_not_mixed(tmp_path):
    both = put(tmp_path / "both", {**idx_set("emnist-letters-"), **idx_set("emnist-digits-")})
    with pytest.raises(DataError, match=r"IDX files of 2 sets \(emnist-digits, emnist-letters\)"):
        load(str(both))
    twice = put(tmp_path / "twice", {**idx_set(""), **idx_set("", test="t10k")})
    with pytest.raises(DataError, match="which are the same part; leave one of them"):
        load(str(twice))


@pytest.mark.parametrize("name", ["iris.csv", "iris/iris.data", "d.npz"])
def test_what_an_archive_holds_beside_no_pictures_is_named(tmp_path, name):
    path = put(tmp_path / "set", {"iris.zip": zipped({name: ROWS, "README.md": b"x"})}) / "iris.zip"
    with pytest.raises(DataError, match=f"holds no images, but {name}; unpack it"):
        load(str(path))
