"""Arrays under somebody's own names: W1, b1, W2, b2 or arr_0, arr_1, as in many a student's `MLP_weights.npz`.

Arrays with several axes longer than 1 are weights, the others biases; each kind in its order is given to the layers in
theirs.  Matrices may all be (n_in, n_out) or all (n_out, n_in); biases (n,), (1, n) or (n, 1).
"""

import re
from collections.abc import Sequence

import numpy as np

from handgrad.errors import WeightsError
from handgrad.network.spec import Network
from handgrad.training.weights import Arrays


def in_order(names: Sequence[str], where: str, *, ordered: bool) -> list[str]:
    """Names in the order of their numbers where they differ by numbers alone, else as they stand in the file.

    ordered: whether the file keeps an order.  Raises WeightsError where neither says which is first.

    >>> in_order(["fc10", "fc2"], "w.npz", ordered=True), in_order(["hidden", "output"], "w.npz", ordered=True)
    (['fc2', 'fc10'], ['hidden', 'output'])
    """
    if len({re.sub(r"\d+", "#", name) for name in names}) == 1:
        return sorted(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])
    if not ordered and len(names) > 1:
        raise WeightsError(
            f"{where}: nothing says the order of {', '.join(names)} (safetensors sorts its tensors); "
            "save them there as .pt or .npz, or under names that are numbered alike: fc1, fc2"
        )
    return list(names)


def layers_meant(network: Network) -> str:
    """The last line of a message about what does not fit."""
    return f"set network.hidden or network.layers to the file's layers; now they are {', '.join(network.describe())}"


def from_arrays(network: Network, arrays: Arrays, *, where: str, ordered: bool) -> Arrays:
    """Parameters of `network` from arrays under any names.  Raises WeightsError with all that does not fit.

    >>> network = Network.parse((3,), "dense 2")
    >>> found = from_arrays(network, {"W": np.ones((2, 3)), "b": np.zeros((2, 1))}, where="w.npz", ordered=True)
    >>> {name: array.shape for name, array in found.items()}
    {'dense1.W': (3, 2), 'dense1.b': (2,)}
    """
    is_weight = {name: sum(n > 1 for n in array.shape) > 1 for name, array in arrays.items()}
    weights, biases = (
        in_order([name for name in arrays if is_weight[name] == kind], where, ordered=ordered) for kind in (True, False)
    )
    layers = [letters for letters in network.parameter_names if letters]
    if any(set(letters) != {"W", "b"} for letters in layers):
        raise WeightsError(
            f"{where}: batch norm is told apart by names alone; name the arrays {', '.join(network.parameter_shapes)}"
        )
    if len(weights) != len(layers) or len(biases) not in (0, len(layers)):
        has = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
        raise WeightsError(
            f"{where}: has {len(weights)} arrays of weights and {len(biases)} of biases ({has or 'nothing'}); this "
            f"network has {len(layers)} layers with both. Name them {', '.join(network.parameter_shapes)}, or "
            + layers_meant(network)
        )
    shapes = {own["W"]: network.parameter_shapes[own["W"]] for own in layers}
    turned = _all_turned([arrays[name].shape for name in weights], list(shapes.values()))
    params: Arrays = {}
    wrong: list[str] = []
    for j, own in enumerate(layers):
        W, shape = arrays[weights[j]], shapes[own["W"]]
        params[own["W"]] = np.ascontiguousarray(W.T) if turned else W
        if params[own["W"]].shape != shape:
            either = f"{shape} or {shape[::-1]}, as all of them" if len(shape) == 2 else str(shape)
            wrong.append(f"{weights[j]} has shape {W.shape}; {own['W']} needs {either}")
        units = network.parameter_shapes[own["b"]]
        b = arrays[biases[j]] if biases else np.zeros(units, np.float32)
        params[own["b"]] = b.reshape(-1)
        if params[own["b"]].shape != units:
            wrong.append(f"{biases[j]} has shape {b.shape}; {own['b']} needs {units}")
    if wrong:
        raise WeightsError("\n".join(f"{where}: {line}" for line in [*wrong, layers_meant(network)]))
    return params


def _all_turned(found: Sequence[tuple[int, ...]], needed: Sequence[tuple[int, ...]]) -> bool:
    """Whether the matrices fit as (n_out, n_in) only."""
    return all(len(shape) == 2 for shape in found) and found != needed and [s[::-1] for s in found] == needed
