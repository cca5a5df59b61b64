"""What a setting names of the public tables, as records that can be compared, and the checksum of their code.

A name in a study file is a key of a public table (ACTIVATIONS, LOSSES, OPTIMIZERS, LAYERS, …), to which anyone may add
a record.  What comes from outside the package is part of a run's id.
"""

import functools
import hashlib
import sys
import types
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from handgrad.errors import InputError
from handgrad.names import OpenTable, lookup, shown
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.layer import Layer
from handgrad.network.layers import LAYERS
from handgrad.network.losses import LOSSES
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.slips import SLIPS
from handgrad.training.training_section import TrainingSection


@dataclass(frozen=True)
class Ingredient:
    """Something that a setting names: its kind, as messages call it, its name, and its public table.

    used: the class in use, where it was made from the table before or beside it; None: what the table says.
    """

    kind: str
    name: str
    table: OpenTable[Any]
    used: type | None = None

    @property
    def record(self) -> Any:
        """What the name means."""
        return self.used or lookup(self.table, self.name, self.kind)

    def __str__(self) -> str:
        return f"{self.kind} {shown(self.name)}"

    @property
    def is_added(self) -> bool:
        """Whether the record is not the one that the package came with."""
        return bool(self.record != self.table.own.get(self.name))

    @property
    def checksum(self) -> str:
        """The SHA-256 of all that the record does: the compiled code of its functions and methods, and of those that
        they use, with their constants, defaults and captured values; code of libraries counts by its name."""
        return hashlib.sha256("\n".join(_content(self.record, {})).encode()).hexdigest()


def ingredients(layers: Sequence[Layer], training: TrainingSection) -> Iterator[Ingredient]:
    """What decides the operations of a step, each once."""
    yield from of_layers(layers)
    yield Ingredient("loss", training.loss, LOSSES)
    yield of_section("optimizer", training.optimizer, OPTIMIZERS)
    for name in training.slips:
        yield Ingredient("slip", name, SLIPS)


def of_layers(layers: Sequence[Layer]) -> Iterator[Ingredient]:
    """The activations and the kinds of layers of a network, each once."""
    for name in dict.fromkeys(layer.activation for layer in layers):
        yield Ingredient("activation", name, ACTIVATIONS)
    for kind, class_ in {layer.kind: type(layer) for layer in layers}.items():
        yield Ingredient("layer", kind, LAYERS, class_)


def of_section(kind: str, section: Any, table: OpenTable[Any]) -> Ingredient:
    """The class of a section, such as an optimizer.

    Raises InputError where its name means another class by now: what was made before the name was replaced.
    """
    now = table.get(section.name)
    if now is not type(section) and not table.is_own(section.name):
        raise InputError(
            f"{kind} {shown(section.name)} was replaced in its table, and a setting that leaves it out has the former "
            "one; add yours under a name of its own"
        )
    return Ingredient(kind, section.name, table, type(section))


def tables_are_unchanged() -> bool:
    """Whether the tables that decide a step hold the package's own records and no others: the quick answer."""
    return all(table.is_unchanged for table in (ACTIVATIONS, LAYERS, LOSSES, OPTIMIZERS))


def _content(value: Any, seen: dict[int, Any]) -> Iterator[str]:
    """Everything that decides what `value` computes, as lines that are the same in every process."""
    if isinstance(value, types.ModuleType | types.BuiltinFunctionType | np.ufunc):
        yield str(getattr(value, "__name__", type(value).__name__))
    elif isinstance(value, np.ndarray):
        yield f"{value.dtype} {value.shape} {value.tobytes().hex()}"
    elif isinstance(value, types.CodeType):
        yield from (value.co_code.hex(), repr(value.co_names), repr(value.co_varnames))
        for constant in value.co_consts:
            yield from _content(constant, seen)
    elif isinstance(value, _PLAIN):
        yield repr(value)
    elif id(value) not in seen:
        seen[id(value)] = value  # which keeps it, so that nothing else gets its id
        yield from _parts(value, seen)


_PLAIN = (str, bytes, int, float, complex, type(None), type(...), np.generic)


def _parts(value: Any, seen: dict[int, Any]) -> Iterator[str]:
    """The content of what consists of other things."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _content(key, seen)
            yield from _content(item, seen)
    elif isinstance(value, frozenset | set):
        yield from sorted(line for item in value for line in _content(item, seen))
    elif isinstance(value, Sequence):
        yield str(len(value))
        for item in value:
            yield from _content(item, seen)
    elif isinstance(value, type | types.FunctionType) and _is_of_library(value):
        yield f"{value.__module__}.{value.__qualname__}"
    elif isinstance(value, types.FunctionType):
        yield from _content(value.__code__, seen)
        cells = [cell.cell_contents for cell in value.__closure__ or ()]
        used = [value.__globals__[name] for name in sorted(_names(value.__code__)) if name in value.__globals__]
        for item in (cells, value.__defaults__, value.__kwdefaults__, used):
            yield from _content(item, seen)
    elif isinstance(value, type):
        for base in value.__bases__:
            yield from _content(base, seen)
        for name, item in sorted(vars(value).items()):
            if not (name.startswith(("__pydantic", "__signature", "_abc")) or name in _NOTES):
                yield name
                yield from _content(item, seen)
    elif isinstance(value, property | staticmethod | classmethod | types.MethodType | functools.partial):
        names = ("fget", "fset", "__func__", "__self__", "func", "args", "keywords")
        yield from _content([getattr(value, name) for name in names if hasattr(value, name)], seen)
    else:
        yield from _content(type(value), seen)
        yield from _content(getattr(value, "__dict__", None), seen)


_NOTES = {  # of a class: what computes nothing, or names other things of it
    "__doc__", "__module__", "__dict__", "__weakref__", "__annotations__", "__firstlineno__", "__static_attributes__",
    "__abstractmethods__", "__match_args__", "__class_vars__", "__private_attributes__", "model_fields", "model_config",
    "__dataclass_params__", "__dataclass_fields__", "__hash__",
}  # fmt: skip


def _names(code: types.CodeType) -> set[str]:
    """The global names that code uses, that of functions within it included."""
    inner = [constant for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def _is_of_library(value: Any) -> bool:
    """Whether something is of this package, of Python's library or of an installed one."""
    module = str(value.__module__)
    root, file = module.partition(".")[0], str(getattr(sys.modules.get(module), "__file__", "") or "")
    return root in sys.stdlib_module_names - {"__main__"} or root == "handgrad" or "site-packages" in file
