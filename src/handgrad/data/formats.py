"""Formats: the bytes of IDX files and CIFAR archives as arrays.

    IDX            magic 0x00000803 and sizes n, rows, cols as big-endian 32-bit integers, then n·rows·cols bytes;
                   labels 0x00000801, n, then n bytes (LeCun, yann.lecun.com/exdb/mnist); plain or gzip
    CIFAR binary   records of 1 label and 3·32·32 bytes, channel by channel (Krizhevsky 2009)
    CIFAR python   pickles of {data: (n, 3072) uint8, labels: list}; read by an unpickler that knows arrays of
                   numbers and nothing else, so that a file can execute nothing

Every reader raises DataError for a file that is truncated, altered or of another kind.
"""

import gzip
import io
import pickle
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.archives import damaged, members
from handgrad.data.examples import Contents
from handgrad.errors import DataError

CIFAR_CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
IDX_MAGIC = {3: 0x00000803, 1: 0x00000801}


def read_idx(path: Path, n_axes: int) -> NDArray[np.uint8]:
    """The images (n_axes = 3) or labels (n_axes = 1) of an IDX file.  -> (n, rows, cols) or (n,)."""
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise damaged(path, error) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    header = np.frombuffer(content[: 4 * (1 + n_axes)], ">u4") if len(content) >= 4 * (1 + n_axes) else None
    if header is None or header[0] != IDX_MAGIC[n_axes]:
        kind = "images" if n_axes == 3 else "labels"
        raise DataError(
            f"{path}: is not an IDX file of {kind}: it must start with {IDX_MAGIC[n_axes]:08x}; "
            f"got {content[:4].hex() or 'nothing'}"
        )
    sizes = [int(size) for size in header[1:]]
    expected, got = int(np.prod(sizes, dtype=object)), len(content) - 4 * (1 + n_axes)
    if expected != got:
        raise damaged(path, f"its header promises {expected} bytes, it holds {got}")
    return np.frombuffer(content, np.uint8, offset=4 * (1 + n_axes)).reshape(sizes)


def read_mnist(files: dict[str, Path], classes: tuple[str, ...] | None) -> Contents:
    """The four IDX files of MNIST or a set made like it.  files: published name without .gz -> path."""
    x_train, y_train = read_idx(files["train-images-idx3-ubyte"], 3), read_idx(files["train-labels-idx1-ubyte"], 1)
    x_test, y_test = read_idx(files["t10k-images-idx3-ubyte"], 3), read_idx(files["t10k-labels-idx1-ubyte"], 1)
    for x, y, part in ((x_train, y_train, "train"), (x_test, y_test, "t10k")):
        if len(x) != len(y):
            where = files[f"{part}-labels-idx1-ubyte"]
            raise DataError(f"{where}: holds {len(y)} labels for {len(x)} images; they are of two data sets")
    return Contents(x_train[:, None], y_train, x_test[:, None], y_test, classes, (0, 255))


def read_cifar(path: Path) -> Contents:
    """CIFAR-10 from its python or binary archive, or from the folder that was unpacked from it."""
    batches: dict[int, tuple[NDArray[np.uint8], NDArray[np.int64]]] = {}  # 1, 2, ... train, 0 test
    pattern = re.compile(r"(?:.*/)?(?:data_batch_(\d+)|test_batch)(\.bin)?")
    for name, content in members(path, lambda name: pattern.fullmatch(name) is not None):
        match = pattern.fullmatch(name)
        assert match is not None
        read = _cifar_binary if match[2] else _cifar_pickle
        batches[int(match[1] or 0)] = read(content, f"{path}: {name}")
    train = [batches[number] for number in sorted(batches) if number > 0]
    if not train or 0 not in batches:
        raise DataError(f"{path}: is not a CIFAR-10 archive: expected data_batch_1 and on, and test_batch")
    x, y = np.concatenate([x for x, _ in train]), np.concatenate([y for _, y in train])
    return Contents(x, y, *batches[0], CIFAR_CLASSES, (0, 255))


def _cifar_binary(content: bytes, where: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    size = 1 + 3 * 32 * 32
    if not content or len(content) % size:
        raise damaged(Path(where), f"{len(content)} bytes are not whole records of {size}")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    return records[:, 1:].reshape(-1, 3, 32, 32), _cifar_labels(records[:, 0], where)


def _cifar_pickle(content: bytes, where: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    try:
        table = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
    except DataError as error:
        raise DataError(f"{where}: {error}") from None
    except Exception as error:  # a broken pickle fails in whatever way its bytes lead to
        raise damaged(Path(where), error) from None
    if isinstance(table, dict):
        table = {key.decode() if isinstance(key, bytes) else key: value for key, value in table.items()}
    x: Any = table.get("data") if isinstance(table, dict) else None
    y = table.get("labels") if isinstance(table, dict) else None
    good = isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.ndim == 2 and x.shape[1] == 3072
    if not good or not isinstance(y, list) or len(y) != len(x):
        raise DataError(f"{where}: is not a batch of CIFAR-10: expected data (n, 3072) of bytes and n labels")
    return x.reshape(-1, 3, 32, 32), _cifar_labels(y, where)


def _cifar_labels(labels: Any, where: str) -> NDArray[np.int64]:
    y = np.asarray(labels)
    if y.dtype.kind not in "iu" or y.ndim != 1 or not y.size or y.min() < 0 or y.max() > 9:
        raise damaged(Path(where), "its labels are not whole numbers from 0 to 9")
    return y.astype(np.int64)


class _ArraysOnly(pickle.Unpickler):
    """Builds lists, dicts, text, numbers, and arrays of numbers; refuses everything else before it is looked up."""

    def find_class(self, module: str, name: str) -> Any:
        known = {
            ("numpy.core.multiarray", "_reconstruct"): _empty_array,
            ("numpy._core.multiarray", "_reconstruct"): _empty_array,
            ("numpy", "ndarray"): "ndarray",  # only ever an argument of _reconstruct
            ("numpy", "dtype"): _plain_dtype,
            ("_codecs", "encode"): _latin1,  # how protocol 2 writes bytes
        }
        try:
            return known[module, name]
        except KeyError:
            raise DataError(
                f"asks for {module}.{name}, which no array of numbers needs; nothing was executed"
            ) from None


def _empty_array(*_: Any) -> NDArray[Any]:
    return np.empty(0, np.uint8)  # its shape, type and bytes come with __setstate__


def _plain_dtype(name: str | bytes, *_: Any) -> np.dtype[Any]:
    dtype = np.dtype(name.decode() if isinstance(name, bytes) else name, False, True)  # a copy: __setstate__ follows
    if dtype.kind not in "iufb":
        raise DataError(f"holds an array of {dtype}, not of numbers; nothing was executed")
    return dtype


def _latin1(text: str, codec: str | bytes) -> bytes:
    if codec not in ("latin1", b"latin1"):
        raise DataError(f"asks for the codec {codec!r}; nothing was executed")
    return text.encode("latin1")
