"""What an array is, and new arrays of the library, type and device of other arrays.

Most libraries can write into a part of an array.  JAX's arrays are immutable: there a part is padded with zeros
instead, which XLA fuses with the operations before and after.
"""

from typing import Any

import numpy as np
from array_api_compat import array_namespace, device, is_jax_array

Array = Any  # an array of NumPy, PyTorch, CuPy, ...: whatever array_api_compat knows
Arrays = dict[str, np.ndarray]  # by name: the parameters of a network, the curves of a run
Index = tuple[slice, ...]  # where in an array: a slice for every axis


def scalar(value: float, like: Array) -> Array:
    """`value` as an array without dimensions, of the library, type and device of `like`.

    Not every library takes a plain number in maximum and minimum; operators such as + and > do in all of them.
    It is made on the device: a number that is sent there would make the program wait.
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
    """Zeros of this shape, with `part` at `index`.

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
    """`whole` with `part` added at `index`; use the result only, since `whole` itself may have changed.

    >>> import numpy as np
    >>> added(np.ones((2, 2)), np.array([[1.0, 2.0]]), (slice(1, 2), slice(None))).tolist()
    [[1.0, 1.0], [2.0, 3.0]]
    """
    if is_jax_array(whole):
        return whole + placed(part, whole.shape, index)
    whole[index] += part
    return whole
