"""Arrays under somebody's own names: W1, b1, W2, b2 or arr_0, arr_1, as in many a student's `MLP_weights.npz`.

What is called W, weight or kernel is a weight, what is called b or bias a bias; of others, arrays with several axes
longer than 1 are weights.  Each kind in its order is given to the layers in theirs.  The axes of all of them are in one
order (`layouts`); biases are (n,), (1, n) or (n, 1).
"""

import re
from collections.abc import Sequence

import numpy as np

from handgrad.errors import WeightsError
from handgrad.names import listed
from handgrad.network.arrays import Arrays
from handgrad.network.network import Network
from handgrad.training.exchange.layouts import laid_out, layers_meant

LIBRARIES = {"weight": "torch", "kernel": "keras"}  # whose names these are


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
            f"{where}: nothing says the order of {listed(names)} (safetensors sorts its tensors); "
            "save them there as .pt or .npz, or under names that are numbered alike: fc1, fc2"
        )
    return list(names)


def library_of(names: Sequence[str]) -> str | None:
    """The library that calls weights so, if it is one and the same for all.

    >>> library_of(["fc1.weight", "fc2.weight"]), library_of(["dense/kernel:0"]), library_of(["W1", "W2"])
    ('torch', 'keras', None)
    """
    found = {LIBRARIES.get(_last(name)) for name in names}
    return found.pop() if len(found) == 1 else None


def _last(name: str) -> str:
    words = [word for word in re.split(r"[./:]", name) if word and not word.isdecimal()]
    return words[-1] if words else ""


def from_arrays(network: Network, arrays: Arrays, *, where: str, ordered: bool, layout: str | None = None) -> Arrays:
    """Parameters of `network` from arrays under any names.  Raises WeightsError with all that does not fit.

    >>> network = Network.parse((3,), "dense 2")
    >>> found = from_arrays(network, {"W": np.ones((2, 3)), "b": np.zeros((2, 1))}, where="w.npz", ordered=True)
    >>> {name: array.shape for name, array in found.items()}
    {'dense1.W': (3, 2), 'dense1.b': (2,)}
    """
    weights, biases = (
        in_order([name for name in arrays if _is_weight(name, arrays[name]) == kind], where, ordered=ordered)
        for kind in (True, False)
    )
    layers = [letters for letters in network.parameter_names if letters]
    if any(set(letters) != {"W", "b"} for letters in layers):
        raise WeightsError(
            f"{where}: batch norm is told apart by names alone; name the arrays {', '.join(network.parameter_shapes)}"
        )
    if len(weights) != len(layers) or len(biases) not in (0, len(layers)):
        has = listed(f"{name} {array.shape}" for name, array in arrays.items())
        raise WeightsError(
            f"{where}: has {len(weights)} arrays of weights and {len(biases)} of biases ({has or 'nothing'}); this "
            f"network has {len(layers)} layers with both. Name them {', '.join(network.parameter_shapes)}, or "
            + layers_meant(network)
        )
    found: dict[str, tuple[str, np.ndarray]] = {}
    for j, own in enumerate(layers):
        found[own["W"]] = weights[j], arrays[weights[j]]
        units = network.parameter_shapes[own["b"]]
        name, b = (biases[j], arrays[biases[j]]) if biases else ("", np.zeros(units, np.float32))
        found[own["b"]] = name, b.reshape(-1) if b.size == units[0] else b
    return laid_out(network, found, layout=layout, said=library_of(weights), where=where)


def _is_weight(name: str, array: np.ndarray) -> bool:
    called = re.fullmatch(r"(w|weights?|kernels?|b|bias|biases)_?\d*", _last(name), re.IGNORECASE)
    if called and array.ndim > 1:  # a layer of one unit has a matrix as long as its bias
        return not str(called[1]).lower().startswith("b")
    return bool(sum(n > 1 for n in array.shape) > 1)
