"""Data sets from names, paths and arrays."""

import gzip

import numpy as np
import pandas as pd
import pytest

from handgrad.data.data_section import DataSection
from handgrad.data.datasets import from_arrays, load
from handgrad.errors import DataError

from .conftest import idx, picture, put, tar


def test_the_built_in_digits():
    digits = load("digits")
    assert (digits.name, digits.shape, digits.n_classes, digits.value_range) == ("digits", (1, 8, 8), 10, (0, 16))
    assert np.bincount(digits.y_train).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (digits.x_train.dtype, digits.x_train.max(), digits.x_test, digits.official) == (np.uint8, 16, None, True)
    assert digits.checksum == "6fe8d4c360c418eb4afe44810cdbdf8c502354840a7d650c3ed1f4f9e0c372da"


def test_mnist_from_the_folder_of_handgrad_data(tmp_path, small_mnist, monkeypatch):
    put(tmp_path / "shared" / "mnist", small_mnist)
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path / "shared"))
    mnist = load("mnist", fetch=False)
    assert (mnist.shape, mnist.classes, mnist.value_range) == ((1, 28, 28), tuple("0123456789"), (0, 255))
    assert (len(mnist.y_train), len(mnist.y_test)) == (30, 20)
    assert mnist.x_train[:, 0, 5, 5].tolist() == list(range(30))
    assert mnist.y_test.tolist() == list(range(10)) * 2
    assert (mnist.official, mnist.notes) == (True, ())


def test_an_unpacked_copy_is_official_too(tmp_path, small_mnist, monkeypatch):
    files = {name.removesuffix(".gz"): gzip.decompress(content) for name, content in small_mnist.items()}
    put(tmp_path / "mnist", files)
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path))
    assert load("mnist", fetch=False).official


def test_other_bytes_are_used_with_a_note_and_recorded(tmp_path, small_mnist, monkeypatch):
    put(tmp_path / "mnist", small_mnist)
    official = tmp_path / "official"
    put(official / "mnist", small_mnist)
    altered = tmp_path / "mnist" / "train-labels-idx1-ubyte.gz"
    altered.write_bytes(gzip.compress(idx([9] * 30)))
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path))
    mnist = load("mnist", fetch=False)
    assert mnist.y_train.tolist() == [9] * 30
    assert not mnist.official
    assert mnist.notes == (f"{altered}: not the published bytes of mnist; used as they are",)
    monkeypatch.setenv("HANDGRAD_DATA", str(official))
    assert load("mnist", fetch=False).checksum != mnist.checksum


def test_a_truncated_file_of_a_named_set(tmp_path, small_mnist, monkeypatch):
    put(tmp_path / "mnist", small_mnist)
    path = tmp_path / "mnist" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path))
    with pytest.raises(DataError) as caught:
        load("mnist", fetch=False)
    assert str(caught.value).startswith(f"{path}: is not an IDX file, or is damaged (")


def test_cifar_from_its_binary_archive(tmp_path, monkeypatch):
    record = bytes([3]) + bytes(3072)
    files = {f"cifar-10-batches-bin/{name}.bin": record for name in ("data_batch_1", "test_batch")}
    put(tmp_path / "cifar-10", {"cifar-10-binary.tar.gz": gzip.compress(tar(files))})
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path))
    cifar = load("cifar-10", fetch=False)
    assert (cifar.shape, cifar.classes[3], cifar.y_train.tolist()) == ((3, 32, 32), "cat", [3])
    assert not cifar.official
    # the same archive by its path, and unpacked
    assert load(str(tmp_path / "cifar-10" / "cifar-10-binary.tar.gz")).checksum == cifar.checksum
    put(tmp_path / "other" / "cifar-10", files)
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path / "other"))
    unpacked = load("cifar-10", fetch=False)
    assert (unpacked.checksum, unpacked.official) == (cifar.checksum, False)


