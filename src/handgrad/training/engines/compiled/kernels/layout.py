"""Where numbers lie: matrices in panels.

A matrix (rows, columns) is cut into panels of L = lanes columns; each panel is contiguous, row after row:

    element (i, j)  is at  offset + (j // L)·rows·L + i·L + j % L        columns beyond the last are 0

A row of a panel is one vector.  Sums over the rows of a panel run through memory in one direction, and no width of a
layer, not even a power of two, makes rows fall on each other in the cache.

Checkpoints hold plain matrices: `pack` and `unpack`.
"""

from typing import Any, NamedTuple

import numpy as np

from handgrad.training.engines.compiled.kernels.vectors import inlined, kernel, lanes, lanes_of, load, store


class ParameterPlace(NamedTuple):
    """Where a parameter lies in the flat arrays.

    rows: of the matrix that is kept in panels from `offset` on; 0: it is kept plain.  shape: of the matrix, a vector
    being one of one row.  transposed: the matrix is kept so.
    """

    offset: int
    rows: int
    shape: tuple[int, int]
    transposed: bool


@inlined
def panels(columns: int, L: int) -> int:
    """How many panels hold that many columns."""
    return (columns + L - 1) // L


@inlined
def place(i: int, j: int, rows: int, L: int) -> int:
    """Where element (i, j) of a matrix lies, from the matrix's offset."""
    return (j // L) * rows * L + i * L + j % L


@kernel
def copy(a: Any, to: int, start: int, count: int) -> None:
    """a[to : to + count] = a[start : start + count], whole vectors."""
    for i in range(0, count, lanes(a)):
        store(a, to + i, load(a, start + i))


def size(rows: int, columns: int, L: int) -> int:
    """Numbers that a matrix takes, padding included."""
    return -(-columns // L) * rows * L


def aligned(count: int, dtype: Any) -> np.ndarray:
    """Zeros that begin on a cache line."""
    raw = np.zeros(count * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count * np.dtype(dtype).itemsize].view(dtype)


def pack(matrix: np.ndarray, flat: np.ndarray, offset: int) -> None:
    """Write a plain matrix into `flat` from `offset` on, in panels."""
    L = lanes_of(flat.dtype)
    rows, columns = matrix.shape
    for p in range(-(-columns // L)):
        part = matrix[:, p * L : (p + 1) * L]
        begin = offset + p * rows * L
        flat[begin : begin + rows * L].reshape(rows, L)[:, : part.shape[1]] = part


def unpack(flat: np.ndarray, offset: int, rows: int, columns: int) -> np.ndarray:
    """The plain matrix that `pack` wrote.

    >>> flat = np.zeros(size(2, 3, lanes_of(np.float64)))
    >>> pack(np.arange(6.0).reshape(2, 3), flat, 0)
    >>> unpack(flat, 0, 2, 3).tolist()
    [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    """
    L = lanes_of(flat.dtype)
    whole = flat[offset : offset + size(rows, columns, L)].reshape(-1, rows, L)
    return np.array(whole.transpose(1, 0, 2).reshape(rows, -1)[:, :columns], order="C")  # never a view of flat
