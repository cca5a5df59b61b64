"""Whether a study fits the memory of this machine, checked before anything is trained.

    a run    (2 + slots) · weights · bytes, and for the rows that a step works on at once their inputs, and a and da of
             every layer; not less than the first weights, which are drawn in float64
    a study  the largest of its programs (`training.stack` runs each), once for every worker

This is the least that it can take, so that nothing is refused that would have worked.
"""

import math
from dataclasses import dataclass

import numpy as np

from handgrad.data.batches import batch_length
from handgrad.errors import InputError
from handgrad.limits import in_words, machine_memory
from handgrad.network.batch_norm import BatchNorm
from handgrad.network.network import Network
from handgrad.training.training_section import TrainingSection

CHUNK = 256  # rows that the compiled engine works on at once


@dataclass(frozen=True)
class Need:
    """The memory of one program of a setting in bytes, and what it depends on: weights, rows of a step, runs."""

    bytes: int
    weights: int
    rows: int
    stack: int
    where: str

    def __str__(self) -> str:
        together = f" and {self.stack:,} runs in one program (training.stack)" if self.stack > 1 else ""
        return f"{self.weights:,} weights, steps on {self.rows:,} rows{together}"


def need_of(training: TrainingSection, network: Network, n: int, where: str) -> Need:
    """The need of a setting; n: how many training examples there are."""
    m = min(n, batch_length(n, training.batch_size))
    compiled = training.engine == "compiled" or (training.engine == "auto" and training.library == "numpy")
    rows = min(m, CHUNK) if compiled and not any(isinstance(layer, BatchNorm) for layer in network.layers) else m
    size = np.dtype(training.dtype).itemsize
    weights, slots = network.parameter_count, len(training.optimizer.slots)
    trained = size * (weights * (2 + slots) + rows * (network.n_inputs + 2 * sum(map(math.prod, network.shapes))))
    stack = 1 if training.stack == "auto" else int(training.stack)
    return Need(stack * max(trained, (8 + size) * weights), weights, rows, stack, where)


def check_memory(need: Need | None, workers: int, machine: tuple[int, int] | None = None) -> None:
    """Raise InputError where `workers` programs do not fit together into what this machine has."""
    if need is None:
        return
    shared, own = machine or machine_memory()
    has = shared if need.bytes <= own else min(shared, own)
    if need.bytes <= own and need.bytes * workers <= shared:
        return
    fit = shared // need.bytes if need.bytes <= own else 0
    remedy = f"take --jobs {fit}" if fit else "take fewer units or filters, a smaller batch_size or a smaller stack"
    each = f" ({workers} workers, {in_words(need.bytes)} each)" if workers > 1 else ""
    raise InputError(
        f"{need.where}: the network has {need}, which takes at least {in_words(need.bytes * workers)} of memory{each}; "
        f"this machine has {in_words(has)}: {remedy}"
    )
