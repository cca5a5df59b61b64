"""Layouts: in which order other programs keep the axes of their weights.

              dense W           conv W                        a picture is flattened
    handgrad  (n_in, n_out)     (c_out, c_in, rows, cols)     channel by channel
    torch     (n_out, n_in)     (c_out, c_in, rows, cols)     channel by channel
    keras     (n_in, n_out)     (rows, cols, c_in, c_out)     pixel by pixel, channels last

A file does not say which it is.  Its shapes do, all of them together, unless every matrix is square; names do where
they are those of a library (`weight` of PyTorch, `kernel` of Keras).  Where nothing decides, nothing is guessed.
"""

import math
from collections.abc import Mapping

import numpy as np

from handgrad.errors import WeightsError
from handgrad.names import lookup
from handgrad.network.arrays import Arrays
from handgrad.network.layer import Shape
from handgrad.network.network import Network

LAYOUTS = {"handgrad": "(n_in, n_out)", "torch": "(n_out, n_in)", "keras": "(n_in, n_out), channels last"}

Found = Mapping[str, tuple[str, np.ndarray]]  # a parameter of the network -> the file's name of its array, the array


def laid_out(network: Network, found: Found, *, layout: str | None, said: str | None, where: str) -> Arrays:
    """Parameters of `network` from arrays that were found for them.

    layout: of LAYOUTS, as the user gave it.  said: the one that the file's names say.  Raises WeightsError with all
    that does not fit, or where several layouts fit and give different networks.
    """
    if layout is not None:
        lookup(LAYOUTS, layout, "layout of weights")
    tried = [layout] if layout else list(LAYOUTS)
    fitting: dict[str, Arrays] = {}
    wrong: dict[str, list[str]] = {}
    for one in tried:
        params = {name: _transposed(network, name, array, one) for name, (_, array) in found.items()}
        wrong[one] = [name for name, w in params.items() if w.shape != network.parameter_shapes[name]]
        if not wrong[one] and not any(_same(params, other) for other in fitting.values()):
            fitting[one] = params
    if not fitting:
        nearest = min([said] if said in tried else tried, key=lambda one: len(wrong[one]))
        shown = [said] if said in tried else tried
        lines = [_misfit(network, name, *found[name], shown) for name in wrong[nearest]]
        raise WeightsError("\n".join(f"{where}: {line}" for line in [*lines, layers_meant(network)]))
    if len(fitting) > 1 and said is not None and not wrong[said]:
        return {name: _transposed(network, name, array, said) for name, (_, array) in found.items()}
    if len(fitting) > 1:
        raise WeightsError(f"{where}: {_undecided(list(fitting))}")
    return next(iter(fitting.values()))


def layers_meant(network: Network) -> str:
    """The last line of a message about what does not fit."""
    return f"set network.hidden or network.layers to the file's layers; now they are {', '.join(network.describe())}"


def _undecided(layouts: list[str]) -> str:
    if "torch" in layouts and len(layouts) == 2 and "handgrad" in layouts:
        what = "its matrices fit as (n_in, n_out) and as (n_out, n_in)"
    elif "torch" not in layouts:
        what = "its weights fit with the channels first and last"
    else:
        what = "its weights fit in several orders of their axes"
    ways = ", ".join(f'"{one}" for {LAYOUTS[one]}' for one in layouts)
    return f"{what}, and no name says which; give layout = {ways} (handgrad evaluate: --layout {layouts[0]})"


def _misfit(network: Network, name: str, called: str, array: np.ndarray, layouts: list[str]) -> str:
    needed = network.parameter_shapes[name]
    shapes = list(dict.fromkeys(_shape_there(name, needed, one) for one in layouts))
    as_all = ", as all of them" if len(shapes) > 1 else ""
    return f"{called} has shape {array.shape}; {name} needs {' or '.join(map(str, shapes))}{as_all}"


def _shape_there(name: str, needed: Shape, layout: str) -> Shape:
    letter = name.rpartition(".")[2]
    if letter == "W" and len(needed) == 2 and layout == "torch":
        return needed[::-1]
    if letter == "W" and len(needed) == 4 and layout == "keras":
        return (*needed[2:], needed[1], needed[0])
    return needed


def _transposed(network: Network, name: str, array: np.ndarray, layout: str) -> np.ndarray:
    """An array of the file as `network` has it; as it is where it cannot be."""
    needed = network.parameter_shapes[name]
    if array.shape != _shape_there(name, needed, layout):
        return array if array.shape != needed else np.empty(0)  # it fits in another layout only
    if name.endswith(".W") and len(needed) == 2 and layout == "torch":
        return np.ascontiguousarray(array.T)
    if layout != "keras":
        return array
    if len(needed) == 4:
        return np.ascontiguousarray(array.transpose(3, 2, 0, 1))
    picture = _flattened(network, name)
    if picture is None or math.prod(picture) != needed[0]:
        return array
    channels, rows, cols = picture
    by_pixel = array.reshape(rows, cols, channels, *needed[1:])
    return np.ascontiguousarray(np.moveaxis(by_pixel, 2, 0).reshape(needed))


def _flattened(network: Network, name: str) -> Shape | None:
    """The shape of the pictures whose flattened pixels the layer of this parameter takes, if it does."""
    if name.endswith(".b"):
        return None
    i = next(i for i, names in enumerate(network.parameter_names) if name in names.values())
    while i >= 0:
        if len(network.input_shapes[i]) == 3:
            flattens = network.layers[i].kind in ("dense", "flatten")
            return network.input_shapes[i] if flattens else None
        i -= 1
        if i >= 0 and network.layers[i].kind not in ("flatten", "dropout", "batch-norm"):
            return None
    return None


def _same(a: Arrays, b: Arrays) -> bool:
    return all(np.array_equal(a[name], b[name], equal_nan=a[name].dtype.kind == "f") for name in a)
