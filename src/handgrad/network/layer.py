"""What every kind of layer says of itself: its notation, its shapes, its parameters and its mathematics x → z.

A layer is one frozen record of the few words that it is written in.  Each kind has a file of its own (dense.py,
convolution.py, …), where its class stands beside its pure functions; the table of all kinds is `layers.LAYERS`.

Letters: x (n, *shape) the inputs of a batch, z (n, *shape after) what the layer makes of them; the layer's activation
follows, z → a.  Parameters have letters too, by which they are drawn and trained: W are weights (drawn by `init`, with
weight decay); a letter in `initial` starts at one number, every other letter is a bias (drawn by `bias_init`).
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Self

from handgrad.errors import NetworkError
from handgrad.names import lookup, shown
from handgrad.network.activations import ACTIVATIONS
from handgrad.network.arrays import Array

Shape = tuple[int, ...]  # of one example: (units,), or (channels, rows, cols)
LayerParameters = Mapping[str, Array]  # of one layer, by letter: "W", "b"
Gradients = tuple[Array | None, dict[str, Array]]  # dx, and the gradients of the parameters by letter


class Layer(ABC):
    """A layer as it was written.  By default: without settings, parameters and activation, and shapes stay.

    kind          the first word of its notation
    activation    the activation of its z
    needs_images  it takes examples (channels, rows, cols) only
    ends_network  it can be the last layer: its z is (n, units)
    initial       parameters, by letter, that start at one number instead of being drawn
    buffers       parameters, by letter, that have no gradient: training updates them by `updated_buffers`
    """

    kind: ClassVar[str]
    activation: str = "identity"
    needs_images: ClassVar[bool] = False
    ends_network: ClassVar[bool] = False
    initial: ClassVar[Mapping[str, float]] = {}
    buffers: ClassVar[tuple[str, ...]] = ()

    # -- notation

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        """The layer from the words after its kind; raises NetworkError with what is wrong and how it is written."""
        if words:
            raise NetworkError(f"write: {cls.kind}, with nothing after it; got {shown(' '.join(words))}")
        return cls()

    def __str__(self) -> str:
        """The layer in short notation, with nothing left to a default; `parse` reads it back."""
        return self.kind

    # -- shapes

    def shape_after(self, shape: Shape) -> Shape:
        """The shape of one example after the layer; raises NetworkError where the layer cannot take it."""
        return shape

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of the parameters by letter, buffers included, for examples of `shape`."""
        return {}

    def fans(self, before: Shape, after: Shape) -> tuple[int, int]:
        """(n_in, n_out): how many inputs make an output, and how many outputs an input goes to."""
        return math.prod(before), math.prod(after)

    # -- mathematics

    @abstractmethod
    def forward(self, x: Array, params: LayerParameters, mask: Array | None, training: bool) -> Array:
        """z.  mask: what `mask` gave, None where nothing is dropped;  training: False for inference."""

    @abstractmethod
    def backward(self, dz: Array, x: Array, params: LayerParameters, mask: Array | None, needs_dx: bool) -> Gradients:
        """(dx, gradients by letter) of the forward pass in training.  dz: like z -> dx: like x, None unless needed."""

    def mask(
        self, key: int | Array, step: int | Array, position: int, shape: Shape, like: Array, rate: Array | None = None
    ) -> Array | None:
        """The random mask of one step of training, for z of `shape` (n, …); None for a layer that draws none.

        key, step: of the stream of random numbers;  position: of the layer in the network;  rate: in place of the
        layer's own, where many runs with rates of their own share a program.
        """
        return None

    def updated_buffers(self, x: Array, params: LayerParameters) -> dict[str, Array]:
        """The buffers by letter after a step of training on the batch x."""
        return {}

    def piece(self, x: Array) -> Array | None:
        """For each element, on which smooth piece of a function with kinks it lies (gradient checks stay away from
        kinks by it); None for a smooth function."""
        return None


def check_elementwise(activation: str, layer: str) -> None:
    """Raise unless `activation` is known and acts on each number by itself, as `layer` needs it."""
    if lookup(ACTIVATIONS, activation, "activation").rowwise:
        others = [name for name, other in ACTIVATIONS.items() if not other.rowwise]
        raise NetworkError(
            f"{activation} is for a dense layer, whose units it sets against each other; {layer} can have: "
            + ", ".join(others)
        )


def optional_activation(words: Sequence[str], usage: str) -> str:
    """The activation that may end a layer's words; raises NetworkError with `usage` where more is left."""
    if len(words) > 1:
        raise NetworkError(f"write: {usage}; got {shown(' '.join(words))} at its end")
    return words[0] if words else "identity"
