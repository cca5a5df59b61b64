"""A pickle's words, followed without doing what they say: lists, dicts, texts, numbers and the tensors of PyTorch.

A pickle is a program that makes objects.  Whatever it names besides stays a name (`Unknown`), and is never imported,
made or called.
"""

import io
import pickletools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


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
