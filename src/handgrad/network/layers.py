"""The layers of a network as they are written: `dense 120 relu`, `dropout 0.5`, `flatten`, `batch-norm relu`.

Those of images are in `image_layers`.  A further kind of layer is one class, entered in LAYERS, and one entry in
`operations.OPERATIONS`, its mathematics.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from handgrad.errors import InputError, NetworkError
from handgrad.names import lookup, shown
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.image_layers import AveragePool, Conv, MaxPool
from handgrad.network.layer import Layer, Plain, Shape, check_elementwise, optional_activation
from handgrad.network.windows import read_count


@dataclass(frozen=True)
class Dense(Plain):
    """`dense UNITS [ACTIVATION]`: z = x @ W + b, a = f(z).  Images are flattened first."""

    units: int
    activation: str = "identity"
    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        if isinstance(self.units, bool) or not isinstance(self.units, int) or self.units < 1:
            raise NetworkError(f"a dense layer needs a whole number of units >= 1; got {shown(self.units)}")
        lookup(ACTIVATIONS, self.activation, "activation")

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        if not 1 <= len(words) <= 2:
            raise NetworkError("write: dense UNITS [ACTIVATION], as in 'dense 120 relu'")
        units = read_count(words[0])
        if units is None:
            raise NetworkError(f"a dense layer needs a whole number of units >= 1; got {shown(words[0])}")
        return cls(units, *words[1:])

    def shape_after(self, shape: Shape) -> Shape:
        return (self.units,)

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"W": (math.prod(shape), self.units), "b": (self.units,)}

    def __str__(self) -> str:
        return f"dense {self.units} {self.activation}"


@dataclass(frozen=True)
class Dropout(Plain):
    """`dropout RATE`: in training, each unit is 0 with probability RATE and scaled by 1/(1 − RATE) otherwise."""

    rate: float
    kind: ClassVar[str] = "dropout"
    activation: ClassVar[str] = "identity"

    def __post_init__(self) -> None:
        if isinstance(self.rate, bool) or not isinstance(self.rate, int | float) or not 0 <= self.rate < 1:
            raise NetworkError(f"a dropout layer needs a rate in [0, 1); got {shown(self.rate)}")

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        if len(words) != 1:
            raise NetworkError("write: dropout RATE, as in 'dropout 0.5'")
        try:
            return cls(float(words[0]))
        except ValueError:
            raise NetworkError(f"a dropout layer needs a rate in [0, 1); got {shown(words[0])}") from None

    def __str__(self) -> str:
        return f"dropout {float(self.rate)!r}"  # every digit: two rates never share a text


@dataclass(frozen=True)
class Flatten(Plain):
    """`flatten`: images (n, channels, rows, cols) as rows (n, channels·rows·cols).  A dense layer does so by itself."""

    kind: ClassVar[str] = "flatten"
    activation: ClassVar[str] = "identity"

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        if words:
            raise NetworkError(f"write: flatten, with nothing after it; got {shown(' '.join(words))}")
        return cls()

    def shape_after(self, shape: Shape) -> Shape:
        return (math.prod(shape),)

    def __str__(self) -> str:
        return "flatten"


@dataclass(frozen=True)
class BatchNorm(Plain):
    """`batch-norm [ACTIVATION]`: mean β and standard deviation γ for every unit, or every channel of images."""

    activation: str = "identity"
    kind: ClassVar[str] = "batch-norm"
    initial: ClassVar[Mapping[str, float]] = {"gamma": 1.0, "beta": 0.0, "mean": 0.0, "variance": 1.0}
    measured: ClassVar[tuple[str, ...]] = ("mean", "variance")

    def __post_init__(self) -> None:
        check_elementwise(self.activation, "batch-norm")

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        return cls(optional_activation(words, "batch-norm [ACTIVATION], as in 'batch-norm relu'"))

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        return dict.fromkeys(self.initial, shape[:1])

    def __str__(self) -> str:
        return f"batch-norm {self.activation}"


LAYERS: dict[str, Any] = {
    layer.kind: layer for layer in (Dense, Dropout, Conv, MaxPool, AveragePool, Flatten, BatchNorm)
}


def parse_layer(text: str) -> Layer:
    """The layer that `text` describes; raises NetworkError with what is wrong and what is meant.

    >>> parse_layer("dense 120 relu")
    Dense(units=120, activation='relu')
    """
    words = text.split() if isinstance(text, str) else []
    if not words:
        raise NetworkError(f"a layer is a line such as 'dense 120 relu' or 'dropout 0.5'; got {shown(text)}")
    try:
        layer: Layer = lookup(LAYERS, words[0], "layer").parse(words[1:])
    except InputError as error:
        raise NetworkError(f"{shown(text)}: {error}") from None
    return layer
