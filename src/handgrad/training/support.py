"""Which engine has what a setting names, told before anything runs, and what of it comes from outside the package.

A name in a study file is a key of a public table (ACTIVATIONS, LOSSES, OPTIMIZERS, LAYERS, …), to which anyone may add
a record.  The reference (`array`) runs every record.  Another engine has a name only if the record in the table is the
very one that its own code was written for; any other record is refused by name and never run as something else.
"""

import functools
import hashlib
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from handgrad.errors import InputError
from handgrad.names import shown
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.layer import Layer
from handgrad.network.layers import LAYERS
from handgrad.network.losses import LOSSES
from handgrad.training.optimizers import OPTIMIZERS, Optimizer


@dataclass(frozen=True)
class Ingredient:
    """Something that a setting names: its kind, as messages call it, its name, and its record in the public table.

    of: what identifies the record, the pair of functions of an activation or a loss, the class of all others.
    """

    kind: str
    name: str
    record: Any
    of: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.kind} {shown(self.name)}"

    @property
    def is_added(self) -> bool:
        """Whether it was put into its table from outside the package."""
        return not all(str(getattr(one, "__module__", "")).startswith("handgrad.") for one in self.of)

    @property
    def checksum(self) -> str:
        """The SHA-256 of its source text, or of its compiled code where there is no text.

        A function that it calls and that stands elsewhere is not part of it.
        """
        return hashlib.sha256("\n".join(_sources(self.record)).encode()).hexdigest()


def ingredients(layers: Sequence[Layer], loss: str, optimizer: Optimizer) -> Iterator[Ingredient]:
    """What decides the operations of a step, each once."""
    yield from of_layers(layers)
    yield Ingredient("loss", loss, LOSSES[loss], (LOSSES[loss].forward, LOSSES[loss].backward))
    yield of_section("optimizer", optimizer)


def of_layers(layers: Sequence[Layer]) -> Iterator[Ingredient]:
    """The activations and the kinds of layers of a network, each once."""
    for name in dict.fromkeys(layer.activation for layer in layers):
        activation = ACTIVATIONS[name]
        yield Ingredient("activation", name, activation, (activation.forward, activation.backward))
    for kind, class_ in {layer.kind: type(layer) for layer in layers}.items():
        yield Ingredient("layer", kind, class_, (class_,))


def of_section(kind: str, section: Any) -> Ingredient:
    """An ingredient whose record is a class, such as an optimizer, from one of its objects."""
    return Ingredient(kind, section.name, type(section), (type(section),))


def as_they_came() -> bool:
    """Whether the public tables that decide a step hold the package's own records and no others: the quick answer."""
    return (
        all((a.forward, a.backward) == _compiled()["activation"].get(name) for name, a in ACTIVATIONS.items())
        and all((one.forward, one.backward) == _compiled()["loss"].get(name) for name, one in LOSSES.items())
        and all((class_,) == _compiled()["layer"].get(name) for name, class_ in LAYERS.items())
        and all((class_,) == _compiled()["optimizer"].get(name) for name, class_ in OPTIMIZERS.items())
    )


def lacking(engine: str, found: Iterable[Ingredient]) -> list[Ingredient]:
    """What of this an engine has not; `array` and `jax`, which run the reference's own functions, have everything."""
    if engine not in _HAS:
        return []
    has = _HAS[engine]()
    return [one for one in found if has[one.kind].get(one.name) != one.of]


def lacks(engine: str, what: Sequence[Ingredient]) -> str:
    """What an engine lacks, as a clause."""
    have = {"compiled": "has no kernel for"}.get(engine, "has no")
    return f"the {engine} engine {have} {_listed(what)}"


def check_exported(layers: Sequence[Layer], own: Mapping[str, Iterable[str]], to: str, otherwise: str) -> None:
    """Raise InputError where a format has no word for a layer or an activation.

    own: the names that it has a word for, by kind; what was added under such a name is not what the word means.
    """
    found = of_layers(layers)
    missing = [one for one in found if one.name not in own[one.kind] or _compiled()[one.kind].get(one.name) != one.of]
    if missing:
        raise InputError(f"{to} has no {_listed(missing)}; {otherwise}")


def _listed(what: Sequence[Ingredient]) -> str:
    return " and ".join(map(str, what))


@functools.cache
def _compiled() -> Mapping[str, Mapping[str, Any]]:
    from handgrad.training.engines.compiled import twins

    pairs = {"activation": twins.ACTIVATIONS, "loss": twins.LOSSES}
    classes = {"layer": twins.LAYERS, "optimizer": twins.OPTIMIZERS}
    return {kind: {name: _pair(twin.of) for name, twin in table.items()} for kind, table in pairs.items()} | {
        kind: {name: (twin.of,) for name, twin in table.items()} for kind, table in classes.items()
    }


def _pair(forward: Any) -> tuple[Any, Any]:
    """(forward, the backward function that stands beside it)."""
    return forward, getattr(sys.modules[forward.__module__], forward.__name__.replace("_forward", "_backward"))


@functools.cache
def _torch() -> Mapping[str, Mapping[str, Any]]:
    """What is PyTorch's own, of the records that the package came with."""
    from handgrad.training.engines import torch, torch_network

    own: dict[str, Iterable[str]] = {
        "activation": torch_network.ACTIVATIONS,
        "layer": torch_network.OPERATIONS,
        "loss": torch_network.LOSSES,
        "optimizer": torch.OPTIMIZERS,
    }
    return {kind: {name: of for name, of in table.items() if name in own[kind]} for kind, table in _compiled().items()}


_HAS: dict[str, Callable[[], Mapping[str, Mapping[str, Any]]]] = {"compiled": _compiled, "torch": _torch}


def _sources(record: Any) -> Iterator[str]:
    if is_dataclass(record) and not isinstance(record, type):
        for field in fields(record):
            yield field.name
            yield from _sources(getattr(record, field.name))
    elif isinstance(record, type | types.FunctionType):
        try:
            yield inspect.getsource(record)
        except (OSError, TypeError):  # typed into an interpreter
            yield from _code_of(record)
    else:
        yield repr(record)


def _code_of(record: Any) -> Iterator[str]:
    if isinstance(record, types.FunctionType):
        yield from _code_of(record.__code__)
    elif isinstance(record, types.CodeType):
        yield record.co_code.hex()
        yield repr(record.co_names)
        for constant in record.co_consts:
            yield from _code_of(constant)
    elif isinstance(record, type):
        for name, value in sorted(vars(record).items()):
            if isinstance(value, types.FunctionType | float | int | str):
                yield name
                yield from _code_of(value)
    else:
        yield repr(record)
