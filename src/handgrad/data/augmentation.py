"""Augmentation: every epoch trains on other versions of the training pictures, moved, mirrored and turned by chance.

The value of the new picture at (row, column) is that of the old one at

    u  = row − a − (rows − 1)/2                 a: rows that it moves down,       drawn from −shift … shift
    v  = column − b − (cols − 1)/2              b: columns that it moves right,   drawn from −shift … shift
    r' = (rows − 1)/2 + u·cos θ − v·sin θ       θ: the angle by which it turns,   drawn from [−rotate, rotate] degrees
    c' = (cols − 1)/2 + s·(u·sin θ + v·cos θ)   s: −1 mirrors left and right,     drawn with probability ½

and between pixels, with i = ⌊r'⌋, f = r' − i, j = ⌊c'⌋, g = c' − j, by bilinear interpolation:

    (1−f)(1−g)·x[i, j] + (1−f)g·x[i, j+1] + f(1−g)·x[i+1, j] + fg·x[i+1, j+1]
    = (1−f)·above + f·below,   above = x[i, j] + g·(x[i, j+1] − x[i, j]), below likewise in row i + 1

Without `rotate`, r' and c' are whole numbers and every pixel is one of the old ones.  To fill up a picture with p
pixels on all sides and cut its size out of that at a random place ("random crop with padding p") is shift = p.

What every picture draws depends on (seed, epoch) and its place among the training examples alone: it is the same for
every engine and batch size, and after a restart.

Source: Press et al., Numerical Recipes in C, 2nd ed. 1992, eq. 3.6.5 (interpolation).
"""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BeforeValidator

from handgrad.errors import InputError
from handgrad.sections import Section, flag, one_of, real, whole
from handgrad.streams import stream

Pictures = NDArray[np.float32]  # (n, channels, rows, cols)
SHIFT, FLIP, ROTATE = 0, 1, 2  # the streams of an epoch: what one draws changes no other
# Pixels that are computed together: their numbers stay in the cache, and take no memory from the system.
MOVED_AT_ONCE, TURNED_AT_ONCE = 2**16, 2**14
FILLS = {"black": "constant", "edge": "edge"}  # -> mode of numpy.pad


