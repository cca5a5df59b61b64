"""What a Keras model is made of: its layers in their row, as Keras describes them, and the weights of one in memory.

A description is what `get_config` gives and what files hold: {"class_name": "Sequential", "config": {"layers": [ … ]}}.
A functional model says of each layer, in `inbound_nodes`, which layers it takes its numbers from.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from handgrad.names import shown
from handgrad.network.arrays import Arrays
from handgrad.network.layer import Shape
from handgrad.training.exchange.chain import Chain
from handgrad.training.keras_files import MODELS, named

LIBRARIES = ("keras", "tf_keras", "tensorflow")  # whose classes are what their names say

Config = Mapping[str, Any]


def class_of(model: Any) -> str:
    """The kind of model; the name of a class of somebody's own that computes by itself."""
    own = [kind for kind in type(model).__mro__ if not kind.__module__.startswith(LIBRARIES)]
    names = [kind.__name__ for kind in type(model).__mro__]
    if any("call" in vars(kind) for kind in own):
        return type(model).__name__
    return next((name for name in MODELS if name in names), type(model).__name__)


def weights_of(model: Any, description: Config) -> Arrays:
    """The weights of a model in memory by "layer/name"."""
    found: Arrays = {}
    if "layers" not in description["config"]:
        return found
    kept = [layer for layer in model.layers if type(layer).__name__ != "InputLayer"]
    configs = [one for one in description["config"]["layers"] if one["class_name"] != "InputLayer"]
    for layer, config in zip(kept, configs, strict=True):
        if config["class_name"] in MODELS:
            found |= weights_of(layer, config)
        else:
            arrays = named([np.asarray(w) for w in layer.get_weights()], config["config"])
            found |= {f"{config['config']['name']}/{name}": array for name, array in arrays.items()}
    return found


def layers_of(model: Config, chain: Chain, *, inside: bool = False) -> Iterator[Config]:
    """The layers of a model and of the models in it, in their row; its input gives the shape."""
    if model["class_name"] not in MODELS or "layers" not in model["config"]:
        chain.refuse(
            str(model["class_name"]), "a model of a class of somebody's own says no layers; build a Sequential"
        )
        return
    config = model["config"]
    layers: Sequence[Config] = config["layers"]
    if not inside:
        inputs = [layer["config"] for layer in layers if layer["class_name"] == "InputLayer"]
        first = [layer["config"] for layer in layers[:1]]
        _input(chain, [*inputs, *first, {"batch_shape": config.get("build_input_shape")}])
    before: str | None = None
    for layer in layers:
        name = layer["config"].get("name")
        sources = _sources(layer.get("inbound_nodes", ()))
        if before is not None and "inbound_nodes" in layer and sources != [before]:
            has = ", ".join(map(shown, sources)) or "nothing"
            chain.refuse(f"{name} ({layer['class_name']})", f"takes {has}; layers here stand in a row", lost=True)
            return
        before = name
        if layer["class_name"] in MODELS:
            yield from layers_of(layer, chain, inside=True)
        elif layer["class_name"] != "InputLayer":
            yield layer
    if "output_layers" in config and _sources(config["output_layers"]) != [before]:
        chain.refuse("output", f"gives more than what the last layer, {shown(before)}, gives")


def _sources(nodes: Any) -> list[str]:
    """The layers that a layer of a functional model takes its numbers from."""
    if isinstance(nodes, Mapping):
        history = (
            nodes.get("config", {}).get("keras_history") if nodes.get("class_name") == "__keras_tensor__" else None
        )
        return [str(history[0])] if history else [name for one in nodes.values() for name in _sources(one)]
    if isinstance(nodes, list | tuple):
        if len(nodes) >= 3 and isinstance(nodes[0], str) and type(nodes[1]) is int:  # of Keras 2: ["dense", 0, 0, {}]
            return [nodes[0]]
        return [name for one in nodes for name in _sources(one)]
    return []


def _input(chain: Chain, configs: Sequence[Config]) -> None:
    """The shape of the examples, of the first that says it: channels last there, first here."""
    shapes = [config.get("batch_shape") or config.get("batch_input_shape") for config in configs]
    shape = next((shape[1:] for shape in shapes if shape), None)
    if chain.shape is not None or shape is None or any(n is None for n in shape):
        return
    if len(shape) > 3:
        chain.refuse("input", f"examples have the shape {tuple(shape)}; here they are columns or images", lost=True)
        return
    here: Shape = (
        (shape[2], shape[0], shape[1]) if len(shape) == 3 else (1, *shape) if len(shape) == 2 else tuple(shape)
    )
    chain.input_shape = chain.shape = here
