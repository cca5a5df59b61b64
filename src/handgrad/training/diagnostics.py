"""Diagnostics of a network while it learns: how large its gradients are, and how many of its units are saturated.

    gradient_norm.dense1.W   ‖dW‖ = √Σ dW²   of the mean loss over the examples: by the passes of the reference
    saturated.dense1         share of all pairs of a unit and an example where the unit is saturated for the example
    dead.dense1              share of the units that are saturated for every example

A unit is saturated where it passes next to no gradient on.  tanh: |a| > 0.99;  sigmoid: |2a − 1| > 0.99, the same
share of its range (f' is below 2 % of the largest f' in both);  relu: a = 0, where the unit is off and f' = 0.  A unit
of relu that is off for every example is what is called dead.  The other activations have no such curve.

Gradients are those that the formulas give, whatever the slips of a setting: of the loss and the labels that the network
is trained with, a mean whatever `batch_reduction` says, without the L2 term, clipping and dropout.  Batch norm takes
the statistics of the examples, `rows_at_once` of them at a time.  Nothing of the training is changed by any of it.

Source: Glorot and Bengio 2010, "Understanding the difficulty of training deep feedforward neural networks", which
follows both from layer to layer and from epoch to epoch.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from handgrad.data.batches import train_sample
from handgrad.network import passes
from handgrad.network.arrays import Arrays
from handgrad.network.network import Network

EDGE = 0.99  # of half the range: from there on a unit of tanh or sigmoid is saturated
NORM, SATURATED, DEAD = "gradient_norm", "saturated", "dead"  # what the names of curves begin with
SATURATES: dict[str, Callable[[np.ndarray], np.ndarray]] = {  # activation -> for each a, whether it is saturated
    "sigmoid": lambda a: np.abs(2 * a - 1) > EDGE,
    "tanh": lambda a: np.abs(a) > EDGE,
    "relu": lambda a: a == 0,
}


def diagnosed(n_train: int) -> np.ndarray:
    """The training examples that are looked at: 2,000, always the same ones; all where there are fewer.

    >>> len(diagnosed(60_000)), len(diagnosed(150))
    (2000, 150)
    """
    return train_sample(n_train, 0)


def names_of(network: Network) -> list[str]:
    """What is measured of a network, by name."""
    norms = [f"{NORM}.{name}" for name in network.parameter_shapes if name not in network.buffer_names]
    return [
        *norms,
        *(f"{what}.{network.layer_names[i]}" for i in _saturating(network) for what in (SATURATED, DEAD)),
    ]


def diagnose(network: Network, params: Arrays, x: np.ndarray, T: np.ndarray, loss: str) -> dict[str, float]:
    """The norms of the gradients and the shares of saturated units, by name, for examples x (n, *shape), T (n, k)."""
    n, chunk = len(x), passes.rows_at_once(network)
    grads: dict[str, np.ndarray] = {}
    pairs, always = dict.fromkeys(_saturating(network), 0.0), dict[int, Any]()
    for start in range(0, n, chunk):
        rows = slice(start, start + chunk)
        _, found, trace = passes.loss_and_gradients(network, params, x[rows], T[rows], loss, "sum")
        for name, gradient in found.items():
            grads[name] = grads.get(name, 0.0) + np.asarray(gradient, dtype=np.float64)
        for i in pairs:
            saturated = SATURATES[network.layers[i].activation](np.asarray(trace.a[i]))
            pairs[i] += float(saturated.mean(axis=0).mean()) * len(saturated) / n
            always[i] = always.get(i, True) & saturated.all(axis=0)
    found_norms = {f"{NORM}.{name}": float(np.sqrt((dW**2).sum())) / n for name, dW in grads.items()}
    shares: dict[str, float] = {}
    for i, share in pairs.items():
        shares |= {
            f"{SATURATED}.{network.layer_names[i]}": share,
            f"{DEAD}.{network.layer_names[i]}": float(always[i].mean()),
        }
    return found_norms | shares


def _saturating(network: Network) -> list[int]:
    """The layers whose activation can saturate, by position."""
    return [i for i, layer in enumerate(network.layers) if layer.activation in SATURATES]
