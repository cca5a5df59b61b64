"""What the compiled engine can take, told without importing Numba: `engine = "auto"` asks before anything starts."""

from collections.abc import Sequence

from handgrad.network.layers import Dense, Dropout, Layer


def unsupported(layers: Sequence[Layer]) -> str | None:
    """Why the compiled engine cannot take these layers, or None.

    >>> unsupported([Dropout(0.5), Dropout(0.5), Dense(10, "softmax")])
    "engine = 'compiled' takes no two dropout layers in a row; merge them, or set engine = 'array'"
    """
    for before, layer in zip((None, *layers[:-1]), layers, strict=True):
        if not isinstance(layer, Dense | Dropout):
            return f"engine = 'compiled' has no layer '{layer}'; set engine = 'array'"
        if isinstance(layer, Dropout) and isinstance(before, Dropout):
            return "engine = 'compiled' takes no two dropout layers in a row; merge them, or set engine = 'array'"
    return None
