"""The layers of another library's network, taken one after the other; what cannot be taken is said all at once.

A library's reader (`torch_modules`, `keras_models`, `sklearn_models`) calls one method for each layer.  Weights come in
handgrad's shapes.  An activation, a layer of its own elsewhere, belongs here to the layer before it; it changes places
with layers between the two where that changes nothing (ReLU after max pooling).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from handgrad.data.scaling import AS_IT_IS, Scaling
from handgrad.errors import InputError, NetworkError, WeightsError
from handgrad.measures import CLASSIFICATION, REGRESSION
from handgrad.network.activations import ACTIVATIONS, LEAKY_SLOPE
from handgrad.network.arrays import Arrays
from handgrad.network.batch_norm import EPS, MOMENTUM, BatchNorm
from handgrad.network.convolution import Conv
from handgrad.network.dense import Dense
from handgrad.network.dropout import Dropout
from handgrad.network.flatten import Flatten
from handgrad.network.layer import Layer, Shape
from handgrad.network.network import Network
from handgrad.network.pooling import AveragePool, MaxPool
from handgrad.network.targets import THRESHOLDS
from handgrad.network.windows import Pair
from handgrad.training.exchange.imported import ImportedNetwork
from handgrad.training.exchange.keras_weights import with_eps
from handgrad.training.weights import check_numbers

POOLS = {"max-pool": MaxPool, "average-pool": AveragePool}
HOLDS = ("dense", "conv", "batch-norm")  # layers that have an activation
MONOTONE = ("relu", "leaky-relu", "sigmoid", "tanh")  # which the maximum may go before
LINEAR_FROM_ZERO = ("relu", "leaky-relu")  # f(cx) = c·f(x) for c ≥ 0, so that dropout may go before
NEVER_NEGATIVE = ("relu", "sigmoid", "softmax")  # which relu after them leaves as they are
OTHER_ACTIVATION = "take relu, leaky-relu, tanh or sigmoid there and train it again, or train it here with one of them"


@dataclass
class Chain:
    """source: of which library, for messages;  shape: of an example so far, None where it is not known."""

    source: str
    shape: Shape | None
    input_shape: Shape | None = field(init=False)
    layers: list[Layer] = field(default_factory=list)
    arrays: list[Arrays] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    scaler: Scaling = AS_IT_IS
    pictures: Shape | None = None  # that a Flatten made rows of, where the numbers of a pixel were side by side there
    lost: bool = False  # whether a layer was refused after which the shape is not known
    ask: str = "input_shape=(channels, rows, cols), such as (1, 28, 28)"

    def __post_init__(self) -> None:
        self.input_shape = self.shape

    # -- what a layer can be

    def dense(
        self, name: str, n_in: int | None, units: int, W: Any = None, b: Any = None, *, bias: bool = True
    ) -> None:
        """W: (n_in, units), b: (units,).  n_in: None where only the layers before it say it."""
        first = all(layer.kind in ("flatten", "dropout") for layer in self.layers)
        if self.input_shape is None and n_in is not None and not self.lost and first:
            self.input_shape = self.shape = (n_in,)
        if not self._knows_shape(name):
            return
        assert self.shape is not None
        if len(self.shape) == 3:
            self.refuse(name, f"works on the last axis of images {self.shape}; flatten them before it")
        elif n_in is not None and (n_in,) != self.shape:
            self.refuse(name, f"takes {n_in} numbers and gets {self.shape[0]}, with examples {self.input_shape}")
            self.shape = (units,)
        else:
            if self.layers and isinstance(self.layers[-1], Flatten):
                self._take_out(-1)  # a dense layer flattens by itself
            self._weights(name, units, bias, W, b)
            self.add(name, lambda: Dense(units))

    def conv(
        self,
        name: str,
        filters: int,
        windows: tuple[Pair, Pair, Pair],
        W: Any = None,
        b: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        """windows: size, stride, pad.  W: (filters, channels, rows, cols), b: (filters,)."""
        if self._takes_images(name):
            self._weights(name, filters, bias, W, b)
            self.add(name, lambda: Conv(filters, *windows))

    def batch_norm(self, name: str, arrays: Mapping[str, Any], *, eps: float, momentum: float) -> None:
        """arrays: gamma, beta, mean, variance by letter; empty without weights.  momentum: the newest batch's part."""
        if self._knows_shape(name):
            found = {letter: np.asarray(array) for letter, array in arrays.items()}
            if found:
                found["variance"] = with_eps(found["variance"], eps, f"{self.source}: {name}")
            if not math.isclose(eps, EPS, rel_tol=1e-3):
                self.note(
                    f"batch norm here has ε = {EPS:g}, there {eps:g}"
                    + (
                        "; the running variances were moved by the difference, so predictions are equal"
                        if found
                        else ""
                    )
                )
            if not math.isclose(momentum, MOMENTUM):
                self.note(f"running statistics of batch norm take {MOMENTUM:g} of each batch here, there {momentum:g}")
            self.arrays.append(found)
            self.add(name, BatchNorm)

    def pool(self, name: str, kind: str, size: Pair, stride: Pair) -> None:
        if self._takes_images(name):
            self.arrays.append({})
            self.add(name, lambda: POOLS[kind](size, stride))

    def dropout(self, name: str, rate: float) -> None:
        if self.lost:
            return
        self.arrays.append({})
        self.add(name, lambda: Dropout(float(rate)))

    def flatten(self, name: str) -> None:
        if not self.lost and (self.shape is None or len(self.shape) == 3):
            self.arrays.append({})
            self.add(name, Flatten)

    def activation(self, name: str, activation: str) -> None:
        """Give it to the layer that it comes after."""
        if activation == "identity" or self.lost:
            return
        j = len(self.layers) - 1
        while j >= 0 and _changes_places(self.layers[j], activation):
            j -= 1
        before = self.layers[j] if j >= 0 else None
        if before is None:
            self.refuse(
                name, f"{activation} comes before every layer; an activation here belongs to the layer before it"
            )
        elif before.kind not in HOLDS:
            self.refuse(
                name, f"{activation} comes after {before.kind}, which has no activation here; put it before that layer"
            )
        elif before.activation != "identity":
            does = "leave it out there, as it changes nothing after that one"
            if activation != "relu" or before.activation not in NEVER_NEGATIVE:
                does = (
                    "leave one of the two out and train it again, or put a dense layer (identity, if it is to compute "
                )
                does += "the same) between them"
            self.refuse(name, f"{activation} comes after {before.activation}; a layer here has one activation: {does}")
        elif ACTIVATIONS[activation].rowwise and before.kind != "dense":
            self.refuse(name, f"{activation} comes after {before.kind}; here it belongs to a dense layer")
        else:
            self.layers[j] = replace(before, activation=activation)  # type: ignore[type-var]

    # -- how it is taken

    def add(self, name: str, made: Any) -> None:
        """Add the layer that `made` makes, whose arrays are there; refused where it does not fit the shape."""
        try:
            layer: Layer = made()
            after = None if self.shape is None else layer.shape_after(self.shape)
        except NetworkError as error:
            self.arrays.pop()
            self.refuse(name, str(error), lost=True)
            return
        self.layers.append(layer)
        self.shape = after

    def refuse(self, name: str, why: str, *, lost: bool = False) -> None:
        """lost: the shape of what comes after it is not known, so that later layers are judged by themselves alone."""
        self.refused.append(f"{name}: {why}")
        if lost:
            self.lost, self.shape = True, None

    def note(self, text: str) -> None:
        """A sentence on what is not the same here, once."""
        if text not in self.notes:
            self.notes.append(text)

    def finished(
        self, classes: Sequence[str] | None = None, task: str | None = None, *, weights: bool
    ) -> ImportedNetwork:
        """The network.  Raises NetworkError with everything that was refused, a line each.

        task: None for classes, or where a single output gives a number, that number.
        """
        if not self.refused and (not self.layers or self.input_shape is None):
            self.refused.append("it has no layer with weights")
        if not self.refused and not self.layers[-1].ends_network:
            self.refused.append(f"it ends with {str(self.layers[-1])!r}; a network here ends with a dense layer")
        if self.refused:
            raise NetworkError("\n".join(f"{self.source}: {line}" for line in self.refused))
        assert self.input_shape is not None
        network = Network(self.input_shape, tuple(self.layers))
        params: Arrays | None = None
        if weights:
            params = {
                name: _as_float(own[letter])
                for names, own in zip(network.parameter_names, self.arrays, strict=True)
                for letter, name in names.items()
            }
            wrong = [
                f"{name} has shape {params[name].shape}; its layer needs {shape}"
                for name, shape in network.parameter_shapes.items()
                if params[name].shape != shape
            ]
            if wrong:
                raise WeightsError("\n".join(f"{self.source}: {line}" for line in wrong))
            check_numbers(params, self.source)
        found = None if classes is None else tuple(classes)
        number = network.n_outputs == 1 and network.output not in THRESHOLDS
        task = task or (REGRESSION if number else CLASSIFICATION)
        return ImportedNetwork(
            _table(network), network, params, tuple(self.notes), self.source, self.scaler, found, task
        )

    def _weights(self, name: str, units: int, bias: bool, W: Any, b: Any) -> None:
        if not bias:
            self.note("a layer without bias has one here, which begins at 0 and is learnt")
            b = np.zeros(units, np.float32) if W is not None else None
        self.arrays.append({} if W is None else {"W": np.asarray(W), "b": np.asarray(b)})

    def _takes_images(self, name: str) -> bool:
        if self._knows_shape(name) and self.shape is not None and len(self.shape) != 3:
            self.refuse(name, f"takes images (channels, rows, cols) and gets {self.shape}", lost=True)
        return not self.lost

    def _knows_shape(self, name: str) -> bool:
        if self.shape is None and not self.lost:
            self.refuse(name, f"nothing says the shape of the examples; give {self.ask}", lost=True)
        return not self.lost

    def _take_out(self, j: int) -> None:
        del self.layers[j], self.arrays[j]


