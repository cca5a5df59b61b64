"""The table of all slips, and the functions that training takes where a setting names some.

A slip is one function of the reference as students get it wrong (`step_functions.Slip`): those of the backward pass
stand in gradient_slips.py, those of updates and dropout in update_slips.py, those around the steps in epoch_slips.py.
Nothing but `training.slips` switches one on.
"""

from dataclasses import replace
from itertools import combinations
from typing import Any

from handgrad.accepts import accepts, list_of
from handgrad.errors import InputError
from handgrad.names import OpenTable, lookup, shown
from handgrad.network.arrays import Array
from handgrad.network.network import Network
from handgrad.training.epoch_slips import EPOCH_SLIPS
from handgrad.training.gradient_slips import GRADIENT_SLIPS
from handgrad.training.step_functions import IN_FILE_ORDER, REFERENCE, AtStep, Slip, StepFunctions
from handgrad.training.update_slips import UPDATE_SLIPS

SLIPS: OpenTable[Slip] = OpenTable({slip.name: slip for slip in (*GRADIENT_SLIPS, *UPDATE_SLIPS, *EPOCH_SLIPS)})


@accepts(lambda: list_of({"enum": list(SLIPS)}))
def in_order(value: Any) -> tuple[str, ...]:
    """A list of names as the names of slips, in the order of the table, which is that in which they are applied.

    Raises ValueError for what is no list of different names, and for two slips that change the same.

    >>> in_order(["l2-on-biases", "gradient-doubled"])
    ('gradient-doubled', 'l2-on-biases')
    """
    if not isinstance(value, list | tuple) or not all(isinstance(name, str) for name in value):
        raise ValueError('must be a list of slips, as in ["bias-gradient-summed-over-units"]')
    try:
        chosen = [lookup(SLIPS, name, "slip") for name in value]
    except InputError as error:
        raise ValueError(f"has an unknown entry: {error}") from None
    for one, other in combinations(chosen, 2):
        if one is other:
            raise ValueError(f"has {shown(one.name)} twice; keep one")
        if (one.changes, one.term) == (other.changes, other.term):
            raise ValueError(f"has {shown(one.name)} and {shown(other.name)}, which change the same; keep one")
    return tuple(name for name in SLIPS if name in value)


def functions_at(
    training: Any, *, lr: float | Array = 0.0, key: int | Array = 0, number: int | Array = 0
) -> StepFunctions:
    """What training is composed of under a [training] table: the reference's functions, with its slips in place.

    lr, key, number: of the step, as in `AtStep`, for slips that read them.
    """
    functions = REFERENCE if training.shuffle else IN_FILE_ORDER
    if not training.slips:
        return functions
    at = AtStep(training, lr, key, number)
    for name in training.slips:
        slip = lookup(SLIPS, name, "slip")
        functions = replace(functions, **{slip.changes: slip.wrong(getattr(functions, slip.changes), at)})
    return functions


def check_slips(network: Network, training: Any, scale: str) -> None:
    """Raise InputError for a slip that would change nothing in this network and [training] table.

    scale: of the data.
    """
    for name in training.slips:
        slip = lookup(SLIPS, name, "slip")
        if not slip.applies(network, training) or (slip.needs_standard and scale != "standard"):
            raise InputError(
                f"training.slips: slip {shown(name)} changes nothing here, since it needs {slip.needs}; "
                "set training.slips without it, or what it needs"
            )
