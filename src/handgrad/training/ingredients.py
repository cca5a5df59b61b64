"""What a setting names of the public tables, as records that can be compared, and the checksum of their source.

A name in a study file is a key of a public table (ACTIVATIONS, LOSSES, OPTIMIZERS, LAYERS, …), to which anyone may add
a record.  What comes from outside the package is part of a run's id.
"""

import hashlib
import inspect
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from handgrad.names import shown
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.layer import Layer
from handgrad.network.losses import LOSSES
from handgrad.training.slips import SLIPS
from handgrad.training.training_section import TrainingSection

PLAIN = {"one-hot": (0.0, 1.0), "plus-minus-one": (-1.0, 1.0)}  # records without code: those of the package


@dataclass(frozen=True)
class Ingredient:
    """Something that a setting names: its kind, as messages call it, its name, and its record in the public table.

    of: the code that identifies the record, the functions of an activation or a loss, the class of most others; () for
    a record of plain numbers.
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
        if not self.of:
            return bool(self.record != PLAIN.get(self.name))
        return not all(str(getattr(one, "__module__", "")).startswith("handgrad.") for one in self.of)

    @property
    def checksum(self) -> str:
        """The SHA-256 of its source text, or of its compiled code where there is no text.

        A function that it calls and that stands elsewhere is not part of it.
        """
        return hashlib.sha256("\n".join(_sources(self.record)).encode()).hexdigest()


def ingredients(layers: Sequence[Layer], training: TrainingSection) -> Iterator[Ingredient]:
    """What decides the operations of a step, each once."""
    loss = LOSSES[training.loss]
    yield from of_layers(layers)
    yield Ingredient("loss", training.loss, loss, (loss.forward, loss.backward))
    yield of_section("optimizer", training.optimizer)
    for name in training.slips:
        yield Ingredient("slip", name, SLIPS[name], (SLIPS[name].wrong,))


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
