"""Keras's arrays in a network of handgrad: "dense_1/kernel", "dense_1/bias", … (`training.keras_files`).

    handgrad                       keras                                  shapes there
    dense       W, b               Dense               kernel, bias       the same; after pictures, pixel by pixel
    conv        W, b               Conv2D              kernel, bias       (rows, cols, c_in, c_out)
    batch-norm  gamma, beta,       BatchNormalization  gamma, beta,       the same
                mean, variance                         moving_mean, moving_variance

Keras divides by √(variance + ε) with ε = 0.001 unless a layer says another, handgrad with ε = 1e-5.  So that
predictions are the same, the difference of the two is added to the variance.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from handgrad.errors import WeightsError
from handgrad.names import listed, shown
from handgrad.network.arrays import Arrays
from handgrad.network.batch_norm import EPS
from handgrad.network.network import Network
from handgrad.training.exchange.layouts import laid_out, layers_meant
from handgrad.training.keras_files import MODELS

KERAS_EPS = 1e-3  # of BatchNormalization, unless the layer says another
LETTERS = {
    "dense": {"W": "kernel", "b": "bias"},
    "conv": {"W": "kernel", "b": "bias"},
    "batch-norm": {"gamma": "gamma", "beta": "beta", "mean": "moving_mean", "variance": "moving_variance"},
}
NAMES = {name for letters in LETTERS.values() for name in letters.values()}
ABSENT = {"gamma": 1.0, "beta": 0.0, "b": 0.0}  # what a layer without it computes with


def are_keras(arrays: Arrays) -> bool:
    """Whether all names are those of Keras: "dense_1/kernel", "batch_normalization/gamma:0"."""
    return bool(arrays) and all("/" in name and _variable(name) in NAMES for name in arrays)


def configs_of(model: Mapping[str, Any] | None) -> dict[str, Mapping[str, Any]]:
    """ε and activation of every layer of a model that Keras describes, by the layer's name."""
    found: dict[str, Mapping[str, Any]] = {}
    for layer in model["config"]["layers"] if model is not None else ():
        if layer["class_name"] in MODELS:
            found |= configs_of(layer)
        else:
            config = layer["config"]
            found[str(config["name"])] = {
                "epsilon": float(config.get("epsilon", KERAS_EPS)), "activation": config.get("activation"),
            }  # fmt: skip
    return found


def with_eps(variance: np.ndarray, eps: float, what: str) -> np.ndarray:
    """The variance that gives with handgrad's ε what `variance` gives with `eps`.

    >>> with_eps(np.array([1.0], np.float32), 1e-3, "bn").round(5).tolist()
    [1.0009900331497192]
    """
    moved = variance.astype(np.float64) + (eps - EPS)
    if (moved + EPS <= 0).any():
        raise WeightsError(f"{what}: variance + ε is not positive (ε = {eps:g}), so its outputs are no numbers")
    return moved.astype(variance.dtype)


def from_keras_arrays(
    network: Network,
    arrays: Arrays,
    *,
    where: str,
    ordered: bool,
    layout: str | None = None,
    configs: Mapping[str, Mapping[str, Any]] | None = None,
) -> Arrays:
    """Parameters of `network` from Keras's arrays; the layers of each kind are taken in order.

    ordered: whether the arrays are in the order of the layers; else the numbers in the names say it.  configs: what
    Keras says of the layers, where the file does: ε of batch norm, and activations, which must be the network's.
    A missing bias is 0.  Raises WeightsError with all that does not fit.
    """
    owners: dict[str, Arrays] = {}
    for name, array in arrays.items():
        owners.setdefault(name.rpartition("/")[0], {})[_variable(name)] = array
    of_kind: dict[str, list[str]] = {kind: [] for kind in LETTERS}
    for owner, own in owners.items():
        of_kind[_kind(owner, own, where)].append(owner)
    found: dict[str, tuple[str, np.ndarray]] = {}
    wrong: list[str] = []
    for kind, names in of_kind.items():
        layers = [i for i, layer in enumerate(network.layers) if layer.kind == kind]
        if len(layers) != len(names):
            has = listed(f"{name} {_first(owners[name]).shape}" for name in names) or "none"
            needed = ", ".join(network.layer_names[i] for i in layers) or "none"
            wrong.append(f"has {len(names)} {kind} layers ({has}); this network has {len(layers)} ({needed})")
            continue
        for i, owner in zip(layers, names if ordered else _by_number(names, where), strict=True):
            config, layer = (configs or {}).get(owner, {}), network.layers[i]
            there = config.get("activation")
            if isinstance(there, str) and there != "linear" and there.replace("_", "-") != layer.activation:
                wrong.append(f"{owner} has the activation {there}, {network.layer_names[i]} {layer.activation}")
            for letter, name in network.parameter_names[i].items():
                variable = LETTERS[kind][letter]
                absent = np.full(network.parameter_shapes[name], ABSENT.get(letter, 0), np.float32)
                array = owners[owner].get(variable, absent)
                if letter == "variance":
                    array = with_eps(array, config.get("epsilon", KERAS_EPS), f"{where}: {owner}")
                found[name] = f"{owner}/{variable}", array
    if wrong:
        raise WeightsError("\n".join(f"{where}: {line}" for line in [*wrong, layers_meant(network)]))
    return laid_out(network, found, layout=layout, said="keras", where=where)


def _variable(name: str) -> str:
    return name.rpartition("/")[2].partition(":")[0]


def _first(own: Arrays) -> np.ndarray:
    return next(iter(own.values()))


def _kind(owner: str, own: Arrays, where: str) -> str:
    """Which layer it is, told by what it holds."""
    if "moving_mean" in own and "moving_variance" in own:
        return "batch-norm"
    axes = own["kernel"].ndim if "kernel" in own else 0
    if axes not in (2, 4):
        has = listed(f"{name} {array.shape}" for name, array in own.items())
        raise WeightsError(f"{where}: {owner} has {has}; handgrad has Dense, Conv2D and BatchNormalization")
    return "dense" if axes == 2 else "conv"


def _by_number(names: Sequence[str], where: str) -> list[str]:
    """dense, dense_1, dense_2, …, dense_10."""
    bases = {re.sub(r"_\d+$", "", name) for name in names}
    if len(bases) > 1:
        raise WeightsError(
            f"{where}: nothing says the order of {listed(map(shown, names))} (HDF5 sorts its groups); save the whole "
            "model there, with model.save(path)"
        )
    return sorted(names, key=lambda name: int((re.findall(r"_(\d+)$", name) or ["0"])[0]))
