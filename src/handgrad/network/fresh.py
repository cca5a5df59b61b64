"""New arrays, made from one that is there: of its library, type and device.

Where many runs share one program (`training.engines.stacked`), an array made from another is there once for every run,
as the other is; one made out of nothing would be there once for all of them, and could not be written to.
"""

from array_api_compat import array_namespace, device, is_torch_array

from handgrad.network.activations import Array


def empty(shape: tuple[int, ...], like: Array) -> Array:
    """An array of this shape whose numbers are still to be written."""
    if is_torch_array(like):
        return like.new_empty(shape)
    return array_namespace(like).empty(shape, dtype=like.dtype, device=device(like))


def zeros(shape: tuple[int, ...], like: Array) -> Array:
    """An array of this shape full of zeros.

    >>> import numpy as np
    >>> zeros((2, 1), like=np.ones(3)).tolist()
    [[0.0], [0.0]]
    """
    if is_torch_array(like):
        return like.new_zeros(shape)
    return array_namespace(like).zeros(shape, dtype=like.dtype, device=device(like))
