"""PyTorch's files of weights, read without PyTorch: nothing in them is executed, and damage cannot end the process.

A .pt is a zip of a pickle and, for each storage, its raw numbers:

    archive/data.pkl     the object; a tensor is (storage, offset, size, stride)
    archive/data/0       the numbers of storage 0
    archive/byteorder    "little" or "big"

Before 2020 it was one stream: three pickles about the file, the object's, that of the storages' keys, and for each key
how many numbers and the numbers.

A pickle is a program; `pickles` follows its words and makes nothing but lists, dicts, texts, numbers and tensors.
"""

import io
import math
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.errors import WeightsError
from handgrad.foreign import reading
from handgrad.names import listed, shown
from handgrad.network.arrays import Arrays
from handgrad.training.pickles import Storage, Tensor, Unknown, unpickled

BFLOAT16 = "bfloat16"
STORAGES = {  # how PyTorch calls a kind of number -> NumPy's
    "FloatStorage": "f4", "DoubleStorage": "f8", "HalfStorage": "f2", "BFloat16Storage": BFLOAT16,
    "LongStorage": "i8", "IntStorage": "i4", "ShortStorage": "i2", "CharStorage": "i1", "ByteStorage": "u1",
    "BoolStorage": "?", "ComplexFloatStorage": "c8", "ComplexDoubleStorage": "c16",
    "float32": "f4", "float64": "f8", "float16": "f2", BFLOAT16: BFLOAT16,
    "int64": "i8", "int32": "i4", "int16": "i2", "int8": "i1", "uint8": "u1", "bool": "?",
    "uint16": "u2", "uint32": "u4", "uint64": "u8", "complex64": "c8", "complex128": "c16",
}  # fmt: skip
NO_ARRAYS = {  # tensors that are no array of numbers: what makes them -> what they are, and what to do there
    "_rebuild_sparse_tensor": ("a sparse tensor", "to_dense()"),
    "_rebuild_sparse_csr_tensor": ("a sparse tensor", "to_dense()"),
    "_rebuild_qtensor": ("a quantized tensor", "dequantize()"),
    "_rebuild_nested_tensor": ("a nested tensor", "to_padded_tensor(0)"),
    "_rebuild_meta_tensor_no_storage": ("a meta tensor, which has no numbers", ""),
}
NESTED = ("state_dict", "model_state_dict", "model")  # where training scripts put the weights beside other things
LEGACY = 0x1950A86A20F9469CFC6C  # the number with which files from before 2020 begin
EXPANDED = 10**7  # how many more numbers tensors may have than the file has bytes, as they can repeat and share them
AXES = 32  # the most that a tensor has here
ARRAYS = "save the arrays with numpy.savez(path, W1=…, b1=…, …), or a state_dict with torch.save"
FORM = "a whole PyTorch file"
REFUSED = "which could run code when it is read and is refused"
SAVE = "save it there with torch.save(model.state_dict(), path)"


def read_pytorch(path: Path) -> Arrays:
    """The tensors by name of a state_dict, or of one within a dict of other things; half precision as float32.

    Raises WeightsError where the file is damaged or holds something else.
    """
    with reading(path, WeightsError, FORM, "it may be cut off: copy or save it again"):
        content = path.read_bytes()
        found, numbers, order = _archive(content) if content[:2] == b"PK" else _stream(content, str(path))
        state = _state_dict(found, str(path))
        if sum(_count(w) for w in state.values()) > len(content) + EXPANDED:
            raise ValueError("its tensors are far longer than the file")
        stored: dict[tuple[Storage, str], np.ndarray] = {}  # several tensors may share one
        for name, w in state.items():
            if (w.storage, w.kind) not in stored:
                if w.kind not in STORAGES:
                    raise WeightsError(
                        f"{path}: {name} holds numbers of the kind {w.kind}, which NumPy lacks; save it as float32"
                    )
                stored[w.storage, w.kind] = _decoded(numbers(w.storage.key), w, order)
        return {name: _array(w, stored[w.storage, w.kind]) for name, w in state.items()}


Numbers = Callable[[str], bytes]  # the key of a storage -> its bytes


def _archive(content: bytes) -> tuple[Any, Numbers, str]:
    """(the object, its numbers, the order of their bytes) of a zip."""
    file = zipfile.ZipFile(io.BytesIO(content))
    if sum(member.file_size for member in file.infolist()) > len(content):
        raise ValueError("its parts are longer than the file")  # PyTorch packs nothing
    (main,) = (name for name in file.namelist() if name.rpartition("/")[2] == "data.pkl")
    root = main.removesuffix("data.pkl")
    order = f"{root}byteorder"
    big = order in file.namelist() and file.read(order).strip() == b"big"
    found, _ = unpickled(io.BytesIO(file.read(main)))
    return found, lambda key: file.read(f"{root}data/{key}"), ">" if big else "<"