class Augmentation(Section):
    """How training pictures are changed anew in every epoch; others are scored as they are.

    shift   whole pixels, up and down and left and right, at most
    flip    left and right exchanged, of half of the pictures
    rotate  degrees to either side, at most
    fill    what stands where the old picture ends: black (the smallest value of the training part), or edge (the
            pixel that is nearest)
    """

    aliases: ClassVar = {
        "crop": "shift", "translate": "shift", "random_crop": "shift", "padding": "shift", "degrees": "rotate",
        "rotation": "rotate", "horizontal_flip": "flip", "mirror": "flip", "fill_mode": "fill",
    }  # fmt: skip
    example: ClassVar = "{ shift = 2, flip = true, rotate = 10 }"

    shift: Annotated[int, BeforeValidator(whole("[0, inf)"))] = 0
    flip: Annotated[bool, BeforeValidator(flag)] = False
    rotate: Annotated[float, BeforeValidator(real("[0, 180]"))] = 0.0
    fill: Annotated[str, BeforeValidator(one_of(FILLS, "fill"))] = "black"

    @property
    def changes(self) -> bool:
        """Whether it changes anything: a grid may hold settings of it that do not."""
        return self.shift > 0 or self.flip or self.rotate > 0

    def check(self, shape: Sequence[int]) -> None:
        """Raise InputError where examples of this shape cannot be augmented."""
        if len(shape) != 3:
            raise InputError(
                f"training.augmentation is for pictures, but an example is a row of {shape[0]} numbers; take it out"
            )
        if self.shift >= min(shape[1:]):
            raise InputError(
                f"training.augmentation.shift must be below {min(shape[1:])}, the smaller side of the pictures "
                f"({shape[1]} × {shape[2]}); got {self.shift}"
            )

    def drawn(self, n: int, seed: int, epoch: int) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """(rows and columns that each of n pictures moves (n, 2), s (n,), θ in radians (n,)) in an epoch, from 0."""

        def chance(what: int) -> np.random.Generator:
            return stream(seed, "augment", epoch, what)

        moves = chance(SHIFT).integers(-self.shift, self.shift + 1, (n, 2))
        signs = np.where(self.flip & (chance(FLIP).random(n) < 0.5), -1, 1)
        return moves, signs, np.radians(self.rotate) * chance(ROTATE).uniform(-1, 1, n)

    def augmented(self, x: Pictures, seed: int, epoch: int, *, black: float, out: Pictures | None = None) -> Pictures:
        """The training pictures of an epoch; out: room for them, as x.

        >>> x = np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3)
        >>> [Augmentation(flip=True).augmented(x, 0, epoch, black=0)[0, 0].tolist() for epoch in (1, 3)]
        [[[2.0, 1.0, 0.0], [5.0, 4.0, 3.0]], [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]]
        """
        out = np.empty_like(x) if out is None else out
        moves, signs, angles = self.drawn(len(x), seed, epoch)
        some = max(1, (TURNED_AT_ONCE if self.rotate else MOVED_AT_ONCE) // x[0, 0].size)
        for start in range(0, len(x), some):
            part = slice(start, start + some)
            if self.rotate:
                _turn(self._framed(x[part], 1, black), moves[part], signs[part], angles[part], out[part])
            else:
                _move(self._framed(x[part], self.shift, black), moves[part] + self.shift, signs[part], out[part])
        return out

    def _framed(self, x: Pictures, width: int, black: float) -> Pictures:
        """x with a frame that holds what stands beyond it: (n, channels, rows + 2 width, cols + 2 width)."""
        frame = ((0, 0), (0, 0), (width, width), (width, width))
        if self.fill == "edge":
            return np.pad(x, frame, mode="edge")
        return np.pad(x, frame, mode="constant", constant_values=black)


def _move(framed: Pictures, moves: NDArray[Any], signs: NDArray[Any], out: Pictures) -> None:
    """Cut pictures out of `framed` and mirror them.  moves: from the lower right corner of the frame up and left."""
    rows, cols = out.shape[2:]
    last_row, last_col = framed.shape[2] - rows, framed.shape[3] - cols
    for k, ((down, right), s) in enumerate(zip(moves.tolist(), signs.tolist(), strict=True)):
        top, left = last_row - down, last_col - right if s > 0 else right
        out[k] = framed[k, :, top : top + rows, left : left + cols][:, :, ::s]


def _turn(framed: Pictures, moves: NDArray[Any], signs: NDArray[Any], angles: NDArray[Any], out: Pictures) -> None:
    """Pictures moved, turned and mirrored, with bilinear interpolation.  framed: with a frame of one pixel."""
    n, channels, rows, cols = out.shape
    middle_row, middle_col = np.float32((rows - 1) / 2), np.float32((cols - 1) / 2)
    u = (np.arange(rows) - moves[:, :1]).astype(np.float32)[:, :, None] - middle_row  # (n, rows, 1)
    v = (np.arange(cols) - moves[:, 1:]).astype(np.float32)[:, None, :] - middle_col  # (n, 1, cols)
    cos, sin, s = (numbers.astype(np.float32)[:, None, None] for numbers in (np.cos(angles), np.sin(angles), signs))
    r = (middle_row + (u * cos - v * sin)).clip(-1, rows) + 1  # in the frame: (n, rows, cols)
    c = (middle_col + s * (u * sin + v * cos)).clip(-1, cols) + 1
    i, j = np.minimum(r.astype(np.int32), rows), np.minimum(c.astype(np.int32), cols)  # floor, as none is negative
    f, g = r - i.astype(np.float32), c - j.astype(np.float32)
    size = (rows + 2) * (cols + 2)
    pictures = framed.reshape(n * channels, size)
    places = (i * (cols + 2) + j).astype(np.intp)
    for channel in range(channels):
        flat = pictures[channel::channels].reshape(-1)
        here = places + (np.arange(n) * size)[:, None, None]
        upper_left, upper_right, lower_left, lower_right = (
            flat.take(here + offset) for offset in (0, 1, cols + 2, cols + 3)
        )
        above = upper_left + g * (upper_right - upper_left)
        below = lower_left + g * (lower_right - lower_left)
        out[:, channel] = above + f * (below - above)


class Augmenter:
    """Makes the training pictures of every epoch, in one array that is written anew."""

    def __init__(self, augmentation: Augmentation, x: Pictures) -> None:
        self.augmentation, self.x = augmentation, x
        self.black = min(float(x[i : i + 1000].min()) for i in range(0, len(x), 1000))
        self.out = np.empty(x.shape, np.float32)

    @classmethod
    def of(cls, augmentation: Augmentation | None, x: Pictures) -> Self | None:
        """One for these training pictures, or None where nothing changes them."""
        return cls(augmentation, x) if augmentation is not None and augmentation.changes else None

    def examples(self, seed: int, epoch: int) -> Pictures:
        """The training pictures of an epoch, counted from 0; they are overwritten by those of the next."""
        return self.augmentation.augmented(self.x, seed, epoch, black=self.black, out=self.out)
