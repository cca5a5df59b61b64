"""Which engine, and which format of a network, has what a setting names: told before anything runs.

The reference (`array`) runs every record of the public tables, and the jax engine compiles the reference's own
functions.  Another engine has a name only if the record in the table is the very one that its code was written for; any
other record is refused by name and never run as something else.
"""

from collections.abc import Iterable, Mapping, Sequence

from handgrad.errors import InputError
from handgrad.network.layer import Layer
from handgrad.network.network import Network
from handgrad.training import twins
from handgrad.training.ingredients import Ingredient, ingredients, of_layers
from handgrad.training.step_functions import AROUND
from handgrad.training.training_section import TrainingSection


def unsupported(engine: str, found: Iterable[Ingredient]) -> list[Ingredient]:
    """What of this an engine does not support.

    `array` and `jax` run the reference's own functions, so they have everything; `compiled` and `torch` have the
    records that the package came with.  `array` and `jax` have a slip where they take that function from
    `StepFunctions`, and `compiled` those of `twins.SLIPS`; what is no part of a step has no engine.
    """
    return [one for one in found if not (_has_slip if one.kind == "slip" else _has)(engine, one)]


def _has(engine: str, one: Ingredient) -> bool:
    return engine in ("array", "jax") or not one.is_added


def _has_slip(engine: str, one: Ingredient) -> bool:
    changes = one.record.changes
    if engine == "compiled" and one.name in twins.SLIPS:
        return not one.is_added
    return engine == "array" or changes in AROUND or (engine == "jax" and changes != "score")


def refusal_text(engine: str, what: Sequence[Ingredient]) -> str:
    """What an engine does not support, as a clause."""
    have = {"compiled": "has no kernel for"}.get(engine, "has no")
    return f"the {engine} engine {have} {_listed(what)}"


def check_supported(engine: str, network: Network, training: TrainingSection) -> None:
    """Raise InputError where an engine cannot run what a setting names, before anything runs."""
    found = [*ingredients(network.layers, training)]
    if missing := unsupported(engine, found):
        raise InputError(f'{refusal_text(engine, missing)}; set training.engine = "array"')


def check_exported(layers: Sequence[Layer], own: Mapping[str, Iterable[str]], to: str, otherwise: str) -> None:
    """Raise InputError where a format has no word for a layer or an activation.

    own: the names that it has a word for, by kind; what was added under such a name is not what the word means.
    """
    missing = [one for one in of_layers(layers) if one.name not in own[one.kind] or one.is_added]
    if missing:
        raise InputError(f"{to} has no {_listed(missing)}; {otherwise}")


def _listed(what: Sequence[Ingredient]) -> str:
    return " and ".join(map(str, what))
