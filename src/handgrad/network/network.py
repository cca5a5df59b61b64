"""What a network is: its layers, the shape after each of them, and the name and shape of every parameter.

It holds no numbers: the parameters are a dict by name, which the passes take beside it (passes.py).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

from handgrad.displays import SIGNS, Display, Displayed
from handgrad.errors import NetworkError
from handgrad.names import listed, short, shown
from handgrad.network.layer import Layer, Shape
from handgrad.network.layers import parse_layer


@dataclass(frozen=True, repr=False)
class Network(Displayed):
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
        shape: Any = tuple(input_shape) if isinstance(input_shape, list | tuple) else input_shape
        return cls(shape, tuple(parse_layer(text) for text in layers))

    def __post_init__(self) -> None:
        shape: Any = self.input_shape
        if not isinstance(shape, tuple) or not shape or not all(type(n) is int and n > 0 for n in shape):
            raise NetworkError(f"input_shape must be (columns,) or (channels, rows, cols); got {shown(shape)}")
        if strange := [layer for layer in self.layers if not isinstance(layer, Layer)]:
            raise NetworkError(
                f"layers must be layers; got {shown(strange[0])}. Of text: Network.parse({shape}, 'dense 10 softmax')"
            )
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
                    raise NetworkError(self._no_images(shapes))
                shapes.append(layer.shape_after(shape))
            except NetworkError as error:
                raise NetworkError(f"layer {i + 1}, {str(layer)!r}: {error}") from None
        return tuple(shapes)

    def _no_images(self, shapes: Sequence[Shape]) -> str:
        """Why the layer after those that give `shapes` gets no images."""
        needs = "it needs images (channels, rows, cols)"
        if len(self.input_shape) == 3:
            j = next(j for j, shape in enumerate(shapes) if len(shape) != 3)
            return (
                f"{needs} and gets rows of {shapes[-1][0]} numbers, since layer {j + 1}, {str(self.layers[j])!r}, made "
                "rows of them; put it before that layer"
            )
        return (
            f"{needs}, but the data's examples have the shape {self.input_shape}; take data of images "
            "(arrays of your own: save them with the shape (n, channels, rows, cols)), or dense layers"
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
    def buffer_names(self) -> frozenset[str]:
        """The parameters without a gradient, which training updates: the running statistics of batch norm."""
        return frozenset(
            names[letter]
            for layer, names in zip(self.layers, self.parameter_names, strict=True)
            for letter in layer.buffers
        )

    @cached_property
    def parameter_count(self) -> int:
        """How many numbers are learnt: those of all parameters but the buffers."""
        shapes = self.parameter_shapes.items()
        return sum(math.prod(shape) for name, shape in shapes if name not in self.buffer_names)

    @cached_property
    def multiplications(self) -> int:
        """How many multiplications by a weight one example takes forward; the training time grows with it.

        >>> Network.parse((1, 28, 28), "conv 6 5x5 relu", "dense 10").multiplications  # 6·25·24·24 + 3456·10
        120960
        """
        return sum(
            math.prod(self.parameter_shapes[names["W"]]) * math.prod(after[1:])  # a filter's at every position
            for names, after in zip(self.parameter_names, self.shapes, strict=True)
            if "W" in names
        )

    def rows(self) -> list[tuple[str, str, Shape, int]]:
        """(name, notation, shape of an example after it, how many numbers it learns) of every layer."""
        return [
            (
                name,
                str(layer),
                after,
                sum(math.prod(self.parameter_shapes[one]) for one in names.values() if one not in self.buffer_names),
            )
            for name, layer, after, names in zip(
                self.layer_names, self.layers, self.shapes, self.parameter_names, strict=True
            )
        ]

    def summary(self) -> str:
        """The layers as a table of text, with shapes and numbers of parameters.

        >>> print(Network.parse((4,), "dense 3 tanh", "dense 2 softmax").summary())
        layer   what             output  parameters
        input                    (4,)
        dense1  dense 3 tanh     (3,)            15
        dense2  dense 2 softmax  (2,)             8
        total                                    23
        """
        head = ("layer", "what", "output", "parameters")
        rows = [(name, what, str(after), f"{n:,}" if n else "") for name, what, after, n in self.rows()]
        rows = [head, ("input", "", str(self.input_shape), ""), *rows, ("total", "", "", f"{self.parameter_count:,}")]
        widths = [max(len(row[j]) for row in rows) for j in range(4)]
        lines = [
            "  ".join([*(cell.ljust(w) for cell, w in zip(row[:3], widths, strict=False)), row[3].rjust(widths[3])])
            for row in rows
        ]
        return "\n".join(line.rstrip() for line in lines)

    def __repr__(self) -> str:
        return short(f"Network.parse({', '.join(map(repr, (self.input_shape, *self.describe())))})", SIGNS)

    def _display(self) -> Display:
        rows = (("inputs", str(self.input_shape)), ("layers", listed(self.describe())))
        return Display(f"Network of {self.parameter_count:,} parameters", (*rows, ("outputs", str(self.shapes[-1]))))

    def describe(self) -> list[str]:
        """The layers in short notation, with nothing left to a default; `Network.parse` reads them back."""
        return [str(layer) for layer in self.layers]