def test_a_path_starts_at_the_folder_of_the_study_or_at_handgrad_data(tmp_path, monkeypatch):
    for place, value in (("study", 1.0), ("shared", 2.0)):
        put(tmp_path / place, {"here.txt": b""})
        np.savez(tmp_path / place / "a.npz", x=np.full((2, 1), value), y=[0, 1])
    monkeypatch.setenv("HANDGRAD_DATA", str(tmp_path / "shared"))
    assert load("a.npz", folder=tmp_path / "study").x_train[0, 0] == 1
    assert load("a.npz", folder=tmp_path).x_train[0, 0] == 2
    assert load(str(tmp_path / "study" / "a.npz")).name == "a.npz"
    monkeypatch.chdir(tmp_path / "study")
    assert load("a.npz").x_train[0, 0] == 1


def test_where_the_data_lies_does_not_enter_its_checksum(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.eye(2), y=[0, 1])
    np.savez_compressed(tmp_path / "b.npz", x_train=np.eye(2), y_train=[0, 1])
    assert load(str(tmp_path / "a.npz")).checksum == load(str(tmp_path / "b.npz")).checksum
    assert load(str(tmp_path / "a.npz")).checksum == from_arrays(np.eye(2), [0, 1]).checksum


@pytest.mark.parametrize(
    "change",
    [{"x": [[1.0], [3.0]]}, {"y": [1, 0]}, {"classes": ("a", "b")}, {"value_range": (0, 9)}, {"x": [[[1.0]], [[2.0]]]}],
)
def test_all_else_enters_it(change):
    values = {"x": [[1.0], [2.0]], "y": [0, 1]} | change

    def make(x, y, **options):
        return from_arrays(x, y, **options).checksum

    assert make(**values) != from_arrays([[1.0], [2.0]], [0, 1]).checksum


def test_tables_by_path(tmp_path):
    put(tmp_path, {"set/train.csv": b"a,b,kind\n1,2,7\n3,4,9\n", "set/test.csv": b"a,b,kind\n5,6,9\n"})
    table = load(str(tmp_path / "set"))
    assert (table.x_test.tolist(), table.y_test.tolist(), table.classes) == ([[5, 6]], [1], ("7", "9"))
    assert table.notes == (
        "train.csv: 'kind', the last column, holds the labels; data.label names another",
        "labels 7, 9 became classes 0 to 1",
    )
    assert (table.feature_names, table.value_range) == (("a", "b"), None)
    by_label = load(DataSection(name=str(tmp_path / "set" / "train.csv"), label="a"))
    assert (by_label.classes, by_label.feature_names, by_label.x_test) == (("1", "3"), ("b", "kind"), None)


def test_images_by_path(tmp_path):
    files = {"cat/1.png": picture(), "dog/1.png": picture()}
    put(tmp_path / "pictures", files)
    put(tmp_path / "packed", {"all.tar": tar(files)})
    pictures = load(DataSection(name=str(tmp_path / "pictures"), color="gray", image_size=(3, 3)))
    assert (pictures.shape, pictures.classes, pictures.value_range) == ((1, 3, 3), ("cat", "dog"), (0, 255))
    assert load(str(tmp_path / "packed")).shape == (3, 4, 6)  # a folder with one archive and nothing else


def test_idx_files_by_path(tmp_path, small_mnist):
    put(tmp_path / "mine", small_mnist)
    mine = load(str(tmp_path / "mine"))
    assert (mine.shape, len(mine.y_test), mine.official) == ((1, 28, 28), 20, True)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"name": "mnist", "label": "a"}, "data.label is for tables (CSV), but mnist is a named data set; take it out"),
        (
            {"name": "digits", "color": "gray"},
            "data.color is for pictures, but digits is a named data set; tak",
        ),
        ({"name": "a.npz", "image_size": (3, 3)}, "data.image_size is for pictures, but "),
        ({"name": "a.csv", "color": "rgb"}, "is a table; take it out"),
        ({"name": "pictures", "label": 0}, "data.label is for tables (CSV), but "),
    ],
)
def test_settings_that_have_no_meaning_for_the_data(tmp_path, values, text):
    np.savez(tmp_path / "a.npz", x=np.eye(2), y=[0, 1])
    put(tmp_path, {"a.csv": b"1,2\n3,4\n", "pictures/a/1.png": picture()})
    with pytest.raises(DataError) as caught:
        load(DataSection(**values), folder=tmp_path)
    assert text in str(caught.value)


