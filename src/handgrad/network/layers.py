"""The kinds of layers by their first word, and the reader of their short notation: `dense 120 relu`, `dropout 0.5`.

A further kind of layer is one class (see `layer.Layer`) entered in LAYERS.
"""

import inspect

from handgrad.errors import InputError, NetworkError
from handgrad.names import OpenTable, lookup, shown
from handgrad.network.batch_norm import BatchNorm
from handgrad.network.convolution import Conv
from handgrad.network.dense import Dense
from handgrad.network.dropout import Dropout
from handgrad.network.flatten import Flatten
from handgrad.network.layer import Layer
from handgrad.network.pooling import AveragePool, MaxPool

LAYERS: OpenTable[type[Layer]] = OpenTable(
    {layer.kind: layer for layer in (Dense, Dropout, Conv, MaxPool, AveragePool, Flatten, BatchNorm)}
)


def parse_layer(text: str) -> Layer:
    """The layer that `text` describes; raises NetworkError with what is wrong and what is meant.

    >>> parse_layer("dense 120 relu")
    Dense(units=120, activation='relu')
    """
    words = text.split() if isinstance(text, str) else []
    if not words:
        raise NetworkError(f"a layer is a line such as 'dense 120 relu' or 'dropout 0.5'; got {shown(text)}")
    try:
        kind = lookup(LAYERS, words[0], "layer")
        if inspect.isabstract(kind):
            raise NetworkError(f"layer {shown(words[0])} has no {' and no '.join(sorted(kind.__abstractmethods__))}")
        layer = kind.parse(words[1:])
        if not LAYERS.is_own(words[0]):
            _check_notation(words[0], layer)
    except InputError as error:
        raise NetworkError(f"{shown(text)}: {error}") from None
    except (IndexError, TypeError, ValueError) as error:  # of a kind that was added
        raise NetworkError(
            f"{shown(text)}: layer {shown(words[0])} cannot read this ({error}); its `parse` raises NetworkError with "
            "how it is written"
        ) from error
    return layer


def _check_notation(name: str, layer: Layer) -> None:
    """Raise NetworkError where the notation of a layer leaves out a setting: two layers would share one name."""
    if layer.kind != name:
        raise NetworkError(
            f"the class of layer {shown(name)} calls itself {shown(layer.kind)}; give it kind = {name!r}"
        )
    words = str(layer).split()
    try:
        same = words[:1] == [layer.kind] and type(layer).parse(words[1:]) == layer
    except (InputError, IndexError, TypeError, ValueError):
        same = False
    if not same:
        raise NetworkError(
            f"layer {shown(layer.kind)} writes {layer!r} as {shown(str(layer))}, which does not read back as it; its "
            "`__str__` gives every word that its `parse` reads"
        )
