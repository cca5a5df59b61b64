"""CIFAR-10: its two archives, or the folders that were unpacked from them.

    binary   records of 1 label and 3·32·32 bytes, channel by channel (Krizhevsky 2009)
    python   pickles of {data: (n, 3072) uint8, labels: list}; read by an unpickler that knows arrays of numbers and
             nothing else, so that a file can execute nothing

A pickle is a program for a stack machine with a memory (the memo).  Before it runs, its operations are checked: those
that arrays and lists do not need are refused, and so is an index of the memo that would take gigabytes.
"""

import io
import pickle
import pickletools
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handgrad.data.archives import AGAIN, damaged, members
from handgrad.data.contents import Contents
from handgrad.errors import DataError
from handgrad.foreign import reading
from handgrad.names import listed, shown

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
BATCH = re.compile(r"(?:.*/)?(?:data_batch_([1-9]\d{0,3})|test_batch)(\.bin)?")
FORBIDDEN = {"PERSID", "BINPERSID", "EXT1", "EXT2", "EXT4", "BYTEARRAY8", "NEXT_BUFFER", "READONLY_BUFFER"}
FORBIDDEN |= {"INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "DUP"}
MOST_PLACES = 1_000_000  # of the memo: Python allocates it up to the highest index

Batch = tuple[NDArray[np.uint8], NDArray[np.int64]]


def read_cifar(path: Path) -> Contents:
    """CIFAR-10 from its python or binary archive, or from the folder that was unpacked from it.  Raises DataError."""
    batches: dict[str, Batch] = {}
    for name, content in members(path, lambda name: BATCH.fullmatch(name) is not None):
        match = BATCH.fullmatch(name)
        assert match is not None
        number = match[1] or "test"
        if number in batches:
            raise DataError(f"{path}: holds {name} a second time, in another folder or form; take one of them out")
        batches[number] = (_binary if match[2] else _pickled)(content, f"{path}: {name}")
    numbers = sorted(int(number) for number in batches if number != "test")
    if not numbers or "test" not in batches:
        raise DataError(f"{path}: is not a CIFAR-10 archive: expected data_batch_1 and on, and test_batch")
    absent = [f"data_batch_{k}" for k in range(1, max(5, *numbers) + 1) if k not in numbers]
    notes = (f"not there: {listed(absent, 6)}; the others are used",) if absent else ()
    train = [batches[str(number)] for number in numbers]
    x, y = np.concatenate([x for x, _ in train]), np.concatenate([y for _, y in train])
    return Contents(x, y, *batches["test"], CLASSES, (0, 255), notes=notes)


def _binary(content: bytes, where: str) -> Batch:
    size = 1 + 3 * 32 * 32
    if not content or len(content) % size:
        raise damaged(where, f"{len(content)} bytes are not whole records of {size}")
    records = np.frombuffer(content, np.uint8).reshape(-1, size)
    return records[:, 1:].reshape(-1, 3, 32, 32), _labels(records[:, 0], where)


def _pickled(content: bytes, where: str) -> Batch:
    with reading(where, DataError, "a batch of CIFAR-10", AGAIN):
        try:
            _check_operations(content)
            table = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        except DataError as error:
            raise DataError(f"{where}: {error}") from None
        if isinstance(table, dict):  # the published one was written by Python 2, whose text is bytes
            table = {key.decode("latin1") if isinstance(key, bytes) else key: value for key, value in table.items()}
        x: Any = table.get("data") if isinstance(table, dict) else None
        y = table.get("labels") if isinstance(table, dict) else None
        good = isinstance(x, np.ndarray) and x.dtype == np.uint8 and x.ndim == 2 and x.shape[1] == 3072
        if not good or not isinstance(y, list) or len(y) != len(x):
            raise DataError(f"{where}: is not a batch of CIFAR-10: expected data (n, 3072) of bytes and n labels")
        if not all(type(label) is int for label in y):
            raise damaged(where, "its labels are not whole numbers from 0 to 9")
        return x.reshape(-1, 3, 32, 32), _labels(y, where)


def _labels(labels: Any, where: str) -> NDArray[np.int64]:
    y = np.asarray(labels)
    if y.dtype.kind not in "iu" or y.ndim != 1 or not y.size or y.min() < 0 or y.max() > 9:
        raise damaged(where, "its labels are not whole numbers from 0 to 9")
    return y.astype(np.int64)


def _check_operations(content: bytes) -> None:
    """Refuse operations that a pickle of arrays and lists does not need, before any of them runs."""
    for operation, argument, _ in pickletools.genops(content):
        if operation.name in FORBIDDEN:
            raise DataError(f"asks for {operation.name}, which no array of numbers needs; nothing was executed")
        if "PUT" in operation.name and isinstance(argument, int) and argument > MOST_PLACES:
            raise DataError(f"asks for place {shown(argument)} of a memory of {MOST_PLACES}; nothing was executed")


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
            asked = f"{module}.{name}"
            raise DataError(
                f"asks for {asked if len(asked) <= 80 else shown(asked)}, which no array of numbers needs; "
                "nothing was executed"
            ) from None


def _empty_array(*_: Any) -> NDArray[Any]:
    return np.empty(0, np.uint8)  # its shape, type and bytes come with __setstate__


def _plain_dtype(name: str | bytes, *_: Any) -> np.dtype[Any]:
    dtype = np.dtype(name.decode() if isinstance(name, bytes) else name, False, True)  # a copy: __setstate__ follows
    if dtype.kind not in "iufb":
        raise DataError(f"holds an array of {shown(str(dtype))[1:-1]}, not of numbers; nothing was executed")
    return dtype


def _latin1(text: str, codec: str | bytes) -> bytes:
    if codec not in ("latin1", b"latin1"):
        raise DataError(f"asks for the codec {shown(codec)}; nothing was executed")
    return text.encode("latin1")