def test_a_name_that_is_none(tmp_path):
    with pytest.raises(DataError) as caught:
        load("mnits", folder=tmp_path)
    assert str(caught.value) == (
        f"data.name: no data set is called 'mnits', and no file or folder lies at {tmp_path / 'mnits'}; "
        "did you mean 'mnist'? Known: digits, diabetes, mnist, fashion-mnist, cifar-10, or a path to .npz, .mat, a "
        "folder of .npy, .csv, .tsv, .txt, .data, .arff, .libsvm, .svmlight, .parquet, .feather (also packed: .gz, ."
        ".bz2, .xz, .zip), a folder of images by class, or one packed in .tar, .tar.gz, .tgz, .tar.bz2, .tbz2, .tar.xz, "
        ".txz, .zip"
    )


def test_a_set_of_another_library_leads_to_a_file(tmp_path):
    with pytest.raises(DataError, match="; it is not there yet; save it as a file and give its path"):
        load("iris", folder=tmp_path)
    with pytest.raises(DataError, match=r"; here it is called 'fashion-mnist'\. Known: "):
        load("fmnist", folder=tmp_path)


def test_a_file_of_an_unknown_form(tmp_path):
    put(tmp_path, {"a.xyz": b""})
    with pytest.raises(DataError, match=r"a\.xyz: is of no form that can be read; known: \.npz, \.mat"):
        load("a.xyz", folder=tmp_path)


def test_arrays():
    data = from_arrays([[1, 2], [3, 4], [5, 6]], ["b", "a", "b"], [[7, 8]], ["a"], name="mine")
    assert (data.x_train.dtype, data.x_train.tolist()) == (np.float32, [[1, 2], [3, 4], [5, 6]])
    assert (data.y_train.tolist(), data.y_test.tolist(), data.classes) == ([1, 0, 1], [0], ("a", "b"))
    assert (data.name, data.value_range, data.official) == ("mine", None, True)


def test_arrays_of_pandas():
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": [3, 4], "kind": ["x", "y"]})
    data = from_arrays(frame[["a", "b"]], frame["kind"])
    assert (data.x_train.tolist(), data.classes) == ([[1.5, 3], [2.5, 4]], ("x", "y"))


@pytest.mark.parametrize(
    ("x", "shape", "dtype", "value_range"),
    [
        (np.zeros((2, 5), np.uint8), (5,), np.uint8, (0, 255)),
        (np.zeros((2, 5), np.int64), (5,), np.float32, None),
        (np.zeros((2, 5, 6), np.uint8), (1, 5, 6), np.uint8, (0, 255)),
        (np.full((2, 5, 6), 255, np.int64), (1, 5, 6), np.uint8, (0, 255)),
        (np.full((2, 5, 6), 256, np.int64), (1, 5, 6), np.float32, None),
        (np.zeros((2, 5, 6)), (1, 5, 6), np.float32, None),
        (np.zeros((2, 3, 5, 6)), (3, 5, 6), np.float32, None),
        (np.zeros((2, 5, 6, 3)), (3, 5, 6), np.float32, None),
        (np.zeros((2, 5, 6, 1)), (1, 5, 6), np.float32, None),
        (np.zeros((2, 3, 5, 3)), (3, 5, 3), np.float32, None),
        (np.zeros((2, 5), bool), (5,), np.uint8, (0, 1)),
    ],
)
def test_shapes_and_kinds_of_arrays(x, shape, dtype, value_range):
    data = from_arrays(x, [0, 1])
    assert (data.shape, data.x_train.dtype, data.value_range) == (shape, dtype, value_range)


