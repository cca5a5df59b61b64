"""Where numbers lie: matrices in panels, and the table that describes a network to the kernels.

A matrix (rows, columns) is cut into panels of L = lanes columns; each panel is contiguous, row after row:

    element (i, j)  is at  offset + (j // L)·rows·L + i·L + j % L        columns beyond the last are 0

A row of a panel is one vector.  Sums over the rows of a panel run through memory in one direction, and no width of a
layer, not even a power of two, makes rows fall on each other in the cache.

A layer z = x @ W + b keeps W (n_in, n_out) as such a matrix.  A *narrow* layer (few outputs, such as the ten classes)
keeps W transposed, (n_out, n_in), which fills its vectors.  Checkpoints hold plain matrices: `pack` and `unpack`.

The network is a table of whole numbers with one row for each stage: stage 0 is the input, stage l ≥ 1 the l-th dense
layer with its activation and the dropout behind it.  The columns are named below.
"""

from typing import Any

import numpy as np

from handgrad.training.engines.compiled.kernels.vectors import inlined, lanes_of

N_IN, N_OUT = 0, 1  # inputs and outputs of the stage (stage 0: both the number of pixels)
NARROW = 2  # 1 where W is kept transposed
W, B = 3, 4  # where W and b begin in the parameters
ACTIVATION = 5  # its number in `activations`
DROPOUT, LIMIT = 6, 7  # position of the dropout layer in the network (-1: none); units with smaller bits are dropped
A, MASK, X = 8, 9, 10  # where its outputs, its mask and what the next stage sees begin in the workspace
DZ = 11  # where dz begins in the workspace
COLUMNS = 12

NARROW_UNITS = 32


@inlined
def panels(columns: int, L: int) -> int:
    """How many panels hold that many columns."""
    return (columns + L - 1) // L


@inlined
def place(i: int, j: int, rows: int, L: int) -> int:
    """Where element (i, j) of a matrix lies, from the matrix's offset."""
    return (j // L) * rows * L + i * L + j % L


@inlined
def of(net: Any, stage: int, column: int) -> int:
    """One entry of the network's table, which is kept flat."""
    return net[stage * COLUMNS + column]


def size(rows: int, columns: int, L: int) -> int:
    """Numbers that a matrix takes, padding included."""
    return int(panels(columns, L)) * rows * L


def aligned(count: int, dtype: Any) -> np.ndarray:
    """Zeros that begin on a cache line."""
    raw = np.zeros(count * np.dtype(dtype).itemsize + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count * np.dtype(dtype).itemsize].view(dtype)


def pack(matrix: np.ndarray, flat: np.ndarray, offset: int) -> None:
    """Write a plain matrix into `flat` from `offset` on, in panels."""
    L = lanes_of(flat.dtype)
    rows, columns = matrix.shape
    for p in range(panels(columns, L)):
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
