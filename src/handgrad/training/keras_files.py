"""Keras's files: what a model is made of (JSON) and its arrays; nothing in them is executed, Keras is not needed.

    m.keras          a zip: config.json, model.weights.h5, metadata.json      model.save since 2022
    m.h5             HDF5: attribute model_config, group model_weights        model.save before, and still
    m.weights.h5     HDF5: layers/dense_1/vars/0, vars/1                      save_weights since 2022, and in a .keras
    m.h5             HDF5: attribute layer_names, a group for each layer      save_weights before

All of them become (the model as JSON, or None; arrays by layer and name: "dense_1/kernel", "dense_1/bias", …).

    Dense, Conv2D          kernel, bias
    BatchNormalization     gamma, beta, moving_mean, moving_variance

Source: keras/src/saving/saving_lib.py and legacy/hdf5_format.py of Keras 3.15.
"""

import json
import re
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from handgrad.data.bounds import most_unpacked
from handgrad.errors import WeightsError
from handgrad.foreign import reading
from handgrad.limits import in_words
from handgrad.names import listed, shown
from handgrad.network.arrays import Arrays
from handgrad.training.hdf5 import Attributes, check_h5py, read_hdf5

WEIGHTS, CONFIG = "model.weights.h5", "config.json"
MODELS = ("Sequential", "Functional", "Model")  # layers that are made of layers
OPTIMIZERS = ("optimizer", "optimizer_weights", "_optimizer")  # groups of what an optimizer keeps
BATCH_NORM = ("gamma", "beta", "moving_mean", "moving_variance")

Tables = Mapping[str, Any]  # JSON


def read_keras(path: Path) -> tuple[Tables | None, Arrays, bool]:
    """(the model as Keras describes it, arrays by "layer/name", whether they are in the order of the layers).

    An HDF5 file that Keras did not write gives its arrays under their own paths, in no order.  Raises WeightsError
    where the file is damaged or holds something else, InputError where h5py is missing.
    """
    check_h5py(str(path))
    with reading(path, WeightsError, "a Keras file", "it may be cut off: copy or save it again"):
        size = path.stat().st_size
        with path.open("rb") as file:
            is_zip = file.read(2) == b"PK"
        if not is_zip:
            arrays, attributes = read_hdf5(path, str(path), size=size, leave_out=OPTIMIZERS)
            config = attributes[""].get("model_config")
            model = None if config is None else json.loads(config[0])
        else:
            described, content = _unzipped(path, size)
            model = json.loads(described)
            with tempfile.TemporaryDirectory() as folder:
                (Path(folder) / WEIGHTS).write_bytes(content)
                arrays, attributes = read_hdf5(Path(folder) / WEIGHTS, str(path), size=size, leave_out=OPTIMIZERS)
        return model, *_by_layer(arrays, attributes, model, str(path))


def _unzipped(path: Path, size: int) -> tuple[bytes, bytes]:
    """(config.json, model.weights.h5) of a .keras."""
    with zipfile.ZipFile(path) as file:
        names = file.namelist()
        if WEIGHTS not in names or CONFIG not in names:
            raise WeightsError(
                f"{path}: is no whole .keras file: it holds {listed(map(shown, names), most=5)}; "
                f"a model in one piece has {CONFIG} and {WEIGHTS}: save it there with model.save(path)"
            )
        unpacked = file.getinfo(CONFIG).file_size + file.getinfo(WEIGHTS).file_size
        if unpacked > most_unpacked(size):
            raise WeightsError(f"{path}: unpacks to more than {in_words(most_unpacked(size))}; it is damaged")
        return file.read(CONFIG), file.read(WEIGHTS)


def _by_layer(arrays: Arrays, attributes: Attributes, model: Tables | None, where: str) -> tuple[Arrays, bool]:
    root = "model_weights" if "model_weights" in attributes else ""
    layers = _attribute(attributes[root], "layer_names")
    if layers is not None:
        return _by_names(arrays, attributes, layers, root, where), True
    paths = {name: name.rpartition("/vars/")[0] for name in arrays if "/vars/" in name}
    if not paths:
        return arrays, False
    groups: dict[str, list[np.ndarray]] = {}
    for name in sorted(paths, key=lambda name: [paths[name], int(name.rpartition("/")[2])]):
        groups.setdefault(paths[name].replace("_layer_checkpoint_dependencies", "layers"), []).append(arrays[name])
    if model is not None:
        return _by_config(groups, model, where), True
    return _by_groups(groups), False


