"""IDX: what is read right, and what is refused before memory is taken."""

import gzip
import struct

import numpy as np
import pytest

from handgrad.data.idx import read_idx, read_mnist
from handgrad.errors import DataError

from .conftest import idx, mnist_files, put


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_idx(tmp_path, pack):
    images = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    (tmp_path / "images").write_bytes(pack(idx(images)))
    (tmp_path / "labels").write_bytes(pack(idx([7, 1])))
    assert read_idx(tmp_path / "images", 3).tolist() == images.tolist()
    assert read_idx(tmp_path / "labels", 1).tolist() == [7, 1]


def test_idx_by_hand(tmp_path):
    # magic 0x00000803, 1 image of 1 row and 2 columns, the bytes 5 and 250
    (tmp_path / "x").write_bytes(bytes([0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 5, 250]))
    assert read_idx(tmp_path / "x", 3).tolist() == [[[5, 250]]]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (idx([1, 2]), "is not an IDX file of images: it must start with 00000803; got 00000801"),
        (b"<html>", "is not an IDX file of images: it must start with 00000803; got 3c68746d"),
        (b"", "is not an IDX file of images: it must start with 00000803; got nothing"),
        (
            idx(np.zeros((2, 3, 4)))[:-1],
            "is truncated or altered (its header promises 24 bytes, it holds 23); copy or download it again",
        ),
        (
            struct.pack(">4I", 0x803, 2**31, 2**31, 2**31),
            f"is truncated or altered (its header promises {2**93} bytes, it holds 0); copy or download it again",
        ),
        (
            gzip.compress(idx(np.zeros((2, 3, 4))))[:-9],
            "is not an IDX file, or is damaged (Compressed file ended before the end-of-stream marker was reached); "
            "copy or download it again",
        ),
    ],
)
def test_idx_files_that_are_none(tmp_path, content, text):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_idx(tmp_path / "x", 3)
    assert str(caught.value) == f"{tmp_path / 'x'}: {text}"


def test_an_altered_gzip(tmp_path):
    content = bytearray(gzip.compress(idx(np.arange(256).reshape(1, 16, 16))))
    content[-6] ^= 1  # in its checksum
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DataError, match="is not an IDX file, or is damaged"):
        read_idx(tmp_path / "x", 3)


def test_mnist_needs_as_many_labels_as_images(tmp_path):
    files = mnist_files()
    files["t10k-labels-idx1-ubyte.gz"] = files["train-labels-idx1-ubyte.gz"]
    put(tmp_path, files)
    paths = {name.removesuffix(".gz"): tmp_path / name for name in files}
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz: holds 30 labels for 20 images; they are of two"):
        read_mnist(paths, None)
