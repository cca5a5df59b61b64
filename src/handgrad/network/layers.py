"""The kinds of layers by their first word, and the reader of their short notation: `dense 120 relu`, `dropout 0.5`.

A further kind of layer is one class (see `layer.Layer`) entered in LAYERS.
"""

from handgrad.errors import InputError, NetworkError
from handgrad.names import lookup, shown
from handgrad.network.batch_norm import BatchNorm
from handgrad.network.convolution import Conv
from handgrad.network.dense import Dense
from handgrad.network.dropout import Dropout
from handgrad.network.flatten import Flatten
from handgrad.network.layer import Layer
from handgrad.network.pooling import AveragePool, MaxPool

LAYERS: dict[str, type[Layer]] = {
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
        return lookup(LAYERS, words[0], "layer").parse(words[1:])
    except InputError as error:
        raise NetworkError(f"{shown(text)}: {error}") from None
