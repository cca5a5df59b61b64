"""Pooling: every window of an image becomes one number, its largest or its mean, in each channel by itself.

Letters: x (n, c, rows, cols) images; z (n, c, rows_out, cols_out); (i, j) a place within a window (windows.py).
Where several numbers of a window are the largest, the first of them, row by row, counts as the maximum and gets the
gradient, as in PyTorch.  A NaN in a window makes its output NaN: divergence is a result and must be seen.

Source: LeCun et al., Proc. IEEE 1998 (mean); Ranzato et al. 2007 (maximum).  Derivation: docs/derivations/pooling.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from array_api_compat import array_namespace, device

from handgrad.errors import NetworkError
from handgrad.names import shown
from handgrad.network.arrays import Array, added, zeros
from handgrad.network.layer import Gradients, Layer, LayerParameters, Shape
from handgrad.network.windows import Pair, Windows, check_pair, counts_that_fit, read_options, read_pair, write_pair


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


@dataclass(frozen=True)
class _Pool(Layer):
    """`max-pool SIZE [stride S]`: one number for every window, in each channel; the stride is the size if not given."""

    size: Pair
    stride: Pair
    needs_images: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_pair(self.size, "a window's size")
        check_pair(self.stride, "stride")

    @classmethod
    def parse(cls, words: Sequence[str]) -> Self:
        usage = f"{cls.kind} SIZE [stride S], as in '{cls.kind} 2'"
        if not words:
            raise NetworkError(f"write: {usage}")
        size = read_pair(words[0], "a window's size")
        options, rest = read_options(words[1:], ("stride",))
        if rest:
            raise NetworkError(
                f"write: {usage}; got {shown(' '.join(rest))} at its end (a pool has no activation or pad)"
            )
        return cls(size, options.get("stride", size))

    def __str__(self) -> str:
        return f"{self.kind} {write_pair(self.size, short=False)} stride {write_pair(self.stride)}"

    @property
    def windows(self) -> Windows:
        return Windows(self.size, self.stride)

    def shape_after(self, shape: Shape) -> Shape:
        image = (shape[1], shape[2])
        return (shape[0], *counts_that_fit(self, shape, "windows", self._smaller(image), self._others(image)))

    def _smaller(self, image: Pair) -> Iterator[Self]:
        size = self.windows.cut_to(image)
        yield replace(self, size=size, stride=size)

    def _others(self, image: Pair) -> Iterator[Self]:
        """With a smaller stride, windows side by side of any size, one window, windows at every pixel."""
        if self.stride != self.size:
            for stride in range(max(self.stride) - 1, 0, -1):
                yield replace(self, stride=(stride, stride))
        for size in range(2, max(image) + 1):
            yield replace(self, size=(size, size), stride=(size, size))
        yield replace(self, size=image, stride=image)
        yield replace(self, stride=(1, 1))


@dataclass(frozen=True)
class MaxPool(_Pool):
    """`max-pool SIZE [stride S]`: the largest number of every window."""

    kind: ClassVar[str] = "max-pool"

    def forward(self, x: Array, params: LayerParameters, mask: Array | None, training: bool) -> Array:
        return max_pool_forward(x, self.windows)

    def backward(self, dz: Array, x: Array, params: LayerParameters, mask: Array | None, needs_dx: bool) -> Gradients:
        return max_pool_backward(dz, x, max_pool_forward(x, self.windows), self.windows), {}

    def piece(self, x: Array) -> Array:
        """Which place of its window the maximum stands at."""
        winners = max_pool_winners(x, max_pool_forward(x, self.windows), self.windows)
        return array_namespace(x).stack([won for _, won in winners])


@dataclass(frozen=True)
class AveragePool(_Pool):
    """`average-pool SIZE [stride S]`: the mean of every window."""

    kind: ClassVar[str] = "average-pool"

    def forward(self, x: Array, params: LayerParameters, mask: Array | None, training: bool) -> Array:
        return average_pool_forward(x, self.windows)

    def backward(self, dz: Array, x: Array, params: LayerParameters, mask: Array | None, needs_dx: bool) -> Gradients:
        return average_pool_backward(dz, x, self.windows), {}
