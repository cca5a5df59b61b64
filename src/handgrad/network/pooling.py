"""Pooling: every window of an image becomes one number, its largest or its mean, in each channel by itself.

Letters: x (n, c, rows, cols) images; z (n, c, rows_out, cols_out); a window's places are (i, j) (windows.py).
Where several numbers of a window are the largest, the first of them, row by row, counts as the maximum and gets the
gradient, as in PyTorch.  A NaN in a window makes its output NaN: divergence is a result and must be seen.

Source: LeCun et al., Proc. IEEE 1998 (mean); Ranzato et al. 2007 (maximum).  Derivation: docs/derivations/pooling.md.
"""

from collections.abc import Iterator

from array_api_compat import array_namespace, device

from handgrad.network.arrays import Array, added, zeros
from handgrad.network.windows import Windows


def max_pool_forward(x: Array, windows: Windows) -> Array:
    """z_ncrq = max_ij x_n,c,r·s+i,q·s+j.

    >>> import numpy as np
    >>> max_pool_forward(np.array([[[[1.0, 2.0, 0.0, -1.0], [4.0, 3.0, -2.0, 0.0]]]]), Windows((2, 2), (2, 2))).tolist()
    [[[[4.0, 0.0]]]]
    """
    xp = array_namespace(x)
    counts = windows.counts((x.shape[2], x.shape[3]))
    (i, j), *others = windows.offsets()
    z = xp.asarray(x[windows.at(i, j, counts)], copy=True)
    for i, j in others:
        z = xp.maximum(z, x[windows.at(i, j, counts)])
    return z


def max_pool_backward(dz: Array, x: Array, z: Array, windows: Windows) -> Array:
    """dx = dz where the maximum stood, else 0; summed over the windows that a pixel is in."""
    dx = zeros(x.shape, like=dz)
    for pixels, won in max_pool_winners(x, z, windows):
        dx = added(dx, dz * won, pixels)
    return dx


def max_pool_winners(x: Array, z: Array, windows: Windows) -> Iterator[tuple[tuple[slice, ...], Array]]:
    """For each place in a window: an index of its pixels in x, and where (like z) the maximum stood at this place.

    Every window has one winner: the first of its largest numbers, or its first NaN.
    """
    xp = array_namespace(x)
    left = xp.ones(z.shape, dtype=xp.bool, device=device(x))  # windows without a winner so far
    for i, j in windows.offsets():
        pixels = windows.at(i, j, (z.shape[2], z.shape[3]))
        seen = x[pixels]
        won = left & ((seen == z) | (seen != seen))  # a NaN is the only number that is not itself
        left = left & ~won
        yield pixels, won


def average_pool_forward(x: Array, windows: Windows) -> Array:
    """z_ncrq = Σ_ij x_n,c,r·s+i,q·s+j / (k_rows·k_cols).

    >>> import numpy as np
    >>> average_pool_forward(np.array([[[[1.0, 2.0], [4.0, 3.0]]]]), Windows((2, 2), (2, 2))).tolist()
    [[[[2.5]]]]
    """
    counts = windows.counts((x.shape[2], x.shape[3]))
    z = zeros((*x.shape[:2], *counts), like=x)
    for i, j in windows.offsets():
        z += x[windows.at(i, j, counts)]
    return z / (windows.size[0] * windows.size[1])


def average_pool_backward(dz: Array, x: Array, windows: Windows) -> Array:
    """dx = dz / (k_rows·k_cols) at every pixel of the window; summed over the windows that a pixel is in."""
    share = dz / (windows.size[0] * windows.size[1])
    dx = zeros(x.shape, like=dz)
    for i, j in windows.offsets():
        dx = added(dx, share, windows.at(i, j, (dz.shape[2], dz.shape[3])))
    return dx