def of_shape(input_shape: Any, function: str) -> Shape | None:
    """input_shape as it was given, checked."""
    if input_shape is None:
        return None
    shape = (input_shape,) if isinstance(input_shape, int) else input_shape
    fits = isinstance(shape, list | tuple) and len(shape) in (1, 2, 3)
    if not fits or not all(isinstance(n, int | np.integer) and not isinstance(n, bool) and n > 0 for n in shape):
        raise InputError(
            f"{function}: input_shape must be (columns,) or (channels, rows, cols), of one example; got {input_shape!r}"
        )
    found = tuple(map(int, shape))
    return (1, *found) if len(found) == 2 else found


def same_padding(length: int, size: int, stride: int) -> int | None:
    """Zeros on each side for padding = "same"; None where the two sides differ.

    Keras: rows_out = ⌈length/stride⌉, so that total = (rows_out − 1)·stride + size − length, the smaller half first.

    >>> same_padding(28, 3, 1), same_padding(28, 4, 1), same_padding(28, 3, 2)
    (1, None, None)
    """
    total = max(0, (math.ceil(length / stride) - 1) * stride + size - length)
    return None if total % 2 else total // 2


def leaky(name: str, slope: float, chain: Chain) -> None:
    """Leaky ReLU, which has one slope here."""
    if math.isclose(slope, LEAKY_SLOPE, rel_tol=1e-6):
        chain.activation(name, "leaky-relu")
    elif slope == 0:
        chain.activation(name, "relu")
    else:
        chain.refuse(
            name, f"leaky ReLU has the slope {LEAKY_SLOPE} here, there {slope:g}; train it there with that one"
        )


