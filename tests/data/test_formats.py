"""npz: what is read right, what is refused."""

import io
import pickle

import numpy as np
import pytest

from handgrad.data.formats import read_npz
from handgrad.errors import DataError


def test_npz_of_four_arrays(tmp_path):
    rng = np.random.default_rng(0)
    x, x_test = rng.random((6, 2)), rng.random((3, 2))
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(6), x_test=x_test, y_test=np.arange(3))
    contents = read_npz(tmp_path / "a.npz")
    assert contents.x_train.tolist() == x.tolist()
    assert contents.y_test.tolist() == [0, 1, 2]
    assert contents.classes is None


def test_npz_of_two_arrays_with_the_names_of_the_classes(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", x=np.eye(2), y=[0, 1], classes=["cat", "dog"])
    contents = read_npz(tmp_path / "a.npz")
    assert (contents.x_test, contents.classes) == (None, ("cat", "dog"))


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"data": [1]}, "must hold x_train and y_train (and x_test and y_test), or x and y; it holds data"),
        ({"x": [1], "y_train": [1]}, "it holds x, y_train"),
        ({"x_train": [1], "y_train": [1], "x_test": [1]}, "it holds x_test, x_train, y_train"),
        (
            {"x": np.array([{}], object), "y": [1]},
            "holds Python objects (a pickle), which are never read; save arrays of numbers or text",
        ),
    ],
)
def test_npz_files_with_something_else(tmp_path, arrays, text):
    np.savez(tmp_path / "a.npz", **arrays)
    with pytest.raises(DataError) as caught:
        read_npz(tmp_path / "a.npz")
    assert str(caught.value).startswith(f"{tmp_path / 'a.npz'}: ")
    assert str(caught.value).endswith(text)


def npz(compressed=False):
    packed = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(packed, x=np.arange(400.0).reshape(100, 4), y=np.arange(100) % 2)
    return packed.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"<html>", pickle.dumps({"x": 1}), npz()[:-30], npz()[:700], npz(True)[:-1]],
    ids=["empty", "page", "pickle", "cut at the end", "cut in the middle", "cut by a byte"],
)
def test_npz_files_that_are_none(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: is truncated or altered \(no \.npz file begins and ends like this\)"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("compressed", [False, True])
def test_an_altered_npz(tmp_path, compressed):
    content = bytearray(npz(compressed))
    content[len(content) // 4] ^= 0xFF
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: is truncated or altered"):
        read_npz(tmp_path / "a.npz")


def test_an_npz_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"a\.npz: cannot be read \(No such file or directory\)"):
        read_npz(tmp_path / "a.npz")
