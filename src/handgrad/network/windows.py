"""Windows: the patches of an image that convolution and pooling work on, how they are written and where they lie.

A window of size (k_rows, k_cols) moves over an image by stride (s_rows, s_cols), after `pad` (p_rows, p_cols) rows and
columns of zeros were put on each side.  Window (r, q) has its first corner at (r·s_rows, q·s_cols) of the padded image.
Along one direction, of an image of length l, there are

    count = ⌊(l + 2p − k)/s⌋ + 1   windows (Dumoulin & Visin 2016, relationship 6).

Past the last window only padding may remain, so that no pixel is silently left out.  Windows that do not fit an image
are refused, and the message shows layers that would fit.

Sizes are written ROWSxCOLS, or as one number for both.  Images are (channels, rows, cols).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from handgrad.errors import NetworkError
from handgrad.names import shown, unknown

Pair = tuple[int, int]  # (along rows, along cols)
SHOWN = 3  # layers that would fit


def read_pair(word: str, what: str, least: int = 1) -> Pair:
    """(rows, cols) from "5x4", or from "5", which is 5x5.

    >>> read_pair("5x4", "a filter"), read_pair("2", "a stride")
    ((5, 4), (2, 2))
    """
    numbers = [read_count(number) for number in word.lower().replace("×", "x").split("x")]
    if len(numbers) > 2 or None in numbers:
        raise NetworkError(f"{what} is written ROWSxCOLS, as in 5x5, or as one number for both; got {shown(word)}")
    return check_pair((numbers[0] or 0, numbers[-1] or 0), what, least)


def read_count(word: str) -> int | None:
    """The whole number that a word writes in up to 12 digits (no layer needs more); None for any other word.

    >>> read_count("120"), read_count("1e3"), read_count("9" * 5000)
    (120, None, None)
    """
    return int(word) if word.isascii() and word.isdigit() and len(word) <= 12 else None


def check_pair(pair: Pair, what: str, least: int = 1) -> Pair:
    """The pair; raises NetworkError unless both are whole numbers of at least `least`."""
    if len(pair) != 2 or not all(type(number) is int and number >= least for number in pair):
        raise NetworkError(f"{what} needs whole numbers >= {least}; got {'x'.join(map(str, pair))}")
    return pair


def write_pair(pair: Pair, *, short: bool = True) -> str:
    """The inverse of `read_pair`; short: one number where both are the same.

    >>> write_pair((2, 2)), write_pair((2, 2), short=False)
    ('2', '2x2')
    """
    return str(pair[0]) if short and pair[0] == pair[1] else f"{pair[0]}x{pair[1]}"


def read_options(words: Sequence[str], known: Sequence[str]) -> tuple[dict[str, Pair], list[str]]:
    """(the options in `known` that `words` begin with, the words after them); raises NetworkError where one is wrong.

    >>> read_options(["stride", "2", "pad", "1x0", "relu"], ["stride", "pad"])
    ({'stride': (2, 2), 'pad': (1, 0)}, ['relu'])
    """
    found: dict[str, Pair] = {}
    words = list(words)
    while words and words[0] in known:
        option = words.pop(0)
        if option in found:
            raise NetworkError(f"{option} is given twice")
        if not words:
            raise NetworkError(f"{option} needs a number, as in '{option} 2'")
        found[option] = read_pair(words.pop(0), option, least=0 if option == "pad" else 1)
    if len(words) > 1 and words[0].isalpha() and words[1][:1].isdigit():
        raise NetworkError(unknown(words[0], known, "option"))
    return found, words


@dataclass(frozen=True)
class Windows:
    """Size, stride and padding of windows, each along rows and along columns."""

    size: Pair
    stride: Pair = (1, 1)
    pad: Pair = (0, 0)

    def counts(self, image: Pair) -> Pair:
        """How many windows there are along the rows and along the columns of an image.

        >>> Windows((5, 5)).counts((28, 28)), Windows((2, 2), (2, 2)).counts((24, 12))
        ((24, 24), (12, 6))
        """
        rows, cols = (
            (length + 2 * p - k) // s + 1
            for length, k, s, p in zip(image, self.size, self.stride, self.pad, strict=True)
        )
        return rows, cols

    def larger_than(self, image: Pair) -> bool:
        """Whether not even one window lies within the padded image."""
        return any(length + 2 * p < k for length, k, p in zip(image, self.size, self.pad, strict=True))

    def left_out(self, image: Pair) -> Pair:
        """Rows and columns of the image past the last window, without those that a gap between windows would skip."""
        rows, cols = (
            max(0, (length + 2 * p - k) % s - p - max(0, s - k))  # padding may remain, and a gap as between windows
            for length, k, s, p in zip(image, self.size, self.stride, self.pad, strict=True)
        )
        return rows, cols

    def fits(self, image: Pair) -> bool:
        """Whether there is at least one window and no pixel of the image is left out past the last."""
        return not self.larger_than(image) and self.left_out(image) == (0, 0)

    def cut_to(self, image: Pair) -> Pair:
        """The size of the windows, no larger than the padded image."""
        rows, cols = (min(k, n + 2 * p) for k, n, p in zip(self.size, image, self.pad, strict=True))
        return rows, cols

    def offsets(self) -> Iterator[Pair]:
        """The places (i, j) within a window, row by row."""
        return ((i, j) for i in range(self.size[0]) for j in range(self.size[1]))

    def at(self, i: int, j: int, counts: Pair) -> tuple[slice, ...]:
        """An index of padded images (n, c, rows, cols): the pixels at place (i, j) of every window, a view."""
        (s_rows, s_cols), (rows, cols) = self.stride, counts
        return (
            slice(None),
            slice(None),
            slice(i, i + s_rows * (rows - 1) + 1, s_rows),
            slice(j, j + s_cols * (cols - 1) + 1, s_cols),
        )


class Windowed(Protocol):
    """A layer that works on windows."""

    @property
    def windows(self) -> Windows: ...


def counts_that_fit(
    layer: Windowed, shape: tuple[int, ...], what: str, smaller: Iterable[Windowed], others: Iterable[Windowed]
) -> Pair:
    """How many windows the layer has along rows and cols of images of `shape` (channels, rows, cols).

    Raises NetworkError where they do not fit; the message shows the layers that do, of `smaller` where the image has
    no room for one window (`what` is then too large), else of `others`.
    """
    windows, channels, image = layer.windows, shape[0], (shape[1], shape[2])
    images = f"images of {image[0]}x{image[1]} ({channels} channel{'s' if channels != 1 else ''})"
    if windows.larger_than(image):
        padded = f" with pad {write_pair(windows.pad)}" if any(windows.pad) else ""
        raise NetworkError(
            f"its {what} are larger than the {images}{padded} that it gets; {_would_fit(image, smaller)}"
        )
    if not windows.fits(image):
        left = zip(windows.left_out(image), ("row", "column"), strict=True)
        last = " and ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in left if n)
        raise NetworkError(
            f"its windows do not divide the {images} that it gets: the last {last} would be left out; "
            + _would_fit(image, others)
        )
    return windows.counts(image)


def _would_fit(image: Pair, candidates: Iterable[Windowed]) -> str:
    fits = dict.fromkeys(str(layer) for layer in candidates if layer.windows.fits(image))
    return "what would fit: " + ", ".join(map(repr, list(fits)[:SHOWN]))