def _changes_places(layer: Layer, activation: str) -> bool:
    """Whether f(layer(x)) = layer(f(x))."""
    if layer.kind == "max-pool":
        return activation in MONOTONE
    if layer.kind == "dropout":
        return activation in LINEAR_FROM_ZERO
    return layer.kind == "flatten" and not ACTIVATIONS[activation].rowwise


def _as_float(array: Any) -> np.ndarray:
    """float64 stays; everything else becomes float32."""
    found = np.asarray(array)
    return np.ascontiguousarray(found if found.dtype == np.float64 else found.astype(np.float32))


def _table(network: Network) -> dict[str, Any]:
    """The [network] table: hidden, activation, output, units and dropout where they say all of it, else layers."""
    dense = [layer for layer in network.layers if isinstance(layer, Dense)]
    rates = {layer.rate for layer in network.layers if isinstance(layer, Dropout)}
    kinds = [layer.kind for layer in network.layers]
    regular = ["dense", "dropout"] * (len(dense) - 1) + ["dense"] if rates else ["dense"] * len(dense)
    single = network.n_outputs == 1
    if kinds != regular or len(rates) > 1 or (single and network.output not in THRESHOLDS):
        return {"layers": [str(layer) for layer in network.layers]}
    *hidden, last = dense
    activations = list(dict.fromkeys(layer.activation for layer in hidden))
    table: dict[str, Any] = {"hidden": [layer.units for layer in hidden]}
    if hidden:
        one = len(activations) == 1
        table["activation"] = activations[0] if one else [layer.activation for layer in hidden]
    table["output"] = last.activation
    if single:
        table["units"] = 1
    return table | ({"dropout": rates.pop()} if rates else {})
