"""Which engine, and which format of a network, has what a setting names: told before anything runs.

The reference (`array`) runs every record of the public tables, and the jax engine compiles the reference's own
functions.  Another engine has a name only if the record in the table is the very one that its code was written for; any
other record is refused by name and never run as something else.
"""

import functools
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handgrad.errors import InputError
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.layer import Layer
from handgrad.network.layers import LAYERS
from handgrad.network.losses import LOSSES
from handgrad.network.network import Network
from handgrad.training import twins
from handgrad.training.ingredients import Ingredient, ingredients, of_layers
from handgrad.training.optimizers import OPTIMIZERS
from handgrad.training.training_section import TrainingSection


def tables_are_built_in() -> bool:
    """Whether the public tables that decide a step hold the package's own records and no others: the quick answer."""
    return (
        all((a.forward, a.backward) == _built_in()["activation"].get(name) for name, a in ACTIVATIONS.items())
        and all((one.forward, one.backward) == _built_in()["loss"].get(name) for name, one in LOSSES.items())
        and all((class_,) == _built_in()["layer"].get(name) for name, class_ in LAYERS.items())
        and all((class_,) == _built_in()["optimizer"].get(name) for name, class_ in OPTIMIZERS.items())
    )


def unsupported(engine: str, found: Iterable[Ingredient]) -> list[Ingredient]:
    """What of this an engine does not support.

    `array` and `jax` run the reference's own functions, so they have everything; `compiled` and `torch` have the
    records that the package came with.
    """
    if engine in ("array", "jax"):
        return []
    return [one for one in found if _built_in()[one.kind].get(one.name) != one.identity]


def refusal_text(engine: str, what: Sequence[Ingredient]) -> str:
    """What an engine does not support, as a clause."""
    have = {"compiled": "has no kernel for"}.get(engine, "has no")
    return f"the {engine} engine {have} {_listed(what)}"


def check_supported(engine: str, network: Network, training: TrainingSection) -> None:
    """Raise InputError where an engine cannot run what a setting names, before anything runs."""
    found = [*ingredients(network.layers, training.loss, training.optimizer)]
    if missing := unsupported(engine, found):
        raise InputError(f'{refusal_text(engine, missing)}; set training.engine = "array"')


def check_exported(layers: Sequence[Layer], own: Mapping[str, Iterable[str]], to: str, otherwise: str) -> None:
    """Raise InputError where a format has no word for a layer or an activation.

    own: the names that it has a word for, by kind; what was added under such a name is not what the word means.
    """
    found = of_layers(layers)
    missing = [
        one for one in found if one.name not in own[one.kind] or _built_in()[one.kind].get(one.name) != one.identity
    ]
    if missing:
        raise InputError(f"{to} has no {_listed(missing)}; {otherwise}")


def _listed(what: Sequence[Ingredient]) -> str:
    return " and ".join(map(str, what))


@functools.cache
def _built_in() -> Mapping[str, Mapping[str, Any]]:
    """The package's own records, by kind and name, each by what identifies it (`Ingredient.identity`)."""
    pairs, classes = ("activation", "loss"), ("layer", "optimizer")
    found = {kind: {name: _pair(twin.reference) for name, twin in twins.TABLES[kind].items()} for kind in pairs}
    return found | {kind: {name: (twin.reference,) for name, twin in twins.TABLES[kind].items()} for kind in classes}


def _pair(forward: Any) -> tuple[Any, Any]:
    """(forward, the backward function that stands beside it)."""
    return forward, getattr(sys.modules[forward.__module__], forward.__name__.replace("_forward", "_backward"))
