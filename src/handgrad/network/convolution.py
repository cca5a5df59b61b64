"""The convolutional layer: small filters that move over an image, the same weights at every position.

Letters: x (n, c_in, rows, cols) images; W (c_out, c_in, k_rows, k_cols) filters, b (c_out,);
z (n, c_out, rows_out, cols_out); s stride, p padding (windows.py); n examples.
As everywhere in machine learning the filter is not flipped: strictly it is a cross-correlation.

How: the window at every position becomes a column, then all positions are one product of matrices, W @ columns
(Chellapilla et al. 2006, "im2col").  Columns are larger than the images by k_rows·k_cols, so they are made for a few
images at a time, and made again in backward instead of being kept.

Source: LeCun et al., Proc. IEEE 1998, section II.  Derivation: docs/derivations/convolution.md.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from array_api_compat import array_namespace, device

from handgrad.errors import NetworkError
from handgrad.names import shown
from handgrad.network.arrays import Array, added, placed, zeros
from handgrad.network.layer import Gradients, Layer, LayerParameters, Shape, check_elementwise, optional_activation
from handgrad.network.windows import (
    Pair,
    Windows,
    check_pair,
    counts_that_fit,
    read_count,
    read_options,
    read_pair,
    write_pair,
)

CHUNK_BYTES = 2**20  # of columns at a time: about a core's second cache
CHUNK_BYTES_OF_A_GPU = 2**25  # there starting an operation takes longer than a small one itself


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
    products = [filters @ columns(x[images], windows) for images in _chunks(x, windows)]  # (m, c_out, positions) each
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
        of_images = xp.reshape(dz[images], (-1, W.shape[0], counts[0] * counts[1]))  # (m, c_out, positions)
        dx.append(from_columns(transposed @ of_images, x.shape[1:], counts, windows))
    return (xp.concat(dx), *conv_backward_parameters(dz, x, W, windows))


def conv_backward_parameters(dz: Array, x: Array, W: Array, windows: Windows) -> tuple[Array, Array]:
    """Only dW and db: all that the first layer needs.

    dW_ocij = Σ_nrq dz_norq · x_n,c,r·s+i−p,q·s+j−p;  db_o = Σ_nrq dz_norq.
    """
    xp = array_namespace(x)
    transposed = zeros((math.prod(W.shape[1:]), W.shape[0]), like=W)  # (k, c_out)
    for images in _chunks(x, windows):
        of_images = xp.reshape(dz[images], (-1, W.shape[0], dz.shape[2] * dz.shape[3]))  # (m, c_out, positions)
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
    """Every window as a column: x (m, c, rows, cols) -> (m, c·k_rows·k_cols, positions), a new array."""
    xp = array_namespace(x)
    rows, cols = windows.counts((x.shape[2], x.shape[3]))
    x = padded(x, windows)
    patches = xp.stack([x[windows.at(i, j, (rows, cols))] for i, j in windows.offsets()], axis=2)
    return xp.reshape(patches, (x.shape[0], -1, rows * cols))  # from (m, c, k_rows·k_cols, rows, cols)


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


@dataclass(frozen=True)
class Conv(Layer):
    """`conv FILTERS SIZE [stride S] [pad P] [ACTIVATION]`: filters W (filters, channels, *size), one b for each."""

    filters: int
    size: Pair
    stride: Pair = (1, 1)
    pad: Pair = (0, 0)
    activation: str = "identity"
    kind: ClassVar[str] = "conv"
    needs_images: ClassVar[bool] = True
    usage: ClassVar[str] = "conv FILTERS SIZE [stride S] [pad P] [ACTIVATION], as in 'conv 6 5x5 relu'"

    def __post_init__(self) -> None:
        if type(self.filters) is not int or self.filters < 1:
            raise NetworkError(f"a conv layer needs a whole number of filters >= 1; got {shown(self.filters)}")
        check_pair(self.size, "a filter's size")
        check_pair(self.stride, "stride")
        check_pair(self.pad, "pad", 0)
        check_elementwise(self.activation, "a conv layer")

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        if len(words) < 2:
            raise NetworkError(f"write: {cls.usage}")
        filters = read_count(words[0])
        if filters is None:
            raise NetworkError(f"a conv layer needs a whole number of filters >= 1; got {shown(words[0])}")
        options, rest = read_options(words[2:], ("stride", "pad"))
        activation = optional_activation(rest, cls.usage)
        return cls(filters, read_pair(words[1], "a filter's size"), **options, activation=activation)

    def __str__(self) -> str:
        return (
            f"conv {self.filters} {write_pair(self.size, short=False)} stride {write_pair(self.stride)} "
            f"pad {write_pair(self.pad)} {self.activation}"
        )

    @property
    def windows(self) -> Windows:
        return Windows(self.size, self.stride, self.pad)

    def shape_after(self, shape: Shape) -> Shape:
        image = (shape[1], shape[2])
        return (self.filters, *counts_that_fit(self, shape, "filters", self._smaller(image), self._others()))

    def _smaller(self, image: Pair) -> "Iterator[Conv]":
        """With smaller filters, or with as much padding as these need."""
        yield replace(self, size=self.windows.cut_to(image))
        rows, cols = (max(p, -((n - k) // 2)) for n, k, p in zip(image, self.size, self.pad, strict=True))
        yield replace(self, pad=(rows, cols))

    def _others(self) -> "Iterator[Conv]":
        """With more padding, a smaller stride, smaller filters."""
        for more in range(1, max(self.size)):
            yield replace(self, pad=(self.pad[0] + more, self.pad[1] + more))
        for stride in range(max(self.stride) - 1, 0, -1):
            yield replace(self, stride=(stride, stride))
        for less in range(1, min(self.size)):
            yield replace(self, size=(self.size[0] - less, self.size[1] - less))

    def parameter_shapes(self, shape: Shape) -> dict[str, Shape]:
        return {"W": (self.filters, shape[0], *self.size), "b": (self.filters,)}

    def fans(self, before: Shape, after: Shape) -> tuple[int, int]:
        """(channels · k_rows·k_cols, filters · k_rows·k_cols), as PyTorch and Keras count them."""
        return before[0] * math.prod(self.size), self.filters * math.prod(self.size)

    def forward(self, x: Array, params: LayerParameters, mask: Array | None, training: bool) -> Array:
        return conv_forward(x, params["W"], params["b"], self.windows)

    def backward(self, dz: Array, x: Array, params: LayerParameters, mask: Array | None, needs_dx: bool) -> Gradients:
        if not needs_dx:
            dW, db = conv_backward_parameters(dz, x, params["W"], self.windows)
            return None, {"W": dW, "b": db}
        dx, dW, db = conv_backward(dz, x, params["W"], self.windows)
        return dx, {"W": dW, "b": db}