def _stream(content: bytes, where: str) -> tuple[Any, Numbers, str]:
    """The same of a file from before 2020."""
    file = io.BytesIO(content)
    if unpickled(file)[0] != LEGACY:
        raise WeightsError(f"{where}: is a pickle, which can run code when it is read, and is refused; {ARRAYS}")
    unpickled(file)  # the version of the protocol
    unpickled(file)  # the machine that wrote it
    found, kinds = unpickled(file)
    raw: dict[str, bytes] = {}
    for key in unpickled(file)[0]:
        (n,) = struct.unpack("<q", file.read(8))
        length = n * _width(kinds[key])
        raw[key] = file.read(max(0, length))
        if len(raw[key]) != length:
            raise ValueError("its numbers are cut off")
    return found, raw.__getitem__, "<"


def _width(kind: str) -> int:
    """Bytes of one number."""
    if kind in ("QInt8Storage", "QUInt8Storage", "UntypedStorage"):
        return 1
    return 2 if STORAGES[kind] == BFLOAT16 else np.dtype(STORAGES[kind]).itemsize


def _state_dict(found: Any, where: str) -> dict[str, Tensor]:
    if isinstance(found, Unknown):
        raise WeightsError(f"{where}: holds more than weights (a whole {shown(found.name)[1:-1]}), {REFUSED}; {SAVE}")
    for key in NESTED if isinstance(found, dict) else ():
        found = found[key] if isinstance(found.get(key), dict) else found
    inside = [part for part in found.values() if _is_state(part)] if isinstance(found, dict) else []
    if len(inside) == 1 and not _is_state(found):
        found = inside[0]
    if not isinstance(found, dict) or not any(isinstance(w, Tensor | Unknown) for w in found.values()):
        held = f"; it holds {listed(map(shown, found))}" if isinstance(found, dict) and found else ""
        raise WeightsError(f"{where}: holds no state_dict (tensors by name){held}; {SAVE}")
    for name, w in found.items():
        if isinstance(w, Unknown):
            raise WeightsError(f"{where}: {_no_array(str(name), w)}")
        if not isinstance(w, Tensor):
            raise WeightsError(f"{where}: holds no state_dict: {shown(name)} is no tensor; {SAVE}")
    return {str(name): w for name, w in found.items()}


def _is_state(found: Any) -> bool:
    """Whether it is a dict of tensors."""
    return isinstance(found, dict) and bool(found) and all(isinstance(w, Tensor) for w in found.values())


def _no_array(name: str, what: Unknown) -> str:
    word, remedy = NO_ARRAYS.get(what.name.rpartition(".")[2], ("", ""))
    if word:
        return f"{name} is {word}; save {f'its {remedy}' if remedy else 'the weights once they are loaded'} there"
    return f"holds more than weights ({name} is a {shown(what.name)[1:-1]}), {REFUSED}; {SAVE}"


def _decoded(raw: bytes, w: Tensor, order: str) -> np.ndarray:
    """The numbers of a storage (n,)."""
    if w.storage.n * _width(w.storage.kind) != len(raw):
        raise ValueError(f"it promises {w.storage.n} numbers and has {len(raw)} bytes of them")
    kind = STORAGES[w.kind]
    if kind == BFLOAT16:
        return (np.frombuffer(raw, f"{order}u2").astype(np.uint32) << 16).view(np.float32)
    numbers = np.frombuffer(raw, f"{order}{kind}")
    return numbers.astype(np.float32 if kind == "f2" else kind)


def _count(w: Tensor) -> int:
    """How many numbers a tensor has, which its size and stride must say."""
    for part in (w.size, w.stride):
        if not isinstance(part, tuple) or not all(type(n) is int and n >= 0 for n in part):
            raise ValueError("the shape of a tensor is none")
    if len(w.size) != len(w.stride) or len(w.size) > AXES or type(w.offset) is not int or w.offset < 0:
        raise ValueError("the shape of a tensor is none")
    return math.prod(w.size)


def _array(w: Tensor, numbers: np.ndarray) -> np.ndarray:
    """The tensor's own numbers of its storage; every step is inside it."""
    last = w.offset + sum((n - 1) * step for n, step in zip(w.size, w.stride, strict=True))
    if 0 in w.size:
        return np.zeros(w.size, numbers.dtype)
    if last >= len(numbers):
        raise ValueError("a tensor is longer than its numbers")
    steps = [step * numbers.itemsize for step in w.stride]
    return np.array(np.lib.stride_tricks.as_strided(numbers[w.offset :], w.size, steps, writeable=False))
