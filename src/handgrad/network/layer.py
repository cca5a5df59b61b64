"""What every kind of layer has to say of itself.  The kinds are in `layers` and `image_layers`.

A layer is one frozen record of the few words it is written in.  It knows how it changes the shape of an example and
which parameters it needs; its mathematics is in `operations`.
"""

import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from handgrad.errors import NetworkError
from handgrad.names import lookup, shown
from handgrad.network.activations import ACTIVATIONS

Shape = tuple[int, ...]  # of one example: (units,), or (channels, rows, cols)


class Layer(Protocol):
    """A layer as it was written.

    kind: its first word.  activation: applied to its z ("identity": none).  needs_images: takes (channels, rows, cols).
    initial: parameters, by letter, that start at one number (all others are drawn).
    measured: parameters, by letter, that training measures instead of learning them: they have no gradient.
    """

    kind: ClassVar[str]
    needs_images: ClassVar[bool]
    initial: ClassVar[Mapping[str, float]]
    measured: ClassVar[tuple[str, ...]]

    @property
    def activation(self) -> str: ...

    def shape_after(self, shape: Shape) -> Shape: ...

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]: ...

    def fans(self, before: Shape, after: Shape) -> tuple[int, int]: ...

    def __str__(self) -> str: ...


class Plain:
    """What most layers have in common: any shape, which stays as it is, and no parameters."""

    needs_images: ClassVar[bool] = False
    initial: ClassVar[Mapping[str, float]] = {}
    measured: ClassVar[tuple[str, ...]] = ()

    def shape_after(self, shape: Shape) -> Shape:
        """The shape of one example after the layer; raises NetworkError where the layer cannot take it."""
        return shape

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        """Shapes of the parameters by letter, for examples of `shape`."""
        return {}

    def fans(self, before: Shape, after: Shape) -> tuple[int, int]:
        """(n_in, n_out): how many inputs make an output, and how many outputs an input goes to."""
        return math.prod(before), math.prod(after)


def check_elementwise(activation: str, layer: str) -> None:
    """Raise unless `activation` is known and acts on each number by itself, as `layer` needs it."""
    lookup(ACTIVATIONS, activation, "activation")
    if activation in ("softmax", "log-softmax"):
        others = [name for name in ACTIVATIONS if name not in ("softmax", "log-softmax")]
        raise NetworkError(
            f"{activation} is for a dense layer, whose units it sets against each other; {layer} can have: "
            + ", ".join(others)
        )


def optional_activation(words: Sequence[str], usage: str) -> str:
    """The activation that may end a layer's words; raises NetworkError with `usage` where more is left."""
    if len(words) > 1:
        raise NetworkError(f"write: {usage}; got {shown(' '.join(words))} at its end")
    return words[0] if words else "identity"
