"""How many runs of a study share one program where `training.stack = "auto"`: from the setting and the data alone.

On a processor one core trains one run.  On a GPU a step of a small network is mostly the time to start its operations
(some 30 of them), in which the device could make the steps of many runs.  As many as together take at most 2³⁰ products
forward (of a weight and a number), which keep a large device busy, and 2 GiB; a power of two, so that few sizes are
compiled, and at most 256.  The same on every machine, since it is part of a run's id.
"""

import math

import numpy as np

from handgrad.network.network import Network
from handgrad.training.training_section import TrainingSection

MOST_RUNS_PER_PROGRAM = 256
PRODUCTS = 2**30
BYTES = 2**31


def runs_in_a_program(training: TrainingSection, network: Network, n: int) -> int:
    """The number of runs; training: resolved; n: how many training examples there are."""
    if training.stack != "auto":
        return int(training.stack)
    if training.engine != "jax" or training.device == "cpu" or training.augments:
        return 1
    m = n if training.batch_size == "full" else min(n, int(training.batch_size))
    room = min(PRODUCTS // max(1, m * network.multiplications), BYTES // bytes_of_a_step(training, network, m))
    return min(MOST_RUNS_PER_PROGRAM, 1 << max(0, room.bit_length() - 1))


def bytes_of_a_step(training: TrainingSection, network: Network, m: int) -> int:
    """About what one run holds in a step on m examples: W, dW, the new W and both slots; x, a and da of every layer."""
    of_network = network.parameter_count * (3 + 2 * len(training.optimizer.slots))
    of_batch = m * (network.n_inputs + 2 * sum(map(math.prod, network.shapes)))
    return np.dtype(training.dtype).itemsize * (of_network + of_batch)
