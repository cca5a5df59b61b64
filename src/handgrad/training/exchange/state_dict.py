"""PyTorch's state_dict: the same numbers under the names and in the shapes of `torch.nn`.

The network as a `torch.nn.Sequential` has, for every layer, the module of the layer and then that of its activation
(none for identity); a dense layer that gets images has `nn.Flatten()` before it.

    handgrad                        torch.nn                                  shapes
    dense       W, b                Linear        weight, bias                weight = Wᵀ: (n_out, n_in)
    conv        W, b                Conv2d        weight, bias                the same
    batch-norm  gamma, beta,        BatchNorm1d   weight, bias,               the same; ε and momentum are the defaults
                mean, variance      BatchNorm2d   running_mean, running_var   of PyTorch
    others      none

Both flatten images channel by channel and row by row, so the weights of a dense layer after them stay in place.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from handgrad.errors import WeightsError
from handgrad.names import listed, shown
from handgrad.network.activations import LEAKY_SLOPE
from handgrad.network.arrays import Arrays
from handgrad.network.layer import Shape
from handgrad.network.network import Network
from handgrad.training.exchange.layouts import laid_out, layers_meant
from handgrad.training.exchange.named_arrays import in_order
from handgrad.training.support import check_exported

LETTERS = {  # of each kind of layer: handgrad's letter -> PyTorch's name
    "dense": {"W": "weight", "b": "bias"},
    "conv": {"W": "weight", "b": "bias"},
    "batch-norm": {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"},
}
COUNTER = "num_batches_tracked"  # which PyTorch keeps beside the statistics and, with a momentum, never uses
NAMES = {"weight", "bias", "running_mean", "running_var", COUNTER}

ACTIVATIONS = {
    "identity": None,
    "sigmoid": "nn.Sigmoid()",
    "tanh": "nn.Tanh()",
    "relu": "nn.ReLU()",
    "leaky-relu": f"nn.LeakyReLU({LEAKY_SLOPE})",
    "softmax": "nn.Softmax(dim=-1)",
    "log-softmax": "nn.LogSoftmax(dim=-1)",
}


def sequential(network: Network) -> str:
    """The Python text of the equivalent module, after `from torch import nn`.

    >>> sequential(Network.parse((1, 8, 8), "dense 30 tanh", "dropout 0.5", "dense 10"))
    'nn.Sequential(nn.Flatten(), nn.Linear(64, 30), nn.Tanh(), nn.Dropout(0.5), nn.Linear(30, 10))'
    """
    return f"nn.Sequential({', '.join(text for text, _ in _modules(network))})"


def to_state_dict(network: Network, params: Mapping[str, np.ndarray]) -> Arrays:
    """Parameters as the state_dict of `sequential(network)`: "0.weight", "0.bias", …

    >>> network = Network.parse((3,), "dense 2 softmax")
    >>> state = to_state_dict(network, {"dense1.W": np.zeros((3, 2)), "dense1.b": np.zeros(2)})
    >>> {name: array.shape for name, array in state.items()}
    {'0.weight': (2, 3), '0.bias': (2,)}
    """
    state: Arrays = {}
    for position, (_, i) in enumerate(_modules(network)):
        if i is not None:
            kind = network.layers[i].kind
            for letter, name in network.parameter_names[i].items():
                state[f"{position}.{LETTERS[kind][letter]}"] = _transposed(kind, letter, params[name])
            if kind == "batch-norm":
                state[f"{position}.{COUNTER}"] = np.array(0)
    return state


def is_state_dict(arrays: Arrays) -> bool:
    """Whether the names are those of modules: "0.weight", "fc1.bias"."""
    return any("." in name and name.rpartition(".")[2] in NAMES for name in arrays)


def from_state_dict(
    network: Network, arrays: Arrays, *, where: str, ordered: bool, layout: str | None = None
) -> Arrays:
    """Parameters of `network` from a state_dict of any module whose layers of each kind come in the same order.

    Names of modules do not matter ("fc1", "net.0"), nor do layers without parameters.  A missing bias is 0.
    ordered: whether the file keeps the order of its tensors.  Raises WeightsError with all that does not fit.
    """
    for layer, names in zip(network.layers, network.parameter_names, strict=True):
        if names and layer.kind not in LETTERS:
            raise WeightsError(
                f"{where}: PyTorch's nn has no layer {shown(layer.kind)}; give weights under handgrad's names, "
                "as in an .npz of handgrad export"
            )
    modules_of: dict[str, dict[str, Arrays]] = {kind: {} for kind in LETTERS}
    for module, own in _by_module(arrays, where).items():
        modules_of[_kind(module, own, where)][module] = own
    found: dict[str, tuple[str, np.ndarray]] = {}
    wrong: list[str] = []
    for kind, modules in modules_of.items():
        layers = [i for i, layer in enumerate(network.layers) if layer.kind == kind]
        if len(layers) != len(modules):
            has = listed(f"{module} {own['weight'].shape}" for module, own in modules.items()) or "none"
            needed = ", ".join(network.layer_names[i] for i in layers) or "none"
            wrong.append(f"has {len(modules)} {kind} layers ({has}); this network has {len(layers)} ({needed})")
            continue
        for i, module in zip(layers, in_order(list(modules), where, ordered=ordered), strict=True):
            for letter, name in network.parameter_names[i].items():
                called = LETTERS[kind][letter]
                array = modules[module].get(called, np.zeros(network.parameter_shapes[name], np.float32))
                found[name] = f"{module}.{called}", array
    if wrong:
        raise WeightsError("\n".join(f"{where}: {line}" for line in [*wrong, layers_meant(network)]))
    return laid_out(network, found, layout=layout, said="torch", where=where)


def _transposed(kind: str, letter: str, array: np.ndarray) -> np.ndarray:
    """(n_in, n_out) as (n_out, n_in) and back; everything else has one shape in both."""
    return np.ascontiguousarray(array.T) if (kind, letter) == ("dense", "W") else array


def _modules(network: Network) -> Iterator[tuple[str, int | None]]:
    """(text of the constructor, the layer whose parameters it holds) of every module in Sequential's order.

    Raises InputError where PyTorch has no module for a layer or an activation.
    """
    words: dict[str, Iterable[str]] = {"activation": ACTIVATIONS, "layer": MODULES}
    check_exported(network.layers, words, "PyTorch's nn", "export to .npz")
    for i, (layer, before) in enumerate(zip(network.layers, network.input_shapes, strict=True)):
        if layer.kind == "dense" and len(before) > 1:
            yield "nn.Flatten()", None
        yield MODULES[layer.kind](layer, before, network.shapes[i]), i if layer.kind in LETTERS else None
        activation = ACTIVATIONS[layer.activation]
        if activation is not None:
            yield activation, None


MODULES: dict[str, Callable[[Any, Shape, Shape], str]] = {  # (layer, shape before, shape after) -> its constructor
    "dense": lambda layer, before, after: f"nn.Linear({int(np.prod(before))}, {after[0]})",
    "conv": lambda layer, before, after: (
        f"nn.Conv2d({before[0]}, {after[0]}, {layer.size}, stride={layer.stride}, padding={layer.pad})"
    ),
    "batch-norm": lambda layer, before, after: f"nn.BatchNorm{'2d' if len(before) == 3 else '1d'}({before[0]})",
    "dropout": lambda layer, before, after: f"nn.Dropout({layer.rate})",
    "flatten": lambda layer, before, after: "nn.Flatten()",
    "max-pool": lambda layer, before, after: f"nn.MaxPool2d({layer.size}, stride={layer.stride})",
    "average-pool": lambda layer, before, after: f"nn.AvgPool2d({layer.size}, stride={layer.stride})",
}


def _by_module(arrays: Arrays, where: str) -> dict[str, Arrays]:
    modules: dict[str, Arrays] = {}
    for key, array in arrays.items():
        module, _, name = key.rpartition(".")
        if name not in NAMES:
            raise WeightsError(
                f"{where}: {key} {array.shape} is of no layer that handgrad has; it reads {', '.join(sorted(NAMES))} "
                "of Linear, Conv2d, BatchNorm1d and BatchNorm2d"
            )
        if name != COUNTER:
            modules.setdefault(module, {})[name] = array
    return modules


def _kind(module: str, own: Arrays, where: str) -> str:
    """Which layer a module is, told by what it holds."""
    if "weight" not in own:
        raise WeightsError(f"{where}: {module} has no weight, only {', '.join(own)}; handgrad has no such layer")
    if "running_mean" in own and "running_var" in own:
        return "batch-norm"
    axes = own["weight"].ndim
    if axes not in (2, 4):
        raise WeightsError(
            f"{where}: {module}.weight has shape {own['weight'].shape}; handgrad has dense layers (2 axes), "
            "conv layers (4 axes) and batch norm with running statistics"
        )
    return "dense" if axes == 2 else "conv"
