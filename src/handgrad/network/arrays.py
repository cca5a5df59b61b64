"""New arrays, made from others: of their library, type and device.

Most libraries write into an array; JAX's arrays never change, so there the same is said by padding with zeros, which
its compiler makes one operation with what comes before and after.
"""

from typing import Any

from array_api_compat import array_namespace, device, is_jax_array

Array = Any  # an array of NumPy, PyTorch, CuPy, ...: whatever array_api_compat knows
Index = tuple[slice, ...]  # where in an array: a slice for every axis


def scalar(value: float, like: Array) -> Array:
    """`value` as an array without dimensions, of the library, type and device of `like`.

    Not every library compares an array with a plain number in maximum and minimum; operators such as + and > all do.
    The device makes it itself, since it would have to be waited for if it were sent there.
    """
    return array_namespace(like).zeros((), dtype=like.dtype, device=device(like)) + value


def zeros(shape: tuple[int, ...], like: Array) -> Array:
    """An array of this shape full of zeros.

    >>> import numpy as np
    >>> zeros((2, 1), like=np.ones(3)).tolist()
    [[0.0], [0.0]]
    """
    return array_namespace(like).zeros(shape, dtype=like.dtype, device=device(like))


def placed(part: Array, shape: tuple[int, ...], index: Index) -> Array:
    """Zeros of this shape, but for `part` in its place.

    >>> import numpy as np
    >>> placed(np.ones((2, 1)), (3, 2), (slice(0, 3, 2), slice(1, 2))).tolist()
    [[0.0, 1.0], [0.0, 0.0], [0.0, 1.0]]
    """
    if is_jax_array(part):
        from jax.lax import pad

        ranges = [range(length)[where] for length, where in zip(shape, index, strict=True)]
        around = [(at[0], length - 1 - at[-1], at.step - 1) for length, at in zip(shape, ranges, strict=True)]
        return pad(part, zeros((), like=part), around)
    whole = zeros(shape, like=part)
    whole[index] = part
    return whole


def added(whole: Array, part: Array, index: Index) -> Array:
    """`whole` with `part` added in its place; use the result only, as `whole` itself may have changed.

    >>> import numpy as np
    >>> added(np.ones((2, 2)), np.array([[1.0, 2.0]]), (slice(1, 2), slice(None))).tolist()
    [[1.0, 1.0], [2.0, 3.0]]
    """
    if is_jax_array(whole):
        return whole + placed(part, whole.shape, index)
    whole[index] += part
    return whole