def test_channels_last_are_moved_not_mixed():
    x = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    assert from_arrays(x, [0, 1]).x_train[1, 2, 3, 4] == x[1, 3, 4, 2]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (
            ([[1.0], [np.nan]], [0, 1]),
            "x_train: example 1 holds a value that is no finite float32; mend it or take it out",
        ),
        (
            ([[1.0], [1e39]], [0, 1]),
            "x_train: example 1 holds a value that is no finite float32; mend it or take it out",
        ),
        (([["a"], ["b"]], [0, 1]), "x_train must hold numbers; got <U1"),
        (([[1], [1, 2]], [0, 1]), "x_train must be one array of numbers; its rows have several lengths"),
        (
            ([1, 2], [0, 1]),
            "x_train must be (n, columns), (n, rows, cols) or (n, channels, rows, cols) with n >= 1; got (2,)",
        ),
        (
            (np.zeros((0, 3)), []),
            "x_train must be (n, columns), (n, rows, cols) or (n, channels, rows, cols) with n >= 1; got (0, 3)",
        ),
        (([[1], [2]], [0, 1, 0]), "y_train has 3 labels for 2 examples; there must be as many"),
        (
            ([[1], [2]], [0, 1], [[1, 2]], [0]),
            "one example of x_test has the shape (2,), of x_train (1,); they must be equal",
        ),
        (
            (np.zeros((2, 1), np.uint8), [0, 1], [[0.5]], [0]),
            "x_train holds uint8 and x_test float64; they must be of one kind and scale",
        ),
        (([[1], [2]], [0, 1], [[1]]), "x_test and y_test belong together; one of them is missing"),
    ],
)
def test_arrays_that_do_not_fit(arguments, text):
    with pytest.raises(DataError) as caught:
        from_arrays(*arguments)
    assert str(caught.value) == f"arrays: {text}"


def test_a_range_without_width():
    with pytest.raises(DataError, match=r"arrays: value_range must be \(smallest, largest\); got \(1, 1\)"):
        from_arrays([[1], [2]], [0, 1], value_range=(1, 1))


def test_a_validation_part_of_arrays():
    x, y = np.eye(6), np.arange(6) % 2
    data = from_arrays(x, y, x_val=x[:2], y_val=y[:2])
    assert (data.x_val.tolist(), data.y_val.tolist(), data.x_test) == (x[:2].tolist(), [0, 1], None)
    assert data.checksum != from_arrays(x, y).checksum
    with pytest.raises(DataError, match="arrays: x_val and y_val belong together; one of them is missing"):
        from_arrays(x, y, x_val=x)
    with pytest.raises(DataError, match=r"arrays: one example of x_val has the shape \(5,\), of x_train \(6,\)"):
        from_arrays(x, y, x_val=x[:, :5], y_val=y)
    with pytest.raises(DataError, match="arrays: y_val has 6 labels for 2 examples; there must be as many"):
        from_arrays(x, y, x_val=x[:2], y_val=y)


def test_masked_values_are_missing_ones():
    x = np.ma.array(np.eye(3), mask=[[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    with pytest.raises(DataError, match="arrays: x_train: example 1 holds a masked value; fill it in or take it out"):
        from_arrays(x, [0, 1, 0])


def test_whatever_a_file_does_to_its_reader_is_one_message(tmp_path, monkeypatch):
    def fail(*_):
        raise KeyError("x")

    np.savez(tmp_path / "a.npz", x=np.eye(2), y=[0, 1])
    monkeypatch.setattr("handgrad.data.datasets.number_labels", fail)
    with pytest.raises(DataError, match=r"a\.npz: is not data that can be read, or is damaged"):
        load(str(tmp_path / "a.npz"))
