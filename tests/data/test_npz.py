"""npz files: which arrays are what, and that a damaged or hostile file is one message before it takes memory."""

import io
import pickle
import zipfile

import numpy as np
import pytest

from handgrad.data import bounds
from handgrad.data.data_section import DataSection
from handgrad.data.datasets import load, split
from handgrad.data.npz import read_npz, role_of
from handgrad.errors import DataError


def parts_of(n=30, **names):
    """name -> zeros and ones: images for names of x, labels for those of y."""
    rng = np.random.default_rng(0)
    return {
        name: rng.integers(0, 256, (n, 4, 4), np.uint8) if kind == "x" else np.arange(n) % 3
        for name, kind in names.items()
    }


def test_four_arrays(tmp_path):
    rng = np.random.default_rng(0)
    x, x_test = rng.random((6, 2)), rng.random((3, 2))
    np.savez(tmp_path / "a.npz", x_train=x, y_train=np.arange(6), x_test=x_test, y_test=np.arange(3))
    contents = read_npz(tmp_path / "a.npz")
    assert contents.x_train.tolist() == x.tolist()
    assert contents.y_test.tolist() == [0, 1, 2]
    assert (contents.classes, contents.x_val, contents.notes) == (None, None, ())


@pytest.mark.parametrize("name", ["classes", "class_names"])
def test_two_arrays_with_the_names_of_the_classes(tmp_path, name):
    np.savez_compressed(tmp_path / "a.npz", x=np.eye(2), y=[0, 1], **{name: ["cat", "dog"]})
    contents = read_npz(tmp_path / "a.npz")
    assert (contents.x_test, contents.classes) == (None, ("cat", "dog"))


def test_order_and_kinds_of_arrays_are_those_of_numpy(tmp_path):
    x = np.asfortranarray(np.arange(6.0).reshape(2, 3)).astype(">f4")
    np.savez(tmp_path / "a.npz", x=x, y=["b", "a"])
    contents = read_npz(tmp_path / "a.npz")
    assert (contents.x_train.tolist(), contents.y_train.tolist()) == (x.tolist(), ["b", "a"])


@pytest.mark.parametrize(
    ("name", "role"),
    [
        *(("x_train", "x_train"), ("X_train", "x_train"), ("train_images", "x_train"), ("train_x", "x_train")),
        *(("val_labels", "y_val"), ("x_valid", "x_val"), ("y_validation", "y_val"), ("test_targets", "y_test")),
        *(("X", "x"), ("data", "x"), ("target", "y"), ("images", "x"), ("Y", "y"), ("training-images", "x_train")),
        *(("ids", None), ("x_train_ids", None), ("train", None), ("x_y", None), ("train_test_x", None), ("x2", "x")),
    ],
)
def test_arrays_are_known_by_their_names(name, role):
    assert role_of(name) == role


@pytest.mark.parametrize(
    "names",
    [
        {"x_train": "x", "y_train": "y", "x_val": "x", "y_val": "y", "x_test": "x", "y_test": "y"},
        {
            **{"train_images": "x", "train_labels": "y", "val_images": "x", "val_labels": "y"},
            **{"test_images": "x", "test_labels": "y"},
        },
        {"X_train": "x", "y_train": "y", "X_valid": "x", "y_valid": "y", "X_test": "x", "y_test": "y"},
    ],
    ids=["own", "MedMNIST", "Keras"],
)
def test_a_validation_part_of_the_file_validates(tmp_path, names):
    arrays = parts_of(**names)
    np.savez(tmp_path / "a.npz", **arrays)
    data = load(str(tmp_path / "a.npz"))
    made = split(data, DataSection())
    assert len(made.train) == len(made.validation) == len(made.test) == 30
    held = next(x for name, x in arrays.items() if "val" in name)
    assert (made.validation.x[:, 0] == held / np.float32(255)).all()
    assert made.validation.source == "validation"
    assert made.notes == (
        "a.npz has a validation part of its own, 30 examples: it is used where data.validation is not set",
    )


def test_other_arrays_are_named_in_a_note(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.eye(4), y=[0, 1, 0, 1], ids=np.arange(4), meta=np.array([{}], object))
    assert load(str(tmp_path / "a.npz")).notes[0] == "a.npz: not read: ids, meta"


