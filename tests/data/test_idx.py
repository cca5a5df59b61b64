"""IDX: what is read right, and what is refused before memory is taken."""

import gzip
import struct
import tracemalloc

import numpy as np
import pytest

from handgrad.data.datasets import load
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
        read_mnist(paths)


def bomb(tmp_path, n, size):
    """A gzip of an IDX header and zeros, in the file x."""
    with gzip.open(tmp_path / "x", "wb") as file:
        file.write(struct.pack(">4I", 0x803, n, 1024, 1024))
        for _ in range(size):
            file.write(bytes(1 << 20))
    return tmp_path / "x"


@pytest.mark.parametrize(
    ("sizes", "text"),
    [
        ((0, 2**32 - 1, 2**32 - 1), "its header promises 0 × 4294967295 × 4294967295 images, which are none"),
        ((3, 0, 28), "its header promises 3 × 0 × 28 images, which are none"),
        ((2**32 - 1,) * 3, f"its header promises {(2**32 - 1) ** 3} bytes, it holds 0"),
        ((2**31, 2**31, 4), f"its header promises {2**64} bytes, it holds 0"),  # 0 in 64 bits
    ],
)
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_headers_that_cannot_be_true(tmp_path, sizes, text, pack):
    (tmp_path / "x").write_bytes(pack(struct.pack(">4I", 0x803, *sizes)))
    with pytest.raises(DataError) as caught:
        read_idx(tmp_path / "x", 3)
    if pack is gzip.compress and "bytes" in text:
        assert str(caught.value).endswith(" at most 100.0 MB are unpacked); copy or download it again")
    else:
        assert str(caught.value) == f"{tmp_path / 'x'}: is truncated or altered ({text}); copy or download it again"


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
def test_bytes_behind_the_last_image(tmp_path, pack):
    (tmp_path / "x").write_bytes(pack(idx(np.zeros((2, 3, 4))) + b"more"))
    with pytest.raises(DataError, match=r"its header promises 24 bytes, it holds (28|more)\)"):
        read_idx(tmp_path / "x", 3)


def test_a_header_that_is_cut(tmp_path):
    (tmp_path / "x").write_bytes(struct.pack(">2I", 0x803, 5))
    with pytest.raises(DataError, match="its header is cut after 8 bytes"):
        read_idx(tmp_path / "x", 3)


def test_another_type_than_bytes_is_called_by_its_name(tmp_path):
    (tmp_path / "x").write_bytes(struct.pack(">4I", 0xD03, 1, 1, 1) + struct.pack(">f", 0.5))
    with pytest.raises(DataError) as caught:
        read_idx(tmp_path / "x", 3)
    assert str(caught.value) == (
        f"{tmp_path / 'x'}: is not an IDX file of images of bytes; it holds floats: it must start with 00000803; "
        "got 00000d03"
    )


@pytest.mark.parametrize("n", [110, 5000], ids=["all of it there", "promised"])
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path, n):
    path = bomb(tmp_path, n, 110)
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match=r"promises \S+ [MG]B; of \d+ bytes at most 100\.0 MB are unpacked"):
            read_idx(path, 3)
        assert tracemalloc.get_traced_memory()[1] < 10e6
    finally:
        tracemalloc.stop()


def test_a_folder_with_three_of_the_four_files(tmp_path):
    files = mnist_files()
    del files["t10k-labels-idx1-ubyte.gz"]
    with pytest.raises(DataError, match=r"but no t10k-labels-idx1-ubyte \(also \.gz\); the four belong"):
        load(str(put(tmp_path / "mine", files)))
