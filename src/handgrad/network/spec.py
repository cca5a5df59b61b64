"""What a network is: its layers, their shapes and parameters, and how a study file says so.

A `NetworkSection` is the [network] table of a study file.  `build` turns it into a `Network`, which knows the shape
after every layer and the name and shape of every parameter, and nothing of time.  The kinds of layers and their short
notation are in `layers`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, model_validator

from handgrad.errors import NetworkError
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.initializers import He, Initializer, Zeros
from handgrad.network.layer import Layer, Shape
from handgrad.network.layers import Dense, Dropout, Flatten, parse_layer
from handgrad.network.losses import TARGETS
from handgrad.validation import Section, one_of, real, whole


@dataclass(frozen=True)
class Network:
    """Layers and the shape of one example, from which every other shape follows.

    >>> network = Network.parse((4,), "dense 3 tanh", "dropout 0.5", "dense 2 softmax")
    >>> network.parameter_shapes
    {'dense1.W': (4, 3), 'dense1.b': (3,), 'dense2.W': (3, 2), 'dense2.b': (2,)}
    """

    input_shape: Shape
    layers: tuple[Layer, ...]

    @classmethod
    def parse(cls, input_shape: Sequence[int], *layers: str) -> Self:
        """A network from layers in short notation; the inverse of `describe`."""
        return cls(tuple(input_shape), tuple(parse_layer(text) for text in layers))

    def __post_init__(self) -> None:
        if not self.layers:
            raise NetworkError("a network needs at least one layer, such as 'dense 10 softmax'")
        _ = self.shapes  # a layer that does not fit is refused at once

    @cached_property
    def shapes(self) -> tuple[Shape, ...]:
        """The shape of one example after each layer; raises NetworkError at the first layer that does not fit."""
        shapes: list[Shape] = []
        for i, layer in enumerate(self.layers):
            shape = shapes[-1] if shapes else self.input_shape
            try:
                if layer.needs_images and len(shape) != 3:
                    raise NetworkError(self._no_images(i, shape))
                shapes.append(layer.shape_after(shape))
            except NetworkError as error:
                raise NetworkError(f"layer {i + 1}, {str(layer)!r}: {error}") from None
        return tuple(shapes)

    def _no_images(self, i: int, shape: Shape) -> str:
        """Why layer i gets no images."""
        needs = "it needs images (channels, rows, cols)"
        if len(self.input_shape) == 3:
            j = next(j for j, layer in enumerate(self.layers[:i]) if isinstance(layer, Dense | Flatten))
            return (
                f"{needs} and gets rows of {shape[0]} numbers, since layer {j + 1}, {str(self.layers[j])!r}, made rows "
                "of them; put it before that layer"
            )
        return (
            f"{needs}, but the data's examples have the shape {self.input_shape}; take data of images "
            "(a table of pixels becomes images with data.image_size = [rows, cols]), or dense layers"
        )

    @cached_property
    def input_shapes(self) -> tuple[Shape, ...]:
        """The shape of one example before each layer."""
        return (self.input_shape, *self.shapes[:-1])

    @property
    def n_inputs(self) -> int:
        return math.prod(self.input_shape)

    @property
    def n_outputs(self) -> int:
        return math.prod(self.shapes[-1])

    @property
    def output(self) -> str:
        """The activation of the last layer."""
        return self.layers[-1].activation

    @cached_property
    def layer_names(self) -> tuple[str, ...]:
        """A name for each layer, numbered per kind: dense1, dropout1, dense2."""
        counts: dict[str, int] = {}
        for layer in self.layers:
            counts[layer.kind] = counts.get(layer.kind, 0) + 1
        names: list[str] = []
        for layer in reversed(self.layers):
            names.append(f"{layer.kind}{counts[layer.kind]}")
            counts[layer.kind] -= 1
        return tuple(reversed(names))

    @cached_property
    def parameter_names(self) -> tuple[dict[str, str], ...]:
        """For each layer, the letters of its parameters and their names: {"W": "dense1.W", "b": "dense1.b"}."""
        return tuple(
            {letter: f"{name}.{letter}" for letter in layer.parameter_shapes(before)}
            for name, layer, before in zip(self.layer_names, self.layers, self.input_shapes, strict=True)
        )

    @cached_property
    def parameter_shapes(self) -> dict[str, Shape]:
        """The shape of every parameter by its name, in the order of the layers."""
        return {
            f"{name}.{letter}": shape
            for name, layer, before in zip(self.layer_names, self.layers, self.input_shapes, strict=True)
            for letter, shape in layer.parameter_shapes(before).items()
        }

    @cached_property
    def measured_names(self) -> frozenset[str]:
        """The parameters without a gradient, which training measures: the running statistics of batch norm."""
        return frozenset(
            names[letter]
            for layer, names in zip(self.layers, self.parameter_names, strict=True)
            for letter in layer.measured
        )

    @cached_property
    def parameter_count(self) -> int:
        """How many numbers are learnt."""
        shapes = self.parameter_shapes.items()
        return sum(math.prod(shape) for name, shape in shapes if name not in self.measured_names)

    @cached_property
    def multiplications(self) -> int:
        """How many products of a weight and a number one example takes forward: what training time grows with.

        >>> Network.parse((1, 28, 28), "conv 6 5x5 relu", "dense 10").multiplications  # 6·25·24·24 + 3456·10
        120960
        """
        return sum(
            math.prod(self.parameter_shapes[names["W"]]) * math.prod(after[1:])  # a filter's at every place
            for names, after in zip(self.parameter_names, self.shapes, strict=True)
            if "W" in names
        )

    def describe(self) -> list[str]:
        """The layers in short notation, with nothing left to a default; `Network.parse` reads them back."""
        return [str(layer) for layer in self.layers]


def _widths(value: Any) -> Any:
    if value is None:
        return None
    check = whole("[1, inf)")
    try:
        return tuple(check(width) for width in (value if isinstance(value, list | tuple) else [value]))
    except ValueError:
        raise ValueError("must be a whole number >= 1 or a list of them, as in 300 or [512, 256]") from None


def _activations(value: Any) -> Any:
    if value is None:
        return None
    check = one_of(ACTIVATIONS, "activation")
    if not isinstance(value, list | tuple):
        return check(value)
    names = tuple(check(name) for name in value)
    return names


def _layers(value: Any) -> Any:
    if value is None:
        return None
    if not isinstance(value, list | tuple) or not value or not all(isinstance(text, str) for text in value):
        raise ValueError('must be a list of layers, as in ["dense 120 relu", "dropout 0.5", "dense 10 softmax"]')
    try:
        return tuple(str(parse_layer(text)) for text in value)
    except NetworkError as error:
        raise ValueError(f"has a layer that cannot be read, {error}") from None


def _output(value: Any) -> Any:
    return None if value is None else one_of(ACTIVATIONS, "activation")(value)


def _rate(value: Any) -> Any:
    return None if value is None else real("[0, 1)")(value)


_SHORT = ("hidden", "activation", "output", "dropout")  # what `layers` says in its own way


class NetworkSection(Section):
    """The [network] table: either hidden, activation, output and dropout, or `layers` for any network.

    hidden      width of each hidden layer; [] is a linear model
    activation  of the hidden layers: one name, or one for each
    output      activation of the last layer, which has one unit for each class
    dropout     rate of a dropout layer after every hidden activation
    layers      every layer in short notation, the last included; the four above are then None
    """

    aliases: ClassVar[Mapping[str, str]] = {"hidden_layer_sizes": "hidden"}

    hidden: Annotated[tuple[int, ...] | None, BeforeValidator(_widths)] = (64,)
    activation: Annotated[str | tuple[str, ...] | None, BeforeValidator(_activations)] = "relu"
    output: Annotated[str | None, BeforeValidator(_output)] = "softmax"
    layers: Annotated[tuple[str, ...] | None, BeforeValidator(_layers)] = None
    dropout: Annotated[float | None, BeforeValidator(_rate)] = 0.0
    init: Initializer = He()
    bias_init: Initializer = Zeros()
    targets: Annotated[str, BeforeValidator(one_of(TARGETS, "encoding of targets"))] = "one-hot"

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        given = [name for name in _SHORT if getattr(self, name) is not None]
        if self.layers is not None:
            spoken = [name for name in given if name in self.model_fields_set]
            if spoken:
                raise ValueError(
                    f"has layers and also {', '.join(spoken)}; keep either layers or the short form "
                    f"({', '.join(_SHORT)})"
                )
            self.__dict__.update(dict.fromkeys(_SHORT))
        elif len(given) < len(_SHORT):
            missing = next(name for name in _SHORT if name not in given)
            raise ValueError(f"needs {missing} where no layers are given; got {missing} = None")
        elif isinstance(self.activation, tuple) and len(self.activation) != len(self.hidden or ()):
            raise ValueError(
                f"has {len(self.activation)} activations for {len(self.hidden or ())} hidden layers; "
                f"give one name, or one for each hidden layer"
            )
        elif isinstance(self.activation, tuple) and len(set(self.activation)) == 1:
            self.__dict__["activation"] = self.activation[0]  # the same network has one spelling, so one id
        return self

    def changed(self, **values: Any) -> Self:
        """A checked copy; giving `layers` replaces hidden, activation, output and dropout, and the other way round."""
        kept = {name: value for name, value in self if value is not None}
        if values.get("layers") is not None:
            kept = {name: value for name, value in kept.items() if name not in _SHORT}
        elif any(values.get(name) is not None for name in _SHORT):
            kept.pop("layers", None)
        return type(self)(**{**kept, **values})

    def layer_list(self, n_classes: int) -> tuple[Layer, ...]:
        """The layers of the network; in the short form the last is dense with one unit for each class."""
        if self.layers is not None:
            return tuple(parse_layer(text) for text in self.layers)
        assert self.hidden is not None
        assert self.activation is not None
        assert self.output is not None
        names = (self.activation,) * len(self.hidden) if isinstance(self.activation, str) else self.activation
        layers: list[Layer] = []
        for units, activation in zip(self.hidden, names, strict=True):
            layers.append(Dense(units, activation))
            if self.dropout:
                layers.append(Dropout(self.dropout))
        return (*layers, Dense(n_classes, self.output))


def build(section: NetworkSection, input_shape: Sequence[int], n_classes: int) -> Network:
    """The network of a section for examples of `input_shape`; raises NetworkError where it does not fit the data.

    >>> build(NetworkSection(hidden=[5, 3], dropout=0.1), (28, 28), 10).layer_names
    ('dense1', 'dropout1', 'dense2', 'dropout2', 'dense3')
    """
    layers = section.layer_list(n_classes)
    try:
        network = Network(tuple(input_shape), layers)
    except NetworkError as error:
        raise NetworkError(f"network.layers: {error}") from None
    last = network.layers[-1]
    if not isinstance(last, Dense):
        raise NetworkError(
            f"network.layers: the last layer is {str(last)!r}, but it has to give one output for each of the "
            f"{n_classes} classes; end with 'dense {n_classes} softmax'"
        )
    if last.units != n_classes:
        raise NetworkError(
            f"network.layers: the last layer, {str(last)!r}, has {last.units} units, but the data has {n_classes} "
            f"classes; write 'dense {n_classes} {last.activation}'"
        )
    return network
