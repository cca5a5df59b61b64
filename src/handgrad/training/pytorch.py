"""PyTorch's files of weights, read without PyTorch: nothing in them is executed, and damage cannot end the process.

A .pt is a zip of a pickle and, for each storage, its raw numbers:

    archive/data.pkl     the object; a tensor is (storage, offset, size, stride)
    archive/data/0       the numbers of storage 0
    archive/byteorder    "little" or "big"

Before 2020 it was one stream: three pickles about the file, the object's, that of the storages' keys, and for each key
how many numbers and the numbers.

A pickle is a program.  Here its words are followed by `unpickled`, which knows lists, dicts, texts, numbers and
tensors.  Whatever else a file names stays a name (`Unknown`) and is never imported, made or called.
"""

import io
import math
import pickletools
import struct
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.errors import WeightsError
from handgrad.foreign import reading
from handgrad.names import listed, shown

Arrays = dict[str, np.ndarray]

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


@dataclass(frozen=True)
class Unknown:
    """Something that a file names, or would have made by calling it."""

    name: str  # "torch.nn.modules.linear.Linear"


@dataclass(frozen=True)
class Storage:
    """Numbers that lie elsewhere in the file.  kind: a key of STORAGES, or None where the tensor says it."""

    key: str
    kind: str
    n: int  # numbers, or bytes where the kind is "UntypedStorage"


@dataclass(frozen=True)
class Tensor:
    """What a file says of a tensor."""

    storage: Storage
    offset: Any
    size: Any
    stride: Any
    kind: str


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


# -- pickles


def unpickled(file: io.BytesIO) -> tuple[Any, dict[str, str]]:
    """(object, kind of each storage that it speaks of) of the pickle that begins here; `file` then stands behind it."""
    machine = _Machine()
    for word, value, _ in pickletools.genops(file):
        if word.name == "STOP":
            return machine.stack.pop(), machine.kinds
        machine.follow(word.name, value)
    raise ValueError("it ends in the middle")


class _Machine:
    """The words of a pickle, as far as weights need them: a stack, marks in it, and a memory of things said before."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memory: dict[int, Any] = {}
        self.kinds: dict[str, str] = {}

    def follow(self, word: str, value: Any) -> None:
        stack = self.stack
        if word in _VALUES:
            stack.append(value)
        elif word in _CONSTANTS:
            stack.append(_CONSTANTS[word])
        elif word in _EMPTY:
            stack.append(_EMPTY[word]())
        elif word in ("PROTO", "FRAME"):
            pass
        elif word == "MARK":
            self.marks.append(len(stack))
        elif word in ("BINPUT", "LONG_BINPUT", "PUT"):
            self.memory[value] = stack[-1]
        elif word == "MEMOIZE":
            self.memory[len(self.memory)] = stack[-1]
        elif word in ("BINGET", "LONG_BINGET", "GET"):
            stack.append(self.memory[value])
        elif word == "GLOBAL":
            stack.append(Unknown(value.replace(" ", ".")))
        elif word == "STACK_GLOBAL":
            module, name = self.taken(2)
            stack.append(Unknown(f"{module}.{name}"))
        elif word in _TUPLES:
            stack.append(tuple(self.taken(_TUPLES[word])))
        elif word == "TUPLE":
            stack.append(tuple(self.since_mark()))
        elif word == "LIST":
            stack.append(self.since_mark())
        elif word in ("APPEND", "APPENDS"):
            new = self.since_mark() if word == "APPENDS" else self.taken(1)
            if isinstance(stack[-1], list):  # else it is a thing that stays unknown
                stack[-1].extend(new)
        elif word in ("SETITEM", "SETITEMS"):
            new = self.since_mark() if word == "SETITEMS" else self.taken(2)
            if isinstance(stack[-1], dict):
                stack[-1].update(_pairs(new))
        elif word in ("ADDITEMS", "FROZENSET"):
            self.since_mark()
            if word == "FROZENSET":
                stack.append(Unknown("frozenset"))
        elif word == "BINPERSID":
            stack.append(_elsewhere(*self.taken(1)))
            if isinstance(stack[-1], Storage):
                self.kinds[stack[-1].key] = stack[-1].kind
        elif word in ("REDUCE", "NEWOBJ"):
            stack.append(_made(*self.taken(2)))
        elif word == "NEWOBJ_EX":
            stack.append(_made(*self.taken(3)[:2]))
        elif word == "BUILD" or word == "POP":  # the state of an object: of a dict its notes about versions
            self.taken(1)
        else:
            raise ValueError(f"the pickle says {word}")

    def taken(self, n: int) -> list[Any]:
        """The last n things of the stack."""
        if len(self.stack) - (self.marks[-1] if self.marks else 0) < n:
            raise ValueError("the pickle takes what it has not said")
        found = self.stack[-n:]
        del self.stack[-n:]
        return found

    def since_mark(self) -> list[Any]:
        mark = self.marks.pop()
        found = self.stack[mark:]
        del self.stack[mark:]
        return found


_VALUES = {
    "BININT", "BININT1", "BININT2", "INT", "LONG", "LONG1", "LONG4", "BINFLOAT", "FLOAT",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "UNICODE", "BINSTRING", "SHORT_BINSTRING", "STRING",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip
_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_EMPTY: Mapping[str, Callable[[], Any]] = {
    "EMPTY_DICT": dict,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_SET": lambda: Unknown("set"),
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


def _pairs(flat: list[Any]) -> Iterator[tuple[Any, Any]]:
    """Keys and values; keys that are no text or number are of no state_dict (and a tuple's hash can take for ever)."""
    for key, value in zip(flat[::2], flat[1::2], strict=True):
        if isinstance(key, str | int | float | None):
            yield key, value


def _elsewhere(said: Any) -> Storage | Unknown:
    """What lies outside the pickle: numbers, or (before 2020) the source of a class."""
    if isinstance(said, tuple) and said[:1] == ("module",) and isinstance(said[1], Unknown):
        return said[1]
    word, kind, key, _, n, *view = said
    if word != "storage" or view not in ([], [None]) or not isinstance(key, str) or type(n) is not int:
        raise ValueError("it speaks of numbers that are none")
    if not isinstance(kind, Unknown):
        raise ValueError("it speaks of numbers of no kind")
    return Storage(key, kind.name.rpartition(".")[2], n)


def _made(what: Any, arguments: Any) -> Any:
    """What calling `what` would have made."""
    if not isinstance(what, Unknown) or not isinstance(arguments, tuple):
        raise ValueError("it calls what is no function")
    module, _, name = what.name.rpartition(".")
    if what.name == "collections.OrderedDict":
        return dict(_pairs([part for pair in arguments[0] for part in pair])) if arguments else {}
    if what.name == "torch.Size":
        return arguments[0] if arguments else ()
    if module in ("torch._utils", "torch._tensor"):
        if name in ("_rebuild_parameter", "_rebuild_parameter_with_state"):
            return arguments[0]
        if name == "_rebuild_from_type_v2":
            return _made(arguments[0], arguments[2])
        if name in ("_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3"):
            storage, offset, size, stride = arguments[:4]
            if isinstance(storage, Storage):
                kind = arguments[6].name.rpartition(".")[2] if name.endswith("v3") else storage.kind
                return Tensor(storage, offset, size, stride, kind)
            raise ValueError("a tensor has no numbers")
    return Unknown(what.name)
