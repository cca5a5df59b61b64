"""IDX: the files of MNIST and of sets made like it.

    0x00000803, n, rows, cols as big-endian 32-bit integers, then n·rows·cols bytes      images
    0x00000801, n, then n bytes                                                          labels

plain or gzip (LeCun, yann.lecun.com/exdb/mnist).  The third byte of the first number is the type: 08 is bytes, the only
one that is read.  The size in the header is compared with that of the file before memory is taken.
"""

import gzip
import math
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from handgrad.data.archives import AGAIN, damaged
from handgrad.data.bounds import most_unpacked
from handgrad.data.contents import Contents
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.limits import in_words

MAGIC = {3: 0x00000803, 1: 0x00000801}
MNIST_FILES = tuple(
    f"{name}-ubyte" for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
)
TYPES = {0x09: "signed bytes", 0x0B: "16-bit numbers", 0x0C: "32-bit numbers", 0x0D: "floats", 0x0E: "doubles"}


def read_idx(path: Path, n_axes: int) -> NDArray[np.uint8]:
    """The images (n_axes = 3) or labels (n_axes = 1) of an IDX file.  -> (n, rows, cols) or (n,).  Raises DataError."""
    with reading(path, DataError, "an IDX file", AGAIN), path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        with gzip.open(file) if packed else file as stream:
            return _read(path, stream, n_axes, size, packed)


def _read(path: Path, file: IO[bytes] | gzip.GzipFile, n_axes: int, size: int, packed: bool) -> NDArray[np.uint8]:
    header = file.read(4 * (1 + n_axes))
    kind = "images" if n_axes == 3 else "labels"
    if header[:4] != MAGIC[n_axes].to_bytes(4, "big"):
        other = TYPES.get(header[2]) if header[:2] == b"\0\0" and len(header) > 3 and header[3] == n_axes else None
        words = f" of bytes; it holds {other}" if other else ""
        raise DataError(
            f"{path}: is not an IDX file of {kind}{words}: it must start with {MAGIC[n_axes]:08x}; "
            f"got {header[:4].hex() or 'nothing'}"
        )
    if len(header) < 4 * (1 + n_axes):
        raise damaged(path, f"its header is cut after {len(header)} bytes")
    sizes = [int(number) for number in np.frombuffer(header, ">u4")[1:]]
    if 0 in sizes:
        raise damaged(path, f"its header promises {' × '.join(map(str, sizes))} {kind}, which are none")
    expected = math.prod(sizes)
    if not packed and expected != size - len(header):
        raise damaged(path, f"its header promises {expected} bytes, it holds {size - len(header)}")
    if expected > most_unpacked(size):
        most = in_words(most_unpacked(size))
        raise damaged(
            path, f"its header promises {in_words(expected)}; of {in_words(size)} at most {most} are unpacked"
        )
    content = file.read(expected + 1)
    if len(content) > expected:
        raise damaged(path, f"its header promises {expected} bytes, it holds more")
    if len(content) < expected:
        raise damaged(path, f"its header promises {expected} bytes, it holds {len(content)}")
    return np.frombuffer(content, np.uint8).reshape(sizes)


def read_mnist(files: Mapping[str, Path]) -> Contents:
    """The four IDX files of MNIST or a set made like it.  files: the names in `MNIST_FILES` -> path."""
    x_train, y_train = read_idx(files["train-images-idx3-ubyte"], 3), read_idx(files["train-labels-idx1-ubyte"], 1)
    x_test, y_test = read_idx(files["t10k-images-idx3-ubyte"], 3), read_idx(files["t10k-labels-idx1-ubyte"], 1)
    for x, y, part in ((x_train, y_train, "train"), (x_test, y_test, "t10k")):
        if len(x) != len(y):
            where = files[f"{part}-labels-idx1-ubyte"]
            raise DataError(f"{where}: holds {len(y)} labels for {len(x)} images; they are of two data sets")
    return Contents(x_train[:, None], y_train, x_test[:, None], y_test, value_range=(0, 255))
