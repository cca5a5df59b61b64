"""CIFAR: what is read right, what is refused, and that nothing in a file is executed."""

import gzip
import os
import pickle
import struct
import warnings

import numpy as np
import pytest

from handgrad.data.cifar import CLASSES, read_cifar
from handgrad.errors import DataError

from .conftest import put, tar
from .executions import watched

GLOBAL = "asks for {}, which no array of numbers needs; nothing was executed"


def cifar_images(n, seed):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (n, 3072), dtype=np.uint8), rng.integers(0, 10, n)


def python2_pickle(x, y):
    """A batch as the published archive holds it: protocol 2 as Python 2 wrote it, text as bytes, old numpy names."""

    def text(value):
        return b"U" + bytes([len(value)]) + value

    raw = x.tobytes()
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85" + text(b"b") + b"\x87R"
    dtype = b"cnumpy\ndtype\n" + text(b"u1") + b"K\x00K\x01\x87R"
    dtype += b"(K\x03" + text(b"|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"J" + struct.pack("<i", x.shape[0]) + b"J" + struct.pack("<i", x.shape[1]) + b"\x86"
    state = b"(K\x01" + shape + dtype + b"\x89T" + struct.pack("<i", len(raw)) + raw + b"tb"
    labels = b"](" + b"".join(b"K" + bytes([label]) for label in y) + b"e"
    return b"\x80\x02}(" + text(b"data") + array + state + text(b"labels") + labels + b"u."


def python3_pickle(x, y):
    return pickle.dumps({"data": x, "labels": y.tolist(), "batch_label": b"training batch"}, protocol=2)


def binary(x, y):
    return b"".join(bytes([label]) + row.tobytes() for row, label in zip(x, y, strict=True))


@pytest.mark.parametrize(
    ("write", "folder", "ending"),
    [
        (python2_pickle, "cifar-10-batches-py", ""),
        (python3_pickle, "cifar-10-batches-py", ""),
        (binary, "cifar-10-batches-bin", ".bin"),
    ],
)
@pytest.mark.parametrize("packed", [True, False], ids=["archive", "folder"])
def test_cifar(tmp_path, write, folder, ending, packed):
    batches = {f"data_batch_{k}": cifar_images(4, k) for k in (10, 2, 1)} | {"test_batch": cifar_images(3, 0)}
    files = {f"{folder}/{name}{ending}": write(*batch) for name, batch in batches.items()}
    files[f"{folder}/readme.html"] = b"<html>"
    path = tmp_path / "cifar.tar.gz"
    if packed:
        path.write_bytes(gzip.compress(tar(files)))
    else:
        path = put(tmp_path, files) / folder
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # newer versions of NumPy warn of how old pickles name a type
        contents = read_cifar(path)
    expected = [batches[name] for name in ("data_batch_1", "data_batch_2", "data_batch_10")]
    assert contents.x_train.tolist() == np.concatenate([x for x, _ in expected]).reshape(-1, 3, 32, 32).tolist()
    assert contents.y_train.tolist() == np.concatenate([y for _, y in expected]).tolist()
    assert contents.x_test.tolist() == batches["test_batch"][0].reshape(-1, 3, 32, 32).tolist()
    assert contents.classes == CLASSES


def test_the_channels_of_cifar_come_one_after_the_other(tmp_path):
    # one record: label 6, then 1024 reds of 1, 1024 greens of 2, 1024 blues of 3
    record = bytes([6]) + b"\x01" * 1024 + b"\x02" * 1024 + b"\x03" * 1024
    put(tmp_path, {"data_batch_1.bin": record, "test_batch.bin": record})
    contents = read_cifar(tmp_path)
    assert contents.x_train[0, :, 5, 7].tolist() == [1, 2, 3]
    assert contents.y_train.tolist() == [6]


class Shell:
    """What a hostile pickle asks for."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def in_a_batch(content):
    return {"cifar/data_batch_1": content, "cifar/test_batch": python3_pickle(*cifar_images(2, 0))}


@pytest.mark.parametrize(
    ("hostile", "text"),
    [
        (lambda mark: Shell(os.system, f"touch {mark}"), GLOBAL.format(f"{os.system.__module__}.system")),
        (lambda mark: Shell(eval, f"open({mark!r}, 'w')"), GLOBAL.format("__builtin__.eval")),
        (lambda mark: Shell(np.load, mark), GLOBAL.format("numpy.load")),
        (
            lambda mark: {"data": np.array([Shell(os.system, f"touch {mark}")])},
            "holds an array of object, not of numbers",
        ),
        (lambda mark: {"data": np.array(["text"])}, "holds an array of <U4, not of numbers; nothing was executed"),
    ],
)
def test_a_hostile_pickle_executes_nothing(tmp_path, hostile, text):
    mark = tmp_path / "executed"
    path = tmp_path / "cifar.tar"
    path.write_bytes(tar(in_a_batch(pickle.dumps(hostile(str(mark)), protocol=2))))
    with pytest.raises(DataError) as caught:
        read_cifar(path)
    assert str(caught.value).startswith(f"{path}: cifar/data_batch_1: ")
    assert text in str(caught.value)
    assert not mark.exists()


def test_a_pickle_may_not_choose_a_codec(tmp_path):
    content = b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00rot13\x86R."
    path = tmp_path / "cifar.tar"
    path.write_bytes(tar(in_a_batch(content)))
    with pytest.raises(DataError, match="asks for the codec 'rot13'; nothing was executed"):
        read_cifar(path)


def test_an_array_type_is_never_altered_for_others(tmp_path):
    before = np.dtype("u2").str
    state = b"(K\x03U\x01>NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb."
    path = tmp_path / "cifar.tar"
    path.write_bytes(tar(in_a_batch(b"\x80\x02cnumpy\ndtype\nU\x02u2K\x00K\x01\x87R" + state)))
    with pytest.raises(DataError, match="is not a batch of CIFAR-10"):
        read_cifar(path)
    assert np.dtype("u2").str == before


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("data_batch_1", b"\x80\x02}(", "is not a batch of CIFAR-10, or is damaged"),
        ("data_batch_1", b"", "is not a batch of CIFAR-10, or is damaged"),
        ("data_batch_1", python3_pickle(*cifar_images(2, 1))[:-900], "is not a batch of CIFAR-10, or is damaged"),
        (
            "data_batch_1",
            pickle.dumps([1, 2]),
            "is not a batch of CIFAR-10: expected data (n, 3072) of bytes and n lab",
        ),
        ("data_batch_1", python3_pickle(cifar_images(2, 1)[0], np.arange(3)), "is not a batch of CIFAR-10"),
        ("data_batch_1", python3_pickle(cifar_images(2, 1)[0], np.array([3, 10])), "its labels are not whole numbers"),
        ("data_batch_1.bin", bytes(3072), "(3072 bytes are not whole records of 3073)"),
        ("data_batch_1.bin", b"", "(0 bytes are not whole records of 3073)"),
        ("data_batch_1.bin", bytes([10]) + bytes(3072), "(its labels are not whole numbers from 0 to 9)"),
    ],
)
def test_batches_that_are_none(tmp_path, name, content, text):
    put(tmp_path, {name: content, "test_batch": python3_pickle(*cifar_images(2, 0))})
    with pytest.raises(DataError) as caught:
        read_cifar(tmp_path)
    assert text in str(caught.value)
    assert name in str(caught.value)


def test_an_archive_without_batches(tmp_path):
    put(tmp_path, {"test_batch": python3_pickle(*cifar_images(2, 0))})
    with pytest.raises(DataError, match="is not a CIFAR-10 archive: expected data_batch_1 and on, and test_batch"):
        read_cifar(tmp_path)


# Pickles that do not fail in the ways one expects


def load_pickle(tmp_path, content):
    path = tmp_path / "cifar.tar"
    path.write_bytes(tar(in_a_batch(content)))
    with watched() as started, pytest.raises(DataError) as caught:
        read_cifar(path)
    assert started == []
    return str(caught.value).removeprefix(f"{path}: cifar/data_batch_1: ")


NO_BATCH = "is not a batch of CIFAR-10: expected data (n, 3072) of bytes and n labels"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (pickle.dumps({b"\xff": 1}, 2), NO_BATCH),
        (b"\x80\x02r\xff\xff\xff\x7f.", "asks for place 2147483647 of a memory of 1000000; nothing was executed"),
        (b"\x80\x02]p99999999999\n.", "asks for place 99999999999 of a memory of 1000000; nothing was executed"),
        (b"\x80\x05\x96" + struct.pack("<Q", 2**40) + b".", "is not a batch of CIFAR-10, or is damaged"),
        (b"\x80\x05\x96" + struct.pack("<Q", 4) + b"1234.", "asks for BYTEARRAY8, which no array of numbers needs"),
        (b"\x80\x02(ios\nsystem\n.", "asks for INST, which no array of numbers needs; nothing was executed"),
        (b"\x80\x02Ptouch\n.", "asks for PERSID, which no array of numbers needs; nothing was executed"),
        (b"\x80\x02" + b"(" * 100 + b"l" * 100 + b".", NO_BATCH),
        (b"I" + b"9" * 5000 + b"\n.", "is not a batch of CIFAR-10, or is damaged"),
        (b"\x80\x02c" + b"x" * 50_000 + b"\nsystem\n.", "asks for "),
        (b"\x80\x02cnumpy\ndtype\nU\x01V\x85R.", "holds an array of |V0, not of numbers; nothing was executed"),
    ],
)
def test_pickles_of_an_attack(tmp_path, content, text):
    found = load_pickle(tmp_path, content)
    assert found.startswith(text)
    assert len(found) < 300


def test_labels_that_are_lists_of_lists_are_not_unfolded(tmp_path):
    # ten lists, each ten times in the next: 10^10 numbers for whoever makes an array of them
    labels = [3] * 10
    for _ in range(10):
        labels = [labels] * 10
    x = np.zeros((10, 3072), np.uint8)
    assert "its labels are not whole numbers from 0 to 9" in load_pickle(
        tmp_path, pickle.dumps({"data": x, "labels": labels}, protocol=2)
    )


def test_an_array_that_is_larger_than_its_bytes(tmp_path):
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"\x8a\x08" + struct.pack("<q", 2**50) + b"M\x00\x0c\x86"
    content = b"\x80\x02}(U\x04data" + array + b"(K\x01" + shape + dtype + b"\x89U\x041234tbU\x06labels](K\x01eu."
    assert load_pickle(tmp_path, content).startswith("is not a batch of CIFAR-10, or is damaged")


def test_a_batch_that_is_there_twice(tmp_path):
    content = binary(*cifar_images(2, 1))
    put(tmp_path, {"data_batch_1.bin": content, "more/data_batch_1.bin": content, "test_batch.bin": content})
    with pytest.raises(DataError, match=r"holds more/data_batch_1\.bin a second time, in another folder or form"):
        read_cifar(tmp_path)


def test_batches_that_are_not_there_are_said(tmp_path):
    content = binary(*cifar_images(2, 1))
    put(tmp_path, {f"{name}.bin": content for name in ("data_batch_1", "data_batch_2", "data_batch_4", "test_batch")})
    assert read_cifar(tmp_path).notes == ("not there: data_batch_3, data_batch_5; the others are used",)


def test_a_batch_0_is_no_test_batch(tmp_path):
    one, other = binary(*cifar_images(2, 1)), binary(*cifar_images(3, 2))
    put(tmp_path, {"data_batch_1.bin": one, "data_batch_0.bin": other, "test_batch.bin": one})
    assert len(read_cifar(tmp_path).y_test) == 2
