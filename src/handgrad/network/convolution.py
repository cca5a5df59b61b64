"""The convolutional layer: small filters that move over an image, the same weights at every place.

Letters: x (n, c_in, rows, cols) images; W (c_out, c_in, k_rows, k_cols) filters, b (c_out,);
z (n, c_out, rows_out, cols_out); s stride, p padding (windows.py); n examples.
As everywhere in machine learning the filter is not flipped: strictly it is a cross-correlation.

How: the window at every place becomes a column, then all places are one product of matrices, W @ columns
(Chellapilla et al. 2006, "im2col").  Columns are larger than the images by k_rows·k_cols, so they are made for a few
images at a time, and again in backward instead of being kept.

Source: LeCun et al., Proc. IEEE 1998, section II.  Derivation: docs/derivations/convolution.md.
"""

import math
from collections.abc import Iterator

from array_api_compat import array_namespace, device

from handgrad.network.arrays import Array, added, placed, zeros
from handgrad.network.windows import Windows

CHUNK_BYTES = 2**20  # of columns at a time: about a core's second cache
CHUNK_BYTES_OF_A_GPU = 2**25  # where starting an operation takes longer than it does


def conv_forward(x: Array, W: Array, b: Array, windows: Windows) -> Array:
    """z_norq = Σ_cij W_ocij · x_n,c,r·s+i−p,q·s+j−p + b_o.  -> (n, c_out, rows_out, cols_out).

    >>> import numpy as np
    >>> x, W = np.arange(9.0).reshape(1, 1, 3, 3), np.array([[[[1.0, 0.0], [0.0, -1.0]]]])
    >>> conv_forward(x, W, np.array([0.5]), Windows((2, 2))).tolist()  # 0 - 4 + 0.5 everywhere
    [[[[-3.5, -3.5], [-3.5, -3.5]]]]
    """
    xp = array_namespace(x)
    counts = windows.counts((x.shape[2], x.shape[3]))
    filters = xp.reshape(W, (W.shape[0], -1))  # (c_out, k), k = c_in·k_rows·k_cols
    products = [filters @ columns(x[images], windows) for images in _chunks(x, windows)]  # (m, c_out, places) each
    z = xp.reshape(xp.concat(products), (-1, W.shape[0], *counts))
    z += xp.reshape(b, (1, -1, 1, 1))
    return z


def conv_backward(dz: Array, x: Array, W: Array, windows: Windows) -> tuple[Array, Array, Array]:
    """Gradients of conv_forward.  dz: like z -> dx: like x, dW: like W, db: (c_out,).

    dx_n,c,r·s+i−p,q·s+j−p collects Σ_o W_ocij·dz_norq from every window that the pixel is in.
    """
    xp = array_namespace(x)
    counts = (dz.shape[2], dz.shape[3])
    transposed = xp.reshape(W, (W.shape[0], -1)).T  # (k, c_out)
    dx = []
    for images in _chunks(x, windows):
        of_images = xp.reshape(dz[images], (-1, W.shape[0], counts[0] * counts[1]))  # (m, c_out, places)
        dx.append(from_columns(transposed @ of_images, x.shape[1:], counts, windows))
    return (xp.concat(dx), *conv_backward_parameters(dz, x, W, windows))


def conv_backward_parameters(dz: Array, x: Array, W: Array, windows: Windows) -> tuple[Array, Array]:
    """Only dW and db: all that is wanted of the first layer.

    dW_ocij = Σ_nrq dz_norq · x_n,c,r·s+i−p,q·s+j−p;  db_o = Σ_nrq dz_norq.
    """
    xp = array_namespace(x)
    transposed = zeros((math.prod(W.shape[1:]), W.shape[0]), like=W)  # (k, c_out)
    for images in _chunks(x, windows):
        of_images = xp.reshape(dz[images], (-1, W.shape[0], dz.shape[2] * dz.shape[3]))  # (m, c_out, places)
        transposed += xp.sum(columns(x[images], windows) @ xp.matrix_transpose(of_images), axis=0)
    return xp.reshape(transposed.T, W.shape), xp.sum(dz, axis=(0, 2, 3))


def padded(x: Array, windows: Windows) -> Array:
    """Images with `pad` zeros on every side; x itself where there are none."""
    p_rows, p_cols = windows.pad
    if not (p_rows or p_cols):
        return x
    n, c, rows, cols = x.shape
    inner = (slice(None), slice(None), slice(p_rows, p_rows + rows), slice(p_cols, p_cols + cols))
    return placed(x, (n, c, rows + 2 * p_rows, cols + 2 * p_cols), inner)


def columns(x: Array, windows: Windows) -> Array:
    """Every window as a column: x (m, c, rows, cols) -> (m, c·k_rows·k_cols, places), a new array."""
    xp = array_namespace(x)
    rows, cols = windows.counts((x.shape[2], x.shape[3]))
    x = padded(x, windows)
    places = xp.stack([x[windows.at(i, j, (rows, cols))] for i, j in windows.offsets()], axis=2)
    return xp.reshape(places, (x.shape[0], -1, rows * cols))  # from (m, c, k_rows·k_cols, rows, cols)


def from_columns(dcolumns: Array, shape: tuple[int, ...], counts: tuple[int, int], windows: Windows) -> Array:
    """The backward of `columns`: each pixel collects from all windows it is in.  -> (m, *shape)."""
    xp = array_namespace(dcolumns)
    (c, rows, cols), (p_rows, p_cols) = shape, windows.pad
    dcolumns = xp.reshape(dcolumns, (-1, c, *windows.size, *counts))
    dx = zeros((dcolumns.shape[0], c, rows + 2 * p_rows, cols + 2 * p_cols), like=dcolumns)
    for i, j in windows.offsets():
        dx = added(dx, dcolumns[:, :, i, j, :, :], windows.at(i, j, counts))
    return dx[:, :, p_rows : p_rows + rows, p_cols : p_cols + cols]


def _chunks(x: Array, windows: Windows) -> Iterator[slice]:
    """A few images at a time, as many as fill so many bytes with columns."""
    rows, cols = windows.counts((x.shape[2], x.shape[3]))
    bytes_each = x.shape[1] * windows.size[0] * windows.size[1] * rows * cols * x.dtype.itemsize
    at_once = max(1, (CHUNK_BYTES if str(device(x)) == "cpu" else CHUNK_BYTES_OF_A_GPU) // bytes_each)
    return (slice(start, start + at_once) for start in range(0, x.shape[0], at_once))