def _attribute(attributes: Mapping[str, list[str]], name: str) -> list[str] | None:
    """Texts of an attribute, which Keras divides where they are longer than 64 KB: layer_names0, layer_names1."""
    if name in attributes:
        return attributes[name]
    if f"{name}0" not in attributes:
        return None
    parts = [key for i in range(len(attributes)) if (key := f"{name}{i}") in attributes]
    return [text for key in parts for text in attributes[key]]


def _by_names(arrays: Arrays, attributes: Attributes, layers: Sequence[str], root: str, where: str) -> Arrays:
    """Of an .h5 whose groups are called as the layers: model_weights/dense/dense/kernel:0."""
    found: Arrays = {}
    for layer in layers:
        group = f"{root}/{layer}" if root else layer
        for name in _attribute(attributes[group], "weight_names") or ():
            *_, owner, variable = ["", layer, *name.split("/")]
            _add(found, f"{owner}/{variable.partition(':')[0]}", arrays[f"{group}/{name}"], where)
    return found


def _by_config(groups: Mapping[str, list[np.ndarray]], model: Tables, where: str) -> Arrays:
    """Of an .h5 whose groups are called by the classes of the layers, under the names that the layers have."""
    found: Arrays = {}
    for group, layer in _grouped(model, ""):
        for variable, array in named(groups.get(group, ()), layer["config"]).items():
            _add(found, f"{layer['config']['name']}/{variable}", array, where)
    return found


def _grouped(model: Tables, prefix: str) -> Iterator[tuple[str, Tables]]:
    """(group in the file, layer) of a model and of those in it.  A group is the class and a count: dense, dense_1."""
    counts: dict[str, int] = {}
    for layer in model["config"]["layers"]:
        name = snake_case(layer["class_name"])
        count = counts[name] = counts.get(name, -1) + 1
        group = f"{prefix}layers/{name}_{count}" if count else f"{prefix}layers/{name}"
        if layer["class_name"] in MODELS:
            yield from _grouped(layer, f"{group}/")
        else:
            yield group, layer


def _by_groups(groups: Mapping[str, list[np.ndarray]]) -> Arrays:
    """Of weights alone, under the names of their groups."""
    found: Arrays = {}
    for group, arrays in groups.items():
        if not group.endswith("seed_generator"):  # of dropout
            name = group.replace("layers/", "")
            found |= {f"{name}/{variable}": array for variable, array in named(arrays, None).items()}
    return found


def named(arrays: Sequence[np.ndarray], config: Tables | None) -> Arrays:
    """The arrays of one layer, in Keras's order, by Keras's names; by numbers where nothing says what they are.

    >>> list(named([np.ones((3, 2)), np.ones(2)], None)), list(named([np.ones(2)] * 4, None))
    (['kernel', 'bias'], ['gamma', 'beta', 'moving_mean', 'moving_variance'])
    """
    axes = [array.ndim for array in arrays]
    names: Sequence[str] = [str(i) for i in range(len(arrays))]
    if axes in ([2], [4], [2, 1], [4, 1]):
        names = ("kernel", "bias")[: len(arrays)]
    elif config is not None and "epsilon" in config:
        left_out = {"gamma": not config.get("scale", True), "beta": not config.get("center", True)}
        names = [name for name in BATCH_NORM if not left_out.get(name)]
    elif axes == [1] * 4 or axes == [1] * 2:
        names = BATCH_NORM[-len(axes) :]
    return dict(zip(names, arrays, strict=False))


def snake_case(name: str) -> str:
    """How Keras calls the group of a layer of this class.

    >>> snake_case("BatchNormalization"), snake_case("Conv2D"), snake_case("LeakyReLU")
    ('batch_normalization', 'conv2d', 'leaky_re_lu')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", name))
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def _add(found: Arrays, name: str, array: np.ndarray, where: str) -> None:
    if name in found:
        raise WeightsError(f"{where}: two layers are called {shown(name.partition('/')[0])}; give each its own name")
    found[name] = array
