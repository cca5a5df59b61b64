"""Arrays as the bytes of an .npz file."""

import io
import zipfile

import numpy as np
import pytest

from handgrad.training import npz_bytes
from handgrad.training.npz_bytes import npz

NUMBERS = np.random.default_rng(0).normal(size=(60, 50))
ARRAYS = {
    "epoch": np.arange(1, 11),
    "columns": NUMBERS.T,
    "every other": NUMBERS[::2, ::-3],
    "bytes": np.tile(np.arange(250, dtype=np.uint8), 200),
    "none": np.zeros((0, 3), np.float32),
    "text": np.array("validation"),
    "größe": np.array([True, False]),
    "big-endian": np.arange(3, dtype=">i4"),
}


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("arrays", [ARRAYS, {}], ids=["arrays", "none"])
def test_bytes_are_those_that_numpy_writes(arrays, compressed):
    theirs = io.BytesIO()
    (np.savez_compressed if compressed else np.savez)(theirs, **arrays)
    ours = npz(arrays, compressed=compressed)
    assert ours == theirs.getvalue()
    with zipfile.ZipFile(io.BytesIO(ours)) as file:
        assert file.testzip() is None
    with np.load(io.BytesIO(ours)) as read:
        assert read.files == list(arrays)
        for name, array in arrays.items():
            np.testing.assert_array_equal(read[name], array, strict=True)


def test_large_arrays_are_the_same_bytes(monkeypatch):
    small = npz(ARRAYS)
    monkeypatch.setattr(npz_bytes, "LARGE", 100)
    assert npz(ARRAYS) == small


def test_objects_are_refused():
    with pytest.raises(ValueError, match="allow_pickle=False"):
        npz({"x": np.array([{}], object)})