@pytest.mark.parametrize(
    ("arrays", "text"),
    [
        ({"data": [1]}, "holds 'data' without its labels, 'y'; save both, or neither. It holds data"),
        ({"x": [1], "y_train": [1]}, "holds 'x' without its labels, 'y'; save both, or neither. It holds x, y_train"),
        ({"x": [1], "y": [1], "x_train": [1], "y_train": [1]}, "it holds x, x_train, y, y_train"),
        (
            {"x_train": [1], "y_train": [1], "X_test": [1]},
            "holds 'X_test' without its labels, 'y_test'; save both, or neither. It holds X_test, x_train, y_train",
        ),
        (
            {"x_train": [1], "y_train": [1], "y_val": [1]},
            "holds 'y_val' without its examples, 'x_val'; save both, or neither. It holds x_train, y_train, y_val",
        ),
        ({"x": [1]}, "holds 'x' without its labels, 'y'; save both, or neither. It holds x"),
        ({f"a{k}": [1] for k in range(99)}, "a0, a1, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19 … (87 more)"),
        (
            {"x": [1], "X": [1], "y": [1]},
            "holds 'x' and 'X', which mean the same; save it with one of them",
        ),
        (
            {"x": np.array([{}], object), "y": [1]},
            "x holds Python objects (a pickle), which are never read; save arrays of numbers or text",
        ),
        ({"x": [[1]], "y": [1], "classes": [[1.5]]}, "classes must be a list of names, (k,); got float64 (1, 1)"),
        ({"x": [[1]], "y": [1], "classes": ["a", "a"]}, "classes names one class twice (a, a); name them apart"),
    ],
)
def test_files_with_something_else(tmp_path, arrays, text):
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
def test_files_that_are_none(tmp_path, content):
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: is not an \.npz file of arrays \(np\.savez\), or is damaged"):
        read_npz(tmp_path / "a.npz")


@pytest.mark.parametrize("compressed", [False, True])
def test_an_altered_file(tmp_path, compressed):
    content = bytearray(npz(compressed))
    content[len(content) // 4] ^= 0xFF
    (tmp_path / "a.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: is not an \.npz file of arrays \(np\.savez\), or is damaged"):
        read_npz(tmp_path / "a.npz")


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(DataError, match=r"a\.npz: no such file"):
        read_npz(tmp_path / "a.npz")


def hostile(path, header, body=bytes(320), version=b"\x01\x00", method=zipfile.ZIP_STORED):
    """An .npz whose zip is whole and whose array x has this header."""
    content = b"\x93NUMPY" + version + len(header).to_bytes(2, "little") + header.encode() + body
    y = io.BytesIO()
    np.save(y, np.arange(10) % 2)
    with zipfile.ZipFile(path, "w", method) as archive:
        archive.writestr("x.npy", content)
        archive.writestr("y.npy", y.getvalue())
    return path


HEADER = "{{'descr': '<f8', 'fortran_order': False, 'shape': {}, }}"


@pytest.mark.parametrize(
    ("header", "text"),
    [
        (HEADER.format("(1000000000000,)"), "its header promises 8000000000000 bytes, it holds 320; save it again"),
        (HEADER.format("(4, 2**70)"), "or is damaged"),
        (HEADER.format("(4, 1180591620717411303424)"), "its header promises"),
        (HEADER.format("(-10, -4)"), "x is damaged"),
        (HEADER.format("(0, 4)"), "its header promises 0 bytes"),
        (HEADER.format("(10, 4"), "or is damaged"),
        (HEADER.format("(1.5, 4)"), "or is damaged"),
        ("(" * 200, "or is damaged"),
        (
            "{'descr': '|O', 'fortran_order': False, 'shape': (40,), }",
            "Python objects (a pickle), which are never read",
        ),
        ("", "or is damaged"),
    ],
)
def test_a_header_that_promises_too_much_is_refused_before_memory_is_taken(tmp_path, header, text):
    path = hostile(tmp_path / "a.npz", header)
    with pytest.raises(DataError) as caught:
        load(str(path))
    assert text in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")


def test_a_version_that_is_none(tmp_path):
    with pytest.raises(DataError, match=r"x is of version 9 of NumPy's format; versions 1 and 2 are read"):
        read_npz(hostile(tmp_path / "a.npz", HEADER.format("(10, 4)"), version=b"\x09\x00"))


def test_a_damaged_lzma_member(tmp_path):
    path = hostile(
        tmp_path / "a.npz", HEADER.format("(10, 4)"), np.random.default_rng(0).bytes(320), method=zipfile.ZIP_LZMA
    )
    content = bytearray(path.read_bytes())
    content[60:90] = bytes(30)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.npz: is not an \.npz file of arrays \(np\.savez\), or is damaged"):
        read_npz(path)


def test_a_bomb_is_refused_by_its_size_not_unpacked(tmp_path, monkeypatch):
    np.savez_compressed(tmp_path / "a.npz", x=np.zeros((1000, 1000)), y=np.arange(1000) % 2)  # 8 MB in 8 kB
    monkeypatch.setattr(bounds, "room_in_memory", lambda: 10_000_000)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(
        DataError, match=r"a\.npz: holds 8\.0 MB unpacked; at most 5\.0 MB are read, half of the memory"
    ):
        read_npz(tmp_path / "a.npz")


def test_two_members_of_one_name(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.eye(2), y=[0, 1])
    with zipfile.ZipFile(tmp_path / "a.npz", "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("x.npy", b"")
    with pytest.raises(DataError, match="holds two arrays called 'x'; save it again with one of them"):
        read_npz(tmp_path / "a.npz")
