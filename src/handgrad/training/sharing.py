"""How many runs of a study share one program where `training.stack = "auto"`: from the setting and the data alone.

On a processor one core trains one run.  On a GPU a step of a small network is mostly the time to start its operations
(some 50 of them, about 5 µs each), in which the device could make the steps of many runs:

    16   where a step has at most 2²⁶ products forward (of a weight and a number), so that 16 steps keep the
         device busy for about as long as starting them takes, and 16 runs take at most 1 GiB
    1    otherwise
"""

import math

import numpy as np

from handgrad.network.network import Network
from handgrad.training.run import TrainingSection

RUNS = 16
PRODUCTS = 2**26
BYTES = 2**30


def runs_in_a_program(training: TrainingSection, network: Network, n: int) -> int:
    """The number of runs; n: how many training examples there are."""
    if training.stack != "auto":
        return int(training.stack)
    if training.device != "cuda" or not training.can_be_stacked:
        return 1
    m = n if training.batch_size == "full" else min(n, int(training.batch_size))
    small = m * network.multiplications <= PRODUCTS and RUNS * bytes_of_a_step(training, network, m) <= BYTES
    return RUNS if small else 1


def bytes_of_a_step(training: TrainingSection, network: Network, m: int) -> int:
    """About what one run holds in a step on m examples: W, dW, the new W and both slots; x, a and da of every layer."""
    of_network = network.parameter_count * (3 + 2 * len(training.optimizer.slots))
    of_batch = m * (network.n_inputs + 2 * sum(map(math.prod, network.shapes)))
    return np.dtype(training.dtype).itemsize * (of_network + of_batch)
